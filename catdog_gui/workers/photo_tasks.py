"""Short jobs of the photos page, off the GUI thread."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject

from catdog_gui.classify.export import check_target, write_csv
from catdog_gui.classify.model_library import LibraryModel, ModelLibrary
from catdog_gui.classify.prediction import PredictionTable
from catdog_gui.classify.scan import find_photos
from catdog_gui.workers.background_task import BackgroundTask
from training.files import is_folder


@dataclass(frozen=True)
class FoundPhotos:
    """The photos that were looked for, and the folder that they are shown under."""

    folder: Path
    photos: Sequence[Path]


class ScanTask(BackgroundTask):
    """Finds the photos in files and folders; succeeds with `FoundPhotos`."""

    def __init__(self, paths: Sequence[Path], parent: QObject | None = None) -> None:
        """Look in `paths` once started."""
        super().__init__(parent)
        self._paths = paths

    def work(self) -> FoundPhotos:
        """Find the photos."""
        first = self._paths[0]
        photos = find_photos(self._paths, should_stop=self.should_stop)
        return FoundPhotos(first if is_folder(first) else first.parent, photos)


class ListModelsTask(BackgroundTask):
    """Reads what the library's models say of themselves; succeeds with a list of them."""

    def __init__(self, library: ModelLibrary, parent: QObject | None = None) -> None:
        """Read `library` once started."""
        super().__init__(parent)
        self._library = library

    def work(self) -> list[LibraryModel]:
        """Read the descriptions."""
        return self._library.models()


class ExportTask(BackgroundTask):
    """Writes predictions to a CSV file; succeeds with its path."""

    def __init__(
        self,
        target: Path,
        table: PredictionTable,
        parent: QObject | None = None,
    ) -> None:
        """Write `table` to `target` once started."""
        super().__init__(parent)
        self._target = target
        self._table = table

    def work(self) -> Path:
        """Write the file."""
        check_target(self._target)
        table = self._table
        write_csv(self._target, table.predictions, table.class_names, table.unsure_below)
        return self._target
