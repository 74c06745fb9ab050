"""Opens a dataset in a thread."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject

from catdog_gui.workers.background_task import BackgroundTask
from training.dataset import Dataset, open_dataset
from training.errors import DatasetError
from training.splits import SplitMethod, default_split_method, split_dataset


@dataclass(frozen=True)
class SplitCounts:
    """How many photos of a dataset train, validate and test."""

    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class OpenedDataset:
    """A dataset with the splits that it offers."""

    dataset: Dataset
    suggested: SplitMethod
    splits: Mapping[SplitMethod, SplitCounts]


class OpenDatasetTask(BackgroundTask):
    """Opens a folder or a zip; succeeds with an `OpenedDataset`."""

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        """Open `path` once started."""
        super().__init__(parent)
        self._path = path

    def work(self) -> OpenedDataset:
        """Open the dataset and try every split."""
        dataset = open_dataset(self._path, should_stop=self.should_stop)
        splits = {}
        for method in SplitMethod:
            try:
                split = split_dataset(dataset, method)
            except DatasetError:
                continue  # this dataset does not offer it
            splits[method] = SplitCounts(len(split.train), len(split.validation), len(split.test))
        if not splits:
            split_dataset(dataset, SplitMethod.STRATIFIED)  # says what is missing
        return OpenedDataset(dataset, default_split_method(dataset), splits)
