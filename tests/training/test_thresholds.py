"""The rule that thresholds are fitted by."""

import numpy as np
import pytest
from numpy.typing import NDArray

from training.thresholds import FEWEST_MISTAKES, PARTS, fit_threshold, own_threshold


def drawn(mistakes: int, seed: int = 0) -> NDArray[np.float64]:
    """Return confidences of mistakes of two classes, in no order."""
    return np.random.default_rng(seed).uniform(0.5, 1, mistakes)


def test_half_of_the_mistakes_lie_below_the_threshold() -> None:
    assert fit_threshold(np.array([0.8, 0.6, 0.9, 0.7])) == pytest.approx(0.7001, abs=1.01e-4)


@pytest.mark.parametrize("mistakes", [1, 2, 9, 10, 61])
def test_no_lower_threshold_catches_half_of_the_mistakes(mistakes: int) -> None:
    confidence = drawn(mistakes)
    below = fit_threshold(confidence)
    assert below is not None
    assert (confidence < below).mean() >= 0.5
    assert (confidence < below - 1 / PARTS).mean() < 0.5


def test_a_mistake_of_a_round_confidence_lies_below_the_threshold() -> None:
    for parts in range(5001, PARTS, 7):
        assert fit_threshold(np.array([parts / PARTS])) == (parts + 1) / PARTS


@pytest.mark.parametrize("seed", range(20))
def test_confidences_rounded_down_to_a_part_give_the_same_threshold(seed: int) -> None:
    confidence = drawn(31, seed)
    assert fit_threshold(np.floor(confidence * PARTS) / PARTS) == fit_threshold(confidence)


def test_without_a_mistake_there_is_no_threshold() -> None:
    assert fit_threshold(np.array([])) is None


def test_mistakes_made_in_full_confidence_have_no_threshold() -> None:
    assert fit_threshold(np.array([1.0, 1.0, 0.6])) is None


def test_the_own_threshold_of_a_model_is_what_the_rule_gives() -> None:
    confidence = drawn(FEWEST_MISTAKES)
    assert own_threshold(confidence) == fit_threshold(confidence)


@pytest.mark.parametrize(
    "confidence", [np.array([]), drawn(FEWEST_MISTAKES - 1), np.ones(FEWEST_MISTAKES)]
)
def test_a_model_calls_nothing_unsure_where_mistakes_tell_too_little(
    confidence: NDArray[np.float64],
) -> None:
    assert own_threshold(confidence) == 0
