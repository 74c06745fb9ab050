"""Sorting puts photos into folders by label, takes no other file's place, and loses none."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catdog_gui.classify.sorting.no_overwrite import rename_without_overwriting
from catdog_gui.classify.sorting.sort_plan import Left, SkipReason, SortMethod
from catdog_gui.classify.sorting.sorter import sort_photos
from catdog_gui.classify.sorting.undo import undo_sort
from tests.helpers.sorting import (
    LONG_AGO,
    content_of,
    folder_in_memory,
    names_in,
    planned,
    sorted_into,
    tree_of,
    write_file,
)
from training.errors import CatDogError

HERE = Path(__file__).parents[3]
needs_permissions = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")


@pytest.fixture
def open_folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder that everybody may look into and write to."""
    with folder_in_memory(tmp_path) as folder:
        folder.chmod(0o777)
        yield folder


def lines_of(journal: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]


def test_copies_are_as_their_originals(root: Path, target: Path, journals: Path) -> None:
    photo = write_file(root / "a" / "1.jpg")
    photo.chmod(0o640)
    outcome = sorted_into(root, target, [("a/1.jpg", "cat")], journals)
    copy = target / "cat" / "a" / "1.jpg"
    assert [step.target for step in outcome.placed] == [copy]
    assert content_of(copy) == content_of(photo)
    assert (copy.stat().st_mtime_ns, copy.stat().st_mode) == (LONG_AGO, photo.stat().st_mode)
    assert names_in(target) == ["cat", "cat/a", "cat/a/1.jpg"]


def test_moved_photos_are_at_one_place(root: Path, target: Path, journals: Path) -> None:
    before = tree_of(write_file(root / "1.jpg").parent)
    sorted_into(root, target, [("1.jpg", "cat")], journals, method=SortMethod.MOVE)
    assert names_in(root) == []
    assert tree_of(target / "cat") == before


def test_links_take_no_space(root: Path, target: Path, journals: Path) -> None:
    photo = write_file(root / "1.jpg")
    sorted_into(root, target, [("1.jpg", "cat")], journals, method=SortMethod.LINK)
    assert (target / "cat" / "1.jpg").samefile(photo)


def test_photos_move_to_another_file_system(root: Path, journals: Path, tmp_path: Path) -> None:
    before = tree_of(write_file(root / "1.jpg").parent)
    with folder_in_memory(tmp_path) as memory:
        if memory.stat().st_dev == root.stat().st_dev:
            pytest.skip("there is no second file system at hand")
        plan = planned(root, memory, [("1.jpg", "cat")], method=SortMethod.MOVE)
        assert plan.bytes_needed == len(before["1.jpg"][0])
        outcome = sort_photos(plan, journals)
        assert names_in(root) == []
        assert tree_of(memory / "cat") == before
        assert outcome.journal
        undo_sort(outcome.journal)
        assert tree_of(root) == before
        assert names_in(memory) == []


@pytest.mark.parametrize("method", SortMethod)
def test_sorting_twice_does_it_once(
    root: Path, target: Path, journals: Path, method: SortMethod
) -> None:
    write_file(root / "1.jpg", "one")
    write_file(root / "a" / "1.jpg", "two")
    photos = [("1.jpg", "cat"), ("a/1.jpg", "cat")]
    sorted_into(root, target, photos, journals, method=method, flatten=True)
    sorted_once = tree_of(target)
    again = sorted_into(root, target, photos, journals, method=method, flatten=True)
    assert tree_of(target) == sorted_once
    assert again.journal is None
    assert len(again.plan.skipped) + len(again.plan.left) == 2


@pytest.mark.parametrize("method", SortMethod)
def test_a_name_that_was_taken_meanwhile_is_left_to_the_other(
    root: Path, target: Path, journals: Path, method: SortMethod
) -> None:
    for name in ("b.jpg", "b.xmp", "c.jpg"):
        write_file(root / name)
    plan = planned(root, target, [("b.jpg", "cat"), ("c.jpg", "cat")], method=method)
    write_file(target / "cat" / "b.jpg", "another")
    write_file(target / "cat" / "b (2).xmp", "another")
    equal = write_file(target / "cat" / "c.jpg", "the content of c.jpg")
    outcome = sort_photos(plan, journals)
    assert names_in(target / "cat") == [
        "b (2).xmp", "b (3).jpg", "b (3).xmp", "b.jpg", "c.jpg",
    ]  # fmt: skip
    assert content_of(target / "cat" / "b.jpg") == "another"
    assert content_of(target / "cat" / "b (3).xmp") == "the content of b.xmp"
    assert [(each.target, each.reason) for each in outcome.skipped] == [(equal, SkipReason.EQUAL)]
    assert (root / "c.jpg").exists()
    assert outcome.journal
    undo_sort(outcome.journal)
    assert names_in(root) == ["b.jpg", "b.xmp", "c.jpg"]
    assert names_in(target / "cat") == ["b (2).xmp", "b.jpg", "c.jpg"]


@pytest.mark.parametrize("method", SortMethod)
def test_what_changed_since_the_plan_is_left_and_the_rest_goes_on(
    root: Path, target: Path, journals: Path, method: SortMethod
) -> None:
    names = ("changed.jpg", "changed.xmp", "gone.jpg", "ok.jpg")
    for name in names:
        write_file(root / name)
    photos = [(name, "cat") for name in names if name.endswith(".jpg")]
    plan = planned(root, target, photos, method=method)
    write_file(root / "changed.jpg", "changed")
    (root / "gone.jpg").unlink()
    outcome = sort_photos(plan, journals)
    assert {each.path.name: each.reason for each in outcome.left} == {
        "changed.xmp": "its photo is left",
        "changed.jpg": "it was changed meanwhile",
        "gone.jpg": "it is not there any more",
    }
    assert [step.source.name for step in outcome.placed] == ["ok.jpg"]
    assert content_of(root / "changed.jpg") == "changed"
    assert names_in(target) == ["cat", "cat/ok.jpg"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_a_folder_that_became_a_link_is_not_followed(
    root: Path, target: Path, journals: Path, tmp_path: Path
) -> None:
    photo = write_file(root / "1.jpg")
    plan = planned(root, target, [("1.jpg", "cat")], method=SortMethod.MOVE)
    (tmp_path / "elsewhere").mkdir()
    target.mkdir()
    (target / "cat").symlink_to(tmp_path / "elsewhere")
    outcome = sort_photos(plan, journals)
    assert outcome.left == (Left(photo, "its folder is a link or a file"),)
    assert names_in(tmp_path / "elsewhere") == []


def test_the_whole_plan_is_in_the_journal_before_anything_is_touched(
    root: Path, target: Path, journals: Path
) -> None:
    for name in ("1.jpg", "2.jpg", "2.xmp"):
        write_file(root / name)
    plan = planned(root, target, [("1.jpg", "cat"), ("2.jpg", "dog")])
    seen: list[dict[str, Any]] = []

    def look_and_stop() -> bool:
        (journal,) = journals.iterdir()
        seen.extend(lines_of(journal))
        return True

    outcome = sort_photos(plan, journals, should_stop=look_and_stop)
    assert outcome.stopped
    assert not target.exists()
    assert (seen[0]["version"], seen[0]["method"], seen[0]["steps"]) == (1, "copy", 3)
    steps = [(line["source"], line["target"]) for line in seen if line["line"] == "step"]
    assert steps == [(str(step.source), str(step.target)) for step in plan.steps]


def test_a_sort_that_is_stopped_keeps_what_it_did(root: Path, target: Path, journals: Path) -> None:
    for number in range(4):
        write_file(root / f"{number}.jpg")
    before = tree_of(root)
    plan = planned(
        root, target, [(f"{number}.jpg", "cat") for number in range(4)], method=SortMethod.MOVE
    )
    seen: list[tuple[int, int]] = []
    outcome = sort_photos(
        plan,
        journals,
        on_progress=lambda done, total: seen.append((done, total)),
        should_stop=lambda: len(seen) == 2,
    )
    assert outcome.stopped
    assert seen == [(1, 4), (2, 4)]
    assert names_in(target / "cat") == ["0.jpg", "1.jpg"]
    assert outcome.journal
    undo_sort(outcome.journal)
    assert tree_of(root) == before


def test_a_running_sort_is_not_undone(root: Path, target: Path, journals: Path) -> None:
    write_file(root / "1.jpg")
    plan = planned(root, target, [("1.jpg", "cat")])
    refused: list[str] = []

    def undo_meanwhile(_done: int, _total: int) -> None:
        with pytest.raises(CatDogError) as error:
            undo_sort(next(journals.iterdir()))
        refused.append(str(error.value))

    sort_photos(plan, journals, on_progress=undo_meanwhile)
    assert len(refused) == 1
    assert "still running" in refused[0]


@pytest.mark.skipif(shutil.which("unshare") is None, reason="there is no unshare")
@pytest.mark.parametrize("method", [SortMethod.COPY, SortMethod.MOVE])
def test_a_disk_that_is_full_stops_the_sort_and_leaves_everything_whole(
    open_folder: Path, tmp_path: Path, method: SortMethod
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    root, journals = open_folder / "photos", open_folder / "journals"
    for number in range(4):
        write_file(root / f"{number}.jpg", str(number) * 100_000)
    before = tree_of(root)
    arguments = [method.value, *map(str, (root, disk, journals)), "250000"]
    program = " ".join([sys.executable, "-m", "tests.helpers.sorting_program", *arguments])
    mount = f"mount -t tmpfs -o size=2m none '{disk}'"
    show = f"echo && ls -A '{disk}/cat' && cat '{disk}'/cat/* | wc -c"
    sorting = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f"{mount} || exit 77; {program} && {show}"],
        capture_output=True,
        encoding="utf-8",
        check=False,
        cwd=HERE,
    )
    if sorting.returncode == 77 or "unshare" in sorting.stderr:
        pytest.skip("a small disk cannot be mounted here")
    assert sorting.returncode == 0, sorting.stderr
    told, *names, size = sorting.stdout.split("\n")[:-1]
    outcome = json.loads(told)
    assert "takes no more (No space left on device)" in outcome["failure"]
    assert len(outcome["sorted"]) == len(names) == int(size) // 100_000 < 4
    left = tree_of(root)
    assert left == {name: before[name] for name in left}
    assert method is SortMethod.COPY or {*left, *names} == set(before)


