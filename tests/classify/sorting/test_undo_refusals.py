"""Undo refuses what would lose a photo, or what it cannot do since a drive or folder is away."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from catdog_gui.classify.sorting.journal_folder import newest_journal, unfinished_moves
from catdog_gui.classify.sorting.safe_moves import is_one_entry, remove_second
from catdog_gui.classify.sorting.sort_plan import SortMethod, SortRequest
from catdog_gui.classify.sorting.sort_planning import plan_sort
from catdog_gui.classify.sorting.sorter import sort_photos
from catdog_gui.classify.sorting.undo import undo_sort
from tests.helpers.sorting import folder_in_memory, names_in, sorted_into, tree_of, write_file
from training.errors import CatDogError

needs_links = pytest.mark.skipif(
    sys.platform == "win32", reason="links need a privilege on Windows"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder of one photo."""
    return write_file(tmp_path / "photos" / "1.jpg").parent


def sort(root: Path, target: Path, journals: Path, method: SortMethod) -> Path:
    """Sort the photo as a dog, and return the journal."""
    photos = [("1.jpg", "dog")]
    journal = sorted_into(root, target, photos, journals, method=method, flatten=True).journal
    assert journal
    return journal


@needs_links
@pytest.mark.parametrize("method", SortMethod)
def test_the_only_photo_is_kept_if_its_old_folder_leads_to_the_new_one(
    root: Path, target: Path, journals: Path, method: SortMethod
) -> None:
    journal = sort(root, target, journals, method)
    there = tree_of(target)
    shutil.rmtree(root)
    root.symlink_to(target / "dog")
    (refused,) = undo_sort(journal).refused
    assert refused.path == target / "dog" / "1.jpg"
    assert refused.reason == f"it is the only one, to which {root / '1.jpg'} leads through a link"
    assert tree_of(target) == there
    root.unlink()
    root.mkdir()
    if method is SortMethod.MOVE:
        assert undo_sort(newest_journal(journals)).back == (root / "1.jpg",)


@needs_links
def test_the_only_photo_is_kept_if_a_killed_move_is_finished_through_a_link(
    root: Path, journals: Path, tmp_path: Path
) -> None:
    with folder_in_memory(tmp_path) as memory:
        if memory.stat().st_dev == root.stat().st_dev:
            pytest.skip("there is no second file system at hand")
        journal = sort(root, memory, journals, SortMethod.MOVE)
        lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
        journal.write_text("".join(lines[:-1]), encoding="utf-8")
        shutil.copy2(memory / "dog" / "1.jpg", root / "1.jpg")
        wanted = SortRequest(
            photos=((root / "1.jpg", "dog"),), target=memory, method=SortMethod.MOVE, flatten=True
        )
        plan = plan_sort(wanted, unfinished_moves(journals))
        assert plan.steps[0].finishes
        shutil.rmtree(root)
        root.symlink_to(memory / "dog")
        (left,) = sort_photos(plan, journals).left
        assert "it is the only one" in left.reason
        assert names_in(memory) == ["dog", "dog/1.jpg"]


@needs_links
def test_two_hard_links_are_two_entries_and_one_can_go(root: Path, target: Path) -> None:
    target.mkdir()
    first, second = root / "1.jpg", target / "1.jpg"
    os.link(first, second)
    (target.parent / "again").symlink_to(root)
    assert not is_one_entry(first, second)
    assert is_one_entry(first, target.parent / "again" / "1.jpg")
    with pytest.raises(OSError, match="it is the only one"):
        remove_second(target.parent / "again" / "1.jpg", first)
    remove_second(second, first)
    assert (names_in(root), names_in(target)) == (["1.jpg"], [])


@pytest.mark.parametrize("method", SortMethod)
def test_nothing_is_undone_while_the_target_is_away(
    root: Path, target: Path, journals: Path, tmp_path: Path, method: SortMethod
) -> None:
    before = tree_of(root)
    journal = sort(root, target, journals, method)
    written = journal.read_bytes()
    target.rename(tmp_path / "away")
    with pytest.raises(CatDogError, match=f"^Nothing was undone, since {target} "):
        undo_sort(journal)
    assert journal.read_bytes() == written
    (tmp_path / "away").rename(target)
    assert not undo_sort(newest_journal(journals)).refused
    assert tree_of(root) == before
    assert not target.exists()


@pytest.mark.parametrize("method", SortMethod)
def test_nothing_is_undone_while_only_the_place_of_the_targets_drive_is_there(
    root: Path, target: Path, journals: Path, tmp_path: Path, method: SortMethod
) -> None:
    before = tree_of(root)
    target.mkdir()
    journal = sort(root, target, journals, method)
    target.rename(tmp_path / "away")
    target.mkdir()
    with pytest.raises(CatDogError, match=f"^Nothing was undone, since {target} "):
        undo_sort(journal)
    target.rmdir()
    (tmp_path / "away").rename(target)
    assert not undo_sort(journal).refused
    assert tree_of(root) == before


@needs_links
@pytest.mark.parametrize("across", [False, True])
def test_no_folder_is_made_in_the_place_of_a_drive_that_is_away(
    journals: Path, tmp_path: Path, across: bool
) -> None:
    with folder_in_memory(tmp_path) as memory:
        if memory.stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("there is no second file system at hand")
        drive, photos = tmp_path / "drive", write_file(memory / "photos" / "1.jpg").parent
        drive.symlink_to(memory)
        target = (tmp_path if across else memory) / "sorted"
        journal = sort(drive / "photos", target, journals, SortMethod.MOVE)
        drive.unlink()
        (refused,) = undo_sort(journal).refused
        assert refused.reason == f"the drive of its old folder {drive / 'photos'} seems to be away"
        assert not drive.exists()
        drive.symlink_to(memory)
        photos.rmdir()
        assert not undo_sort(newest_journal(journals)).refused
        assert names_in(photos) == ["1.jpg"]


def damage(journal: Path) -> None:
    """Write another line into the middle of a journal."""
    first, *more = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    journal.write_text("".join((first, "{}\n", *more)), encoding="utf-8")


@pytest.mark.parametrize(
    "content", ['{"line": "sort"}\n', "[]\n", "no journal\n", "[" * 10_000 + "\n", "\udcff\n"]
)
def test_what_is_no_journal_is_passed_over(
    root: Path, target: Path, journals: Path, content: str
) -> None:
    journal = sort(root, target, journals, SortMethod.COPY)
    (journals / "zz.jsonl").write_text(content, encoding="utf-8", errors="surrogateescape")
    assert newest_journal(journals) == journal


def test_a_journal_that_is_damaged_in_its_middle_is_passed_over(
    root: Path, target: Path, journals: Path
) -> None:
    older = sort(root, target, journals, SortMethod.COPY)
    damage(sort(root, target.parent / "other", journals, SortMethod.COPY))
    assert newest_journal(journals) == older
