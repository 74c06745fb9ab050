"""Working in bfloat16 where that is quicker, and in float32 wherever it could make a difference.

Some processors multiply bfloat16 twice as fast. Its rounding moves the logit of an answer a little:
by some hundredths in a small network, by one or two in a deep one. How far is found out with the
first photos, which are answered in both. From then on a photo is answered in bfloat16, and once
more in float32 if as large an error could change its label or move its confidence noticeably.
"""

from collections.abc import Callable
from time import process_time
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Precision: TypeAlias = Literal["auto", "float32", "bfloat16"]
AUTO: Final = "auto"
FLOAT32: Final = "float32"
BFLOAT16: Final = "bfloat16"
PRECISIONS: tuple[Precision, ...] = (AUTO, FLOAT32, BFLOAT16)

Network: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Photos of shape (photos, height, width, 3) in, probabilities of shape (photos, classes) out."""

TRIAL_PHOTOS = 32
"""How many photos are answered in both precisions before one of them is relied upon."""
SAFETY = 3.0
"""How many times larger than any error yet seen one may be that moves a confidence too far."""
LABEL_SAFETY = 1.0
"""How many times larger one may be that changes a label: that takes an answer near a tie, too."""
TOLERANCE = 0.04
"""How much a confidence may be off."""
_WORTH_IT = 1.0
"""What share of float32's work bfloat16 may be, second answers included."""
_LOOKED_AT = 500
"""How many photos must be answered before that share is believed."""
_LEAST = 1e-6
"""Probabilities are kept so far from 0 and 1, where logits have no end."""


class QuickNetwork:
    """Answers like a network in float32, mostly with one in bfloat16."""

    def __init__(self, exact: Network, rounded: Network) -> None:
        """Use two networks that differ in precision only."""
        self._exact = _Timed(exact)
        self._rounded = _Timed(rounded)
        self._error = 0.0
        self._tried = 0
        self._answered = 0

    @property
    def precision(self) -> Precision:
        """What most photos are answered in."""
        return BFLOAT16 if self._is_worth_it() else FLOAT32

    def __call__(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return probabilities of shape (photos, classes)."""
        if not self._is_worth_it():
            return self._exact(photos)
        rounded = self._rounded(photos)
        trial = self._tried < TRIAL_PHOTOS
        doubtful = np.ones(len(photos), np.bool_) if trial else self._doubtful(rounded)
        if doubtful.any():
            exact = self._exact(photos if doubtful.all() else photos[doubtful])
            self._learn(exact, rounded[doubtful])
            rounded[doubtful] = exact
        self._tried += len(photos) if trial else 0
        self._answered += 0 if trial else len(photos)
        return rounded

    def _learn(self, exact: NDArray[np.float32], rounded: NDArray[np.float32]) -> None:
        """Note the largest error of a logit."""
        self._error = max(self._error, float(np.abs(_logits(exact) - _logits(rounded)).max()))

    def _doubtful(self, answers: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Tell which answers could be wrong or noticeably off; shape (photos,)."""
        ordered = np.sort(_logits(answers), axis=1)
        best = ordered[:, -1]
        nearly_as_good = best - ordered[:, -2] < 2 * LABEL_SAFETY * self._error
        worst = best - SAFETY * self._error
        off: NDArray[np.bool_] = _sigmoid(best) - _sigmoid(worst) > TOLERANCE
        return nearly_as_good | off

    def _is_worth_it(self) -> bool:
        """Tell whether bfloat16 saves time in spite of all that is answered twice."""
        if self._answered < _LOOKED_AT:
            return True
        seconds = self._rounded.seconds + self._exact.seconds
        return seconds < _WORTH_IT * self._exact.seconds_each * self._rounded.photos


class _Timed:
    """A network that knows how much time the processor spent on it.

    Time on the clock would depend on what else the computer does, and so would the choice.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self.photos = 0
        self.seconds = 0.0

    @property
    def seconds_each(self) -> float:
        """What one photo took."""
        return self.seconds / max(self.photos, 1)

    def __call__(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Answer, and count the time."""
        began = process_time()
        answers = self._network(photos)
        self.seconds += process_time() - began
        self.photos += len(photos)
        return answers


def _logits(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the logarithm of every probability's odds."""
    p = np.clip(probabilities.astype(np.float64), _LEAST, 1 - _LEAST)
    logits: NDArray[np.float64] = np.log(p / (1 - p))
    return logits


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    odds: NDArray[np.float64] = 1 / (1 + np.exp(-logits))
    return odds
