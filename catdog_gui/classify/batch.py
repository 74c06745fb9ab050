"""Classifying many photos: decoding processes read ahead while the classifier answers."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from catdog_gui.classify.decoding import PhotoSource, Reading
from catdog_gui.classify.decoding_pool import DecodedBatch, DecodingPool
from catdog_gui.classify.prediction import Prediction
from training.errors import PhotoError
from training.model_file import ModelDescription

BATCH_SIZE = 32
"""The most photos that a classifier is asked about at once."""
FIRST_BATCH = 4
"""How many it is asked about first, so that there is something to see soon."""
BATCH_SECONDS = 0.1
"""How long one process should take to read a batch: of large photos a batch has fewer."""
MOST_KNOWN = 512
"""How many photos whose answers are known may come with a batch."""
MOST_SHARED_BYTES = 6_000_000
"""How much memory the pixels of a batch may take; there are about two batches for each core."""


class Network(Protocol):
    """What answers; a `Classifier`, or something that becomes one when it is asked."""

    @property
    def description(self) -> ModelDescription:
        """What its model file says of itself."""
        ...

    def probabilities(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return every class's probability (see `Classifier.probabilities`)."""
        ...

    def prepare(self) -> None:
        """Become ready to answer, while the first photos are being read."""
        ...


Photo = TypeVar("Photo")
Answer: TypeAlias = tuple[float, ...] | PhotoError
"""A photo's probabilities, or why it could not be read."""


@dataclass(frozen=True, slots=True)
class Answered(Generic[Photo]):
    """A photo and its answer."""

    photo: Photo
    answer: Answer
    reading: Reading | None
    """What came of reading it; nothing if its answer was known without."""


def classify_photos(
    photos: Iterable[Path],
    classifier: Network,
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
    for batch in ask(photos, str, classifier, should_stop=should_stop):
        yield [prediction_of(each) for each in batch]


def prediction_of(answered: Answered[Path]) -> Prediction:
    """Return what is said about a photo file."""
    reading = answered.reading
    fingerprint = reading.fingerprint or b"" if reading else b""
    if isinstance(answered.answer, PhotoError):
        reason = str(answered.answer)
        return Prediction(answered.photo, reason=reason, fingerprint=fingerprint)
    return Prediction(answered.photo, answered.answer, fingerprint=fingerprint)


def ask(
    photos: Iterable[Photo],
    source: Callable[[Photo], PhotoSource | Answer],
    classifier: Network,
    *,
    recall: Callable[[bytes], Answer | None] = lambda _fingerprint: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[list[Answered[Photo]]]:
    """Yield a classifier's answers for photos of any kind in their order, a batch at a time.

    Args:
        photos: What to ask about; taken only a little ahead of the answers.
        source: Returns a photo's path or content, or its answer if that is known already; what
            it raises of `PhotoError` is the answer, too.
        classifier: What to ask.
        recall: Returns the answer for a content of this fingerprint, if it is known already.
        should_stop: Asked before every batch; the generator ends once it says so.

    Raises:
        CatDogError: No photo can be read, or the classifier cannot answer.
    """
    size = classifier.description.image_size
    most = max(1, min(BATCH_SIZE, MOST_SHARED_BYTES // (size.height * size.width * 3)))
    with DecodingPool(size, most) as pool:
        pace = _Pace(most)
        batches = _grouped(photos, source, pace)
        waiting: deque[_Batch[Photo]] = deque()
        while _fill(waiting, batches, pool) and not should_stop():
            batch = waiting.popleft()
            if batch.sources:
                classifier.prepare()
                _answer(batch, pool, classifier, recall, pace)
            yield batch.answered


@dataclass(eq=False, slots=True)
class _Batch(Generic[Photo]):
    """Consecutive photos; the answers of some are known already."""

    answered: list[Answered[Photo]] = field(default_factory=list)
    """All of them; those that are still to be read with a stand-in for an answer."""
    places: list[int] = field(default_factory=list)
    """Where those are that are still to be read."""
    sources: list[PhotoSource] = field(default_factory=list)
    """What to read them from."""


class _Pace:
    """Finds how many photos to read at once, so that all cores work and answers come steadily."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.photos = min(FIRST_BATCH, most)

    def learn(self, batch: DecodedBatch) -> None:
        """Choose the next batches' size by how long this one took to be read."""
        in_time = int(BATCH_SECONDS * len(batch.sources) / max(batch.seconds, 1e-6))
        self.photos = max(1, min(self.most, 2 * self.photos, in_time))


_UNKNOWN: Answer = ()


def _grouped(
    photos: Iterable[Photo], source: Callable[[Photo], PhotoSource | Answer], pace: _Pace
) -> Iterator[_Batch[Photo]]:
    batch: _Batch[Photo] = _Batch()
    for photo in photos:
        found = _found(photo, source)
        if isinstance(found, str | bytes):
            batch.places.append(len(batch.answered))
            batch.sources.append(found)
            batch.answered.append(Answered(photo, _UNKNOWN, None))
        else:
            batch.answered.append(Answered(photo, found, None))
        if len(batch.sources) >= pace.photos or len(batch.answered) >= MOST_KNOWN:
            yield batch
            batch = _Batch()
    if batch.answered:
        yield batch


def _found(photo: Photo, source: Callable[[Photo], PhotoSource | Answer]) -> PhotoSource | Answer:
    try:
        return source(photo)
    except PhotoError as error:
        return error


def _fill(
    waiting: "deque[_Batch[Photo]]", batches: Iterator[_Batch[Photo]], pool: DecodingPool
) -> bool:
    """Have batches read as long as there is room; return whether any is waited for."""
    pool.look()
    while pool.has_room:
        batch = next(batches, None)
        if batch is None:
            break
        waiting.append(batch)
        if not batch.sources:
            break  # its answers are known: they need not wait for others
        pool.give(batch.sources)
    return bool(waiting)


def _answer(
    batch: _Batch[Photo],
    pool: DecodingPool,
    classifier: Network,
    recall: Callable[[bytes], Answer | None],
    pace: _Pace,
) -> None:
    """Wait for a batch's photos to be read, and put their answers in."""
    pixels, decoded = pool.take()
    pace.learn(decoded)
    answers: dict[int, Answer] = {}
    for place, reading in decoded.readings.items():
        known = None if reading.fingerprint is None else recall(reading.fingerprint)
        if known is not None:
            answers[place] = known
        elif reading.reason:
            answers[place] = PhotoError(reading.reason)
    asked = [place for place in range(len(decoded.sources)) if place not in answers]
    answers.update(zip(asked, _probabilities(pixels, asked, classifier), strict=True))
    pool.give_back(decoded)
    for place, where in enumerate(batch.places):
        photo = batch.answered[where].photo
        batch.answered[where] = Answered(photo, answers[place], decoded.readings[place])


def _probabilities(
    pixels: NDArray[np.uint8], asked: Sequence[int], classifier: Network
) -> list[tuple[float, ...]]:
    if not asked:
        return []
    chosen = pixels if len(asked) == len(pixels) else pixels[asked]
    return [tuple(row) for row in classifier.probabilities(chosen).tolist()]
