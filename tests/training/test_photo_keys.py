"""Checksums of photo files that are remembered while the files seem unchanged."""

import json
import os
import zipfile
from pathlib import Path
from time import time

import pytest

from tests.helpers.photos import photo_bytes, write_dataset
from training.dataset import LabelledPhoto, open_dataset
from training.photo_keys import MOST_DATASETS, PhotoKeys

HOUR = 3600


def remembered(root: Path, dataset: Path = Path("photos")) -> PhotoKeys:
    """Learn of one photo, and open what was written."""
    keys = PhotoKeys(root, dataset)
    keys.learn("a.jpg", "stamp", "key")
    keys.save()
    return PhotoKeys(root, dataset)


def aged(path: Path, hours: int = 1) -> None:
    """Have a file be as old as most files are."""
    os.utime(path, (time() - hours * HOUR,) * 2)


def test_a_checksum_is_known_for_the_same_stamp_only(tmp_path: Path) -> None:
    keys = remembered(tmp_path)
    assert keys.get("a.jpg", "stamp") == "key"
    assert keys.get("a.jpg", "another stamp") is None
    assert keys.get("a.jpg", None) is None
    assert keys.get("b.jpg", "stamp") is None


def test_another_dataset_knows_nothing_of_it(tmp_path: Path) -> None:
    remembered(tmp_path)
    assert PhotoKeys(tmp_path, Path("others")).get("a.jpg", "stamp") is None


def test_without_a_stamp_nothing_is_remembered(tmp_path: Path) -> None:
    keys = PhotoKeys(tmp_path, Path("photos"))
    keys.learn("a.jpg", None, "key")
    keys.save()
    assert not list(tmp_path.rglob("*.json"))


def test_what_two_runs_learn_is_kept_of_both(tmp_path: Path) -> None:
    first, second = PhotoKeys(tmp_path, Path("photos")), PhotoKeys(tmp_path, Path("photos"))
    first.learn("a.jpg", "stamp", "key a")
    second.learn("b.jpg", "stamp", "key b")
    first.save()
    second.save()
    keys = PhotoKeys(tmp_path, Path("photos"))
    assert (keys.get("a.jpg", "stamp"), keys.get("b.jpg", "stamp")) == ("key a", "key b")


@pytest.mark.parametrize(
    "nonsense", [b"", b"\xff", b"[1]", b'{"a.jpg": 5}', b'{"a.jpg": ["stamp"]}', b"[" * 100_000]
)
def test_nonsense_is_as_good_as_nothing(tmp_path: Path, nonsense: bytes) -> None:
    remembered(tmp_path)
    (file,) = tmp_path.rglob("*.json")
    file.write_bytes(nonsense)
    assert PhotoKeys(tmp_path, Path("photos")).get("a.jpg", "stamp") is None
    assert remembered(tmp_path).get("a.jpg", "stamp") == "key"
    assert json.loads(file.read_bytes()) == {"a.jpg": ["stamp", "key"]}


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("not a folder")
    assert remembered(blocked).get("a.jpg", "stamp") is None


def test_datasets_used_long_ago_are_forgotten(tmp_path: Path) -> None:
    for number in range(MOST_DATASETS + 3):
        remembered(tmp_path, Path(f"photos {number}"))
        for file in tmp_path.rglob("*.json"):
            aged(file, round((time() - file.stat().st_mtime) / HOUR) + 1)
    assert len(list(tmp_path.rglob("*.json"))) == MOST_DATASETS
    assert PhotoKeys(tmp_path, Path("photos 0")).get("a.jpg", "stamp") is None
    latest = Path(f"photos {MOST_DATASETS + 2}")
    assert PhotoKeys(tmp_path, latest).get("a.jpg", "stamp") == "key"


def test_a_files_stamp_is_another_once_the_file_was_changed(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "photos", 2)
    file = root / "red" / "photo 0.jpg"
    photo = LabelledPhoto("red/photo 0.jpg", 1)
    dataset = open_dataset(root)
    assert dataset.stamp(photo) is None, "it was written just now"
    aged(file)
    before = dataset.stamp(photo)
    assert before is not None
    assert dataset.stamp(photo) == before
    content = file.read_bytes()
    file.write_bytes(bytes(len(content)))
    aged(file, 2)
    assert dataset.stamp(photo) not in {None, before}
    file.unlink()
    assert dataset.stamp(photo) is None


def test_a_zips_photos_have_a_stamp_of_both_the_zip_and_the_photo(tmp_path: Path) -> None:
    def stamps() -> list[str | None]:
        dataset = open_dataset(file)
        return [dataset.stamp(photo) for photo in dataset.photos]

    file = tmp_path / "photos.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for number, colour in enumerate(("red", "blue")):
            archive.writestr(f"{colour}/{number}.jpg", photo_bytes(colour))
    assert stamps() == [None, None], "it was written just now"
    aged(file)
    before = stamps()
    assert None not in before
    assert before[0] != before[1]
    assert stamps() == before
    aged(file, 2)
    assert not {*before} & {*stamps()}
