"""Two classifiers asked about the same photos: is one better, or was it chance?

McNemar's test looks only at the photos that one of the two labels rightly and the other wrongly. If
neither is better, each such photo is a fair coin's throw, so that the exact test is a binomial one.
Of several pairs some differ by chance alone, for which Holm's method makes up.

Sources: Q. McNemar, "Note on the sampling error of the difference between correlated proportions or
percentages", Psychometrika 12 (1947), 153-157. S. Holm, "A simple sequentially rejective multiple
test procedure", Scandinavian Journal of Statistics 6 (1979), 65-70.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

SIGNIFICANT = 0.05
"""The adjusted p-value from which on two classifiers cannot be told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """How two classifiers did on the same photos."""

    first: str
    second: str
    photos: int
    both: int
    """Photos that both labelled rightly."""
    only_first: int
    only_second: int
    p_value: float
    """Of McNemar's exact test, two-sided."""
    adjusted: float
    """The same, made up for the number of pairs by Holm's method."""

    @property
    def neither(self) -> int:
        """Photos that both labelled wrongly."""
        return self.photos - self.both - self.only_first - self.only_second

    @property
    def winner(self) -> str | None:
        """Which of them is better, unless that may be chance."""
        if self.adjusted >= SIGNIFICANT:
            return None
        return self.first if self.only_first > self.only_second else self.second

    @property
    def words(self) -> str:
        """The outcome in one sentence."""
        on = f"on {self.photos:,} photos" if self.photos != 1 else "on one photo"
        chance = f"McNemar {p_words(self.adjusted)}"
        if self.winner is None:
            return f"{self.first} and {self.second} cannot be told apart {on} ({chance})"
        loser = self.second if self.winner == self.first else self.first
        return f"{self.winner} is better than {loser} {on} ({chance})"


def p_words(p_value: float) -> str:
    """Write a p-value as precisely as it is of use."""
    if p_value < 0.001:
        return "p < 0.001"
    return f"p = {p_value:.3f}" if p_value < 0.1 else f"p = {p_value:.1g}"


def fight_all(correct: Mapping[str, NDArray[np.bool_]]) -> tuple[Duel, ...]:
    """Compare every pair of classifiers.

    Args:
        correct: By classifier, which of the same photos it labelled rightly; shape (photos,).
    """
    duels = [_fight(*pair, correct) for pair in combinations(correct, 2)]
    adjusted = holm([duel.p_value for duel in duels])
    return tuple(replace(duel, adjusted=p) for duel, p in zip(duels, adjusted, strict=True))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values made up for their number, in their order."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    ascending = sorted(range(len(p_values)), key=p_values.__getitem__)
    for place, index in enumerate(ascending):
        highest = max(highest, min(1.0, p_values[index] * (len(p_values) - place)))
        adjusted[index] = highest
    return adjusted


def _fight(first: str, second: str, correct: Mapping[str, NDArray[np.bool_]]) -> Duel:
    from scipy.stats import binomtest

    one, other = correct[first], correct[second]
    only_first, only_second = int((one & ~other).sum()), int((other & ~one).sum())
    apart = only_first + only_second
    p_value = float(binomtest(only_first, apart, 0.5).pvalue) if apart else 1.0
    return Duel(
        first=first,
        second=second,
        photos=len(one),
        both=int((one & other).sum()),
        only_first=only_first,
        only_second=only_second,
        p_value=p_value,
        adjusted=p_value,
    )
