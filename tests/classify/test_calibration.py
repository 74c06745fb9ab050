"""Calibration and its mending."""

from typing import Self

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from catdog_gui.classify.calibration import (
    BINS,
    calibrate,
    expected_calibration_error,
    fit_temperature,
    reliability,
    with_temperature,
)
from catdog_gui.classify.fitting import fitting_for
from tests.helpers.judged import drawn, judged, judged_pairs


def test_the_reliability_table_has_every_photo_in_its_bin() -> None:
    confidence = np.array([0.95, 0.97, 0.62, 0.5])
    bins = reliability(np.array([True, False, True, False]), confidence)
    assert [each.low for each in bins] == pytest.approx([i / 15 for i in range(15)])
    assert [each.high for each in bins] == pytest.approx([i / 15 for i in range(1, 16)])
    assert [each.photos for each in bins] == [0] * 7 + [1, 0, 1, 0, 0, 0, 0, 2]
    assert bins[14].confidence == pytest.approx(0.96)
    assert [bins[n].confidence for n in (0, 7, 9)] == [None, 0.5, 0.62]
    assert [bins[n].accuracy for n in (0, 7, 9, 14)] == [None, 0, 1, 0.5]


@pytest.mark.parametrize(("confidence", "place"), [(0.0, 0), (1 / 3, 4), (0.6, 8), (1.0, 14)])
def test_a_confidence_on_an_edge_belongs_to_the_lower_bin(confidence: float, place: int) -> None:
    bins = reliability(np.array([True]), np.array([confidence]))
    assert [each.photos for each in bins].index(1) == place
    assert bins[place].confidence == confidence


def test_the_error_is_that_of_a_direct_sum_over_bins() -> None:
    answers = drawn(500, 3, sharpness=2)
    total = 0.0
    for low in range(BINS):
        inside = (answers.confidence > low / BINS) & (answers.confidence <= (low + 1) / BINS)
        if inside.any():
            apart = answers.confidence[inside].mean() - answers.correct[inside].mean()
            total += inside.mean() * abs(apart)
    found = expected_calibration_error(reliability(answers.correct, answers.confidence))
    assert found == pytest.approx(total)
    assert found > 0.05


def test_a_classifier_that_is_as_sure_as_it_is_right_has_no_error() -> None:
    bins = reliability(np.array([True] * 3 + [False]), np.full(4, 0.75))
    assert expected_calibration_error(bins) == 0


class _Answers(ClassifierMixin, BaseEstimator):
    """For scikit-learn: a fitted classifier whose photos are their own probabilities."""

    def __init__(self, classes: int = 2) -> None:
        self.classes = classes
        self.classes_ = np.arange(classes)

    def fit(self, rows: NDArray[np.float64], labels: NDArray[np.int64]) -> Self:
        return self

    def predict(self, rows: NDArray[np.float64]) -> NDArray[np.int64]:
        best: NDArray[np.int64] = rows.argmax(axis=1)
        return best

    def predict_proba(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return rows


@pytest.mark.parametrize(("classes", "sharpness"), [(2, 1.3), (2, 0.5), (3, 1.3)])
def test_temperature_scaling_is_that_of_scikit_learn(classes: int, sharpness: float) -> None:
    answers = drawn(400, classes, sharpness=sharpness)
    peer = CalibratedClassifierCV(
        FrozenEstimator(_Answers(classes)), method="temperature", ensemble=False
    ).fit(answers.probabilities, answers.labels)
    temperature = fit_temperature(answers)
    assert temperature is not None
    ours = with_temperature(answers.probabilities, temperature)
    assert ours == pytest.approx(peer.predict_proba(answers.probabilities), abs=1e-4)


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 4.0])
def test_the_temperature_undoes_what_made_answers_too_sharp_or_too_flat(sharpness: float) -> None:
    temperature = fit_temperature(drawn(4000, 3, sharpness=sharpness))
    assert temperature == pytest.approx(sharpness, rel=0.1)


