"""Scores of a classifier's answers."""

from dataclasses import astuple
from math import log

import numpy as np
import pytest

from catdog_gui.classify.scores import ClassScores, cross_entropy, score
from tests.helpers.judged import drawn, judged, judged_pairs


def test_two_classes_are_scored_as_by_hand() -> None:
    scores = score(judged_pairs([0, 0, 0, 1, 1], [0.1, 0.2, 0.7, 0.4, 0.9]))
    assert scores.confusion.tolist() == [[2, 1], [1, 1]]
    # Of the six pairs of a cat and a dog, five have the dog's probability of a dog above the cat's.
    assert scores.roc_auc == pytest.approx(5 / 6)
    cat, dog = map(astuple, scores.classes)
    assert cat == pytest.approx((2 / 3, 2 / 3, 2 / 3, 5 / 6, 3))
    assert dog == pytest.approx((1 / 2, 1 / 2, 1 / 2, 5 / 6, 2))
    right = (0.9, 0.8, 0.3, 0.4, 0.9)
    assert scores.log_loss == pytest.approx(-sum(map(log, right)) / 5)
    assert scores.brier == pytest.approx(sum((1 - p) ** 2 for p in right) / 5)


def test_three_classes_are_scored_each_against_the_others() -> None:
    scores = score(
        judged(
            [0, 1, 1, 2],
            [(0.6, 0.3, 0.1), (0.1, 0.7, 0.2), (0.5, 0.4, 0.1), (0.2, 0.2, 0.6)],
        )
    )
    assert scores.confusion.tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert [each.roc_auc for each in scores.classes] == [1, 1, 1]
    assert scores.roc_auc == 1
    cat, dog, emu = map(astuple, scores.classes)
    assert cat == pytest.approx((0.5, 1, 2 / 3, 1, 1))
    assert dog == pytest.approx((1, 0.5, 2 / 3, 1, 2))
    assert emu == (1, 1, 1, 1, 1)


def test_the_area_of_several_classes_is_their_mean() -> None:
    scores = score(drawn(300, 3))
    areas = [each.roc_auc for each in scores.classes if each.roc_auc is not None]
    assert len(set(areas)) == 3
    assert all(0.6 < area < 1 for area in areas)
    assert scores.roc_auc == pytest.approx(sum(areas) / 3)


def test_all_right_is_the_best_there_is() -> None:
    scores = score(judged_pairs([0, 0, 1], [0, 0, 1]))
    assert scores.classes == (ClassScores(1, 1, 1, 1, 2), ClassScores(1, 1, 1, 1, 1))
    assert (scores.roc_auc, scores.brier) == (1, 0)
    assert scores.log_loss == pytest.approx(0, abs=1e-6)


def test_all_wrong_is_the_worst_there_is_and_still_finite() -> None:
    scores = score(judged_pairs([0, 0, 1], [1, 1, 0]))
    assert scores.classes == (ClassScores(0, 0, 0, 0, 2), ClassScores(0, 0, 0, 0, 1))
    assert (scores.roc_auc, scores.brier) == (0, 1)
    assert scores.log_loss == pytest.approx(-log(np.finfo(np.float32).eps))


def test_a_class_that_nothing_is_taken_for_has_no_precision() -> None:
    cat, dog = score(judged_pairs([0, 1, 1], [0.1, 0.2, 0.3])).classes
    assert dog == ClassScores(None, 0, 0, 1, 2)
    assert cat == ClassScores(1 / 3, 1, 0.5, 1, 1)


def test_a_class_without_photos_has_no_scores_but_its_mistakes_count() -> None:
    scores = score(judged([0, 1], [(0.8, 0.1, 0.1), (0.2, 0.3, 0.5)]))
    assert scores.confusion.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
    assert scores.roc_auc is None
    cat, dog, emu = scores.classes
    assert (cat.roc_auc, dog.roc_auc) == (1, 1)
    assert emu == ClassScores(0, None, 0, None, 0)


def test_a_class_that_is_neither_shown_nor_answered_has_no_score_at_all() -> None:
    scores = score(judged([0, 1], [(0.9, 0.1, 0), (0.2, 0.8, 0)]))
    assert scores.classes[2] == ClassScores(None, None, None, None, 0)


@pytest.mark.parametrize("classes", [2, 3])
def test_one_photo_is_enough_for_all_but_the_area(classes: int) -> None:
    row = [0.7, *[0.3 / (classes - 1)] * (classes - 1)]
    scores = score(judged([0], [row]))
    assert scores.confusion.sum() == scores.confusion[0, 0] == 1
    assert scores.roc_auc is None
    assert scores.log_loss == pytest.approx(-log(0.7))


def test_rows_that_add_up_to_1_only_in_float32_are_no_worse() -> None:
    exact = drawn(200, 3)
    rounded = judged(
        exact.labels.tolist(), exact.probabilities.astype(np.float32).astype(np.float64).tolist()
    )
    assert not (rounded.probabilities.sum(axis=1) == 1).all()
    assert score(rounded).log_loss == pytest.approx(score(exact).log_loss, rel=1e-5)
    assert score(rounded).roc_auc == pytest.approx(score(exact).roc_auc, rel=1e-5)


def test_rows_that_add_up_to_almost_1_are_scaled() -> None:
    off = judged([0, 1], [(0.8 * 1.0009, 0.2), (0.3, 0.7 * 1.0009)])
    assert score(off).log_loss == pytest.approx(-(log(0.8) + log(0.7)) / 2, abs=1e-3)


def test_log_loss_is_the_mean_over_the_photos() -> None:
    rows = np.array([[0.5, 0.5], [0.25, 0.75]])
    assert cross_entropy(np.array([0, 0]), rows) == pytest.approx((log(2) + log(4)) / 2)
