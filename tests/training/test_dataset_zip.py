"""Zips as Kaggle hands them out, and zips that mean harm."""

import io
import os
import tempfile
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.helpers.datasets import refusal, write_files, write_zip
from tests.helpers.photos import photo_bytes, write_dataset
from training import dataset_zip
from training.dataset import open_dataset
from training.errors import DatasetError, PhotoError, PhotoGoneError, WorkStopped
from training.splits import SplitMethod, default_split_method, split_dataset

PHOTOS = {
    f"train/{kind}.{n}.jpg": f"{kind} {n}".encode() for kind in ("cat", "dog") for n in (0, 1)
}
PACKINGS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


def packed(members: Mapping[str, bytes], packing: int = zipfile.ZIP_STORED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", packing) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return content.getvalue()


def kaggle(path: Path, packing: int = zipfile.ZIP_STORED) -> Path:
    """Write a zip like Kaggle's: labelled photos, photos without labels, and a table."""
    members = {
        "sampleSubmission.csv": b"id,label\n1,0.5\n",
        "test1.zip": packed({"test1/1.jpg": b"who knows", "test1/2.jpg": b"who knows"}),
        "train.zip": packed(PHOTOS),
    }
    return write_zip(path, members, packing)


def members_of(path: Path, **changes: object) -> None:
    """Change what a zip of one member declares of it, in both of its headers."""
    content = bytearray(path.read_bytes())
    for signature, shift in ((b"PK\x03\x04", 0), (b"PK\x01\x02", 2)):
        place = content.index(signature)
        for name, value in changes.items():
            offset, size = {"packing": (8, 2), "packed": (18, 4), "unpacked": (22, 4)}[name]
            assert isinstance(value, int)
            start = place + offset + shift
            content[start : start + size] = value.to_bytes(size, "little")
    path.write_bytes(content)


@pytest.mark.parametrize("packing", PACKINGS)
def test_the_kaggle_download_reads_like_its_unpacked_folder(tmp_path: Path, packing: int) -> None:
    for name, content in PHOTOS.items():
        write_files(tmp_path / "folder", [name], content)
    folder = open_dataset(tmp_path / "folder")
    dataset = open_dataset(kaggle(tmp_path / "dogs-vs-cats.zip", packing))
    assert dataset.counts() == {"cat": 2, "dog": 2}
    assert dataset.fingerprint == folder.fingerprint
    assert dataset.photos == folder.photos
    assert [dataset.read(photo) for photo in dataset.photos] == list(PHOTOS.values())


def test_the_unpacked_kaggle_download_reads_like_its_zip(tmp_path: Path) -> None:
    write_files(tmp_path / "folder", [*PHOTOS, "test1/1.jpg", "test1/2.jpg"])
    dataset = open_dataset(tmp_path / "folder")
    assert dataset.counts() == {"cat": 2, "dog": 2}
    assert default_split_method(dataset) is SplitMethod.STRATIFIED


def test_a_zip_of_one_zip_is_read_whatever_its_name(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "outer.zip", {"downloads/Pets.ZIP": packed(PHOTOS)})
    assert open_dataset(path).counts() == {"cat": 2, "dog": 2}


def test_photos_beside_a_zip_count_and_the_zip_does_not(tmp_path: Path) -> None:
    other = {"other/a/1.jpg": b"x", "other/b/1.jpg": b"x"}
    path = write_zip(tmp_path / "outer.zip", {**PHOTOS, "other.zip": packed(other)})
    assert open_dataset(path).class_names == ("cat", "dog")


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_threads_may_read_an_inner_zip_at_the_same_time(tmp_path: Path, packing: int) -> None:
    photos = {f"{kind}.{n}.jpg": os.urandom(20_000) for kind in ("a", "b") for n in range(60)}
    inner = packed(photos, zipfile.ZIP_DEFLATED)
    dataset = open_dataset(write_zip(tmp_path / "outer.zip", {"train.zip": inner}, packing))
    with ThreadPoolExecutor(8) as threads:
        contents = list(threads.map(dataset.read, dataset.photos * 3))
    assert contents == [photos[photo.name] for photo in dataset.photos] * 3


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_nothing_is_left_of_an_inner_zip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packing: int
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    path = kaggle(tmp_path / "outer.zip", packing)
    dataset = open_dataset(path)
    assert dataset.read(dataset.photos[0]) == b"cat 0"
    del dataset
    assert list(temporary.iterdir()) == []
    assert sorted(file.name for file in tmp_path.iterdir()) == ["outer.zip", "temporary"]


def test_the_progress_of_unpacking_an_inner_zip_is_told_and_it_can_be_stopped(
    tmp_path: Path,
) -> None:
    path = kaggle(tmp_path / "outer.zip", zipfile.ZIP_DEFLATED)
    told: list[tuple[int, int]] = []
    open_dataset(path, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(0, len(packed(PHOTOS)))]
    with pytest.raises(WorkStopped):
        open_dataset(path, should_stop=lambda: True)


def test_a_zip_in_a_zip_in_a_zip_is_refused(tmp_path: Path) -> None:
    twice = packed({"train.zip": packed(PHOTOS)})
    assert "a zip in a zip in a zip" in refusal(write_zip(tmp_path / "3.zip", {"in.zip": twice}))


def test_several_zips_without_a_train_zip_are_refused(tmp_path: Path) -> None:
    members = {"b.zip": packed(PHOTOS), "a.zip": packed(PHOTOS)}
    assert "2 zips, such as 'a.zip'" in refusal(write_zip(tmp_path / "two.zip", members))


def test_an_inner_zip_that_is_none_is_refused(tmp_path: Path) -> None:
    assert refusal(write_zip(tmp_path / "outer.zip", {"train.zip": b"no zip at all"}))


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_any_damage_around_an_inner_zip_gives_photos_or_dataset_and_photo_errors(
    tmp_path: Path, packing: int
) -> None:
    whole = write_zip(tmp_path / "whole.zip", {"train.zip": packed(PHOTOS)}, packing).read_bytes()
    path = tmp_path / "damaged.zip"
    refused = 0
    for place in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[place] ^= 0x55
        path.write_bytes(damaged)
        try:
            dataset = open_dataset(path)
            for photo in dataset.photos:
                dataset.read(photo)
        except (DatasetError, PhotoError):
            refused += 1
    assert refused > 10


def test_an_encrypted_inner_zip_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "outer.zip", {"train.zip": packed(PHOTOS)})
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert "needs a password" in refusal(path)


