"""A sort plan says what sorting would do, refuses what cannot be done, and writes nothing."""

import os
import sys
import unicodedata
from pathlib import Path

import pytest

from catdog_gui.classify.sorting.sort_plan import (
    Left,
    SkipReason,
    SortMethod,
    SortRequest,
    StepKind,
    label_folders,
)
from catdog_gui.classify.sorting.sort_planning import plan_sort
from tests.helpers.sorting import folder_in_memory, names_in, planned, tree_of, write_file
from training.errors import ConfigurationError, WorkStopped


def targets_of(root: Path, target: Path, *photos: tuple[str, str], **options: object) -> list[str]:
    """Return where files would go, from the target, in the plan's order."""
    steps = planned(root, target, photos, **options).steps
    return [step.target.relative_to(target).as_posix() for step in steps]


def test_photos_go_to_their_labels_with_their_subfolders(root: Path, target: Path) -> None:
    write_file(root / "a" / "b" / "1.jpg")
    write_file(root / "2.jpg")
    photos = (("a/b/1.jpg", "cat"), ("2.jpg", "unsure"))
    assert targets_of(root, target, *photos) == ["cat/a/b/1.jpg", "unsure/2.jpg"]
    assert targets_of(root, target, *photos, flatten=True) == ["cat/1.jpg", "unsure/2.jpg"]


def test_a_photo_that_is_named_itself_has_no_subfolders(root: Path, target: Path) -> None:
    photo = write_file(root / "a" / "1.jpg")
    wanted = SortRequest(photos=((photo, "cat"),), roots=(photo,), target=target)
    assert [step.target for step in plan_sort(wanted).steps] == [target / "cat" / "1.jpg"]


def test_making_a_plan_writes_nothing(root: Path, target: Path) -> None:
    write_file(root / "a" / "1.jpg")
    before = tree_of(root)
    plan = planned(root, target, [("a/1.jpg", "cat")], method=SortMethod.MOVE)
    assert plan.new_folders == (target, target / "cat", target / "cat" / "a")
    assert tree_of(root) == before
    assert not target.exists()


def test_a_plan_counts_photos_and_bytes_by_label(root: Path, target: Path) -> None:
    for name, size in (("1.jpg", 10), ("1.xmp", 5), ("2.jpg", 20), ("3.jpg", 40)):
        write_file(root / name, "x" * size)
    photos = (("1.jpg", "cat"), ("2.jpg", "cat"), ("3.jpg", "dog"))
    plan = planned(root, target, photos)
    assert plan.photos_by_label == {"cat": 2, "dog": 1}
    assert plan.bytes_by_label == {"cat": 35, "dog": 40}
    assert plan.side_files == 1
    assert plan.bytes_needed == 75
    assert planned(root, target, photos, method=SortMethod.MOVE).bytes_needed == 0
    assert planned(root, target, photos, method=SortMethod.LINK).bytes_needed == 0


def test_unreadable_photos_are_left_unless_they_are_asked_for(root: Path, target: Path) -> None:
    photo = write_file(root / "1.jpg")
    plan = planned(root, target, [("1.jpg", "")])
    assert plan.left == (Left(photo, "it cannot be read as a photo", by_choice=True),)
    assert targets_of(root, target, ("1.jpg", ""), include_unreadable=True) == ["unreadable/1.jpg"]


def test_two_classes_never_get_one_folder() -> None:
    folders = label_folders(["a/b", "a:b", "A_B", "unreadable", "Unsure", "a/b"])
    assert list(folders.values()) == [
        "unreadable", "unsure", "a_b", "a_b (2)", "A_B (3)", "unreadable (2)", "Unsure (2)",
    ]  # fmt: skip
    assert len({name.casefold() for name in folders.values()}) == len(folders)


def test_a_file_whose_equal_is_there_is_skipped(root: Path, target: Path) -> None:
    photo = write_file(root / "1.jpg", "same")
    there = write_file(target / "cat" / "1.jpg", "same", 5)
    for method in SortMethod:
        plan = planned(root, target, [("1.jpg", "cat")], method=method)
        assert not plan.steps
        (skipped,) = plan.skipped
        assert (skipped.source, skipped.target) == (photo, there)
        assert skipped.reason is SkipReason.EQUAL


def test_a_file_whose_name_is_taken_gets_a_number(root: Path, target: Path) -> None:
    write_file(root / "1.jpg", "mine")
    write_file(target / "cat" / "1.jpg", "another")
    write_file(target / "cat" / "1 (2).jpg", "also another")
    plan = planned(root, target, [("1.jpg", "cat")])
    assert [step.target.name for step in plan.renamed] == ["1 (3).jpg"]


def test_a_file_whose_equal_has_a_number_is_skipped(root: Path, target: Path) -> None:
    write_file(root / "1.jpg", "mine")
    write_file(target / "cat" / "1.jpg", "another")
    write_file(target / "cat" / "1 (2).jpg", "mine")
    assert targets_of(root, target, ("1.jpg", "cat")) == []


