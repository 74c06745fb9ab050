"""Answers about labelled photos, made without photos."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catdog_gui.classify.judging import JudgedPhotos

CLASSES = ("cat", "dog", "emu", "fox")


def judged(
    labels: Sequence[int], probabilities: Sequence[Sequence[float]], split: str = "all"
) -> JudgedPhotos:
    """Return answers with these probabilities, about photos named 0.jpg, 1.jpg and so on."""
    rows = np.array(probabilities, dtype=np.float64)
    names = tuple(f"{number}.jpg" for number in range(len(labels)))
    classes = CLASSES[: rows.shape[1]]
    return JudgedPhotos(split, classes, names, np.array(labels, dtype=np.int64), rows)


def judged_pairs(
    labels: Sequence[int], second: Sequence[float], split: str = "all"
) -> JudgedPhotos:
    """Return answers about cats (0) and dogs (1), from the probabilities of a dog."""
    return judged(labels, [(1 - p, p) for p in second], split)


def drawn(photos: int, classes: int = 2, *, sharpness: float = 1.0, seed: int = 0) -> JudgedPhotos:
    """Return random answers whose labels are drawn from them, so that they are calibrated.

    Args:
        photos: How many.
        classes: How many.
        sharpness: The logits answered are those the labels are drawn from, times this.
        seed: Decides all.
    """
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 2, (photos, classes))
    chances = _softmax(logits)
    labels = [int(generator.choice(classes, p=row)) for row in chances]
    return judged(labels, _softmax(logits * sharpness).tolist())


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares
