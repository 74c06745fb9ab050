"""Mistakes counted by their confidence while a network is judged."""

from math import ceil

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from training.engine.loops import judging_loop
from training.engine.mistakes import Mistakes, confidences
from training.engine.networks import output_kind
from training.thresholds import PARTS, fit_threshold

PHOTOS = 200
BATCH = 64


class Drawn(keras.utils.PyDataset):
    """Inputs and labels that have nothing to do with each other; the last batch is an odd one."""

    def __init__(self, classes: int) -> None:
        """Draw them."""
        super().__init__(workers=1, max_queue_size=2)
        generator = np.random.default_rng(classes)
        self.inputs = generator.normal(0, 2, (PHOTOS, 4)).astype(np.float32)
        self.labels = generator.integers(classes, size=PHOTOS)

    def __len__(self) -> int:
        """Return the number of batches."""
        return ceil(PHOTOS / BATCH)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return a batch."""
        rows = slice(index * BATCH, (index + 1) * BATCH)
        return self.inputs[rows], self.labels[rows, np.newaxis].astype(np.float32)


def network_of(classes: int) -> keras.Model:
    keras.utils.set_random_seed(classes)
    inputs = keras.Input((4,))
    units = 1 if classes == 2 else classes
    return keras.Model(inputs, keras.layers.Dense(units, activation=output_kind(classes))(inputs))


def answered(network: keras.Model, photos: Drawn) -> NDArray[np.float64]:
    """Return the confidence of every mistake, lowest first, from what a network answers."""
    output = np.asarray(network.predict_on_batch(photos.inputs))
    rows = np.hstack([1 - output, output]) if output.shape[1] == 1 else output
    wrong = rows.argmax(axis=1) != photos.labels
    return np.sort(rows.max(axis=1)[wrong].astype(np.float64))


@pytest.mark.parametrize("classes", [2, 3])
def test_judging_tells_the_confidence_of_every_mistake_rounded_down(classes: int) -> None:
    network, photos = network_of(classes), Drawn(classes)
    judged = judging_loop(network, classes).evaluate(photos, callbacks=[])
    expected = answered(network, photos)
    assert len(judged.mistakes) == len(expected) == round((1 - judged.accuracy) * PHOTOS) > 50
    assert judged.mistakes == pytest.approx(np.floor(expected * PARTS) / PARTS, abs=1.01 / PARTS)
    assert fit_threshold(judged.mistakes) == pytest.approx(
        fit_threshold(expected), abs=1.01 / PARTS
    )


def test_mistakes_of_an_earlier_judgement_are_forgotten() -> None:
    loop = judging_loop(network_of(2), 2)
    first = loop.evaluate(Drawn(2), callbacks=[])
    again = loop.evaluate(Drawn(2), callbacks=[])
    assert again.mistakes.tolist() == first.mistakes.tolist()


def test_answers_that_are_no_numbers_break_nothing() -> None:
    mistakes = Mistakes()
    mistakes.update_state(np.ones((2, 1), np.float32), np.full((2, 1), np.nan, np.float32))
    assert len(confidences(np.asarray(mistakes.counts))) == 2


def test_full_confidence_is_told_from_almost_full_one() -> None:
    mistakes = Mistakes()
    mistakes.update_state(np.ones((2, 1), np.float32), np.array([[0.0], [5e-5]], np.float32))
    assert confidences(np.asarray(mistakes.counts)).tolist() == [0.9999, 1]
