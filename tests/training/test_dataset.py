"""Finding classes and photos in folders and zips, and dividing them."""

import io
import os
import sys
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.datasets import refusal, write_files, write_zip, zipped
from tests.helpers.photos import photo_bytes, write_dataset, write_photo
from training.dataset import Dataset, LabelledPhoto, open_dataset
from training.errors import DatasetError, PhotoError
from training.splits import SplitMethod, default_split_method, split_dataset

STRANGE_NAMES = ("my cats", "Kätzchen", "猫", "🐕 dogs", 'so "called"', "it's; $HOME")
FLAT = ("cat.0.jpg", "cat.1.jpg", "dog.0.jpg", "dog.1.jpg", "dog.2.jpg")


def names_of(photos: Sequence[LabelledPhoto]) -> set[str]:
    return {photo.name for photo in photos}


def class_counts(dataset: Dataset, photos: Sequence[LabelledPhoto]) -> dict[str, int]:
    return dict(Counter(dataset.class_names[photo.label] for photo in photos))


def test_class_folders_are_classes(tmp_path: Path) -> None:
    dataset = open_dataset(write_dataset(tmp_path, photos=3))
    assert dataset.class_names == ("blue", "red")
    assert dataset.counts() == {"blue": 3, "red": 3}
    assert dataset.read(dataset.photos[0]) == photo_bytes("blue", 0)


def test_folders_inside_class_folders_belong_to_the_class(tmp_path: Path) -> None:
    names = ("cat/a.jpg", "cat/tabby/b.jpg", "dog/a.jpg", "dog/old/2019/c.jpg")
    assert open_dataset(write_files(tmp_path, names)).counts() == {"cat": 2, "dog": 2}


def test_flat_files_are_classed_and_numbered_by_name(tmp_path: Path) -> None:
    dataset = open_dataset(write_files(tmp_path, FLAT))
    assert dataset.counts() == {"cat": 2, "dog": 3}
    assert [photo.number for photo in dataset.photos] == [0, 1, 0, 1, 2]


def test_flat_files_without_a_class_are_passed_over(tmp_path: Path) -> None:
    names = (*FLAT, "cover.jpg", "12.jpg", "7-8.jpg")
    assert sum(open_dataset(write_files(tmp_path, names)).counts().values()) == len(FLAT)


def test_numbers_are_ordered_as_numbers(tmp_path: Path) -> None:
    names = ("cat.10.jpg", "cat.9.jpg", "dog.1.jpg")
    assert [p.number for p in open_dataset(write_files(tmp_path, names)).photos] == [9, 10, 1]


@pytest.mark.parametrize("prefix", ["", "train/", "downloads/pets/"])
@pytest.mark.parametrize("names", [FLAT, ("cat/a.jpg", "cat/b.jpg", "dog/a.jpg")])
def test_a_zip_reads_like_its_folder(tmp_path: Path, names: Sequence[str], prefix: str) -> None:
    folder = write_files(tmp_path / "folder", [prefix + name for name in names])
    from_folder = open_dataset(folder)
    from_zip = open_dataset(zipped(folder, tmp_path / "packed.zip"))
    assert from_zip.photos == from_folder.photos
    assert from_zip.class_names == from_folder.class_names
    assert from_zip.fingerprint == from_folder.fingerprint
    assert [from_zip.read(p) for p in from_zip.photos] == [b"photo"] * len(names)


def test_a_zip_whose_names_begin_with_a_dot_and_slash_can_be_read(tmp_path: Path) -> None:
    members = {"./cat/a.jpg": b"cat", "./dog/a.jpg": b"dog"}
    dataset = open_dataset(write_zip(tmp_path / "dots.zip", members))
    assert [dataset.read(photo) for photo in dataset.photos] == [b"cat", b"dog"]


def test_the_parent_folder_does_not_count_for_the_fingerprint(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "photos", photos=2)
    packed = open_dataset(zipped(folder, tmp_path / "packed.zip", "train/"))
    assert packed.fingerprint == open_dataset(folder).fingerprint


def test_the_fingerprint_changes_when_a_photo_changes_size(tmp_path: Path) -> None:
    before = open_dataset(write_files(tmp_path, FLAT)).fingerprint
    (tmp_path / FLAT[0]).write_bytes(b"another photo")
    assert open_dataset(tmp_path).fingerprint != before


