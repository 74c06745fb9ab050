"""Photos on their way into a network: decoded in threads, a few batches ahead."""

from collections.abc import Callable, Sequence
from math import ceil
from typing import TypeAlias

import keras
import numpy as np
from numpy.typing import NDArray

from training.dataset import Dataset, LabelledPhoto
from training.errors import DatasetError, PhotoError
from training.images import ImageSize, read_photo

Batch: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.float32]]
"""Photos of shape (batch, height, width, 3) and labels of shape (batch, 1)."""

DECODING_THREADS = 2
BATCHES_AHEAD = 6


class PhotoReader:
    """Decodes a dataset's photos into batches and reports, once each, those it cannot read."""

    def __init__(
        self, dataset: Dataset, size: ImageSize, on_skipped: Callable[[LabelledPhoto, str], None]
    ) -> None:
        """Read photos of `dataset` at `size`, telling `on_skipped` of each unreadable one."""
        self._dataset = dataset
        self._size = size
        self._on_skipped = on_skipped
        self._unreadable: set[str] = set()
        self.failure: DatasetError | None = None
        """Why no batch could be made, which Keras reports as an error of its own."""

    def batch(self, photos: Sequence[LabelledPhoto]) -> Batch:
        """Decode photos, leaving out those that cannot be read.

        Raises:
            DatasetError: None of them can be read.
        """
        images, labels = [], []
        for photo in photos:
            image = self._read(photo)
            if image is not None:
                images.append(image)
                labels.append(photo.label)
        if not images:
            self.failure = DatasetError(
                f"Not one photo of a whole batch of {self._dataset.path} can be read any more, "
                f"{photos[0].name} among them: check that the dataset is still there."
            )
            raise self.failure
        return np.stack(images), np.asarray(labels, dtype=np.float32)[:, np.newaxis]

    def count_unreadable(self, photos: Sequence[LabelledPhoto]) -> int:
        """Count how many of these photos were met and could not be read."""
        return sum(photo.name in self._unreadable for photo in photos)

    def _read(self, photo: LabelledPhoto) -> NDArray[np.uint8] | None:
        try:
            return read_photo(self._dataset.read(photo), self._size)
        except PhotoError as error:
            if photo.name not in self._unreadable:
                self._unreadable.add(photo.name)
                self._on_skipped(photo, str(error))
            return None


class TrainingBatches(keras.utils.PyDataset):
    """Batches of a training split in which the classes take turns, the same for the same seed.

    Every class is shuffled anew on each pass over it. Taking turns lets a rare class count as
    much as a common one. An epoch need not be a whole pass: the next one goes on where it ended.
    """

    def __init__(
        self,
        reader: PhotoReader,
        photos: Sequence[LabelledPhoto],
        *,
        batch_size: int,
        steps: int,
        seed: int,
    ) -> None:
        """Offer `steps` batches of `batch_size` photos an epoch."""
        super().__init__(workers=DECODING_THREADS, max_queue_size=BATCHES_AHEAD)
        self._reader = reader
        labels = sorted({photo.label for photo in photos})
        self._classes = [[p for p in photos if p.label == label] for label in labels]
        self._batch_size = batch_size
        self._steps = steps
        self._seed = seed
        self._epoch = -1  # Keras ends an epoch before the first one begins
        self._orders: dict[tuple[int, int], NDArray[np.int64]] = {}

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return self._steps

    def __getitem__(self, index: int) -> Batch:
        """Return batch `index` of the current epoch."""
        first = (max(self._epoch, 0) * self._steps + index) * self._batch_size
        return self._reader.batch([self._photo(first + n) for n in range(self._batch_size)])

    def on_epoch_end(self) -> None:
        """Go on to the next epoch's photos."""
        self._epoch += 1

    def _photo(self, place: int) -> LabelledPhoto:
        """Return the photo at a place in the endless stream of photos."""
        turn, label = divmod(place, len(self._classes))
        photos = self._classes[label]
        number, offset = divmod(turn, len(photos))
        return photos[int(self._order(label, number)[offset])]

    def _order(self, label: int, number: int) -> NDArray[np.int64]:
        """Return the order of a class in one pass; of older passes only the last is remembered."""
        order = self._orders.get((label, number))
        if order is None:
            generator = np.random.default_rng((self._seed, label, number))
            order = generator.permutation(len(self._classes[label]))
            recent = {key: o for key, o in self._orders.items() if key != (label, number - 2)}
            self._orders = {**recent, (label, number): order}
        return order


class PhotoBatches(keras.utils.PyDataset):
    """Batches of photos in the order given."""

    def __init__(
        self, reader: PhotoReader, photos: Sequence[LabelledPhoto], batch_size: int
    ) -> None:
        """Offer all of `photos` once."""
        super().__init__(workers=DECODING_THREADS, max_queue_size=BATCHES_AHEAD)
        self._reader = reader
        self._batch_size = batch_size
        self.photos = photos

    def __len__(self) -> int:
        """Return the number of batches."""
        return ceil(len(self.photos) / self._batch_size)

    def __getitem__(self, index: int) -> Batch:
        """Return batch `index`."""
        first = index * self._batch_size
        return self._reader.batch(self.photos[first : first + self._batch_size])

    def readable(self) -> int:
        """Count the photos that were met and could be read."""
        return len(self.photos) - self._reader.count_unreadable(self.photos)


class ValidationBatches(PhotoBatches):
    """Batches of a validation split, of which every epoch takes the next photos, as the study did.

    One fixed sample would have every epoch judged with the same luck.
    """

    def __init__(
        self,
        reader: PhotoReader,
        photos: Sequence[LabelledPhoto],
        *,
        batch_size: int,
        steps: int,
        seed: int,
    ) -> None:
        """Offer `steps` batches of `batch_size` photos an epoch, or all photos if fewer."""
        order = np.random.default_rng((seed, len(photos))).permutation(len(photos))
        self._shuffled = [photos[int(index)] for index in order]
        self._count = min(batch_size * steps, len(photos))
        super().__init__(reader, self._shuffled[: self._count], batch_size)

    def turn_to(self, epoch: int) -> None:
        """Take the photos of an epoch, counted from 0."""
        first = epoch * self._count % len(self._shuffled)
        self.photos = (self._shuffled * 2)[first : first + self._count]
