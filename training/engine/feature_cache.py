"""Features: what the frozen part of a network makes of photos, computed once and kept on disk."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.array_store import ArrayStore
from training.configuration import Augmentation
from training.dataset import LabelledPhoto
from training.engine.augmentation import augment
from training.engine.examples import FeatureExamples, view_key
from training.errors import DatasetError, PhotoError
from training.openvino_runtime import compile_network, convert_network, openvino_version
from training.photo_cache import PhotoCache

EXTRACTION_BATCH = 32
_VIEW_STREAM = 3
_LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureIdentity:
    """All that decides what features a photo has; features of another identity are not used."""

    backbone: str
    weights: str
    """The checksum of the backbone's weights."""
    layer: str
    """The layer whose output they are."""
    through: str
    """What they were computed from: a layer's kept output, rounded as it is, or decoded pixels."""
    image_side: int
    views: int
    augmentation: Augmentation
    """How all views but the first are changed."""
    seed: int
    runtime: str

    def folder(self) -> str:
        """Return a short name that no other identity has."""
        text = json.dumps(asdict(self), sort_keys=True)
        return f"features-{hashlib.sha256(text.encode()).hexdigest()[:20]}"


class Views(Protocol):
    """What features are computed from: photos and their augmented versions, or other features."""

    def read(self, photo: LabelledPhoto, view: int) -> NDArray[np.generic]:
        """Return a view of a photo; view 0 is the photo as it is."""
        ...


class PhotoViews:
    """The pixels of photos, and of their augmented versions."""

    def __init__(self, cache: PhotoCache, augmentation: Augmentation, seed: int) -> None:
        """Augment the photos of a cache."""
        self._cache = cache
        self._augmentation = augmentation
        self._seed = seed

    def read(self, photo: LabelledPhoto, view: int) -> NDArray[np.generic]:
        """Return pixels, shape (height, width, 3)."""
        pixels = self._cache.read(photo)
        if view == 0:
            return pixels
        number = int(self._cache.key(photo)[:15], 16)
        seeds = [(self._seed, _VIEW_STREAM, view, number)]
        changed: NDArray[np.uint8] = augment(pixels[np.newaxis], self._augmentation, seeds)[0]
        return changed


class FeatureCache:
    """The features that a frozen part of a network makes of photos."""

    def __init__(
        self,
        frozen: keras.Model,
        below: Views,
        identity: FeatureIdentity,
        cache: PhotoCache,
        root: Path,
    ) -> None:
        """Keep features below `root`.

        Args:
            frozen: What computes them.
            below: What they are computed from.
            identity: What tells them from others.
            cache: The photos, by whose keys they are known.
            root: The folder of all caches.
        """
        self.layer = identity.layer
        self._frozen = frozen
        self._below = below
        self._cache = cache
        shape = tuple(int(side) for side in frozen.output_shape[1:])
        # Half the bytes; features are far from the limits of 16 bits, and heads forgive the rest.
        self._store = ArrayStore(root, identity.folder(), shape, np.float16)
        self._compute: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None
        self._lock = Lock()

    def prepare(
        self,
        photos: Sequence[LabelledPhoto],
        views: int,
        on_progress: Callable[[int, int], None],
    ) -> bool:
        """Compute the features that are missing, and tell whether there was room for all.

        Args:
            photos: Prepared photos of the cache.
            views: How many views of each: the photo as it is, and augmented ones.
            on_progress: Told how many are done, and of how many; what it raises ends the work,
                and what is computed by then is kept.

        Raises:
            DatasetError: A photo cannot be read any more.
        """
        wanted = {
            view_key(self._cache.key(photo), view): (photo, view)  # two photos may be the same
            for view in range(views)
            for photo in photos
        }
        missing = [each for key, each in wanted.items() if key not in self._store]
        try:
            for first in range(0, len(missing), EXTRACTION_BATCH):
                self._extract(missing[first : first + EXTRACTION_BATCH])
                on_progress(min(first + EXTRACTION_BATCH, len(missing)), len(missing))
                if self._store.is_full:
                    return False
        finally:
            self._store.flush()
        return not self._store.is_full

    def read(self, photo: LabelledPhoto, view: int) -> NDArray[np.generic]:
        """Return the features of a view, computed again if they are gone.

        Raises:
            PhotoError: They are, and the photo as well.
        """
        kept = self._store.get(view_key(self._cache.key(photo), view))
        if kept is not None:
            return kept
        features: NDArray[np.generic] = self._features([(photo, view)])[0]
        return features

    def examples(self, views: int, seed: int) -> FeatureExamples:
        """Return the features as something to train on."""
        return FeatureExamples(self.read, views, seed)

    def close(self) -> None:
        """Close the files."""
        self._store.close()

    def _extract(self, wanted: Sequence[tuple[LabelledPhoto, int]]) -> None:
        try:
            features = self._features(wanted)
        except PhotoError as error:
            raise DatasetError(
                f"Photos from {wanted[0][0].name} on cannot be read any more ({error}): check that "
                "the dataset is still there."
            ) from error
        for (photo, view), row in zip(wanted, features, strict=True):
            self._store.add(view_key(self._cache.key(photo), view), row)

    def _features(self, wanted: Sequence[tuple[LabelledPhoto, int]]) -> NDArray[np.float16]:
        inputs = np.stack([self._below.read(photo, view) for photo, view in wanted])
        with self._lock:  # several threads may read, and OpenVINO computes for one at a time
            if self._compute is None:
                self._compute = _quickest(self._frozen)
            computed = self._compute(inputs.astype(np.float32))
        return np.clip(computed, -_LARGEST, _LARGEST).astype(np.float16)


def runtime_in_use() -> str:
    """Name what computes features here."""
    if tf.config.list_physical_devices("GPU"):
        return f"tensorflow {tf.__version__}"
    return f"openvino {openvino_version()}"


def _quickest(frozen: keras.Model) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return the frozen part as a function: by TensorFlow on a GPU, else by OpenVINO.

    On a processor OpenVINO is twice as quick and uses bfloat16 where the processor has it.
    """
    if tf.config.list_physical_devices("GPU"):
        return frozen.predict_on_batch
    shape = tuple(frozen.input_shape[1:])
    signature = tf.TensorSpec((None, *shape), tf.float32, name="inputs")
    graph = tf.function(lambda inputs: frozen(inputs, training=False))
    xml, weights = convert_network(graph.get_concrete_function(signature))
    compiled = compile_network(xml, weights, {"PERFORMANCE_HINT": "LATENCY"})
    return lambda inputs: np.array(compiled(inputs)[0])