def test_the_fingerprint_changes_when_a_photo_changes_its_split(tmp_path: Path) -> None:
    names = [f"{part}/{kind}/{part}.jpg" for part in ("train", "test") for kind in ("cat", "dog")]
    before = open_dataset(write_files(tmp_path, names)).fingerprint
    (tmp_path / "train" / "cat" / "train.jpg").rename(tmp_path / "test" / "cat" / "train.jpg")
    (tmp_path / "test" / "cat" / "test.jpg").rename(tmp_path / "train" / "cat" / "test.jpg")
    assert open_dataset(tmp_path).fingerprint != before


def test_the_fingerprint_changes_when_a_photo_changes_class(tmp_path: Path) -> None:
    names = ("cat/a.jpg", "cat/b.jpg", "dog/c.jpg")
    before = open_dataset(write_files(tmp_path, names)).fingerprint
    (tmp_path / "cat/b.jpg").rename(tmp_path / "dog/b.jpg")
    assert open_dataset(tmp_path).fingerprint != before


def test_folders_named_by_their_part_split_the_dataset(tmp_path: Path) -> None:
    names = [
        f"{part}/{kind}/{number}.jpg"
        for part, count in (("Train", 3), ("val", 2), ("test", 1))
        for kind in ("cat", "dog")
        for number in range(count)
    ]
    dataset = open_dataset(write_files(tmp_path, names))
    split = split_dataset(dataset, SplitMethod.FOLDERS)
    assert dataset.class_names == ("cat", "dog")
    assert default_split_method(dataset) is SplitMethod.FOLDERS
    assert names_of(split.train) == {name for name in names if name.startswith("Train/")}
    assert names_of(split.validation) == {name for name in names if name.startswith("val/")}
    assert names_of(split.test) == {name for name in names if name.startswith("test/")}


def test_numbers_of_the_study_suggest_its_split(tmp_path: Path) -> None:
    numbers = (0, 4999, 5000, 7499, 7500)
    names = [f"{kind}.{number}.jpg" for kind in ("cat", "dog") for number in numbers]
    dataset = open_dataset(write_files(tmp_path, names))
    split = split_dataset(dataset, SplitMethod.STUDY)
    assert default_split_method(dataset) is SplitMethod.STUDY
    assert {photo.number for photo in split.train} == {0, 4999}
    assert {photo.number for photo in split.validation} == {5000, 7499}
    assert {photo.number for photo in split.test} == {7500}


def test_few_numbered_photos_suggest_a_split_by_ratio(tmp_path: Path) -> None:
    assert default_split_method(open_dataset(write_files(tmp_path, FLAT))) is SplitMethod.STRATIFIED


def test_the_split_by_ratio_is_complete_disjoint_and_stratified(tmp_path: Path) -> None:
    names = [f"cat/{n}.jpg" for n in range(50)] + [f"dog/{n}.jpg" for n in range(30)]
    dataset = open_dataset(write_files(tmp_path, names))
    split = split_dataset(
        dataset, SplitMethod.STRATIFIED, seed=1, validation_share=0.2, test_share=0.1
    )
    parts = [names_of(part) for part in (split.train, split.validation, split.test)]
    assert sum(len(part) for part in parts) == 80
    assert set().union(*parts) == set(names)
    assert class_counts(dataset, split.train) == {"cat": 35, "dog": 21}
    assert class_counts(dataset, split.validation) == {"cat": 10, "dog": 6}
    assert class_counts(dataset, split.test) == {"cat": 5, "dog": 3}


def test_the_split_by_ratio_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "photos", [f"{k}/{n}.jpg" for k in "ab" for n in range(20)])
    packed = zipped(folder, tmp_path / "packed.zip")
    splits = [
        split_dataset(open_dataset(path), SplitMethod.STRATIFIED, seed=5)
        for path in (folder, folder, packed)
    ]
    assert splits[0] == splits[1] == splits[2]


def test_another_seed_gives_another_split(tmp_path: Path) -> None:
    folder = write_files(tmp_path, [f"{k}/{n}.jpg" for k in "ab" for n in range(20)])
    dataset = open_dataset(folder)
    one, other = (split_dataset(dataset, SplitMethod.STRATIFIED, seed=s) for s in (1, 2))
    assert one.validation != other.validation


def test_a_class_without_a_photo_to_train_on_is_refused(tmp_path: Path) -> None:
    dataset = open_dataset(write_files(tmp_path, ("cat/1.jpg", "cat/2.jpg", "dog/1.jpg")))
    with pytest.raises(DatasetError, match=r"Class 'dog' of .* has only one photo"):
        split_dataset(dataset, SplitMethod.STRATIFIED)


