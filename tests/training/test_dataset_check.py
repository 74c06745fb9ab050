"""What is said of a dataset before it is trained on."""

from pathlib import Path

import pytest
from PIL import Image

from tests.helpers.scenes import jpeg, scene, write_scene, write_scenes
from training.dataset import open_dataset
from training.dataset_check import DatasetReport, check_dataset
from training.errors import WorkStopped
from training.splits import SplitMethod


def report_on(path: Path) -> DatasetReport:
    return check_dataset(open_dataset(path))


def test_a_sound_dataset_has_nothing_to_tell_but_counts(tmp_path: Path) -> None:
    report = report_on(write_scenes(tmp_path))
    assert (report.photos, report.classes) == (20, {"cat": 10, "dog": 10})
    assert report.split.method is SplitMethod.STRATIFIED
    assert report.split.parts == {
        "train": {"cat": 6, "dog": 6},
        "validation": {"cat": 2, "dog": 2},
        "test": {"cat": 2, "dog": 2},
    }
    told = report.as_json()
    empty = ("unreadable", "duplicates", "exact_duplicates", "near_duplicates", "leaks", "tiny")
    assert [told[key] for key in empty] == [[]] * 6
    assert told["conflicting"] == []
    assert told["split_problem"] is None
    assert told["imbalance"]["ratio"] == 1


def test_the_split_by_ratio_keeps_duplicates_together(tmp_path: Path) -> None:
    write_scenes(tmp_path)
    for number in range(8):
        (tmp_path / "cat" / f"again {number}.jpg").write_bytes(jpeg(scene(number), 50))
    report = report_on(tmp_path)
    assert len(report.duplicates.groups) == 8
    assert report.leaks == ()


def test_duplicates_across_folders_of_splits_are_leaks(tmp_path: Path) -> None:
    for part, first in (("train", 0), ("val", 50)):
        for index, kind in enumerate(("cat", "dog")):
            for number in range(3):
                seed = first + index * 10 + number
                write_scene(tmp_path / part / kind / f"{number}.jpg", seed)
    (tmp_path / "val" / "cat" / "again.jpg").write_bytes(jpeg(scene(1), 50))
    report = report_on(tmp_path)
    assert report.leaks == (("train/cat/1.jpg", "val/cat/again.jpg"),)
    assert report.conflicting == ()
    assert report.split.parts["validation"] == {"cat": 4, "dog": 3}


def test_duplicates_under_different_labels_are_in_conflict(tmp_path: Path) -> None:
    write_scenes(tmp_path)
    write_scene(tmp_path / "dog" / "a cat.jpg", 4)
    (tmp_path / "cat" / "again.jpg").write_bytes(jpeg(scene(5), 50))
    report = report_on(tmp_path)
    assert report.conflicting == (("cat/4.jpg", "dog/a cat.jpg"),)
    assert len(report.duplicates.groups) == 2


def test_a_class_with_one_photo_is_reported_on_and_cannot_be_split(tmp_path: Path) -> None:
    write_scenes(tmp_path)
    write_scene(tmp_path / "fox" / "1.jpg", 9999)
    report = report_on(tmp_path)
    assert "Class 'fox'" in report.split_problem
    assert "only one photo" in report.as_json()["split_problem"]
    assert sum(counts["fox"] for counts in report.split.parts.values()) == 1
    assert (report.imbalance.fewest, report.imbalance.ratio) == ("fox", 10)


def test_tiny_photos_are_named_with_their_sizes(tmp_path: Path) -> None:
    write_scenes(tmp_path)
    scene(77).resize((400, 31)).save(tmp_path / "cat" / "flat.png")
    scene(78).resize((32, 32)).save(tmp_path / "cat" / "enough.png")
    assert report_on(tmp_path).as_json()["tiny"] == [
        {"path": "cat/flat.png", "width": 400, "height": 31}
    ]


def test_photos_that_cannot_be_read_are_counted_and_stop_nothing(tmp_path: Path) -> None:
    write_scenes(tmp_path)
    (tmp_path / "cat" / "cut.jpg").write_bytes(jpeg(scene(1))[:-3000])
    report = report_on(tmp_path)
    assert report.classes["cat"] == 11
    assert report.unreadable == (("cat/cut.jpg", "the file is cut short"),)


def test_a_check_tells_its_stages_and_can_be_stopped(tmp_path: Path) -> None:
    dataset = open_dataset(write_scenes(tmp_path))
    told: list[tuple[str, int, int]] = []
    check_dataset(dataset, on_progress=lambda *step: told.append(step))
    assert told[0] == ("reading photos", 0, 20)
    assert told[-1] == ("comparing photos", 20, 20)
    with pytest.raises(WorkStopped):
        check_dataset(dataset, should_stop=lambda: True)


@pytest.mark.real_photos
def test_real_odd_files_are_read_or_named_with_a_reason(tmp_path: Path, real_photos: Path) -> None:
    for kind, source in (("cat", "native/cat"), ("odd", "odd")):
        (tmp_path / kind).mkdir()
        for file in (real_photos / source).iterdir():
            (tmp_path / kind / file.name).symlink_to(file)
    dataset = open_dataset(tmp_path)
    report = check_dataset(dataset)
    assert report.photos == len(dataset.photos) > 150
    assert len(report.unreadable) > 20
    assert {name for name, _ in report.unreadable} <= {photo.name for photo in dataset.photos}
    assert all(name.startswith("odd/") and reason for name, reason in report.unreadable)
    assert "odd/image_rs_jpeg_decoder__jpg-size-2x2.png" in {name for name, _ in report.tiny}


@pytest.mark.real_photos
def test_real_photos_at_another_size_are_told_to_be_the_same(
    tmp_path: Path, real_photos: Path
) -> None:
    """Kaggle's photos at their own size, and squeezed to squares."""
    written = set()
    for kind in ("cat", "dog"):
        for part, side in (("train", None), ("test", (200, 200))):
            (tmp_path / part / kind).mkdir(parents=True)
            for file in sorted((real_photos / "native" / kind).iterdir())[:12]:
                with Image.open(file) as photo:
                    image = photo.resize(side) if side else photo
                    written.add(file.stem)
                    image.save(tmp_path / part / kind / f"{file.stem}.jpg", quality=85)
    report = report_on(tmp_path)
    assert not report.split_problem  # some of the training photos validate
    assert report.leaks == report.duplicates.groups
    assert {tuple(Path(name).stem for name in group) for group in report.leaks} == {
        (stem, stem) for stem in written
    }
