"""What a prediction says."""

from pathlib import Path

import pytest

from catdog_gui.classify.prediction import UNSURE, Prediction

CLASSES = ("bird", "cat", "dog")


def test_the_most_probable_class_is_the_label() -> None:
    prediction = Prediction(Path("a.jpg"), (0.1, 0.7, 0.2))
    assert (prediction.best, prediction.confidence) == (1, 0.7)
    assert prediction.label(CLASSES, 0.0) == "cat"


@pytest.mark.parametrize(("threshold", "label"), [(0.7, "cat"), (0.71, UNSURE), (1.0, UNSURE)])
def test_only_less_confidence_than_the_threshold_is_unsure(threshold: float, label: str) -> None:
    assert Prediction(Path("a.jpg"), (0.1, 0.7, 0.2)).label(CLASSES, threshold) == label


def test_of_equal_probabilities_the_first_class_wins() -> None:
    assert Prediction(Path("a.jpg"), (0.2, 0.4, 0.4)).label(CLASSES, 0.0) == "cat"


def test_a_readable_photo_is_readable_even_if_nothing_is_probable() -> None:
    assert Prediction(Path("a.jpg"), (0.0, 0.0)).readable


def test_an_unreadable_photo_has_a_reason_and_no_label() -> None:
    prediction = Prediction(Path("a.jpg"), reason="the file is empty")
    assert not prediction.readable
    assert prediction.confidence == 0
    assert prediction.label(CLASSES, 0.0) == ""
    assert prediction.label(CLASSES, 0.9) == ""


def test_an_unreadable_photo_has_no_best_class() -> None:
    with pytest.raises(ValueError, match="empty"):
        _ = Prediction(Path("a.jpg"), reason="the file is empty").best