@pytest.mark.parametrize("method", [SplitMethod.STUDY, SplitMethod.FOLDERS])
def test_a_split_that_the_dataset_does_not_offer_is_refused(
    tmp_path: Path, method: SplitMethod
) -> None:
    dataset = open_dataset(write_dataset(tmp_path, photos=2))
    with pytest.raises(DatasetError, match="choose another split"):
        split_dataset(dataset, method)


def test_classes_that_differ_only_in_case_are_refused(tmp_path: Path) -> None:
    members = {"Cat/1.jpg": b"x", "cat/1.jpg": b"x", "dog/1.jpg": b"x"}
    assert "Cat, cat" in refusal(write_zip(tmp_path / "two.zip", members))


def test_one_class_is_not_enough(tmp_path: Path) -> None:
    assert "one class, 'cat'" in refusal(write_files(tmp_path, ("cat.1.jpg", "cat.2.jpg")))


def test_an_empty_folder_holds_no_photos(tmp_path: Path) -> None:
    assert f"{tmp_path} holds no photos" in refusal(tmp_path)


def test_an_empty_zip_holds_no_photos(tmp_path: Path) -> None:
    assert "holds no photos" in refusal(write_zip(tmp_path / "empty.zip", {}))


def test_a_missing_path_is_said_to_be_missing(tmp_path: Path) -> None:
    assert str(tmp_path / "none") in refusal(tmp_path / "none")


def test_a_path_longer_than_any_is_a_dataset_error(tmp_path: Path) -> None:
    assert refusal(tmp_path / ("a" * 300))


def test_a_zip_that_reaches_outside_itself_is_refused(tmp_path: Path) -> None:
    for name in ("../evil.jpg", "cat/../../evil.jpg", "/etc/evil.jpg"):
        members = {"cat/1.jpg": b"x", "dog/1.jpg": b"x", name: b"x"}
        assert "outside the zip" in refusal(write_zip(tmp_path / "evil.zip", members)), name


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "photos.zip"
    file.write_bytes(b"no zip at all")
    assert "neither a folder nor a readable zip" in refusal(file)


@pytest.mark.timeout(10)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_a_pipe_is_no_dataset_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    assert "pipe.zip" in refusal(tmp_path / "pipe.zip")


@pytest.mark.timeout(10)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_a_pipe_among_the_photos_is_left_out_or_refused_without_waiting(tmp_path: Path) -> None:
    write_files(tmp_path, ("cat/1.jpg", "dog/1.jpg"))
    os.mkfifo(tmp_path / "cat" / "pipe.jpg")
    dataset = open_dataset(tmp_path)
    readable = []
    for photo in dataset.photos:
        try:
            readable.append(dataset.read(photo))
        except PhotoError:
            assert photo.name == "cat/pipe.jpg"
    assert readable == [b"photo", b"photo"]


HIDDEN = (
    "__MACOSX/cat/._1.jpg",
    "cat/.hidden.jpg",
    ".thumbnails/1.jpg",
    "cat/.cache/2.jpg",
    ".ipynb_checkpoints/1.jpg",
)


def test_hidden_files_in_a_zip_are_ignored(tmp_path: Path) -> None:
    members = dict.fromkeys(("cat/1.jpg", "dog/1.jpg", "cat/notes.txt", *HIDDEN), b"x")
    dataset = open_dataset(write_zip(tmp_path / "hidden.zip", members))
    assert dataset.counts() == {"cat": 1, "dog": 1}


def test_hidden_files_in_a_folder_are_ignored(tmp_path: Path) -> None:
    names = ("cat/1.jpg", "dog/1.jpg", "cat/notes.txt", *HIDDEN)
    assert open_dataset(write_files(tmp_path, names)).counts() == {"cat": 1, "dog": 1}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows refuses quotes in names")
def test_class_names_may_hold_any_characters(tmp_path: Path) -> None:
    folder = tmp_path / 'a "quoted" 文件夹 ü'
    for name in STRANGE_NAMES:
        write_photo(folder / name / "photo 1.jpg")
    packed = open_dataset(zipped(folder, tmp_path / "猫 & ü.zip"))
    dataset = open_dataset(folder)
    assert dataset.class_names == packed.class_names == tuple(sorted(STRANGE_NAMES))
    assert dataset.fingerprint == packed.fingerprint
    assert {dataset.read(photo) for photo in dataset.photos} == {photo_bytes("red")}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere all names are Unicode")
