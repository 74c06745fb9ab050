"""Features: what the frozen part of a network makes of photos, computed once and kept on disk."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.array_store import ArrayStore
from training.configuration import Augmentation
from training.dataset import LabelledPhoto
from training.engine.augmentation import augment
from training.engine.examples import FeatureExamples, view_key
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


class FeatureCache:
    """The features of photos by the frozen part of one network."""

    def __init__(
        self, frozen: keras.Model, identity: FeatureIdentity, cache: PhotoCache, root: Path
    ) -> None:
        """Compute with `frozen`, read photos from `cache` and keep features below `root`."""
        self._frozen = frozen
        self._identity = identity
        self._cache = cache
        shape = tuple(int(side) for side in frozen.output_shape[1:])
        # Half the bytes; features are far from the limits of 16 bits, and heads forgive the rest.
        self._store = ArrayStore(root, identity.folder(), shape, np.float16)
        self._compute: Callable[[NDArray[np.uint8]], NDArray[np.float32]] | None = None

    def prepare(
        self,
        photos: Sequence[LabelledPhoto],
        views: int,
        on_progress: Callable[[int, int], None],
    ) -> None:
        """Compute the features that are missing.

        Args:
            photos: Prepared photos of the cache.
            views: How many views of each: the photo as it is, and augmented ones.
            on_progress: Told how many are done, and of how many; what it raises ends the work,
                and what is computed by then is kept.
        """
        missing = [
            (photo, view)
            for view in range(views)
            for photo in photos
            if view_key(self._cache.key(photo), view) not in self._store
        ]
        try:
            for first in range(0, len(missing), EXTRACTION_BATCH):
                self._extract(missing[first : first + EXTRACTION_BATCH])
                on_progress(min(first + EXTRACTION_BATCH, len(missing)), len(missing))
        finally:
            self._store.flush()

    def examples(self, views: int, seed: int) -> FeatureExamples:
        """Return the features as something to train on."""
        return FeatureExamples(self._store, self._cache, views, seed)

    def close(self) -> None:
        """Close the files."""
        self._store.close()

    def _extract(self, wanted: Sequence[tuple[LabelledPhoto, int]]) -> None:
        pixels = np.stack([self._view(photo, view) for photo, view in wanted])
        if self._compute is None:
            self._compute = _quickest(self._frozen)
        features = np.clip(self._compute(pixels), -_LARGEST, _LARGEST).astype(np.float16)
        for (photo, view), row in zip(wanted, features, strict=True):
            self._store.add(view_key(self._cache.key(photo), view), row)

    def _view(self, photo: LabelledPhoto, view: int) -> NDArray[np.uint8]:
        pixels = self._cache.read(photo)
        if view == 0:
            return pixels
        number = int(self._cache.key(photo)[:15], 16)
        seeds = [(self._identity.seed, _VIEW_STREAM, view, number)]
        view_pixels: NDArray[np.uint8] = augment(
            pixels[np.newaxis], self._identity.augmentation, seeds
        )[0]
        return view_pixels


def runtime_in_use() -> str:
    """Name what computes features here."""
    if tf.config.list_physical_devices("GPU"):
        return f"tensorflow {tf.__version__}"
    return f"openvino {openvino_version()}"


def _quickest(frozen: keras.Model) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """Return the frozen part as a function: by TensorFlow on a GPU, else by OpenVINO.

    On a processor OpenVINO is twice as quick and uses bfloat16 where the processor has it.
    """
    if tf.config.list_physical_devices("GPU"):
        return lambda photos: np.asarray(frozen.predict_on_batch(photos.astype(np.float32)))
    shape = tuple(frozen.input_shape[1:])
    signature = tf.TensorSpec((None, *shape), tf.float32, name="photos")
    graph = tf.function(lambda photos: frozen(photos, training=False))
    xml, weights = convert_network(graph.get_concrete_function(signature))
    compiled = compile_network(xml, weights, {"PERFORMANCE_HINT": "LATENCY"})
    return lambda photos: np.array(compiled(photos.astype(np.float32))[0])
