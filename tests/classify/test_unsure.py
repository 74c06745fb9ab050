"""The threshold below which a classifier had better say that it is unsure."""

from pathlib import Path

import pytest

from catdog_gui.classify.fitting import fitting_for
from catdog_gui.classify.judging import JudgedPhotos
from catdog_gui.classify.prediction import UNSURE, Prediction
from catdog_gui.classify.unsure import THRESHOLDS, choose_threshold
from tests.helpers.judged import drawn, judged_pairs
from training.thresholds import fit_threshold

# Four mistakes, at confidences of 0.6, 0.7, 0.8 and 0.9, and four right answers.
LABELS = [0, 0, 0, 0, 1, 1, 1, 1]
DOGS = [0.6, 0.7, 0.8, 0.9, 0.65, 0.75, 0.85, 0.95]


def fitted(answers: JudgedPhotos) -> float | None:
    """Return the threshold that some answers alone give."""
    return fit_threshold(answers.confidence[~answers.correct])


def test_half_of_the_mistakes_lie_below_the_threshold() -> None:
    answers = judged_pairs(LABELS, DOGS)
    below = choose_threshold(answers, fitting_for(answers, None)).below
    assert below == pytest.approx(0.7001, abs=1.01e-4)


def test_classifying_with_the_threshold_calls_these_mistakes_unsure() -> None:
    answers = judged_pairs(LABELS, DOGS)
    below = fitted(answers)
    assert below is not None
    labels = [
        Prediction(Path("photo.jpg"), tuple(row)).label(answers.class_names, below)
        for row in answers.probabilities.tolist()
    ]
    assert labels == [UNSURE, UNSURE, "dog", "dog", UNSURE, "dog", "dog", "dog"]


def test_a_threshold_from_validation_photos_is_tried_on_the_judged_ones() -> None:
    answers = judged_pairs([0, 0, 1, 1], [0.2, 0.65, 0.68, 0.9])
    unsure = choose_threshold(answers, fitting_for(answers, judged_pairs(LABELS, DOGS)))
    assert unsure.below == fitted(judged_pairs(LABELS, DOGS))
    assert (unsure.fitted_on, unsure.fitted_photos) == ("validation", 8)
    assert unsure.answered is not None
    assert unsure.answered.kept == 0.5  # those of 0.65 and 0.68 are not answered
    assert unsure.answered.accuracy == 1
    assert unsure.answered.mistakes_caught == 1


def test_a_threshold_from_halves_is_tried_on_the_other_halves() -> None:
    answers = drawn(101)
    fitting = fitting_for(answers, None)
    unsure = choose_threshold(answers, fitting)
    kept = 0
    for part in fitting.parts:
        below = fitted(part.photos)
        assert below is not None
        kept += int((answers.confidence[part.judges] >= below).sum())
    assert unsure.fitted_on == "halves"
    assert unsure.below == fitted(answers)
    assert unsure.answered is not None
    assert unsure.answered.kept == pytest.approx(kept / 101)


def test_the_table_tells_what_every_threshold_does() -> None:
    answers = judged_pairs(LABELS, DOGS)
    table = dict(choose_threshold(answers, fitting_for(answers, None)).table)
    assert tuple(table) == THRESHOLDS
    assert (table[0.5].kept, table[0.5].accuracy, table[0.5].mistakes_caught) == (1, 0.5, 0)
    assert (table[0.8].kept, table[0.8].mistakes_caught) == (0.5, 0.5)
    assert table[0.95].accuracy == 1
    assert (table[0.99].kept, table[0.99].accuracy, table[0.99].mistakes_caught) == (0, None, 1)


def test_where_nothing_is_wrong_there_is_nothing_to_catch() -> None:
    answers = judged_pairs([0, 1], [0.1, 0.9])
    unsure = choose_threshold(answers, fitting_for(answers, None))
    assert (unsure.below, unsure.answered) == (None, None)
    assert {each.mistakes_caught for _, each in unsure.table} == {None}


def test_a_threshold_of_one_photo_cannot_be_tried() -> None:
    answers = judged_pairs([0], [0.8])
    unsure = choose_threshold(answers, fitting_for(answers, None))
    assert unsure.below is not None
    assert unsure.answered is None