def test_a_class_whose_name_is_no_unicode_is_refused_before_training(tmp_path: Path) -> None:
    strange = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    write_files(tmp_path, ("dog/1.jpg",))
    write_files(strange, ("1.jpg",))
    assert refusal(tmp_path).isprintable()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere all names are Unicode")
def test_a_photo_whose_name_is_no_unicode_is_read(tmp_path: Path) -> None:
    write_files(tmp_path, ("cat/1.jpg", "dog/1.jpg"))
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/cat/caf\xe9.jpg")).write_bytes(b"photo")
    dataset = open_dataset(tmp_path)
    assert [dataset.read(photo) for photo in dataset.photos] == [b"photo"] * 3
    assert len(dataset.fingerprint) == 64


def test_a_number_too_long_for_a_number_is_passed_over(tmp_path: Path) -> None:
    members = dict.fromkeys((*FLAT, f"cat.{'9' * 5000}.jpg"), b"x")
    dataset = open_dataset(write_zip(tmp_path / "long.zip", members))
    assert set(dataset.class_names) == {"cat", "dog"}


def test_a_photo_that_is_gone_is_a_photo_error(tmp_path: Path) -> None:
    dataset = open_dataset(write_files(tmp_path, FLAT))
    (tmp_path / FLAT[0]).unlink()
    with pytest.raises(PhotoError, match="not there"):
        dataset.read(dataset.photos[0])


@pytest.mark.parametrize(
    "packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_a_damaged_member_is_a_photo_error(tmp_path: Path, packing: int) -> None:
    photo = photo_bytes("red", size=(100, 100))
    path = write_zip(tmp_path / "d.zip", {"cat/1.jpg": photo, "dog/1.jpg": photo}, packing)
    content = bytearray(path.read_bytes())
    first_data = 30 + len("cat/1.jpg")
    content[first_data + 40 : first_data + 140] = b"\xff" * 100
    path.write_bytes(content)
    dataset = open_dataset(path)
    with pytest.raises(PhotoError) as refused:
        dataset.read(dataset.photos[0])
    assert 0 < len(str(refused.value)) < 80
    assert dataset.read(dataset.photos[1]) == photo


def test_an_encrypted_member_is_a_photo_error(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "e.zip", {"cat/1.jpg": b"x", "dog/1.jpg": b"x"})
    content = path.read_bytes()
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.index(signature) + flags
        content = content[:place] + b"\x01" + content[place + 1 :]
    path.write_bytes(content)
    dataset = open_dataset(path)
    with pytest.raises(PhotoError, match="encrypted"):
        dataset.read(dataset.photos[0])


def test_any_damage_to_a_zip_gives_photos_or_dataset_and_photo_errors(tmp_path: Path) -> None:
    members = dict.fromkeys(("cat/ü.jpg", "dog/1.jpg"), photo_bytes("red", size=(8, 8)))
    whole = write_zip(tmp_path / "whole.zip", members, zipfile.ZIP_DEFLATED).read_bytes()
    random = np.random.default_rng(0)
    path = tmp_path / "damaged.zip"
    outcomes = Counter[str]()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= int(random.integers(1, 256))
        path.write_bytes(damaged)
        try:
            dataset = open_dataset(path)
            for photo in dataset.photos:
                dataset.read(photo)
            outcomes["read"] += 1
        except (DatasetError, PhotoError) as error:
            outcomes[type(error).__name__] += 1
    assert outcomes["PhotoError"] > 100
    assert outcomes["DatasetError"] > 0


def test_a_zip_is_only_read(tmp_path: Path) -> None:
    path = zipped(write_dataset(tmp_path / "photos", photos=1), tmp_path / "packed.zip")
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")}
    dataset = open_dataset(path)
    assert io.BytesIO(dataset.read(dataset.photos[0])).read(2) == b"\xff\xd8"
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")} == before


@pytest.mark.real_photos
def test_the_real_zip_offers_the_split_of_the_study(real_photos: Path) -> None:
    dataset = open_dataset(real_photos / "dogs-vs-cats.zip")
    split = split_dataset(dataset, default_split_method(dataset))
    assert dataset.counts() == {"cat": 7500, "dog": 7500}
    assert default_split_method(dataset) is SplitMethod.STUDY
    assert (len(split.train), len(split.validation), len(split.test)) == (10_000, 5_000, 0)
    assert class_counts(dataset, split.validation) == {"cat": 2500, "dog": 2500}
    assert dataset.read(split.train[0]).startswith(b"\xff\xd8")
