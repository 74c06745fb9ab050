"""What a temperature or a threshold is fitted on, so that it is judged on other photos."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catdog_gui.classify.judging import JudgedPhotos

VALIDATION = "validation"
HALVES = "halves"


@dataclass(frozen=True, slots=True, eq=False)
class FittingPart:
    """Photos to fit on, and which of the judged photos to judge that by."""

    photos: JudgedPhotos
    judges: NDArray[np.bool_]
    """Shape (judged photos,); none of these is among `photos`."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitting:
    """Photos to fit on; what is fitted is never judged by the photos that it was fitted on."""

    fitted_on: str
    """`validation`: on validation photos, judged by others. `halves`: on each half of the judged
    photos, and judged by the other."""
    photos: JudgedPhotos
    """What to fit the number on that is to be used from now on: all photos there are for it."""
    parts: tuple[FittingPart, ...]
    """What to fit on to see what it is worth; empty if there are too few photos to tell."""


def fitting_for(judged: JudgedPhotos, validation: JudgedPhotos | None) -> Fitting:
    """Choose what to fit on.

    Args:
        judged: The photos that the classifier is judged by.
        validation: Other photos that it was not trained on, where there are some.
    """
    photos = len(judged.names)
    if validation is not None:
        everything = np.ones(photos, dtype=np.bool_)
        return Fitting(VALIDATION, validation, (FittingPart(validation, everything),))
    return Fitting(HALVES, judged, _halves(judged) if photos > 1 else ())


def _halves(judged: JudgedPhotos) -> tuple[FittingPart, ...]:
    from sklearn.model_selection import KFold

    parts = []
    for _, half in KFold(2, shuffle=True, random_state=0).split(judged.labels):
        judges = np.zeros(len(judged.names), dtype=np.bool_)
        judges[half] = True
        parts.append(FittingPart(judged.chosen(~judges), judges))
    return tuple(parts)