@pytest.mark.parametrize(
    ("taken", "name"),
    [("B.JPG", "b.jpg"), (unicodedata.normalize("NFD", "Kätzchen.jpg"), "kätzchen.jpg")],
)
def test_names_are_compared_as_any_file_system_may_do(
    root: Path, target: Path, taken: str, name: str
) -> None:
    write_file(target / "cat" / taken, "another")
    write_file(root / name, "mine")
    stem = name.removesuffix(".jpg")
    assert targets_of(root, target, (name, "cat")) == [f"cat/{stem} (2).jpg"]


def test_photos_of_one_name_do_not_meet(root: Path, target: Path) -> None:
    for folder, content in (("a", "1"), ("b", "2"), ("c", "1"), ("d", "4")):
        write_file(root / folder / "x.jpg", content)
    photos = [(f"{folder}/x.jpg", "cat") for folder in "abcd"]
    plan = planned(root, target, photos, flatten=True)
    assert [step.target.name for step in plan.steps] == ["x.jpg", "x (2).jpg", "x (3).jpg"]
    assert [each.source for each in plan.skipped] == [root / "c" / "x.jpg"]


def test_no_file_takes_the_name_of_a_folder(root: Path, target: Path, tmp_path: Path) -> None:
    file, photo = write_file(root / "B"), write_file(tmp_path / "more" / "b" / "1.jpg")
    wanted = SortRequest(
        photos=((file, "cat"), (photo, "cat")), roots=(root, tmp_path / "more"), target=target
    )
    steps = plan_sort(wanted).steps
    assert [step.target for step in steps] == [
        target / "cat" / "B (2)",
        target / "cat" / "b" / "1.jpg",
    ]


def test_sorting_what_is_sorted_changes_nothing(root: Path) -> None:
    write_file(root / "cat" / "a" / "1.jpg")
    write_file(root / "dog" / "2.jpg")
    photos = (("cat/a/1.jpg", "cat"), ("dog/2.jpg", "dog"))
    for flatten in (False, True):
        plan = planned(root, root, photos, flatten=flatten)
        assert not plan.steps
        assert {each.reason for each in plan.skipped} == {SkipReason.IN_PLACE}


def test_a_photo_of_another_label_goes_from_folder_to_folder(root: Path) -> None:
    write_file(root / "cat" / "a" / "1.jpg")
    photos = ("cat/a/1.jpg", "dog")
    assert targets_of(root, root, photos, method=SortMethod.MOVE) == ["dog/a/1.jpg"]


def test_side_files_go_with_their_photo(root: Path, target: Path) -> None:
    for name in ("B.jpg", "b.xmp", "B.CR2", "b.jpg.xmp", "b.JPG.aae", "b.txt", "bb.xmp"):
        write_file(root / name)
    plan = planned(root, target, [("B.jpg", "cat")])
    assert [step.source.name for step in plan.steps][-1] == "B.jpg"
    assert {step.source.name for step in plan.steps if step.kind is StepKind.SIDE_FILE} == {
        "b.xmp", "B.CR2", "b.jpg.xmp", "b.JPG.aae",
    }  # fmt: skip


def test_side_files_get_the_number_of_their_photo(root: Path, target: Path) -> None:
    for name in ("b.jpg", "b.xmp", "b.jpg.xmp", "b.nef"):
        write_file(root / name)
    write_file(target / "cat" / "B.NEF", "of another photo")
    write_file(target / "cat" / "b (2).jpg", "another photo")
    assert sorted(targets_of(root, target, ("b.jpg", "cat"))) == [
        "cat/b (3).jpg", "cat/b (3).jpg.xmp", "cat/b (3).nef", "cat/b (3).xmp",
    ]  # fmt: skip


def test_a_side_file_of_two_photos_moves_with_the_first(root: Path, target: Path) -> None:
    for name in ("b.jpg", "b.heic", "b.xmp"):
        write_file(root / name)
    photos = (("b.jpg", "cat"), ("b.heic", "dog"))
    moved = targets_of(root, target, *photos, method=SortMethod.MOVE)
    assert moved == ["cat/b.xmp", "cat/b.jpg", "dog/b.heic"]
    copied = targets_of(root, target, *photos)
    assert copied == ["cat/b.xmp", "cat/b.jpg", "dog/b.xmp", "dog/b.heic"]


def test_a_side_file_of_two_photos_is_copied_to_a_place_once(root: Path, target: Path) -> None:
    for name in ("b.jpg", "b.heic", "b.xmp"):
        write_file(root / name)
    plan = planned(root, target, [("b.jpg", "cat"), ("b.heic", "cat")])
    assert [step.target.name for step in plan.steps] == ["b.xmp", "b.jpg", "b.heic"]
    assert not plan.skipped


