"""What a network is shown: photos, or the features that the frozen part makes of them."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from training.configuration import Augmentation
from training.dataset import LabelledPhoto
from training.engine.augmentation import augment
from training.errors import DatasetError, PhotoError, PhotoGoneError
from training.photo_cache import PhotoCache

_Number = TypeVar("_Number", bound=np.generic)
_AUGMENTATION_STREAM = 1
_VIEW_STREAM = 2


class Examples(Protocol):
    """Where batches take their inputs from."""

    def read(
        self, photos: Sequence[LabelledPhoto], places: Sequence[int] | None
    ) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
        """Return the inputs of photos, and for each photo whether it could be read.

        Args:
            photos: Which ones.
            places: Their places in the stream of training photos, which decide what is random
                about each; left out where nothing is to be random.

        Returns:
            Shape (photos that could be read, …), and shape (photos,).

        Raises:
            DatasetError: None of them can be read.
        """
        ...


class PhotoExamples:
    """Photos, augmented for training."""

    def __init__(self, cache: PhotoCache, augmentation: Augmentation, seed: int) -> None:
        """Show the photos of a cache."""
        self._cache = cache
        self._augmentation = augmentation
        self._seed = seed

    def read(
        self, photos: Sequence[LabelledPhoto], places: Sequence[int] | None
    ) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
        """Return photos of shape (photos, height, width, 3), 0 to 255."""
        pixels, whole = _stack(photos, lambda index: self._cache.read(photos[index]))
        if places is not None:
            kept = [place for place, there in zip(places, whole, strict=True) if there]
            seeds = [(self._seed, _AUGMENTATION_STREAM, place) for place in kept]
            pixels = augment(pixels, self._augmentation, seeds)
        return pixels, whole


class FeatureExamples:
    """Features of photos, of which each may have several augmented views."""

    def __init__(
        self, read: Callable[[LabelledPhoto, int], NDArray[np.generic]], views: int, seed: int
    ) -> None:
        """Show what `read` returns for a photo and one of its views."""
        self._read = read
        self._views = views
        self._seed = seed

    def read(
        self, photos: Sequence[LabelledPhoto], places: Sequence[int] | None
    ) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
        """Return features, shape (photos, …)."""
        views = [0] * len(photos) if places is None else [self._view(place) for place in places]
        features, whole = _stack(photos, lambda index: self._read(photos[index], views[index]))
        return features.astype(np.float32), whole  # half precision is for keeping only

    def _view(self, place: int) -> int:
        if self._views == 1:
            return 0
        return int(np.random.default_rng((self._seed, _VIEW_STREAM, place)).integers(self._views))


def _stack(
    photos: Sequence[LabelledPhoto], read: Callable[[int], NDArray[_Number]]
) -> tuple[NDArray[_Number], NDArray[np.bool_]]:
    """Read what is shown of photos, by their indices, and tell which of them could be read.

    Raises:
        DatasetError: None of them.
    """
    rows = []
    whole = np.zeros(len(photos), dtype=np.bool_)
    for index in range(len(photos)):
        try:
            rows.append(read(index))
            whole[index] = True
        except PhotoGoneError as error:
            raise DatasetError(
                f"{photos[index].name} and all photos beside it can be read no more ({error}): "
                "check that the dataset is still there."
            ) from error
        except PhotoError:
            continue
    if not rows:
        raise DatasetError(
            f"Not one photo of a whole batch can be read any more, {photos[0].name} among "
            "them: check that the dataset is still there."
        )
    return np.stack(rows), whole


def view_key(photo_key: str, view: int) -> str:
    """Return what the features of a view are kept under; view 0 is the photo as it is."""
    return photo_key if view == 0 else f"{photo_key}-{view}"
