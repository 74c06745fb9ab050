"""Scores of a classifier's answers, computed by scikit-learn.

It is imported where it is needed, as its import takes a second or more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catdog_gui.classify.judging import JudgedPhotos


@dataclass(frozen=True, slots=True)
class ClassScores:
    """How a classifier did on one class; nothing where a score would divide by zero."""

    precision: float | None
    """The share that is of this class among the photos taken for it."""
    recall: float | None
    """The share that was taken for this class among the photos of it."""
    f1: float | None
    """The harmonic mean of precision and recall."""
    roc_auc: float | None
    """How probably a photo of this class gets a higher probability of it than one of another."""
    photos: int
    """How many photos are of this class."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """How a classifier did on labelled photos."""

    confusion: NDArray[np.int64]
    """Photos by their label (row) and what they were taken for (column)."""
    classes: tuple[ClassScores, ...]
    """In the order of the model's output."""
    roc_auc: float | None
    """The mean over the classes, each against all others; nothing if a class has no photo."""
    log_loss: float
    """The mean of the negative natural logarithm of the label's probability."""
    brier: float
    """The mean squared error of the probabilities; for two classes that of the second's."""


def score(judged: JudgedPhotos) -> Scores:
    """Score a classifier's answers; there must be at least one."""
    from sklearn.metrics import brier_score_loss, confusion_matrix

    labels, every = judged.labels, range(len(judged.class_names))
    areas = _areas(judged)
    known = [area for area in areas if area is not None]
    return Scores(
        confusion_matrix(labels, judged.predicted, labels=every),
        _class_scores(judged, areas),
        float(np.mean(known)) if len(known) == len(areas) else None,
        cross_entropy(labels, judged.probabilities),
        brier_score_loss(labels, _adding_up(judged.probabilities), labels=every),
    )


def cross_entropy(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> float:
    """Return the log loss.

    Probabilities are kept 1.2e-7 away from 0, the precision that a model answers with; else one
    photo that is wrong by rounding could outweigh all others.

    Args:
        labels: Shape (photos,), class indices.
        probabilities: Shape (photos, classes).
    """
    from sklearn.metrics import log_loss

    return log_loss(labels, _adding_up(probabilities), labels=range(probabilities.shape[1]))


def _adding_up(probabilities: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return rows that add up to 1 as exactly as scikit-learn wants them.

    It clips them by the precision of their type, so that they get the type that models answer in.
    """
    sums = probabilities.sum(axis=1, keepdims=True)
    rows: NDArray[np.float32] = (probabilities / sums).astype(np.float32)
    return rows


def _class_scores(judged: JudgedPhotos, areas: Sequence[float | None]) -> tuple[ClassScores, ...]:
    from sklearn.metrics import precision_recall_fscore_support

    precision, recall, f1, photos = precision_recall_fscore_support(
        judged.labels,
        judged.predicted,
        labels=range(len(judged.class_names)),
        zero_division=np.nan,
    )
    return tuple(
        ClassScores(_known(p), _known(r), _known(f), area, int(count))
        for p, r, f, area, count in zip(precision, recall, f1, areas, photos, strict=True)
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _areas(judged: JudgedPhotos) -> list[float | None]:
    """Return every class's area under the ROC curve, where it has photos and so have others."""
    from sklearn.metrics import roc_auc_score

    # All classes at once would take scikit-learn five times as long, as it cuts columns out.
    columns = np.ascontiguousarray(judged.probabilities.T)
    if len(columns) == 2:
        # The second column decides for both: the first is its complement, but for rounding.
        columns[0] = 1 - columns[1]
    areas: list[float | None] = []
    for label, column in enumerate(columns):
        of_class = judged.labels == label
        undefined = of_class.all() or not of_class.any()
        areas.append(None if undefined else float(roc_auc_score(of_class, column)))
    return areas
