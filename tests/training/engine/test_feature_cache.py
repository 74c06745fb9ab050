"""Features: computed once, kept for what they are, and the same as the network's own."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias, cast

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.photos import photo_bytes
from training import array_store
from training.configuration import STUDY_AUGMENTATION, Augmentation
from training.dataset import Dataset, LabelledPhoto
from training.engine import feature_cache
from training.engine.feature_cache import FeatureCache, FeatureIdentity, PhotoViews, runtime_in_use
from training.errors import DatasetError, PhotoError
from training.images import ImageSize
from training.photo_cache import PhotoCache

SIDE = 32
SIZE = ImageSize(SIDE, SIDE)
TOLERANCE = 0.02
"""By how much of the largest feature OpenVINO's may differ: bfloat16, where it is used, has eight
bits, which round by up to 0.4% in each of the network's layers."""

IDENTITY = FeatureIdentity(
    backbone="little",
    weights="checksum",
    layer="pool",
    through="",
    image_side=SIDE,
    views=1,
    augmentation=Augmentation(),
    seed=0,
    runtime="test",
)


Compute: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class Stop(Exception):
    """Raised by who wants no more."""


@dataclass
class Files:
    """A dataset's source in memory."""

    content: dict[str, bytes]

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        if name not in self.content:
            raise PhotoError("the file is not there")
        return self.content[name]

    def stamp(self, name: str) -> str | None:
        """Know of no change, nor of none."""

    def dataset(self) -> Dataset:
        """Return the dataset."""
        photos = tuple(LabelledPhoto(name, 0) for name in self.content)
        return Dataset(Path("nowhere"), ("blue", "red"), photos, "fingerprint", self)


@pytest.fixture(scope="module")
def frozen() -> keras.Model:
    """Return a little network with what backbones are made of."""
    keras.utils.set_random_seed(3)
    photos = keras.Input((SIDE, SIDE, 3))
    features = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(photos)
    for filters in (8, 16):
        features = keras.layers.Conv2D(filters, 3, activation="relu")(features)
        features = keras.layers.MaxPooling2D()(features)
    return keras.Model(photos, features)


@dataclass
class Workplace:
    """Photos, their cache, and a count of what is computed."""

    files: Files
    frozen: keras.Model
    root: Path
    computed: list[NDArray[np.float32]] = field(default_factory=list)
    """What `frozen` was given, time after time."""
    opened: list[PhotoCache | FeatureCache] = field(default_factory=list)

    @property
    def photos(self) -> Sequence[LabelledPhoto]:
        """All of them."""
        return self.files.dataset().photos

    def photo_cache(self) -> PhotoCache:
        """Return a cache of the photos, which is prepared."""
        cache = PhotoCache(self.files.dataset(), SIZE, self.root)
        self.opened.append(cache)
        cache.prepare(self.photos)
        return cache

    def features(self, identity: FeatureIdentity = IDENTITY) -> FeatureCache:
        """Open the features of an identity."""
        cache = self.photo_cache()
        views = PhotoViews(cache, identity.augmentation, identity.seed)
        features = FeatureCache(self.frozen, views, identity, cache, self.root)
        self.opened.append(features)
        return features

    def close(self) -> None:
        """Close all that was opened."""
        for each in self.opened:
            each.close()

    def prepare(self, identity: FeatureIdentity = IDENTITY) -> dict[str, NDArray[np.generic]]:
        """Have all features of an identity computed, and return those of the photos as they are."""
        features = self.features(identity)
        assert features.prepare(self.photos, identity.views, lambda done, total: None)
        found = {photo.name: features.read(photo, 0) for photo in self.photos}
        features.close()
        return found

    @property
    def rows(self) -> int:
        """How many photos features were computed for."""
        return sum(len(inputs) for inputs in self.computed)


