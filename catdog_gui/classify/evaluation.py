"""Judging a classifier on a dataset's labelled photos."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catdog_gui.classify.batch import ask
from catdog_gui.classify.classifier import Classifier
from training.dataset import Dataset, LabelledPhoto
from training.errors import DatasetError, PhotoError
from training.images import ImageSize, read_photo
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


def photos_to_judge(
    classifier: Classifier, dataset: Dataset, split: str | None
) -> tuple[str, tuple[LabelledPhoto, ...]]:
    """Choose the photos to judge a classifier by.

    Without a choice these are photos that it was not trained on: those of another dataset all,
    those of its own the test photos, or the validation photos where there are no others.

    Args:
        classifier: What is judged.
        dataset: Labelled photos.
        split: `test`, `all`, or nothing.

    Returns:
        The split's name, and its photos.

    Raises:
        DatasetError: The dataset has no test photos, though they were asked for.
    """
    trained_on = classifier.description.trained_on
    own = dataset.fingerprint == trained_on.fingerprint
    if split == "all" or (split is None and not own):
        return "all", dataset.photos
    choice = trained_on.split
    parts = choice.divide(dataset)
    if parts.test:
        return "test", parts.test
    if split is None:
        return "validation", parts.validation
    raise DatasetError(
        f"{dataset.path} has no test photos under the {choice.method} split: leave out --split to "
        "judge by the validation photos, or give --split all."
    )


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
    class_names = classifier.description.class_names
    unknown = set(dataset.class_names) - set(class_names)
    if unknown:
        raise DatasetError(
            f"{dataset.path} has a class {min(unknown)!r}, which the model {classifier.name!r} "
            f"does not know: it tells {', '.join(class_names)} apart."
        )
    chosen, photos = photos_to_judge(classifier, dataset, split)
    labels, predicted, unreadable = _judge(classifier, dataset, photos, on_progress)
    if not labels:
        raise DatasetError(
            f"Not one photo of {dataset.path} can be read: check that its files are whole."
        )
    index = [class_names.index(name) for name in dataset.class_names]
    confusion = confusion_matrix(
        np.array([index[label] for label in labels]), np.array(predicted), len(class_names)
    )
    return Evaluation(chosen, class_names, confusion, tuple(unreadable))


def _judge(
    classifier: Classifier,
    dataset: Dataset,
    photos: Sequence[LabelledPhoto],
    on_progress: Callable[[int, int], None],
) -> tuple[list[int], list[int], list[tuple[str, str]]]:
    def read(photo: LabelledPhoto, size: ImageSize) -> NDArray[np.uint8]:
        return read_photo(dataset.read(photo), size)

    labels: list[int] = []
    predicted: list[int] = []
    unreadable: list[tuple[str, str]] = []
    done = 0
    for answers in ask(photos, read, classifier):
        for photo, answer in answers:
            if isinstance(answer, PhotoError):
                unreadable.append((photo.name, str(answer)))
            else:
                labels.append(photo.label)
                predicted.append(int(np.argmax(answer)))
        done += len(answers)
        on_progress(done, len(photos))
    return labels, predicted, unreadable
