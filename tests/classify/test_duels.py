"""Comparing classifiers on the same photos."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest

from catdog_gui.classify.duels import fight_all, holm, p_words


def answers(both: int, first: int, second: int, neither: int) -> dict[str, NDArray[np.bool_]]:
    """Return which photos a and b label rightly: so many both, only a, only b, and neither."""
    a = [True] * both + [True] * first + [False] * second + [False] * neither
    b = [True] * both + [False] * first + [True] * second + [False] * neither
    return {"a": np.array(a), "b": np.array(b)}


def test_the_photos_are_counted_by_who_is_right() -> None:
    (duel,) = fight_all(answers(both=40, first=7, second=3, neither=5))
    assert (duel.first, duel.second, duel.photos) == ("a", "b", 55)
    assert (duel.both, duel.only_first, duel.only_second, duel.neither) == (40, 7, 3, 5)


def test_the_p_value_is_that_of_throwing_a_coin_for_each_photo_that_one_gets_wrong() -> None:
    (duel,) = fight_all(answers(both=40, first=1, second=4, neither=5))
    # 0, 1, 4 or 5 of 5 throws: (1 + 5 + 5 + 1) / 32
    assert duel.p_value == pytest.approx(12 / 32)
    assert duel.adjusted == duel.p_value


def test_photos_that_both_label_alike_do_not_count() -> None:
    few = fight_all(answers(both=0, first=9, second=2, neither=0))[0]
    many = fight_all(answers(both=5000, first=9, second=2, neither=700))[0]
    assert few.p_value == many.p_value


def test_equal_answers_cannot_be_told_apart() -> None:
    (duel,) = fight_all(answers(both=12, first=0, second=0, neither=3))
    assert duel.p_value == 1
    assert duel.winner is None
    assert duel.words == "a and b cannot be told apart on 15 photos (McNemar p = 1)"


@pytest.mark.parametrize(("first", "second", "winner"), [(200, 100, "a"), (100, 200, "b")])
def test_the_better_one_is_named_where_chance_is_unlikely(
    first: int, second: int, winner: str
) -> None:
    (duel,) = fight_all(answers(4000, first, second, 700))
    assert duel.winner == winner
    loser = "b" if winner == "a" else "a"
    assert duel.words == f"{winner} is better than {loser} on 5,000 photos (McNemar p < 0.001)"


def test_every_pair_is_compared_and_made_up_for_the_others() -> None:
    base = answers(both=40, first=16, second=5, neither=5)
    duels = fight_all({**base, "c": base["a"]})
    assert [(d.first, d.second) for d in duels] == [("a", "b"), ("a", "c"), ("b", "c")]
    single = binomtest(16, 21, 0.5).pvalue
    assert single < 0.05
    assert duels[0].p_value == pytest.approx(single)
    assert duels[0].adjusted == pytest.approx(3 * single)
    assert duels[0].winner is None


def test_holm_agrees_with_a_worked_example() -> None:
    # 0.01 times 4, 0.02 times 3, 0.03 times 2, 0.04 no lower than the one before
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(
    ("p_value", "words"),
    [
        (0.0, "p < 0.001"),
        (0.00099, "p < 0.001"),
        (0.034, "p = 0.034"),
        (0.43, "p = 0.4"),
        (1.0, "p = 1"),
    ],
)
def test_p_values_are_written_as_precisely_as_is_of_use(p_value: float, words: str) -> None:
    assert p_words(p_value) == words
