"""What a network is shown: photos augmented by their places, and features by their views."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.photos import photo_bytes
from training.configuration import STUDY_AUGMENTATION, Augmentation
from training.dataset import Dataset, LabelledPhoto
from training.engine.examples import Examples, FeatureExamples, PhotoExamples, view_key
from training.errors import DatasetError, PhotoError
from training.images import ImageSize, read_photo
from training.photo_cache import PhotoCache

SIZE = ImageSize(24, 24)


class Files:
    """A dataset's source in memory."""

    def __init__(self, count: int) -> None:
        """Hold so many photos."""
        self.content = {f"{n}.jpg": photo_bytes("red", n) for n in range(count)}

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


@pytest.fixture
def files() -> Files:
    return Files(4)


@pytest.fixture
def cache(files: Files, tmp_path: Path) -> Iterator[PhotoCache]:
    """Return a cache in which all photos are prepared."""
    dataset = files.dataset()
    prepared = PhotoCache(dataset, SIZE, tmp_path)
    prepared.prepare(dataset.photos)
    yield prepared
    prepared.close()


def lose(files: Files, root: Path, *names: str) -> None:
    """Have photos vanish, and whatever is kept of any of them."""
    for pack in root.rglob("*.pack"):
        pack.unlink()
    for name in names:
        del files.content[name]


def test_photos_without_places_are_shown_as_they_are(files: Files, cache: PhotoCache) -> None:
    photos = files.dataset().photos
    inputs, whole = PhotoExamples(cache, STUDY_AUGMENTATION, 7).read(photos, None)
    assert inputs.dtype == np.uint8
    assert np.array_equal(inputs, [read_photo(files.content[p.name], SIZE) for p in photos])
    assert whole.tolist() == [True] * 4


def test_photos_without_augmentation_are_shown_as_they_are(files: Files, cache: PhotoCache) -> None:
    photos = files.dataset().photos
    inputs, _ = PhotoExamples(cache, Augmentation(), 7).read(photos, range(4))
    assert np.array_equal(inputs, [read_photo(files.content[p.name], SIZE) for p in photos])


def test_seed_and_place_decide_how_a_photo_is_changed(files: Files, cache: PhotoCache) -> None:
    photo = files.dataset().photos[0]

    def shown(seed: int, place: int) -> bytes:
        inputs, _ = PhotoExamples(cache, STUDY_AUGMENTATION, seed).read([photo], [place])
        return inputs.tobytes()

    assert shown(1, 5) == shown(1, 5)
    assert len({shown(seed, place) for seed in range(3) for place in range(5)}) == 15


def test_a_photo_is_changed_the_same_in_whatever_batch_it_comes(
    files: Files, cache: PhotoCache
) -> None:
    photos = files.dataset().photos
    examples = PhotoExamples(cache, STUDY_AUGMENTATION, 1)
    together, _ = examples.read(photos, range(8, 12))
    alone, _ = examples.read(photos[2:3], [10])
    assert np.array_equal(together[2], alone[0])


def test_photos_that_are_gone_are_left_out_and_the_others_changed_as_ever(
    files: Files, cache: PhotoCache, tmp_path: Path
) -> None:
    photos = files.dataset().photos
    examples = PhotoExamples(cache, STUDY_AUGMENTATION, 1)
    before, _ = examples.read(photos, range(4))
    other = PhotoCache(files.dataset(), SIZE, tmp_path / "other")
    other.prepare(photos)
    lose(files, tmp_path / "other", "1.jpg")
    after, whole = PhotoExamples(other, STUDY_AUGMENTATION, 1).read(photos, range(4))
    other.close()
    assert whole.tolist() == [True, False, True, True]
    assert np.array_equal(after, before[[0, 2, 3]])


def numbers_of(photo: LabelledPhoto, view: int) -> NDArray[np.generic]:
    """Return features that tell their photo and view; the last photos have none."""
    number = int(photo.name.split(".")[0])
    if number >= 3:
        raise PhotoError("the file is not there")
    return np.array([number, view], dtype=np.float16)


def test_features_without_places_are_those_of_the_photos_as_they_are(files: Files) -> None:
    photos = files.dataset().photos[:3]
    features, whole = FeatureExamples(numbers_of, 5, 1).read(photos, None)
    assert features.dtype == np.float32
    assert features.tolist() == [[0, 0], [1, 0], [2, 0]]
    assert whole.tolist() == [True] * 3


def views_shown(views: int, seed: int, places: Sequence[int]) -> list[int]:
    photo = LabelledPhoto("0.jpg", 0)
    features, _ = FeatureExamples(numbers_of, views, seed).read([photo] * len(places), places)
    return [int(np.asarray(view)) for view in features[:, 1]]


def test_one_view_is_the_photo_as_it_is() -> None:
    assert set(views_shown(1, 3, range(50))) == {0}


def test_seed_and_place_decide_which_view_is_shown() -> None:
    together = views_shown(6, 3, range(60))
    assert together == [views_shown(6, 3, [place])[0] for place in range(60)]
    assert together != views_shown(6, 4, range(60))


def test_every_view_is_shown_about_as_often() -> None:
    shown = Counter(views_shown(4, 3, range(800)))
    assert shown.keys() == {0, 1, 2, 3}
    assert 150 < min(shown.values()) <= max(shown.values()) < 250


def test_features_that_are_gone_for_good_are_left_out(files: Files) -> None:
    features, whole = FeatureExamples(numbers_of, 1, 1).read(files.dataset().photos[::-1], None)
    assert features.tolist() == [[2, 0], [1, 0], [0, 0]]
    assert whole.tolist() == [False, True, True, True]


def photo_examples(cache: PhotoCache) -> Examples:
    return PhotoExamples(cache, STUDY_AUGMENTATION, 1)


def feature_examples(cache: PhotoCache) -> Examples:
    return FeatureExamples(lambda photo, view: cache.read(photo), 3, 1)


@pytest.mark.parametrize("make", [photo_examples, feature_examples])
@pytest.mark.parametrize("places", [None, range(4)])
def test_a_batch_of_which_nothing_is_left_is_told(
    files: Files,
    cache: PhotoCache,
    tmp_path: Path,
    make: Callable[[PhotoCache], Examples],
    places: Sequence[int] | None,
) -> None:
    photos = files.dataset().photos
    lose(files, tmp_path, *list(files.content))
    with pytest.raises(DatasetError, match=r"can be read any more, 0\.jpg among them: check"):
        make(cache).read(photos, places)


def test_views_of_a_photo_are_kept_apart() -> None:
    keys = [view_key(key, view) for key in ("a", "b") for view in range(3)]
    assert len(set(keys)) == 6
    assert view_key("a", 0) == "a"
