"""Asking a classifier about a dataset's labelled photos, so that its answers can be judged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catdog_gui.classify.batch import ask
from catdog_gui.classify.classifier import Classifier
from training.dataset import Dataset, LabelledPhoto
from training.errors import DatasetError, ModelFileError, PhotoError, PhotoGoneError

_ROUNDING = 1e-3
"""How far a probability may be outside 0 to 1, or all together from 1, by rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class JudgedPhotos:
    """What a classifier answered about labelled photos, in their order."""

    split: str
    """Which of the dataset's photos: `test`, `validation` or `all`."""
    class_names: tuple[str, ...]
    """In the order of the model's output."""
    names: tuple[str, ...]
    """Paths inside the dataset of the photos that could be read."""
    labels: NDArray[np.int64]
    """Shape (photos,), indices of class names."""
    probabilities: NDArray[np.float64]
    """Shape (photos, classes), each from 0 to 1."""
    unreadable: tuple[tuple[str, str], ...] = ()
    """Photos that could not be read, each with its reason; they are not judged."""

    def __post_init__(self) -> None:
        """Check that everything is told of every photo.

        Raises:
            ValueError: The lengths differ.
        """
        photos = len(self.names)
        if self.labels.shape != (photos,):
            raise ValueError(f"labels of shape {self.labels.shape} for {photos} photos")
        if self.probabilities.shape != (photos, len(self.class_names)):
            raise ValueError(
                f"probabilities of shape {self.probabilities.shape} for {photos} photos of "
                f"{len(self.class_names)} classes"
            )

    @property
    def predicted(self) -> NDArray[np.int64]:
        """What every photo was taken for; shape (photos,)."""
        best: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return best

    @property
    def confidence(self) -> NDArray[np.float64]:
        """The probability of what every photo was taken for; shape (photos,)."""
        highest: NDArray[np.float64] = self.probabilities.max(axis=1)
        return highest

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Which photos were labelled rightly; shape (photos,)."""
        right: NDArray[np.bool_] = self.predicted == self.labels
        return right

    def chosen(self, which: NDArray[np.bool_]) -> "JudgedPhotos":
        """Return only some of the photos.

        Args:
            which: Shape (photos,); those to keep.
        """
        names = tuple(name for name, kept in zip(self.names, which, strict=True) if kept)
        return JudgedPhotos(
            self.split, self.class_names, names, self.labels[which], self.probabilities[which]
        )


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
    own = trained_on is not None and dataset.fingerprint == trained_on.fingerprint
    if split == "all" or (split is None and not own):
        return "all", dataset.photos
    if trained_on is None:
        raise DatasetError(
            f"{classifier.name} was imported, so that nobody knows which photos of {dataset.path} "
            "it was trained on: leave out --split to judge it by all."
        )
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


def judge(
    classifier: Classifier,
    dataset: Dataset,
    photos: Sequence[LabelledPhoto],
    split: str,
    *,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> JudgedPhotos:
    """Ask a classifier about labelled photos.

    Args:
        classifier: What is judged.
        dataset: Where the photos are; the model must know each of its classes.
        photos: Those of the dataset to ask about.
        split: What these photos are called.
        on_progress: Told how many photos are done, and of how many.
        should_stop: Asked before every batch; the answers end once it says so.

    Raises:
        DatasetError: The dataset has a class that the model does not know, or no photo of it can
            be read.
        ModelFileError: The model answers with what are no probabilities.
    """
    index = _label_indices(classifier, dataset)
    read: list[LabelledPhoto] = []
    rows: list[tuple[float, ...]] = []
    unreadable: list[tuple[str, str]] = []
    for batch in ask(photos, dataset.read, classifier, should_stop=should_stop):
        for each in batch:
            if isinstance(each.answer, PhotoGoneError):
                raise dataset.gone(each.answer)
            if isinstance(each.answer, PhotoError):
                unreadable.append((each.photo.name, str(each.answer)))
            else:
                read.append(each.photo)
                rows.append(each.answer)
        on_progress(len(read) + len(unreadable), len(photos))
    if len(unreadable) == len(photos):
        raise DatasetError(
            f"Not one photo of {dataset.path} can be read: check that its files are whole."
        )
    return JudgedPhotos(
        split,
        classifier.description.class_names,
        tuple(photo.name for photo in read),
        np.array([index[photo.label] for photo in read], dtype=np.int64),
        _probabilities(classifier, rows),
        tuple(unreadable),
    )


def _label_indices(classifier: Classifier, dataset: Dataset) -> list[int]:
    """Return where the model has each of a dataset's classes."""
    class_names = classifier.description.class_names
    unknown = set(dataset.class_names) - set(class_names)
    if unknown:
        raise DatasetError(
            f"{dataset.path} has a class {min(unknown)!r}, which the model {classifier.name!r} "
            f"does not know: it tells {', '.join(class_names)} apart."
        )
    return [class_names.index(name) for name in dataset.class_names]


def _probabilities(
    classifier: Classifier, rows: Sequence[tuple[float, ...]]
) -> NDArray[np.float64]:
    answers = np.array(rows, dtype=np.float64)
    answers = answers.reshape(len(rows), len(classifier.description.class_names))
    within = (answers >= -_ROUNDING) & (answers <= 1 + _ROUNDING)
    if not within.all() or not np.allclose(answers.sum(axis=1), 1, rtol=0, atol=_ROUNDING):
        raise ModelFileError(
            f"The model {classifier.name!r} answers with numbers that are no probabilities: "
            "train it anew."
        )
    clipped: NDArray[np.float64] = answers.clip(0, 1)
    return clipped