@pytest.fixture
def as_it_is(frozen: keras.Model, tmp_path: Path) -> Iterator[Workplace]:
    """Return a workplace with five photos."""
    files = Files({f"{n}.jpg": photo_bytes("red", n) for n in range(5)})
    made = Workplace(files, frozen, tmp_path / "caches")
    yield made
    made.close()


@pytest.fixture
def place(as_it_is: Workplace, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """Return a workplace where Keras computes, which is quick to start and counted."""

    def quickest(network: keras.Model) -> Compute:
        def compute(inputs: NDArray[np.float32]) -> NDArray[np.float32]:
            if network is as_it_is.frozen:
                as_it_is.computed.append(inputs)
            return np.asarray(network(inputs, training=False), dtype=np.float32)

        return compute

    monkeypatch.setattr(feature_cache, "_quickest", quickest)
    return as_it_is


def test_features_are_what_the_network_makes_of_the_photos(place: Workplace) -> None:
    found = place.prepare()
    cache = place.photo_cache()
    pixels = np.stack([cache.read(photo) for photo in place.photos]).astype(np.float32)
    expected = np.asarray(place.frozen(pixels, training=False))
    assert expected.std() > 0.01
    assert {row.dtype for row in found.values()} == {np.dtype(np.float16)}
    assert np.allclose(np.stack(list(found.values())), expected, rtol=1e-3, atol=1e-5)


def test_a_second_run_computes_nothing(place: Workplace) -> None:
    first = place.prepare()
    assert place.rows == 5
    second = place.prepare()
    assert place.rows == 5
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_only_new_photos_are_computed(place: Workplace) -> None:
    place.prepare()
    place.files.content["new.jpg"] = photo_bytes("blue", 9)
    place.files.content["copy of 0.jpg"] = place.files.content["0.jpg"]
    found = place.prepare()
    assert place.rows == 6
    assert np.array_equal(found["copy of 0.jpg"], found["0.jpg"])


def test_photos_that_are_there_twice_are_computed_once(place: Workplace) -> None:
    place.files.content |= {f"copies/{n}.jpg": photo_bytes("red", n) for n in range(5)}
    place.prepare()
    assert place.rows == 5


OTHERS = {
    "backbone": replace(IDENTITY, backbone="other"),
    "weights": replace(IDENTITY, weights="other"),
    "layer": replace(IDENTITY, layer="other"),
    "through": replace(IDENTITY, through="other"),
    "image_side": replace(IDENTITY, image_side=SIDE + 1),
    "views": replace(IDENTITY, views=2),
    "augmentation": replace(IDENTITY, augmentation=Augmentation(flip=True)),
    "seed": replace(IDENTITY, seed=1),
    "runtime": replace(IDENTITY, runtime="other"),
}


def test_whatever_differs_makes_another_folder() -> None:
    assert OTHERS.keys() == set(FeatureIdentity.__dataclass_fields__)
    folders = {identity.folder() for identity in (IDENTITY, *OTHERS.values())}
    assert len(folders) == len(OTHERS) + 1
    assert replace(IDENTITY).folder() == IDENTITY.folder()


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_features_of_another_identity_are_not_used(
    place: Workplace, other: FeatureIdentity
) -> None:
    place.prepare()
    place.prepare(other)
    assert place.rows == 5 + 5 * other.views
    place.prepare()
    place.prepare(other)
    assert place.rows == 5 + 5 * other.views


VIEWS = replace(IDENTITY, views=3, augmentation=STUDY_AUGMENTATION, seed=4)


def test_views_of_a_photo_differ_and_the_first_is_the_photo_as_it_is(place: Workplace) -> None:
    plain = place.prepare()
    place.prepare(VIEWS)
    assert place.rows == 5 + 15
    features = place.features(VIEWS)
    for photo in place.photos:
        rows = [features.read(photo, view) for view in range(3)]
        assert np.array_equal(rows[0], plain[photo.name])
        assert len({row.tobytes() for row in rows}) == 3
    assert place.rows == 20


def test_views_are_changed_by_seed_view_and_photo_and_nothing_else(place: Workplace) -> None:
    cache = place.photo_cache()

    def view(seed: int, number: int, photo: int) -> bytes:
        views = PhotoViews(cache, STUDY_AUGMENTATION, seed)
        return views.read(place.photos[photo], number).tobytes()

    seen = {view(seed, number, photo) for seed in (1, 2) for number in (1, 2) for photo in (0, 1)}
    again = {view(seed, number, photo) for seed in (1, 2) for number in (1, 2) for photo in (0, 1)}
    assert len(seen) == 8
    assert seen == again
    assert view(1, 0, 0) == view(2, 0, 0) == cache.read(place.photos[0]).tobytes()


def test_two_photos_are_not_changed_alike(place: Workplace) -> None:
    pixels = np.full((SIDE, SIDE, 3), 10, np.uint8)
    pixels[:8, :8] = 250

    class TheSamePixels:
        def read(self, photo: LabelledPhoto) -> NDArray[np.uint8]:
            return pixels

        def key(self, photo: LabelledPhoto) -> str:
            return {"0.jpg": "a" * 64, "1.jpg": "b" * 64}[photo.name]

    views = PhotoViews(cast("PhotoCache", TheSamePixels()), STUDY_AUGMENTATION, 1)
    one, other = (views.read(photo, 1) for photo in place.photos[:2])
    assert not np.array_equal(one, other)


def test_features_too_large_for_16_bits_become_the_largest_there_is(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.array([1e6, -1e6, 65504, 65519, 1e-9, 0.5, 1 / 3, 1024.5], dtype=np.float32)
    photos = keras.Input((SIDE, SIDE, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(photos)
    place.frozen = keras.Model(photos, keras.layers.Dense(len(values))(pooled))
    monkeypatch.setattr(
        feature_cache, "_quickest", lambda network: lambda inputs: np.tile(values, (len(inputs), 1))
    )
    row = place.prepare()["0.jpg"].astype(np.float32)
    assert np.isfinite(row).all()
    assert row[:4].tolist() == [65504, -65504, 65504, 65504]
    assert np.allclose(row[4:], values[4:], rtol=2**-11, atol=2**-24)


def test_progress_tells_what_is_missing_only(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_cache, "EXTRACTION_BATCH", 2)
    told: list[tuple[int, int]] = []
    features = place.features()
    features.prepare(place.photos[:2], 1, lambda done, total: None)
    features.prepare(place.photos, 1, lambda done, total: told.append((done, total)))
    features.prepare(place.photos, 1, lambda done, total: told.append((done, total)))
    assert told == [(2, 3), (3, 3)]


def test_a_stop_ends_the_work_and_what_is_computed_is_kept(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(done: int, total: int) -> None:
        raise Stop

    monkeypatch.setattr(feature_cache, "EXTRACTION_BATCH", 2)
    with pytest.raises(Stop):
        place.features().prepare(place.photos, 1, stop)
    assert place.rows == 2
    place.prepare()
    assert place.rows == 5


def feature_packs(place: Workplace) -> list[Path]:
    return list(place.root.glob("features-*/*.pack"))


def test_features_that_are_gone_are_computed_again(place: Workplace) -> None:
    expected = place.prepare()
    features = place.features()
    for pack in feature_packs(place):
        pack.unlink()
    for photo in place.photos:
        assert np.array_equal(features.read(photo, 0), expected[photo.name])
    assert place.rows == 10


def test_damaged_features_are_computed_again(place: Workplace) -> None:
    expected = place.prepare()
    (pack,) = feature_packs(place)
    content = bytearray(pack.read_bytes())
    content[10] ^= 0xFF
    pack.write_bytes(content)
    features = place.features()
    for photo in place.photos:
        assert np.array_equal(features.read(photo, 0), expected[photo.name])
    assert place.rows == 6


def test_a_cache_without_room_says_so_and_stops_computing(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = place.photo_cache()
    monkeypatch.setattr(array_store, "MOST_BYTES", 1)
    monkeypatch.setattr(array_store, "_PACK_BYTES", 1)
    monkeypatch.setattr(feature_cache, "EXTRACTION_BATCH", 2)
    features = FeatureCache(
        place.frozen, PhotoViews(cache, Augmentation(), 0), IDENTITY, cache, place.root
    )
    place.opened.append(features)
    assert not features.prepare(place.photos, 1, lambda done, total: None)
    assert place.rows == 2
    assert features.read(place.photos[4], 0).shape == place.frozen.output_shape[1:]


def test_a_photo_that_is_gone_while_features_are_computed_is_told(place: Workplace) -> None:
    features = place.features()
    photos = place.photos
    for pack in place.root.rglob("*.pack"):
        pack.unlink()
    place.files.content.clear()
    with pytest.raises(DatasetError, match=r"0\.jpg on cannot be read any more .*check that"):
        features.prepare(photos, 1, lambda done, total: None)
    with pytest.raises(PhotoError):
        features.read(photos[0], 0)


def test_features_may_be_computed_from_features(place: Workplace) -> None:
    upper_input = keras.Input(tuple(place.frozen.output_shape[1:]))
    upper = keras.Model(upper_input, keras.layers.GlobalAveragePooling2D()(upper_input))
    cache = place.photo_cache()
    lower = FeatureCache(
        place.frozen, PhotoViews(cache, Augmentation(), 0), IDENTITY, cache, place.root
    )
    identity = replace(IDENTITY, layer="upper")
    higher = FeatureCache(upper, lower, identity, cache, place.root)
    assert lower.prepare(place.photos, 1, lambda done, total: None)
    pooled = [lower.read(photo, 0).astype(np.float32).mean(axis=(0, 1)) for photo in place.photos]
    assert higher.prepare(place.photos, 1, lambda done, total: None)
    found = [higher.read(photo, 0).astype(np.float32) for photo in place.photos]
    assert np.allclose(found, pooled, rtol=2**-10)
    assert place.rows == 5  # each photo was looked at once
    place.opened += [lower, higher]


def test_what_is_shown_to_a_network_are_these_features(place: Workplace) -> None:
    place.prepare(VIEWS)
    features = place.features(VIEWS)
    photos = list(place.photos) * 8
    shown, whole = features.examples(3, seed=1).read(photos, range(len(photos)))
    assert whole.all()
    assert shown.dtype == np.float32
    views_seen = set()
    for photo, row in zip(photos, shown, strict=True):
        rows = [features.read(photo, view).astype(np.float32) for view in range(3)]
        views_seen |= {view for view in range(3) if np.array_equal(row, rows[view])}
        assert any(np.array_equal(row, each) for each in rows)
    assert views_seen == {0, 1, 2}


def test_openvinos_features_are_those_of_the_network(as_it_is: Workplace) -> None:
    found = np.stack(list(as_it_is.prepare().values())).astype(np.float32)
    cache = as_it_is.photo_cache()
    pixels = np.stack([cache.read(photo) for photo in as_it_is.photos]).astype(np.float32)
    expected = np.asarray(as_it_is.frozen(pixels, training=False))
    assert np.abs(found - expected).max() < TOLERANCE * np.abs(expected).max()


def test_several_threads_may_have_features_computed(as_it_is: Workplace) -> None:
    features, photos = as_it_is.features(), as_it_is.photos
    one_by_one = [features.read(photo, 0) for photo in photos]
    with ThreadPoolExecutor(6) as pool:
        at_once = list(pool.map(lambda photo: features.read(photo, 0), [*photos] * 20))
    assert all(np.array_equal(row, one_by_one[n % 5]) for n, row in enumerate(at_once))


def test_what_computes_is_named_with_its_version() -> None:
    name, version = runtime_in_use().split(" ", 1)
    assert name in {"openvino", "tensorflow"}
    assert version[0].isdigit()
