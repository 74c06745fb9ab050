"""Wilson's interval against published values and SciPy's."""

import pytest
from scipy.stats import binomtest

from training.metrics import wilson_interval


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [
        # R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        # L. D. Brown, T. T. Cai, A. DasGupta, Statistical Science 16 (2001): z²/(n + z²).
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
    ],
)
def test_the_interval_agrees_with_published_values(
    correct: int, total: int, low: float, high: float
) -> None:
    interval = wilson_interval(correct, total)
    assert interval.low == pytest.approx(low, abs=5e-5)
    assert interval.high == pytest.approx(high, abs=5e-5)


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
@pytest.mark.parametrize(("correct", "total"), [(0, 1), (1, 1), (3, 7), (0, 40), (4921, 5000)])
def test_the_interval_is_that_of_scipy(correct: int, total: int, confidence: float) -> None:
    interval = wilson_interval(correct, total, confidence)
    other = binomtest(correct, total).proportion_ci(confidence, "wilson")
    assert interval.low == pytest.approx(other.low, abs=1e-12)
    assert interval.high == pytest.approx(other.high, abs=1e-12)


@pytest.mark.parametrize("total", [1, 2, 10, 5000])
def test_the_interval_holds_the_share_and_lies_between_0_and_1(total: int) -> None:
    for correct in {0, 1, total // 2, total}:
        interval = wilson_interval(correct, total)
        assert 0 <= interval.low <= correct / total <= interval.high <= 1


def test_the_interval_is_symmetrical() -> None:
    right, wrong = wilson_interval(30, 100), wilson_interval(70, 100)
    assert right.low == pytest.approx(1 - wrong.high)
    assert right.high == pytest.approx(1 - wrong.low)


def test_more_confidence_takes_a_wider_interval() -> None:
    usual, sure = wilson_interval(30, 100), wilson_interval(30, 100, confidence=0.99)
    assert sure.low < usual.low
    assert sure.high > usual.high


@pytest.mark.parametrize(("correct", "total"), [(0, 0), (-1, 10), (11, 10), (0, -1)])
def test_what_is_no_proportion_is_refused(correct: int, total: int) -> None:
    with pytest.raises(ValueError, match="is no proportion"):
        wilson_interval(correct, total)
