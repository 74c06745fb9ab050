"""Judging a classifier on a dataset's labelled photos."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from catdog_gui.classify.calibration import Calibration, calibrate
from catdog_gui.classify.classifier import Classifier
from catdog_gui.classify.fitting import fitting_for
from catdog_gui.classify.judging import JudgedPhotos, judge, photos_to_judge
from catdog_gui.classify.scores import Scores, score
from catdog_gui.classify.unsure import UnsureThreshold, choose_threshold
from training.dataset import Dataset, LabelledPhoto
from training.metrics import Interval, wilson_interval

WORST_MISTAKES = 10


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How many of some photos were labelled rightly; there is at least one."""

    correct: int
    photos: int

    @property
    def share(self) -> float:
        """The share that was labelled rightly."""
        return self.correct / self.photos

    @property
    def interval(self) -> Interval:
        """The share's 95% Wilson interval."""
        return wilson_interval(self.correct, self.photos)


@dataclass(frozen=True, slots=True)
class Mistake:
    """A photo that was labelled wrongly."""

    name: str
    """Its path inside the dataset."""
    label: str
    predicted: str
    probability: float
    """That of what it was taken for."""


@dataclass(frozen=True, slots=True)
class WithoutLeaks:
    """The accuracy on the photos that no training photo is a near duplicate of."""

    left_out: int
    """How many of the judged photos are leaks."""
    accuracy: Accuracy | None
    """Nothing if no other photo is left."""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """How a classifier did on labelled photos."""

    judged: JudgedPhotos
    includes_training_photos: bool | None
    """Whether it was trained on some of them, so that they say little of other photos; nothing
    where that is not known, as of another dataset, which may hold the same photos."""
    scores: Scores
    calibration: Calibration
    unsure: UnsureThreshold
    worst_mistakes: tuple[Mistake, ...]
    """Those made with the highest confidence, highest first."""
    without_leaks: WithoutLeaks | None
    """Nothing if leaks were not looked for."""

    @property
    def accuracy(self) -> Accuracy:
        """The accuracy on all judged photos."""
        return _accuracy(self.judged)


def evaluate(
    classifier: Classifier,
    dataset: Dataset,
    split: str | None = None,
    *,
    leaked: AbstractSet[str] | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Judge a classifier on labelled photos.

    Where it is judged by test photos, the validation photos are asked about too, to fit on.

    Args:
        classifier: What is judged.
        dataset: Labelled photos; the model must know each of its classes.
        split: `test`, `all`, or nothing for photos the model was not trained on.
        leaked: Names of photos that a training photo is a near duplicate of, if these were looked
            for; the accuracy is told without them as well.
        on_progress: Told how many photos are done, and of how many.

    Raises:
        DatasetError: The dataset has a class that the model does not know, or no photo of it can
            be read.
        ModelFileError: The model answers with what are no probabilities.
    """
    trained_on = classifier.description.trained_on
    own = trained_on is not None and dataset.fingerprint == trained_on.fingerprint
    chosen, photos = photos_to_judge(classifier, dataset, split)
    others: tuple[LabelledPhoto, ...] = ()
    if trained_on is not None and chosen == "test":
        others = trained_on.split.divide(dataset).validation
    total = len(photos) + len(others)

    def ask_about(some: Sequence[LabelledPhoto], name: str, before: int) -> JudgedPhotos:
        def tell(done: int, _: int) -> None:
            on_progress(before + done, total)

        return judge(classifier, dataset, some, name, on_progress=tell)

    judged = ask_about(photos, chosen, 0)
    return assess(
        judged,
        validation=ask_about(others, "validation", len(photos)) if others else None,
        leaked=leaked,
        includes_training_photos=chosen == "all" if own else None,
    )


def assess(
    judged: JudgedPhotos,
    *,
    validation: JudgedPhotos | None = None,
    leaked: AbstractSet[str] | None = None,
    includes_training_photos: bool | None = False,
) -> Evaluation:
    """Compute everything that answers about labelled photos tell of a classifier.

    Args:
        judged: The answers to judge by, at least one.
        validation: Answers about other photos to fit on; else halves of the judged photos are
            fitted on and judged in turns.
        leaked: Names of photos that a training photo is a near duplicate of, if these were looked
            for.
        includes_training_photos: Whether the classifier was trained on some of them, if known.
    """
    fitting = fitting_for(judged, validation)
    return Evaluation(
        judged,
        includes_training_photos,
        score(judged),
        calibrate(judged, fitting),
        choose_threshold(judged, fitting),
        worst_mistakes(judged),
        None if leaked is None else _without(judged, leaked),
    )


def worst_mistakes(judged: JudgedPhotos, most: int = WORST_MISTAKES) -> tuple[Mistake, ...]:
    """Return the photos that were labelled wrongly with the highest confidence, highest first."""
    wrong = np.flatnonzero(~judged.correct)
    order = np.argsort(-judged.confidence[wrong], kind="stable")
    return tuple(_mistake(judged, int(index)) for index in wrong[order][:most])


def _mistake(judged: JudgedPhotos, index: int) -> Mistake:
    return Mistake(
        judged.names[index],
        judged.class_names[judged.labels[index]],
        judged.class_names[judged.predicted[index]],
        float(judged.confidence[index]),
    )


def _accuracy(judged: JudgedPhotos) -> Accuracy:
    return Accuracy(int(judged.correct.sum()), len(judged.names))


def _without(judged: JudgedPhotos, leaked: AbstractSet[str]) -> WithoutLeaks:
    leaks = np.array([name in leaked for name in judged.names], dtype=np.bool_)
    rest = None if leaks.all() else _accuracy(judged.chosen(~leaks))
    return WithoutLeaks(int(leaks.sum()), rest)
