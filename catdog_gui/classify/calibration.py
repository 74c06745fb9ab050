"""Calibration: whether a classifier is right as often as it says, and how to mend it."""

from dataclasses import dataclass
from math import exp, log

import numpy as np
from numpy.typing import NDArray

from catdog_gui.classify.fitting import Fitting
from catdog_gui.classify.judging import JudgedPhotos
from catdog_gui.classify.scores import cross_entropy

BINS = 15
"""Bins of equal width from 0 to 1, as in Guo et al. 2017."""
MOST_TEMPERATURE = 100.0
"""Temperatures are looked for from one hundredth to this."""
_LEAST_PROBABILITY = float(np.finfo(np.float32).eps)


@dataclass(frozen=True, slots=True)
class ConfidenceBin:
    """The photos answered with a confidence above `low` and not above `high`."""

    low: float
    high: float
    photos: int
    confidence: float | None
    """Their mean confidence, if there are any."""
    accuracy: float | None
    """The share that was labelled rightly, if there are any."""


@dataclass(frozen=True, slots=True)
class TemperatureScaling:
    """What becomes of calibration when the logits are divided by one fitted number.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On Calibration of Modern Neural
    Networks", ICML 2017, section 4.2.
    """

    temperature: float | None
    """Above 1 it makes answers less confident; nothing if the photos do not determine it."""
    fitted_on: str
    """`validation` or `halves` (see `Fitting`)."""
    fitted_photos: int
    """How many it was fitted on."""
    ece: float | None
    """The judged photos' ECE, scaled by what was fitted on others."""
    log_loss: float | None
    """The judged photos' log loss, scaled by what was fitted on others."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether a classifier is right as often as it says."""

    confidence: float
    """The mean over all photos."""
    ece: float
    """The expected calibration error, from 0 to 1."""
    bins: tuple[ConfidenceBin, ...]
    """The reliability table."""
    scaling: TemperatureScaling


def calibrate(judged: JudgedPhotos, fitting: Fitting) -> Calibration:
    """Compare a classifier's confidence with its accuracy; there must be at least one photo."""
    bins = reliability(judged.correct, judged.confidence)
    return Calibration(
        float(judged.confidence.mean()),
        expected_calibration_error(bins),
        bins,
        _scale(judged, fitting),
    )


def reliability(
    correct: NDArray[np.bool_], confidence: NDArray[np.float64]
) -> tuple[ConfidenceBin, ...]:
    """Compare confidence and accuracy bin by bin.

    Args:
        correct: Shape (photos,).
        confidence: Shape (photos,), from 0 to 1.
    """
    from sklearn.calibration import calibration_curve

    edges = np.linspace(0, 1, BINS + 1)
    # scikit-learn leaves empty bins out and tells no counts; these are its own bins.
    counts = np.bincount(np.searchsorted(edges[1:-1], confidence), minlength=BINS)
    curve = calibration_curve(correct.astype(np.int64), confidence, n_bins=BINS, strategy="uniform")
    filled = zip(*curve, strict=True)
    bins = []
    for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
        accuracy, mean = map(float, next(filled)) if count else (None, None)
        bins.append(ConfidenceBin(float(low), float(high), int(count), mean, accuracy))
    return tuple(bins)


def expected_calibration_error(bins: tuple[ConfidenceBin, ...]) -> float:
    """Return the mean distance of confidence and accuracy, every photo counting by its bin's.

    Source: Guo et al. 2017, equation 3; scikit-learn has no function for it.
    """
    apart = sum(
        each.photos * abs(each.confidence - each.accuracy)
        for each in bins
        if each.confidence is not None and each.accuracy is not None
    )
    return apart / sum(each.photos for each in bins)


def fit_temperature(judged: JudgedPhotos) -> float | None:
    """Return the temperature with the least log loss.

    Returns:
        Nothing if there is none: without a mistake every lower temperature is better still, and
        where confidence has nothing to do with being right, every higher one.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    if judged.correct.all():
        return None
    logits = _logits(judged.probabilities)
    rows = np.arange(len(judged.labels))

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(logits / exp(log_temperature), axis=1)
        return -float(scaled[rows, judged.labels].mean())

    end = log(MOST_TEMPERATURE)
    best = minimize_scalar(loss, bounds=(-end, end)).x
    # At the end of the search the loss still falls.
    return exp(best) if abs(best) < end - 0.01 else None


def with_temperature(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Return probabilities whose logits are divided by a temperature.

    Args:
        probabilities: Shape (photos, classes).
        temperature: Positive.

    Returns:
        An array of the same shape, the order of each row's classes unchanged.
    """
    from scipy.special import softmax

    return softmax(_logits(probabilities) / temperature, axis=1)


def _logits(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logits up to a constant for each photo, which softmax takes no notice of."""
    logits: NDArray[np.float64] = np.log(probabilities.clip(_LEAST_PROBABILITY))
    return logits


def _scale(judged: JudgedPhotos, fitting: Fitting) -> TemperatureScaling:
    temperature = fit_temperature(fitting.photos)
    scaled = _scaled_by_others(judged, fitting)
    ece = loss = None
    if temperature is not None and scaled is not None:
        ece = expected_calibration_error(reliability(judged.correct, scaled.max(axis=1)))
        loss = cross_entropy(judged.labels, scaled)
    return TemperatureScaling(temperature, fitting.fitted_on, len(fitting.photos.names), ece, loss)


def _scaled_by_others(judged: JudgedPhotos, fitting: Fitting) -> NDArray[np.float64] | None:
    """Return the judged photos' probabilities, scaled by what was fitted on others, if it was."""
    scaled = np.empty_like(judged.probabilities)
    for part in fitting.parts:
        temperature = fit_temperature(part.photos)
        if temperature is None:
            return None
        scaled[part.judges] = with_temperature(judged.probabilities[part.judges], temperature)
    return scaled if fitting.parts else None
