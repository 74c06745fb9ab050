"""Bfloat16 is used where it changes nothing, and float32 wherever it could."""

import numpy as np
import pytest
from numpy.typing import NDArray

from catdog_gui.classify.precision import (
    BFLOAT16,
    FLOAT32,
    TOLERANCE,
    TRIAL_PHOTOS,
    QuickNetwork,
)

PHOTOS = 4000
BATCH = 32


class MadeUpNetwork:
    """Answers photos, which hold nothing but their number, with given probabilities."""

    def __init__(self, probabilities: NDArray[np.float64]) -> None:
        """Give photo `n` the probabilities of row `n`."""
        self._probabilities = probabilities.astype(np.float32)
        self.asked = 0

    def __call__(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the photos' rows."""
        self.asked += len(photos)
        numbers = photos.reshape(len(photos), -1)[:, :2].astype(int) @ (256, 1)
        return np.array(self._probabilities[numbers])


def numbered(first: int, last: int) -> NDArray[np.uint8]:
    numbers = np.arange(first, last)
    photos = np.zeros((len(numbers), 1, 1, 3), np.uint8)
    photos[:, 0, 0, 0], photos[:, 0, 0, 1] = numbers // 256, numbers % 256
    return photos


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.array(powers / powers.sum(axis=1, keepdims=True))


def answered(network: QuickNetwork) -> NDArray[np.float32]:
    return np.concatenate(
        [network(numbered(first, min(first + BATCH, PHOTOS))) for first in range(0, PHOTOS, BATCH)]
    )


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    ("spread", "error"), [(1.0, 0.01), (2.0, 0.02), (6.0, 0.2), (8.0, 1.0), (0.05, 0.01)]
)
def test_labels_are_those_of_float32_and_confidences_nearly(
    classes: int, spread: float, error: float
) -> None:
    generator = np.random.default_rng(1)
    logits = generator.normal(0, spread, (PHOTOS, classes))
    exact = softmax(logits)
    rounded = softmax(logits + generator.normal(0, error, logits.shape))
    answers = answered(QuickNetwork(MadeUpNetwork(exact), MadeUpNetwork(rounded)))
    agree = (answers.argmax(axis=1) == exact.argmax(axis=1)).mean()
    assert agree >= 0.998
    assert np.abs(answers.max(axis=1) - exact.max(axis=1)).max() < TOLERANCE + 0.01


def test_a_network_that_bears_it_is_hardly_asked_in_float32() -> None:
    generator = np.random.default_rng(1)
    logits = generator.normal(0, 3, (PHOTOS, 2))
    exact = MadeUpNetwork(softmax(logits))
    rounded = MadeUpNetwork(softmax(logits + generator.normal(0, 0.01, logits.shape)))
    answered(QuickNetwork(exact, rounded))
    assert rounded.asked == PHOTOS
    assert TRIAL_PHOTOS <= exact.asked < PHOTOS / 20


def test_the_first_photos_are_answered_in_float32() -> None:
    exact = softmax(np.random.default_rng(1).normal(0, 3, (PHOTOS, 2)))
    network = QuickNetwork(MadeUpNetwork(exact), MadeUpNetwork(np.roll(exact, 1, axis=0)))
    assert np.array_equal(network(numbered(0, TRIAL_PHOTOS)), exact[:TRIAL_PHOTOS].astype("f4"))


class Slow(MadeUpNetwork):
    """A network that works for a while on every photo."""

    def __call__(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the photos' rows, after some work."""
        for _ in photos:
            np.linalg.inv(np.eye(60))
        return super().__call__(photos)


def test_what_saves_no_time_is_given_up() -> None:
    exact = softmax(np.random.default_rng(1).normal(0, 3, (PHOTOS, 2)))
    rounded = Slow(exact)
    network = QuickNetwork(MadeUpNetwork(exact), rounded)
    precisions = [network.precision]
    answered(network)
    precisions.append(network.precision)
    assert precisions == [BFLOAT16, FLOAT32]
    assert rounded.asked < PHOTOS / 2


def test_what_saves_time_is_kept() -> None:
    exact = softmax(np.random.default_rng(1).normal(0, 3, (PHOTOS, 2)))
    network = QuickNetwork(Slow(exact), MadeUpNetwork(exact))
    answered(network)
    assert network.precision == BFLOAT16


def test_answers_without_any_doubt_do_no_harm() -> None:
    certain = np.tile([[1.0, 0.0], [0.0, 1.0]], (PHOTOS // 2, 1))
    answers = answered(QuickNetwork(MadeUpNetwork(certain), MadeUpNetwork(certain)))
    assert np.array_equal(answers, certain.astype("f4"))
