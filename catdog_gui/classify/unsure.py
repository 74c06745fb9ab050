"""The threshold: the confidence below which a classifier had better say that it is unsure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catdog_gui.classify.fitting import Fitting
from catdog_gui.classify.judging import JudgedPhotos
from training.thresholds import fit_threshold

RULE = "the least threshold that half of the mistakes lie below"
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)


@dataclass(frozen=True, slots=True)
class Answered:
    """What remains when answers below a threshold are left out."""

    kept: float
    """The share of photos that are still answered."""
    accuracy: float | None
    """The share of these that are labelled rightly, if there are any."""
    mistakes_caught: float | None
    """The share of all mistakes that are left out, if there are any."""


@dataclass(frozen=True, slots=True)
class UnsureThreshold:
    """The threshold to use, what it was fitted on, and what it does to other photos."""

    below: float | None
    """Answers with less confidence are to be called unsure; nothing if that would not help."""
    fitted_on: str
    """`validation` or `halves` (see `Fitting`)."""
    fitted_photos: int
    """How many it was fitted on."""
    answered: Answered | None
    """The judged photos under thresholds fitted on others, if that could be tried."""
    table: tuple[tuple[float, Answered], ...]
    """The judged photos under each of `THRESHOLDS`."""


def choose_threshold(judged: JudgedPhotos, fitting: Fitting) -> UnsureThreshold:
    """Choose a threshold, and tell what thresholds do; there must be at least one photo."""
    below = fit_threshold(_mistakes(fitting.photos))
    return UnsureThreshold(
        below,
        fitting.fitted_on,
        len(fitting.photos.names),
        None if below is None else _under_thresholds_of_others(judged, fitting),
        tuple((each, _answered(judged, judged.confidence >= each)) for each in THRESHOLDS),
    )


def _under_thresholds_of_others(judged: JudgedPhotos, fitting: Fitting) -> Answered | None:
    kept = np.zeros(len(judged.names), dtype=np.bool_)
    for part in fitting.parts:
        below = fit_threshold(_mistakes(part.photos))
        if below is None:
            return None
        kept[part.judges] = judged.confidence[part.judges] >= below
    return _answered(judged, kept) if fitting.parts else None


def _mistakes(judged: JudgedPhotos) -> NDArray[np.float64]:
    return judged.confidence[~judged.correct]


def _answered(judged: JudgedPhotos, kept: NDArray[np.bool_]) -> Answered:
    mistakes = ~judged.correct
    return Answered(
        float(kept.mean()),
        float(judged.correct[kept].mean()) if kept.any() else None,
        float((~kept)[mistakes].mean()) if mistakes.any() else None,
    )
