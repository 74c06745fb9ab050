"""Numbers that judge a classifier, with what they are worth."""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class Interval:
    """The range that a proportion lies in with a given confidence, both ends from 0 to 1."""

    low: float
    high: float


def wilson_interval(correct: int, total: int, confidence: float = 0.95) -> Interval:
    """Return the Wilson score interval of a proportion.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22 (1927), 209-212. SciPy's own would
    slow every start of the program down, as long as SciPy takes to import.

    Raises:
        ValueError: `total` is not positive, or `correct` is not from 0 to `total`.
    """
    if total <= 0 or not 0 <= correct <= total:
        raise ValueError(f"{correct} of {total} is no proportion")
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = correct / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return Interval(
        max(0.0, centre - half) if correct else 0.0,
        min(1.0, centre + half) if correct < total else 1.0,
    )
