"""Judging a classifier on a dataset's labelled photos."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catdog_gui.classify.classifier import Classifier
from catdog_gui.classify.judging import judge, photos_to_judge
from training.dataset import Dataset
from training.metrics import Interval, confusion_matrix, wilson_interval


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a classifier did on labelled photos."""

    split: str
    """Which of the dataset's photos: `test`, `validation` or `all`."""
    class_names: tuple[str, ...]
    confusion: NDArray[np.int64]
    """Photos by their label (row) and what they were taken for (column)."""
    unreadable: tuple[tuple[str, str], ...]
    """Photos that could not be read, each with its reason; they are not counted."""

    @property
    def photos(self) -> int:
        """How many photos were judged."""
        return int(self.confusion.sum())

    @property
    def correct(self) -> int:
        """How many were labelled rightly."""
        return int(np.trace(self.confusion))

    @property
    def accuracy(self) -> float:
        """The share that was labelled rightly."""
        return self.correct / self.photos

    @property
    def interval(self) -> Interval:
        """The accuracy's 95% Wilson interval."""
        return wilson_interval(self.correct, self.photos)


def evaluate(
    classifier: Classifier,
    dataset: Dataset,
    split: str | None = None,
    *,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Judge a classifier on labelled photos.

    Args:
        classifier: What is judged.
        dataset: Labelled photos; the model must know each of its classes.
        split: `test`, `all`, or nothing for photos the model was not trained on.
        on_progress: Told how many photos are done, and of how many.

    Raises:
        DatasetError: The dataset has a class that the model does not know, or no photo of it can
            be read.
    """
    chosen, photos = photos_to_judge(classifier, dataset, split)
    judged = judge(classifier, dataset, photos, chosen, on_progress=on_progress)
    confusion = confusion_matrix(judged.labels, judged.predicted, len(judged.class_names))
    return Evaluation(chosen, judged.class_names, confusion, judged.unreadable)
