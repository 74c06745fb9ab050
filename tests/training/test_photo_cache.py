"""Photos decoded once, and kept for every later run."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.photos import photo_bytes, write_dataset
from training import photo_cache
from training.dataset import Dataset, LabelledPhoto, open_dataset
from training.errors import DatasetError, PhotoError
from training.images import ImageSize, read_photo
from training.photo_cache import PhotoCache

SIZE = ImageSize(24, 32)


class Stop(Exception):  # as the trainer's own
    """Raised by who wants no more."""


@dataclass
class Photos:
    """A dataset's source that holds files in memory and counts how often each is read."""

    files: dict[str, bytes]
    reads: list[str] = field(default_factory=list)
    stamps: dict[str, str] = field(default_factory=dict)

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        self.reads.append(name)
        if name not in self.files:
            raise PhotoError("the file is not there")
        return self.files[name]

    def stamp(self, name: str) -> str | None:
        """Return a file's stamp, if it was given one."""
        return self.stamps.get(name)

    def dataset(self) -> Dataset:
        """Return a dataset of all files there are just now."""
        photos = tuple(LabelledPhoto(name, place % 2) for place, name in enumerate(self.files))
        return Dataset(Path("nowhere"), ("blue", "red"), photos, "fingerprint", self)


def some_photos(count: int = 6) -> Photos:
    return Photos({f"{n}.jpg": photo_bytes("red", n) for n in range(count)})


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Collect what is decoded."""
    contents: list[bytes] = []

    def note(source: bytes, size: ImageSize) -> NDArray[np.uint8]:
        contents.append(source)
        return read_photo(source, size)

    monkeypatch.setattr(photo_cache, "read_photo", note)
    return contents


def pixels_of(source: Photos, root: Path, size: ImageSize = SIZE) -> dict[str, NDArray[np.uint8]]:
    """Prepare all photos of a dataset and read them."""
    dataset = source.dataset()
    cache = PhotoCache(dataset, size, root)
    readable = cache.prepare(dataset.photos)
    pixels = {photo.name: cache.read(photo) for photo in readable}
    cache.close()
    return pixels


def test_cached_pixels_are_those_of_the_one_way_to_read_a_photo(tmp_path: Path) -> None:
    source = some_photos()
    for _ in range(2):
        pixels = pixels_of(source, tmp_path)
        assert pixels.keys() == source.files.keys()
        for name, content in source.files.items():
            assert pixels[name].dtype == np.uint8
            assert np.array_equal(pixels[name], read_photo(content, SIZE))


def test_a_second_run_decodes_nothing(tmp_path: Path, decoded: list[bytes]) -> None:
    source = some_photos()
    first = pixels_of(source, tmp_path)
    assert len(decoded) == 6
    second = pixels_of(source, tmp_path)
    assert len(decoded) == 6
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_second_dataset_decodes_only_what_is_new_whatever_it_is_called(
    tmp_path: Path, decoded: list[bytes]
) -> None:
    pixels_of(some_photos(), tmp_path)
    renamed = Photos({f"copies/{n}.jpg": photo_bytes("red", n) for n in range(4, 8)})
    pixels_of(renamed, tmp_path)
    assert sorted(decoded) == sorted(photo_bytes("red", n) for n in range(8))


def test_another_image_size_is_decoded_anew(tmp_path: Path, decoded: list[bytes]) -> None:
    source = some_photos()
    pixels_of(source, tmp_path)
    turned = pixels_of(source, tmp_path, ImageSize(32, 24))
    assert len(decoded) == 12
    assert {pixels.shape for pixels in turned.values()} == {(32, 24, 3)}


def test_arrays_of_an_older_decoder_are_not_used(
    tmp_path: Path, decoded: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = some_photos()
    pixels_of(source, tmp_path)
    monkeypatch.setattr(photo_cache, "DECODER", "bilinear 2")
    pixels_of(source, tmp_path)
    assert len(decoded) == 12


def test_the_same_content_under_two_names_is_stored_once(tmp_path: Path) -> None:
    def bytes_kept(root: Path, files: dict[str, bytes]) -> int:
        pixels_of(Photos(files), root)
        return sum(pack.stat().st_size for pack in root.rglob("*.pack"))

    one, other = photo_bytes("red", 1), photo_bytes("red", 2)
    apart = bytes_kept(tmp_path / "apart", {"a.jpg": one, "b.jpg": other})
    twice = {"a.jpg": one, "b.jpg": other, "c.jpg": one, "d/a.jpg": one, "e.jpg": other}
    assert bytes_kept(tmp_path / "twice", twice) == apart


def test_the_same_content_has_the_same_key_and_other_content_another(tmp_path: Path) -> None:
    one, other = photo_bytes("red", 1), photo_bytes("red", 2)
    dataset = Photos({"a.jpg": one, "b.jpg": one, "c.jpg": other}).dataset()
    cache = PhotoCache(dataset, SIZE, tmp_path)
    cache.prepare(dataset.photos)
    keys = [cache.key(photo) for photo in dataset.photos]
    cache.close()
    assert keys[0] == keys[1] != keys[2]


def test_unreadable_photos_are_told_with_their_reasons_and_left_out(tmp_path: Path) -> None:
    source = some_photos(4)
    source.files |= {"empty.jpg": b"", "cut.jpg": photo_bytes("red")[:200], "text.jpg": b"text"}
    dataset = source.dataset()
    del source.files["2.jpg"]  # it vanishes
    told: list[tuple[str, str]] = []
    cache = PhotoCache(dataset, SIZE, tmp_path)
    readable = cache.prepare(
        dataset.photos, on_unreadable=lambda photo, reason: told.append((photo.name, reason))
    )
    cache.close()
    assert [photo.name for photo in readable] == ["0.jpg", "1.jpg", "3.jpg"]
    assert told == [
        ("2.jpg", "the file is not there"),
        ("empty.jpg", "the file is empty"),
        ("cut.jpg", "the file is cut short"),
        ("text.jpg", "it is not a photo in a format that can be read"),
    ]


def test_photos_keep_their_order_however_long_each_takes(tmp_path: Path) -> None:
    source = Photos(
        {f"{n}.jpg": photo_bytes("red", n, (600, 600) if n % 3 else (8, 8)) for n in range(12)}
    )
    assert list(pixels_of(source, tmp_path)) == [f"{n}.jpg" for n in range(12)]


def test_progress_goes_up_to_all_photos_and_counts_the_unreadable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_cache, "PHOTOS_AT_ONCE", 4)
    source = some_photos(9)
    source.files["3.jpg"] = b""
    told: list[tuple[int, int]] = []
    dataset = source.dataset()
    cache = PhotoCache(dataset, SIZE, tmp_path)
    cache.prepare(dataset.photos, on_progress=lambda done, total: told.append((done, total)))
    cache.close()
    assert told == [(4, 9), (8, 9), (9, 9)]


def test_a_stop_ends_the_work_and_what_is_decoded_is_kept(
    tmp_path: Path, decoded: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(done: int, total: int) -> None:
        raise Stop

    monkeypatch.setattr(photo_cache, "PHOTOS_AT_ONCE", 4)
    source = some_photos(9)
    dataset = source.dataset()
    with pytest.raises(Stop):
        PhotoCache(dataset, SIZE, tmp_path).prepare(dataset.photos, on_progress=stop)
    assert len(decoded) == 4
    pixels_of(source, tmp_path)
    assert len(decoded) == 9


def damage(pack: Path) -> None:
    content = bytearray(pack.read_bytes())
    content[: SIZE.height] = bytes(SIZE.height)  # within the first array
    pack.write_bytes(content)


@pytest.mark.parametrize("harm", [Path.unlink, damage], ids=["gone", "damaged"])
def test_reading_falls_back_to_decoding_when_an_array_is_gone(
    tmp_path: Path, decoded: list[bytes], harm: Callable[[Path], None]
) -> None:
    source = some_photos(1)
    dataset = source.dataset()
    (photo,) = dataset.photos
    cache = PhotoCache(dataset, SIZE, tmp_path)
    cache.prepare(dataset.photos)
    (pack,) = tmp_path.rglob("*.pack")
    harm(pack)
    decoded.clear()
    pixels = cache.read(photo)
    cache.close()
    assert len(decoded) == 1
    assert np.array_equal(pixels, read_photo(source.files["0.jpg"], SIZE))


def test_a_cache_that_can_keep_nothing_decodes_every_time(
    tmp_path: Path, decoded: list[bytes]
) -> None:
    root = tmp_path / "a file"
    root.write_text("not a folder")
    source = some_photos(3)
    pixels = pixels_of(source, root)
    assert len(decoded) == 6
    assert np.array_equal(pixels["2.jpg"], read_photo(source.files["2.jpg"], SIZE))


def test_a_photo_that_is_gone_from_cache_and_dataset_is_told(tmp_path: Path) -> None:
    source = some_photos(1)
    dataset = source.dataset()
    cache = PhotoCache(dataset, SIZE, tmp_path)
    cache.prepare(dataset.photos)
    for pack in tmp_path.rglob("*.pack"):
        pack.unlink()
    source.files.clear()
    with pytest.raises(PhotoError, match="the file is not there"):
        cache.read(dataset.photos[0])
    cache.close()


def test_preparing_reads_every_file_once(tmp_path: Path) -> None:
    source = some_photos()
    pixels_of(source, tmp_path)
    assert sorted(source.reads) == sorted(source.files)


def test_files_that_seem_unchanged_are_not_read_again(tmp_path: Path) -> None:
    source = some_photos()
    source.stamps = dict.fromkeys(source.files, "old")
    before = pixels_of(source, tmp_path)
    source.reads.clear()
    after = pixels_of(source, tmp_path)
    assert source.reads == []
    assert all(np.array_equal(before[name], after[name]) for name in source.files)


def test_files_that_changed_or_may_have_changed_are_read_again(tmp_path: Path) -> None:
    source = some_photos()
    source.stamps = {name: "old" for name in source.files if name != "5.jpg"}
    pixels_of(source, tmp_path)
    source.reads.clear()
    source.stamps["0.jpg"] = "new"
    source.files["0.jpg"] = photo_bytes("blue")
    pixels = pixels_of(source, tmp_path)
    assert sorted(source.reads) == ["0.jpg", "5.jpg"]
    assert np.array_equal(pixels["0.jpg"], read_photo(source.files["0.jpg"], SIZE))


def test_an_array_that_is_gone_is_made_anew_though_its_file_seems_unchanged(tmp_path: Path) -> None:
    source = some_photos()
    source.stamps = dict.fromkeys(source.files, "old")
    pixels_of(source, tmp_path)
    for pack in tmp_path.glob("photos-*/*.pack"):
        pack.unlink()
    source.reads.clear()
    pixels_of(source, tmp_path)
    assert sorted(source.reads) == sorted(source.files)


def test_contents_tell_photos_apart_by_name_label_content_and_order(tmp_path: Path) -> None:
    def contents(files: dict[str, bytes]) -> str:
        dataset = Photos(files).dataset()
        cache = PhotoCache(dataset, SIZE, tmp_path)
        found = cache.contents(cache.prepare(dataset.photos))
        cache.close()
        return found

    red, blue = photo_bytes("red"), photo_bytes("blue")
    first = contents({"1.jpg": red, "2.jpg": blue})
    assert contents({"1.jpg": red, "2.jpg": blue}) == first
    others = [{"1.jpg": blue, "2.jpg": red}, {"2.jpg": blue, "1.jpg": red}, {"1.jpg": red}]
    assert all(contents(files) != first for files in others)


def test_a_dataset_that_vanishes_while_it_is_decoded_is_no_dataset_of_damaged_photos(
    tmp_path: Path,
) -> None:
    dataset = open_dataset(write_dataset(tmp_path / "photos", 3))
    shutil.rmtree(tmp_path / "photos" / "red")
    cache = PhotoCache(dataset, SIZE, tmp_path / "caches")
    with pytest.raises(DatasetError) as caught:
        cache.prepare(dataset.photos)
    cache.close()
    assert str(tmp_path / "photos") in str(caught.value)
    assert "can be read no more" in str(caught.value)
