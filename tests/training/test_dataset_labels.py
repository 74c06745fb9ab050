"""Which layouts are understood, and which are refused in one sentence."""

import time
from pathlib import Path

import pytest

from tests.helpers.datasets import refusal, write_files, write_zip
from training.dataset import MOST_CLASSES, open_dataset
from training.errors import WorkStopped
from training.splits import SplitMethod, default_split_method, split_dataset

FLAT = ("cat.0.jpg", "cat.1.jpg", "dog.0.jpg", "dog.1.jpg")


def test_flat_files_in_folders_of_splits_keep_their_split(tmp_path: Path) -> None:
    names = [f"{part}/{name}" for part in ("train", "validation", "test") for name in FLAT]
    dataset = open_dataset(write_files(tmp_path, names))
    assert dataset.counts() == {"cat": 6, "dog": 6}
    assert default_split_method(dataset) is SplitMethod.FOLDERS
    split = split_dataset(dataset, SplitMethod.FOLDERS)
    assert {photo.name for photo in split.test} == {f"test/{name}" for name in FLAT}


def test_photos_without_labels_beside_class_folders_are_passed_over(tmp_path: Path) -> None:
    names = ("train/cat/1.jpg", "train/dog/1.jpg", "test1/1.jpg", "test1/2.jpg")
    dataset = open_dataset(write_files(tmp_path, names))
    assert dataset.counts() == {"cat": 1, "dog": 1}
    assert {photo.folder for photo in dataset.photos} == {"train"}


def test_what_cameras_call_photos_is_no_class(tmp_path: Path) -> None:
    write_files(tmp_path, ("cat/IMG_0001.jpg", "cat/DSC_0002.jpg", "cat/PXL_3.jpg"))
    assert "one class, 'cat'" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("cat/a.jpg", "cat/b.jpg"), "one class, 'cat'"),
        (("train/cat/a.jpg", "test/cat/b.jpg"), "one class, 'cat'"),
        (("train/cat/a.jpg",), "one class, 'cat'"),
        (("train/cat.1.jpg", "test1/1.jpg"), "one class, 'cat'"),
        (("cat.1.jpg", "cat.2.jpg", "cover.jpg"), "one class, 'cat'"),
        (("a.jpg", "b.jpg"), "no class, as all its photos lie in one folder"),
        (("train/a.jpg", "train/b.jpg"), "no class, as all its photos lie in one folder"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_fewer_than_two_classes_are_refused_by_name(
    tmp_path: Path, names: tuple[str, ...], found: str, packed: bool
) -> None:
    if packed:
        path = write_zip(tmp_path / "packed.zip", dict.fromkeys(names, b"photo"))
    else:
        path = write_files(tmp_path / "folder", names)
    message = refusal(path)
    assert f"{path} shows {found}: " in message


def test_class_folders_that_differ_only_in_case_are_refused(tmp_path: Path) -> None:
    write_files(tmp_path, ("Cat/1.jpg", "cat/1.jpg", "dog/1.jpg"))
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("this disk does not tell them apart")
    assert "Cat, cat" in refusal(tmp_path)


@pytest.mark.parametrize("kind", ["Cat.{}.jpg", "cat.{}.jpg"])
def test_flat_classes_that_differ_only_in_case_are_refused(tmp_path: Path, kind: str) -> None:
    names = [kind.format(5), "CAT.1.jpg", "dog.1.jpg"]
    path = write_zip(tmp_path / "packed.zip", dict.fromkeys(names, b"photo"))
    assert "differ only in upper and lower case" in refusal(path)


def test_a_thousand_classes_are_not_too_many(tmp_path: Path) -> None:
    members = {f"class {n}/{m}.jpg": b"photo" for n in range(MOST_CLASSES) for m in range(2)}
    dataset = open_dataset(write_zip(tmp_path / "packed.zip", members))
    split = split_dataset(dataset, SplitMethod.STRATIFIED)
    assert (len(split.train), len(split.validation)) == (MOST_CLASSES, MOST_CLASSES)


def test_ten_thousand_class_folders_are_refused_at_once(tmp_path: Path) -> None:
    for number in range(10_000):
        folder = tmp_path / f"class {number}"
        folder.mkdir()
        (folder / "1.jpg").touch()
    begin = time.perf_counter()
    assert "10,000 classes, more than 1,000" in refusal(tmp_path)
    assert time.perf_counter() - begin < 10


def test_a_folder_of_zips_says_which_to_choose(tmp_path: Path) -> None:
    write_files(tmp_path, ("test1.zip", "train.zip", "sampleSubmission.csv"))
    assert "choose 'train.zip' inside it" in refusal(tmp_path)


def test_a_folder_that_cannot_be_listed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    write_files(tmp_path, FLAT)
    monkeypatch.setattr("os.scandir", refuse)
    assert f"{tmp_path} cannot be listed: Permission denied" in refusal(tmp_path)


def test_a_folder_that_may_only_be_read_is_read(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "photos", FLAT)
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")}
    dataset = open_dataset(folder)
    assert [dataset.read(photo) for photo in dataset.photos] == [b"photo"] * 4
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")} == before
    folder.chmod(0o755)


def test_how_many_files_were_looked_at_is_told_while_a_folder_is_opened(tmp_path: Path) -> None:
    write_files(tmp_path, [*FLAT, "notes.txt"])
    told: list[tuple[int, int]] = []
    open_dataset(tmp_path, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 0), (4, 4)]


def test_opening_a_folder_can_be_stopped(tmp_path: Path) -> None:
    with pytest.raises(WorkStopped):
        open_dataset(write_files(tmp_path, FLAT), should_stop=lambda: True)