def test_temperature_changes_no_answer() -> None:
    answers = drawn(100, 3)
    for temperature in (0.3, 3.0):
        scaled = with_temperature(answers.probabilities, temperature)
        assert scaled.argmax(axis=1).tolist() == answers.predicted.tolist()
        assert scaled.sum(axis=1) == pytest.approx(np.ones(100))


def test_a_temperature_of_1_changes_nothing() -> None:
    answers = drawn(50, 3)
    assert with_temperature(answers.probabilities, 1) == pytest.approx(answers.probabilities)


def test_without_a_mistake_there_is_no_temperature() -> None:
    assert fit_temperature(judged_pairs([0, 1], [0.1, 0.9])) is None


def test_where_all_is_wrong_there_is_no_temperature() -> None:
    assert fit_temperature(judged_pairs([1, 0, 0], [0.1, 0.9, 0.8])) is None


def test_probabilities_of_exactly_0_and_1_have_a_temperature() -> None:
    temperature = fit_temperature(judged_pairs([0, 1, 1, 0], [0, 1, 1, 1]))
    assert temperature is not None
    assert 10 < temperature < 20  # three of four right: the logit of 3/4, and not 15.9


def test_scaling_mends_answers_that_are_too_sharp() -> None:
    sharp, validation = drawn(2000, 3, sharpness=3), drawn(2000, 3, sharpness=3, seed=1)
    calibration = calibrate(sharp, fitting_for(sharp, validation))
    assert calibration.confidence > sharp.correct.mean() + 0.1
    scaling = calibration.scaling
    assert (scaling.fitted_on, scaling.fitted_photos) == ("validation", 2000)
    assert scaling.temperature == pytest.approx(3, rel=0.1)
    assert scaling.ece is not None
    assert scaling.ece < 0.04 < 0.1 < calibration.ece


def test_scaling_is_judged_by_photos_it_was_not_fitted_on() -> None:
    sharp, flat = drawn(300, sharpness=3), drawn(300, sharpness=0.3, seed=1)
    fitted_on_flat = calibrate(sharp, fitting_for(sharp, flat)).scaling
    fitted_on_itself = calibrate(sharp, fitting_for(sharp, None)).scaling
    assert fitted_on_flat.temperature == fit_temperature(flat)
    assert fitted_on_itself.temperature == fit_temperature(sharp)
    assert fitted_on_itself.fitted_on == "halves"
    assert fitted_on_flat.log_loss is not None
    assert fitted_on_itself.log_loss is not None
    assert fitted_on_flat.log_loss > fitted_on_itself.log_loss


def test_halves_are_judged_by_each_other() -> None:
    answers = drawn(101, sharpness=2)
    fitting = fitting_for(answers, None)
    expected = np.empty(101)
    for part in fitting.parts:
        temperature = fit_temperature(part.photos)
        assert temperature is not None
        rows = with_temperature(answers.probabilities[part.judges], temperature)
        expected[part.judges] = rows[np.arange(len(rows)), answers.labels[part.judges]]
    found = calibrate(answers, fitting).scaling.log_loss
    assert found == pytest.approx(-np.log(expected).mean(), rel=1e-5)


def test_a_half_without_a_mistake_leaves_scaling_unjudged() -> None:
    answers = judged_pairs([0, 0, 0, 1, 1, 1], [0.1, 0.2, 0.3, 0.8, 0.9, 0.4])
    scaling = calibrate(answers, fitting_for(answers, None)).scaling
    assert scaling.temperature is not None
    assert (scaling.ece, scaling.log_loss) == (None, None)


def test_one_photo_is_calibrated_and_not_scaled() -> None:
    answers = judged([1], [(0.7, 0.2, 0.1)])
    calibration = calibrate(answers, fitting_for(answers, None))
    assert calibration.confidence == calibration.ece == pytest.approx(0.7)
    assert (calibration.scaling.temperature, calibration.scaling.ece) == (None, None)
