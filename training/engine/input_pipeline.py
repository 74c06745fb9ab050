"""Batches on their way into a network: the order of photos, and a few batches ahead."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil
from typing import TypeAlias

import keras
import numpy as np
from numpy.typing import NDArray

from training.dataset import LabelledPhoto
from training.engine.examples import Examples
from training.errors import DatasetError

Batch: TypeAlias = (
    tuple[NDArray[np.generic], NDArray[np.float32]]
    | tuple[NDArray[np.generic], NDArray[np.float32], NDArray[np.float32]]
)
"""Inputs of shape (batch, …), labels of shape (batch, 1), and weights of shape (batch,) if any."""

READING_THREADS = 2
BATCHES_AHEAD = 6


class PhotoStream:
    """The endless order in which training photos are shown, the same for the same seed.

    It is made of passes over all photos, each in an order of its own in which the classes are
    spread evenly, so that every batch has its share of each.
    """

    def __init__(self, photos: Sequence[LabelledPhoto], seed: int) -> None:
        """Order `photos`."""
        self._photos = photos
        self._seed = seed
        self._labels = np.array([photo.label for photo in photos])
        self._orders: dict[int, NDArray[np.int64]] = {}

    def __getitem__(self, place: int) -> LabelledPhoto:
        """Return the photo at a place, counted from 0."""
        number, offset = divmod(place, len(self._photos))
        return self._photos[int(self._order(number)[offset])]

    def _order(self, number: int) -> NDArray[np.int64]:
        """Return the order of one pass; of older passes only the last is remembered."""
        order = self._orders.get(number)
        if order is None:
            generator = np.random.default_rng((self._seed, number))
            order = np.argsort(self._spread(generator), kind="stable")
            recent = {key: kept for key, kept in self._orders.items() if key != number - 2}
            self._orders = {**recent, number: order}
        return order

    def _spread(self, generator: np.random.Generator) -> NDArray[np.float64]:
        """Draw a place from 0 to 1 for every photo, each class's photos at even distances."""
        places = np.empty(len(self._photos))
        for label in np.unique(self._labels):
            members = np.flatnonzero(self._labels == label)
            ranks = generator.permutation(len(members))
            places[members] = (ranks + generator.random(len(members))) / len(members)
        return places


class BatchReader:
    """Reads batches, and remembers why it could not, which Keras reports as an error of its own."""

    def __init__(self, examples: Examples, weights: Mapping[int, float] | None = None) -> None:
        """Take inputs from `examples`, and each label's weight from `weights`."""
        self._examples = examples
        self._weights = weights
        self.failure: DatasetError | None = None

    def batch(self, photos: Sequence[LabelledPhoto], places: Sequence[int] | None = None) -> Batch:
        """Return the inputs of photos with their labels, without those that cannot be read.

        Raises:
            DatasetError: None of them can be read.
        """
        try:
            inputs, whole = self._examples.read(photos, places)
        except DatasetError as error:
            self.failure = error
            raise
        labels = np.array([photo.label for photo in photos])[whole]
        column = labels.astype(np.float32)[:, np.newaxis]
        if self._weights is None:
            return inputs, column
        weights = np.array([self._weights[int(label)] for label in labels], dtype=np.float32)
        return inputs, column, weights

    @contextmanager
    def own_failures(self) -> Iterator[None]:
        """Raise why a batch could not be read, and not what Keras and TensorFlow make of it."""
        try:
            yield
        except Exception as error:
            if self.failure is not None:
                raise self.failure from error
            raise


class TrainingBatches(keras.utils.PyDataset):
    """The batches of one epoch, or of what is left of it."""

    def __init__(
        self, reader: BatchReader, stream: PhotoStream, *, batch_size: int, first: int, steps: int
    ) -> None:
        """Offer `steps` batches of `batch_size` photos, from batch `first` of the stream on."""
        super().__init__(workers=READING_THREADS, max_queue_size=BATCHES_AHEAD)
        self._reader = reader
        self._stream = stream
        self._batch_size = batch_size
        self._first = first
        self._steps = steps

    def __len__(self) -> int:
        """Return the number of batches."""
        return self._steps

    def __getitem__(self, index: int) -> Batch:
        """Return batch `index`."""
        first = (self._first + index) * self._batch_size
        places = range(first, first + self._batch_size)
        return self._reader.batch([self._stream[place] for place in places], places)


class PhotoBatches(keras.utils.PyDataset):
    """Batches of photos in the order given, never augmented."""

    def __init__(
        self, reader: BatchReader, photos: Sequence[LabelledPhoto], batch_size: int
    ) -> None:
        """Offer all of `photos` once."""
        super().__init__(workers=READING_THREADS, max_queue_size=BATCHES_AHEAD)
        self._reader = reader
        self._photos = photos
        self._batch_size = batch_size

    def __len__(self) -> int:
        """Return the number of batches."""
        return ceil(len(self._photos) / self._batch_size)

    def __getitem__(self, index: int) -> Batch:
        """Return batch `index`."""
        first = index * self._batch_size
        return self._reader.batch(self._photos[first : first + self._batch_size])


def validation_sample(
    photos: Sequence[LabelledPhoto], *, count: int, epoch: int, seed: int
) -> list[LabelledPhoto]:
    """Return the photos that an epoch is validated with: the next ones each time, as in the study.

    One fixed sample would have every epoch judged with the same luck.

    Args:
        photos: All of the split.
        count: How many an epoch takes; 0 for all.
        epoch: Counted from 0.
        seed: Decides their order.
    """
    if not 0 < count < len(photos):
        return list(photos)
    order = np.random.default_rng((seed, len(photos))).permutation(len(photos))
    first = epoch * count % len(photos)
    return [photos[int(index)] for index in np.tile(order, 2)[first : first + count]]


def class_weights(photos: Sequence[LabelledPhoto]) -> dict[int, float] | None:
    """Weigh photos so that every class counts alike; nothing if the classes are equal anyway.

    Source: `sklearn.utils.class_weight`, "balanced": photos / (classes * photos of the class).
    """
    counts = Counter(photo.label for photo in photos)
    if len(set(counts.values())) == 1:
        return None
    return {label: len(photos) / (len(counts) * count) for label, count in counts.items()}