def test_a_zip_of_photos_behind_a_password_is_refused_at_once(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "secret.zip", PHOTOS)
    content = bytearray(path.read_bytes())
    place = content.find(b"PK\x01\x02")
    while place >= 0:
        content[place + 8] |= 1
        place = content.find(b"PK\x01\x02", place + 1)
    path.write_bytes(content)
    assert "are protected by a password: unpack it" in refusal(path)


def test_a_zip_written_with_backslashes_reads_like_any_other(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "photos", photos=2)
    path = tmp_path / "windows.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.jpg")):
            member = zipfile.ZipInfo("x")
            member.filename = f"photos\\{file.parent.name}\\{file.name}"
            archive.writestr(member, file.read_bytes())
    dataset = open_dataset(path)
    assert dataset.fingerprint == open_dataset(folder).fingerprint
    assert dataset.photos[0].name == "photos/blue/photo 0.jpg"
    assert dataset.read(dataset.photos[0]) == photo_bytes("blue", 0)


@pytest.mark.parametrize(
    "name",
    [
        "../evil.jpg",
        "cat/../../evil.jpg",
        "/etc/evil.jpg",
        "..\\evil.jpg",
        "cat\\..\\..\\evil.jpg",
        "\\evil.jpg",
        "\\\\server\\share\\evil.jpg",
        "C:\\evil.jpg",
        "c:/evil.jpg",
        "./D:evil.jpg",
        "../evil.txt",
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_a_zip_that_reaches_outside_itself_is_refused(
    tmp_path: Path, name: str, nested: bool
) -> None:
    members = {**PHOTOS, name: b"x"}
    if nested:
        members = {"train.zip": packed(members)}
    message = refusal(write_zip(tmp_path / "evil.zip", members))
    assert "outside the zip" in message
    assert repr(name) in message


def test_a_zip_that_unpacks_to_absurd_sizes_is_refused(tmp_path: Path) -> None:
    bomb = bytes(dataset_zip.UNSUSPICIOUS_BYTES + 1)
    path = write_zip(tmp_path / "bomb.zip", {**PHOTOS, "cat.9.jpg": bomb}, zipfile.ZIP_DEFLATED)
    assert "it may be harmful" in refusal(path)


def test_members_that_share_their_bytes_are_counted_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in D. Fifield's "A better zip bomb" (WOOT 2019)."""
    monkeypatch.setattr(dataset_zip, "UNSUSPICIOUS_BYTES", 1_000_000)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cat.0.jpg", os.urandom(500) * 20)
        for _ in range(400):
            archive.filelist.append(archive.getinfo("cat.0.jpg"))
    path = tmp_path / "overlapping.zip"
    path.write_bytes(content.getvalue())
    assert "it may be harmful" in refusal(path)


def test_a_bomb_for_an_inner_zip_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unpacked(*_: object) -> None:
        raise AssertionError("it was unpacked")

    monkeypatch.setattr(tempfile, "TemporaryFile", unpacked)
    bomb = bytes(dataset_zip.UNSUSPICIOUS_BYTES + 1)
    path = write_zip(tmp_path / "bomb.zip", {"train.zip": bomb}, zipfile.ZIP_DEFLATED)
    assert "it may be harmful" in refusal(path)


def test_a_disk_without_room_for_an_inner_zip_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        free = 100

    monkeypatch.setattr("shutil.disk_usage", lambda folder: Full)
    message = refusal(kaggle(tmp_path / "outer.zip", zipfile.ZIP_DEFLATED))
    assert message.startswith("There is no room in ")


def test_a_photo_that_unpacks_to_absurd_sizes_is_a_photo_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = {"cat/1.jpg": bytes(100_000), "dog/1.jpg": os.urandom(10_000)}
    path = write_zip(tmp_path / "bomb.zip", members, zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(dataset_zip, "UNSUSPICIOUS_BYTES", 50_000)
    dataset = open_dataset(path)
    with pytest.raises(PhotoError, match="100 times its size"):
        dataset.read(dataset.photos[0])
    assert dataset.read(dataset.photos[1]) == members["dog/1.jpg"]


def test_no_more_is_unpacked_than_a_photo_declares(tmp_path: Path) -> None:
    """A member that says it is small and is not would otherwise fill the memory."""
    import tracemalloc

    members = {"cat.1.jpg": bytes(50_000_000), "dog.1.jpg": b"x"}
    path = write_zip(tmp_path / "liar.zip", members, zipfile.ZIP_DEFLATED)
    members_of(path, unpacked=1000)
    dataset = open_dataset(path)
    tracemalloc.start()
    with pytest.raises(PhotoError, match="damaged"):
        dataset.read(dataset.photos[0])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 5_000_000


@pytest.mark.real_photos
def test_the_real_photos_in_a_zip_in_a_zip_are_the_same(tmp_path: Path, real_photos: Path) -> None:
    inner = real_photos / "dogs-vs-cats.zip"
    path = tmp_path / "kaggle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(inner, "train.zip")
    dataset, same = open_dataset(path), open_dataset(inner)
    assert dataset.fingerprint == same.fingerprint
    assert dataset.photos == same.photos
    assert len(split_dataset(dataset, SplitMethod.STUDY).train) == 10_000
    assert dataset.read(dataset.photos[-1]) == same.read(same.photos[-1])


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_one_photo_damaged_in_a_packed_zip_is_one_unreadable_photo(
    tmp_path: Path, packing: int
) -> None:
    path = write_zip(tmp_path / "photos.zip", PHOTOS, packing)
    with zipfile.ZipFile(path) as archive:
        first = archive.infolist()[0]
    content = bytearray(path.read_bytes())
    place = first.header_offset + 30 + len(first.filename) + first.compress_size // 2
    content[place : place + 40] = bytes(40)
    path.write_bytes(content)
    dataset = open_dataset(path)
    (damaged,) = (photo for photo in dataset.photos if photo.name == first.filename)
    with pytest.raises(PhotoError) as caught:
        dataset.read(damaged)
    assert not isinstance(caught.value, PhotoGoneError)
    assert str(caught.value) == "it is damaged inside the zip"
