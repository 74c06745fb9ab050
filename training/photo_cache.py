"""A dataset's photos as arrays of one size, decoded once and kept on disk for later runs."""

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from training.array_store import ArrayStore
from training.dataset import Dataset, LabelledPhoto
from training.errors import PhotoError, PhotoGoneError
from training.images import ImageSize, read_photo
from training.photo_keys import PhotoKeys

DECODER = "bilinear 1"
"""Names the way of `training.images`; to be changed with it, so that no older array is used."""
PHOTOS_AT_ONCE = 256
"""How many photos are handed to the decoding threads between two looks at a stop."""

ProgressCallback: TypeAlias = Callable[[int, int], None]


class PhotoCache:
    """Photos of one size by what their files hold, whatever these are called."""

    def __init__(self, dataset: Dataset, size: ImageSize, root: Path) -> None:
        """Keep photos of `dataset` at `size` below `root`, which other runs share."""
        self.size = size
        self._dataset = dataset
        kind = f"photos-{size.height}x{size.width}-{_short_digest(DECODER)}"
        self._store = ArrayStore(root, kind, (*size, 3), np.uint8)
        self._known = PhotoKeys(root, dataset.path)
        self._keys: dict[str, str] = {}

    def prepare(
        self,
        photos: Sequence[LabelledPhoto],
        *,
        on_progress: ProgressCallback = lambda done, total: None,
        on_unreadable: Callable[[LabelledPhoto, str], None] = lambda photo, reason: None,
    ) -> list[LabelledPhoto]:
        """Decode what is not decoded yet, and return the photos that can be read.

        Args:
            photos: What to decode.
            on_progress: Told how many are done, and of how many; what it raises ends the work,
                and what is decoded by then is kept.
            on_unreadable: Told of every photo that is left out, and why.

        Raises:
            DatasetError: No photo can be read any more.
        """
        readable: list[LabelledPhoto] = []
        try:
            with ThreadPoolExecutor(os.cpu_count() or 1, "decode") as pool:
                for first in range(0, len(photos), PHOTOS_AT_ONCE):
                    some = photos[first : first + PHOTOS_AT_ONCE]
                    for photo, reason in zip(some, pool.map(self._decode_once, some), strict=True):
                        if reason is None:
                            readable.append(photo)
                        else:
                            on_unreadable(photo, reason)
                    on_progress(first + len(some), len(photos))
        except PhotoGoneError as error:
            raise self._dataset.gone(error) from error
        finally:
            self._store.flush()  # what is decoded is kept, also when there is a stop
            self._known.save()
        return readable

    def key(self, photo: LabelledPhoto) -> str:
        """Return what stands for a prepared photo's content."""
        return self._keys[photo.name]

    def contents(self, photos: Sequence[LabelledPhoto]) -> str:
        """Return what stands for the names, labels and contents of prepared photos, in order.

        It is the same for a folder and its zip.
        """
        (names,) = self._dataset.without_root([[photo.name for photo in photos]])
        lines = (
            f"{name}\0{photo.label}\0{self.key(photo)}"
            for name, photo in zip(names, photos, strict=True)
        )
        return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()

    def read(self, photo: LabelledPhoto) -> NDArray[np.uint8]:
        """Return a prepared photo's pixels, shape (height, width, 3).

        Raises:
            PhotoError: It is not in the cache, and can be read no more.
        """
        kept = self._store.get(self._keys[photo.name])
        if kept is not None:
            return kept.astype(np.uint8, copy=False)
        return read_photo(self._dataset.read(photo), self.size)

    def close(self) -> None:
        """Close the files."""
        self._store.close()

    def _decode_once(self, photo: LabelledPhoto) -> str | None:
        """Have a photo in the store, and return why it alone cannot be read, if so."""
        stamp = self._dataset.stamp(photo)  # before it is read, lest a change meanwhile be missed
        known = self._known.get(photo.name, stamp)
        if known is not None and known in self._store:
            self._keys[photo.name] = known
            return None
        try:
            content = self._dataset.read(photo)
            key = hashlib.sha256(content).hexdigest()
            if key not in self._store:
                self._store.add(key, read_photo(content, self.size))
        except PhotoGoneError:
            raise
        except PhotoError as error:
            return str(error)
        self._known.learn(photo.name, stamp, key)
        self._keys[photo.name] = key
        return None


def _short_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
