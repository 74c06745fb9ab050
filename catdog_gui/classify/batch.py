"""Classifying many photos: decoded in threads while the classifier works on those before."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from catdog_gui.classify.classifier import Classifier
from catdog_gui.classify.prediction import Prediction
from training.errors import PhotoError
from training.images import ImageSize, read_photo

BATCH_SIZE = 32
BATCHES_AHEAD = 3
"""How many batches are decoded ahead of the classifier; more would only take memory."""

Photo = TypeVar("Photo")
Answer: TypeAlias = tuple[float, ...] | PhotoError
"""A photo's probabilities, or why it could not be read."""
_Decoded: TypeAlias = NDArray[np.uint8] | PhotoError


def classify_photos(
    photos: Sequence[Path],
    classifier: Classifier,
    *,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[list[Prediction]]:
    """Yield predictions for photo files in their order, a batch at a time.

    A photo that cannot be read gets its reason instead and holds nothing up.

    Args:
        photos: Files.
        classifier: What to ask.
        should_stop: Asked before every batch; the generator ends once it says so.
    """
    for answers in ask(photos, read_photo, classifier, should_stop=should_stop):
        yield [
            Prediction(path, reason=str(answer))
            if isinstance(answer, PhotoError)
            else Prediction(path, answer)
            for path, answer in answers
        ]


def ask(
    photos: Sequence[Photo],
    read: Callable[[Photo, ImageSize], NDArray[np.uint8]],
    classifier: Classifier,
    *,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[list[tuple[Photo, Answer]]]:
    """Yield a classifier's answers for photos of any kind in their order, a batch at a time.

    Args:
        photos: What to ask about.
        read: Returns the pixels of a photo at a size, or raises `PhotoError`; called in threads.
        classifier: What to ask.
        should_stop: Asked before every batch; the generator ends once it says so.
    """
    size = classifier.description.image_size

    def decode(photo: Photo) -> _Decoded:
        try:
            return read(photo, size)
        except PhotoError as error:
            return error

    pool = ThreadPoolExecutor(os.cpu_count() or 1, "decode")
    try:
        for batch, decoded in _decoded_batches(photos, decode, pool):
            if should_stop():
                return
            yield list(zip(batch, _answers(decoded, classifier), strict=True))
    finally:
        pool.shutdown(cancel_futures=True)


def _decoded_batches(
    photos: Sequence[Photo], decode: Callable[[Photo], _Decoded], pool: ThreadPoolExecutor
) -> Iterator[tuple[Sequence[Photo], list[_Decoded]]]:
    """Yield batches of photos with their pixels, keeping a few batches in the making."""
    waiting: deque[tuple[Sequence[Photo], list[Future[_Decoded]]]] = deque()
    for first in range(0, len(photos), BATCH_SIZE):
        batch = photos[first : first + BATCH_SIZE]
        waiting.append((batch, [pool.submit(decode, photo) for photo in batch]))
        if len(waiting) > BATCHES_AHEAD:
            yield _next_of(waiting)
    while waiting:
        yield _next_of(waiting)


def _next_of(
    waiting: deque[tuple[Sequence[Photo], list[Future[_Decoded]]]],
) -> tuple[Sequence[Photo], list[_Decoded]]:
    batch, futures = waiting.popleft()
    return batch, [future.result() for future in futures]


def _answers(decoded: Sequence[_Decoded], classifier: Classifier) -> list[Answer]:
    images = [pixels for pixels in decoded if not isinstance(pixels, PhotoError)]
    rows = iter(classifier.probabilities(np.stack(images)).tolist() if images else ())
    return [pixels if isinstance(pixels, PhotoError) else tuple(next(rows)) for pixels in decoded]
