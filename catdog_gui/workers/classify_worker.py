"""Classifies photos in a thread."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from catdog_gui.classify.batch import classify_photos
from catdog_gui.classify.classifier import Classifier
from catdog_gui.workers.background_task import BackgroundTask


class ClassifyWorker(BackgroundTask):
    """Opens a model file and classifies photos with it, batch by batch."""

    opened = Signal(object)
    """The model file holds what it promises; carries its `ModelDescription`."""
    predicted = Signal(object)
    """A batch is done; carries a list of `Prediction`, in the order of the photos."""

    def __init__(self, model: Path, photos: Sequence[Path], parent: QObject | None = None) -> None:
        """Classify `photos` with the model file `model` once started."""
        super().__init__(parent)
        self._model = model
        self._photos = photos

    def work(self) -> None:
        """Classify all photos, or those that there is time for until a stop."""
        classifier = Classifier.open(self._model)
        self.opened.emit(classifier.description)
        for batch in classify_photos(self._photos, classifier, should_stop=self.should_stop):
            self.predicted.emit(batch)