def test_a_write_that_fails_leaves_nothing_behind(
    root: Path, target: Path, journals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_file(root / "1.jpg")
    before = tree_of(root)
    plan = planned(root, target, [("1.jpg", "cat")])
    really = os.fsync
    calls: list[int] = []

    def full_later(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) > 2:  # the journal and its folder are on the disk by then
            raise OSError(28, "No space left on device")
        really(descriptor)

    monkeypatch.setattr(os, "fsync", full_later)
    outcome = sort_photos(plan, journals)
    assert outcome.failure.count(".") == 1
    assert (tree_of(root), names_in(target)) == (before, ["cat"])


def test_without_a_journal_nothing_is_touched(root: Path, target: Path, home: Path) -> None:
    write_file(root / "1.jpg")
    plan = planned(root, target, [("1.jpg", "cat")], method=SortMethod.MOVE)
    write_file(home / "journals")
    with pytest.raises(CatDogError, match="cannot be written"):
        sort_photos(plan, home / "journals")
    assert names_in(root) == ["1.jpg"]
    assert not target.exists()


def sorted_by_nobody(folder: Path, method: SortMethod) -> Any:
    """Sort the photos in a folder's `photos` without the rights of root."""
    folders = (str(folder / name) for name in ("photos", "sorted", "journals"))
    sorting = subprocess.run(
        [sys.executable, "-m", "tests.helpers.sorting_program", method.value, *folders, "0"],
        capture_output=True,
        encoding="utf-8",
        check=False,
        cwd=HERE,
    )
    assert sorting.returncode == 0, sorting.stderr
    return json.loads(sorting.stdout)


@needs_permissions
def test_a_photo_that_may_not_be_read_is_left_and_the_rest_is_copied(open_folder: Path) -> None:
    for name in ("1.jpg", "2.jpg"):
        write_file(open_folder / "photos" / name)
    (open_folder / "photos" / "1.jpg").chmod(0)
    outcome = sorted_by_nobody(open_folder, SortMethod.COPY)
    assert [Path(each["source"]).name for each in outcome["sorted"]] == ["2.jpg"]
    assert [each["reason"] for each in outcome["left"]] == ["there is no permission to do that"]
    assert names_in(open_folder / "sorted") == ["cat", "cat/2.jpg"]


@needs_permissions
def test_a_photo_that_may_not_be_moved_stays_with_its_side_files(open_folder: Path) -> None:
    for name in ("a/1.jpg", "a/1.xmp", "b/2.jpg"):
        write_file(open_folder / "photos" / name)
    (open_folder / "photos" / "a").chmod(0o555)
    (open_folder / "photos" / "b").chmod(0o777)
    try:
        outcome = sorted_by_nobody(open_folder, SortMethod.MOVE)
    finally:
        (open_folder / "photos" / "a").chmod(0o777)
    assert [Path(each["source"]).name for each in outcome["sorted"]] == ["2.jpg"]
    assert len(outcome["left"]) == 2
    assert names_in(open_folder / "photos") == ["a", "a/1.jpg", "a/1.xmp", "b"]


def test_a_rename_takes_no_other_files_place(tmp_path: Path) -> None:
    first, second = write_file(tmp_path / "first"), write_file(tmp_path / "second")
    before = tree_of(tmp_path)
    with pytest.raises(FileExistsError):
        rename_without_overwriting(first, second)
    assert tree_of(tmp_path) == before
    rename_without_overwriting(first, tmp_path / "third")
    assert names_in(tmp_path) == ["second", "third"]


def test_nor_does_it_where_the_system_cannot_do_that_in_one_step(tmp_path: Path) -> None:
    program = f"""
import ctypes
ctypes.CDLL = lambda *_, **__: object()
from pathlib import Path
from catdog_gui.classify.sorting.no_overwrite import rename_without_overwriting
folder = Path({str(tmp_path)!r})
rename_without_overwriting(folder / "first", folder / "third")
try:
    rename_without_overwriting(folder / "second", folder / "third")
except FileExistsError:
    print("refused", end="")
"""
    for name in ("first", "second"):
        write_file(tmp_path / name)
    renaming = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, encoding="utf-8", cwd=HERE, check=True
    )
    assert renaming.stdout == "refused"
    assert content_of(tmp_path / "third") == "the content of first"
    assert names_in(tmp_path) == ["second", "third"]
