"""The threshold: the confidence below which a classifier had better say that it is unsure."""

from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

PARTS = 10_000
"""Thresholds are multiples of one such part, so that they can be typed."""
FEWEST_MISTAKES = 10
"""With fewer mistakes no threshold is made a model's own.

The share of other mistakes that lies below the median of n is distributed as Beta(n/2, n/2 + 1) for
an even n: 95 times out of 100 from 19% to 74% for ten mistakes, and from 1% to 84% for two.
Source: H. A. David, H. N. Nagaraja, "Order Statistics", 3rd edition (2003), section 2.1.
"""


def fit_threshold(mistakes: NDArray[np.floating]) -> float | None:
    """Return the least threshold that at least half of the mistakes lie below.

    The rule holds for weak and for strong classifiers, and the median of many confidences is not
    moved by a few odd photos, as the last mistake before some high accuracy would be.

    Args:
        mistakes: The confidence of every mistake, shape (mistakes,). Each may have been rounded
            down to a multiple of 1 / `PARTS`, which changes nothing.

    Returns:
        A multiple of 1 / `PARTS`, or nothing: without a mistake, or where half of them are made
        with a confidence of 1.
    """
    if not len(mistakes):
        return None
    last_caught = float(np.sort(mistakes)[ceil(len(mistakes) / 2) - 1])
    parts = floor(last_caught * PARTS)
    while parts / PARTS <= last_caught:  # the product may have been rounded down
        parts += 1
    return parts / PARTS if parts <= PARTS else None


def own_threshold(mistakes: NDArray[np.floating]) -> float:
    """Return the threshold that a model file is to name, by which photos are labelled unasked.

    Args:
        mistakes: As in `fit_threshold`, those made on photos that it was not trained on.

    Returns:
        What `fit_threshold` does, or 0, which calls nothing unsure: with fewer mistakes than
        `FEWEST_MISTAKES`, or where none can be fitted.
    """
    if len(mistakes) < FEWEST_MISTAKES:
        return 0.0
    return fit_threshold(mistakes) or 0.0
