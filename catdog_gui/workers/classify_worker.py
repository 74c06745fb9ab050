"""Classifies photos in a thread."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from catdog_gui.classify.catalog import Catalog
from catdog_gui.classify.precision import Precision
from catdog_gui.classify.remembering import ChosenModel, classify_with_catalog
from catdog_gui.workers.background_task import BackgroundTask
from training.images import READER


class ClassifyWorker(BackgroundTask):
    """Opens a model file and classifies photos with it, batch by batch.

    Succeeds with what was computed in (see `ChosenModel.precision`).
    """

    opened = Signal(object)
    """The model file holds what it promises; carries its `ModelDescription`."""
    predicted = Signal(object)
    """A batch is done; carries a list of `Prediction`, in the order of the photos."""
    noticed = Signal(str)
    """Something is wrong that does not keep it from classifying; carries one sentence."""

    def __init__(
        self,
        model: Path,
        photos: Sequence[Path],
        catalog: Path,
        parent: QObject | None = None,
    ) -> None:
        """Classify `photos` with the model file `model` once started.

        Args:
            model: The model file.
            photos: Files.
            catalog: The folder of the catalog.
            parent: The object that owns this one.
        """
        super().__init__(parent)
        self._model = model
        self._photos = photos
        self._catalog = catalog

    def work(self) -> Precision | None:
        """Classify all photos, or those that there is time for until a stop."""
        model = ChosenModel(self._model)
        self.opened.emit(model.description)
        with Catalog(self._catalog, READER, self.noticed.emit) as catalog:
            batches = classify_with_catalog(
                self._photos, model, catalog, should_stop=self.should_stop
            )
            for batch in batches:
                self.predicted.emit(batch)
        return model.precision