def test_a_raw_file_that_is_sorted_itself_is_no_side_file(root: Path, target: Path) -> None:
    for name in ("b.jpg", "b.dng"):
        write_file(root / name)
    photos = (("b.jpg", "cat"), ("b.dng", "dog"))
    assert targets_of(root, target, *photos) == ["cat/b.jpg", "dog/b.dng"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_what_is_no_ordinary_file_is_left_with_the_reason(root: Path, target: Path) -> None:
    (root / "link.jpg").symlink_to(write_file(root / "1.jpg"))
    (root / "1.xmp").symlink_to(root / "1.jpg")
    os.mkfifo(root / "pipe.jpg")
    names = ("link.jpg", "pipe.jpg", "gone.jpg", "1.jpg")
    plan = planned(root, target, [(name, "cat") for name in names])
    assert [step.source.name for step in plan.steps] == ["1.jpg"]
    assert {each.path.name: each.reason for each in plan.left} == {
        "link.jpg": "it is a link to a file",
        "pipe.jpg": "it is no ordinary file",
        "gone.jpg": "it is not there any more",
        "1.xmp": "it is a link to a file",
    }


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
@pytest.mark.parametrize("linked", ["cat", "cat/a"])
def test_a_folder_below_the_target_that_is_a_link_is_refused(
    root: Path, target: Path, tmp_path: Path, linked: str
) -> None:
    write_file(root / "a" / "1.jpg")
    (tmp_path / "elsewhere").mkdir()
    (target / linked).parent.mkdir(parents=True)
    (target / linked).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="is a link or a file"):
        planned(root, target, [("a/1.jpg", "cat")])


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_the_target_itself_may_be_a_link(root: Path, target: Path, tmp_path: Path) -> None:
    write_file(root / "1.jpg")
    (tmp_path / "elsewhere").mkdir()
    target.symlink_to(tmp_path / "elsewhere")
    assert targets_of(root, target, ("1.jpg", "cat")) == ["cat/1.jpg"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
@pytest.mark.parametrize("below", ["", "below"])
def test_a_target_whose_links_lead_in_a_circle_is_refused(
    root: Path, target: Path, below: str
) -> None:
    write_file(root / "1.jpg")
    target.symlink_to(target)
    with pytest.raises(ConfigurationError, match=f"^{target} is no folder: "):
        planned(root, target / below, [("1.jpg", "cat")])


@pytest.mark.parametrize("name", ["", "cat", "cat/a"])
def test_a_file_in_the_place_of_a_folder_is_refused(root: Path, target: Path, name: str) -> None:
    write_file(root / "a" / "1.jpg")
    write_file(target / name)
    with pytest.raises(ConfigurationError, match=r"is no folder|is a link or a file"):
        planned(root, target, [("a/1.jpg", "cat")])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows makes no sparse files by itself")
def test_a_sort_that_does_not_fit_is_refused(root: Path, target: Path) -> None:
    photo = write_file(root / "1.jpg")
    os.truncate(photo, 1 << 42)  # it takes no space until it is copied
    with pytest.raises(ConfigurationError, match=r"needs 4,398,046\.5 MB"):
        planned(root, target, [("1.jpg", "cat")])
    assert planned(root, target, [("1.jpg", "cat")], method=SortMethod.MOVE).steps


def test_hard_links_across_file_systems_are_refused(root: Path, tmp_path: Path) -> None:
    write_file(root / "1.jpg")
    with folder_in_memory(tmp_path) as memory:
        if memory.stat().st_dev == root.stat().st_dev:
            pytest.skip("there is no second file system at hand")
        with pytest.raises(ConfigurationError, match="on different disks"):
            planned(root, memory / "sorted", [("1.jpg", "cat")], method=SortMethod.LINK)
        assert not names_in(memory)


def test_files_of_another_size_are_not_read(root: Path, target: Path) -> None:
    photo = write_file(root / "1.jpg", "mine")
    there = write_file(target / "cat" / "1.jpg", "of another size")
    os.utime(photo, ns=(1, 1))
    os.utime(there, ns=(1, 1))
    planned(root, target, [("1.jpg", "cat")])
    assert (photo.stat().st_atime_ns, there.stat().st_atime_ns) == (1, 1)


def test_planning_can_be_stopped_and_tells_how_far_it_is(root: Path, target: Path) -> None:
    photos = tuple((write_file(root / f"{number}.jpg"), "cat") for number in range(3))
    seen: list[tuple[int, int]] = []
    wanted = SortRequest(photos=photos, target=target, roots=(root,))
    with pytest.raises(WorkStopped):
        plan_sort(
            wanted,
            on_progress=lambda done, total: seen.append((done, total)),
            should_stop=lambda: len(seen) == 2,
        )
    assert seen == [(1, 3), (2, 3)]
    assert names_in(root) == ["0.jpg", "1.jpg", "2.jpg"]


def test_a_photo_that_is_named_twice_is_planned_once(root: Path, target: Path) -> None:
    write_file(root / "1.jpg")
    photos = (("1.jpg", "cat"), ("../photos/1.jpg", "dog"))
    assert targets_of(root, target, *photos) == ["cat/1.jpg"]
