"""What photos look like in a few hundred bytes each, so that duplicates can be told quickly.

Photos are read through `training.images`, as the models see them, at 32 x 32 pixels. JPEGs are
decoded at a fraction of their size for that, which is what makes it quick.
"""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.dataset import Dataset, LabelledPhoto
from training.errors import PhotoError, PhotoGoneError
from training.images import ImageSize, read_photo, read_size
from training.progress import OnProgress, ShouldStop, Watch, never, no_progress

THUMBNAIL_SIDE = 16
_LOOKED_AT = ImageSize(32, 32)
"""What pHash looks at: eight times four pixels a side."""
_PHOTOS_A_TASK = 16

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True, slots=True, eq=False)
class Hashes:
    """What the photos of a dataset look like; row i of every array is photo `names[i]`."""

    names: tuple[str, ...]
    """The photos that can be read."""
    labels: NDArray[np.int64]
    digests: tuple[bytes, ...]
    """SHA-256 of every file."""
    sizes: tuple[ImageSize, ...]
    """Height and width as stored, in pixels."""
    appearance: NDArray[np.uint64]
    """Shape (n, 3): 64 bits each of pHash and of both directions of dHash."""
    mirrored: NDArray[np.uint64]
    """Shape (n, 3): the same of the photo seen in a mirror."""
    thumbnails: NDArray[np.uint8]
    """Shape (n, 16, 16), grey."""
    colours: NDArray[np.float32]
    """Shape (n, 3): the mean colour, RGB, 0 to 255."""
    unreadable: tuple[tuple[str, str], ...]
    """The photos that cannot be read, each with its reason."""


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """What one photo looks like."""

    digest: bytes
    size: ImageSize
    appearance: NDArray[np.uint64]
    mirrored: NDArray[np.uint64]
    thumbnail: NDArray[np.uint8]
    colour: NDArray[np.float32]


def perceptual_hashes(
    dataset: Dataset,
    photos: Sequence[LabelledPhoto] | None = None,
    *,
    on_progress: OnProgress = no_progress,
    should_stop: ShouldStop = never,
) -> Hashes:
    """Look at photos; those that cannot be read are told of and left out.

    Args:
        dataset: Where the photos are.
        photos: Which of them; all without a choice.
        on_progress: Told how many photos are done, and of how many.
        should_stop: Asked now and then whether to stop.

    Raises:
        WorkStopped: It was asked to stop.
        DatasetError: No photo can be read any more.
    """
    chosen = dataset.photos if photos is None else photos
    watch = Watch(on_progress, should_stop)
    seen: list[tuple[LabelledPhoto, _Look]] = []
    unreadable: list[tuple[str, str]] = []

    def look_at(photo: LabelledPhoto) -> _Look | str:
        try:
            return _look(dataset.read(photo))
        except PhotoGoneError as error:
            raise dataset.gone(error) from error
        except PhotoError as error:
            return str(error)

    with closing(_in_threads(look_at, chosen)) as looks:
        for done, (photo, look) in enumerate(looks):
            if done % _PHOTOS_A_TASK == 0:
                watch.step(done, len(chosen))
            if isinstance(look, str):
                unreadable.append((photo.name, look))
            else:
                seen.append((photo, look))
    watch.step(len(chosen), len(chosen))
    return _gather(seen, unreadable)


def _look(content: bytes) -> _Look:
    pixels = read_photo(content, _LOOKED_AT)
    grey = Image.fromarray(pixels).convert("L")
    return _Look(
        hashlib.sha256(content).digest(),
        read_size(content),
        _bits(grey),
        _bits(grey.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
        np.asarray(grey.reduce(_LOOKED_AT.width // THUMBNAIL_SIDE)),
        pixels.mean(axis=(0, 1), dtype=np.float32),
    )


def _bits(grey: Image.Image) -> NDArray[np.uint64]:
    import imagehash

    hashes = (imagehash.phash(grey), imagehash.dhash(grey), imagehash.dhash_vertical(grey))
    return np.packbits([each.hash.ravel() for each in hashes], axis=1).view(np.uint64)[:, 0]


def _gather(
    seen: Sequence[tuple[LabelledPhoto, _Look]], unreadable: Sequence[tuple[str, str]]
) -> Hashes:
    photos, looks = [photo for photo, _ in seen], [look for _, look in seen]
    side = THUMBNAIL_SIDE
    return Hashes(
        names=tuple(photo.name for photo in photos),
        labels=np.array([photo.label for photo in photos], np.int64),
        digests=tuple(look.digest for look in looks),
        sizes=tuple(look.size for look in looks),
        appearance=np.array([look.appearance for look in looks], np.uint64).reshape(-1, 3),
        mirrored=np.array([look.mirrored for look in looks], np.uint64).reshape(-1, 3),
        thumbnails=np.array([k.thumbnail for k in looks], np.uint8).reshape(-1, side, side),
        colours=np.array([look.colour for look in looks], np.float32).reshape(-1, 3),
        unreadable=tuple(unreadable),
    )


def _in_threads(function: Callable[[In], Out], values: Sequence[In]) -> Generator[tuple[In, Out]]:
    """Call a function for every value in threads, yielding in order; few wait at a time.

    Pillow decodes without Python's lock, so that threads pay for photos from a camera, and where
    the disk is slow; and whoever stops waits for a few photos only.
    """

    def task(chunk: Iterable[In]) -> list[tuple[In, Out]]:
        return [(value, function(value)) for value in chunk]

    workers = os.cpu_count() or 1
    waiting: deque[Future[list[tuple[In, Out]]]] = deque()
    with ThreadPoolExecutor(workers) as threads:
        try:
            for start in range(0, len(values), _PHOTOS_A_TASK):
                waiting.append(threads.submit(task, values[start : start + _PHOTOS_A_TASK]))
                if len(waiting) > 2 * workers:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            threads.shutdown(wait=True, cancel_futures=True)
