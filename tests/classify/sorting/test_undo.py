"""Undoing a sort brings everything back, next week as well, and loses nothing by it."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catdog_gui.classify.sorting.journal_folder import (
    find_journal,
    newest_journal,
    unfinished_moves,
)
from catdog_gui.classify.sorting.sort_plan import SortMethod
from catdog_gui.classify.sorting.undo import undo_sort
from tests.helpers.sorting import (
    content_of,
    folder_in_memory,
    names_in,
    sorted_into,
    tree_of,
    write_file,
)
from training.errors import CatDogError

PHOTOS = [("1.jpg", "cat"), ("a/1.jpg", "cat"), ("a/2.jpg", "dog")]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder of three photos; two have one name, and one has a side file."""
    folder = tmp_path / "photos"
    for name in ("1.jpg", "a/1.jpg", "a/2.jpg", "a/1.xmp"):
        write_file(folder / name, f"the content of {name}")
    return folder


@pytest.fixture
def sort(root: Path, target: Path, journals: Path) -> Callable[[SortMethod], Path]:
    """Return what sorts the photos and returns the journal."""

    def sort_by(method: SortMethod) -> Path:
        outcome = sorted_into(root, target, PHOTOS, journals, method=method, flatten=True)
        assert len(outcome.placed) == 4
        assert outcome.journal
        return outcome.journal

    return sort_by


Sort = Callable[[SortMethod], Path]


def keep_lines(journal: Path, wanted: Callable[[dict[str, Any]], bool]) -> None:
    """Take lines out of a journal, as if the sort was killed before it wrote them."""
    lines = journal.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if wanted(json.loads(line))]
    journal.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


@pytest.mark.parametrize("method", SortMethod)
def test_everything_is_as_before(
    root: Path, target: Path, journals: Path, sort: Sort, method: SortMethod
) -> None:
    before = tree_of(root)
    outcome = undo_sort(sort(method))
    assert tree_of(root) == before
    assert not target.exists()
    assert sorted(outcome.back) == sorted(root / name for name in before)
    with pytest.raises(CatDogError, match="nothing to undo"):
        newest_journal(journals)


@pytest.mark.parametrize("method", SortMethod)
def test_it_needs_no_lines_but_the_plan(
    root: Path, target: Path, sort: Sort, method: SortMethod
) -> None:
    before = tree_of(root)
    journal = sort(method)
    keep_lines(journal, lambda line: line["line"] in {"sort", "folder", "step"})
    assert not undo_sort(journal).refused
    assert tree_of(root) == before
    assert not target.exists()


@pytest.mark.parametrize("method", SortMethod)
def test_a_last_line_that_is_cut_does_not_matter(
    root: Path, target: Path, sort: Sort, method: SortMethod
) -> None:
    before = tree_of(root)
    journal = sort(method)
    os.truncate(journal, journal.stat().st_size - 10)
    assert not undo_sort(journal).refused
    assert tree_of(root) == before
    assert not target.exists()
    for line in journal.read_text(encoding="utf-8").splitlines():
        assert isinstance(json.loads(line), dict)


def test_folders_that_were_there_stay_and_so_do_files_of_others(
    root: Path, target: Path, sort: Sort
) -> None:
    (target / "cat").mkdir(parents=True)
    journal = sort(SortMethod.COPY)
    write_file(target / "dog" / "mine.txt")
    undo_sort(journal)
    assert names_in(target) == ["cat", "dog", "dog/mine.txt"]
    assert root.exists()


def test_folders_that_were_removed_since_are_made_again(
    root: Path, target: Path, sort: Sort
) -> None:
    before = tree_of(root)
    journal = sort(SortMethod.MOVE)
    (root / "a").rmdir()
    root.rmdir()
    undo_sort(journal)
    assert tree_of(root) == before
    assert not target.exists()


@pytest.mark.parametrize("method", [SortMethod.COPY, SortMethod.MOVE, SortMethod.LINK])
def test_no_other_file_is_overwritten_and_the_rest_comes_back(
    root: Path, target: Path, sort: Sort, method: SortMethod
) -> None:
    before = tree_of(root)
    journal = sort(method)
    (root / "1.jpg").unlink(missing_ok=True)
    write_file(root / "1.jpg", "another")
    outcome = undo_sort(journal)
    assert [each.path for each in outcome.refused] == [target / "cat" / "1.jpg"]
    assert content_of(root / "1.jpg") == "another"
    assert content_of(target / "cat" / "1.jpg") == "the content of 1.jpg"
    assert names_in(target) == ["cat", "cat/1.jpg"]
    assert {name for name in tree_of(root) if tree_of(root)[name] == before[name]} == (
        set(before) - {"1.jpg"}
    )
    (root / "1.jpg").unlink()
    (target / "cat" / "1.jpg").rename(root / "1.jpg")
    again = undo_sort(journal)
    assert method is SortMethod.MOVE or not again.refused
    assert tree_of(root) == before


def test_a_copy_that_was_edited_is_kept_and_the_others_are_removed(
    root: Path, target: Path, sort: Sort
) -> None:
    before = tree_of(root)
    journal = sort(SortMethod.COPY)
    edited = target / "cat" / "1.jpg"
    written = edited.stat().st_mtime_ns
    write_file(edited, "THE CONTENT OF 1.jpg", written)  # neither its size nor its time tells
    outcome = undo_sort(journal)
    assert [(each.path, "was changed since" in each.reason) for each in outcome.refused] == [
        (edited, True)
    ]
    assert names_in(target) == ["cat", "cat/1.jpg"]
    assert tree_of(root) == before


@pytest.mark.parametrize("method", [SortMethod.COPY, SortMethod.LINK])
def test_the_last_one_of_a_photo_is_never_removed(
    root: Path, target: Path, sort: Sort, method: SortMethod
) -> None:
    journal = sort(method)
    (root / "a" / "2.jpg").unlink()
    (refused,) = undo_sort(journal).refused
    assert refused.path == target / "dog" / "2.jpg"
    assert "is not there any more" in refused.reason
    assert refused.path.exists()


def test_a_moved_file_that_was_edited_comes_back_as_it_is(
    root: Path, target: Path, sort: Sort
) -> None:
    journal = sort(SortMethod.MOVE)
    edited = target / "cat" / "1 (2).xmp"
    edited.unlink()
    write_file(edited, "five stars")
    assert not undo_sort(journal).refused
    assert content_of(root / "a" / "1.xmp") == "five stars"
    assert not target.exists()


def test_a_moved_file_that_is_gone_is_told_of(root: Path, target: Path, sort: Sort) -> None:
    journal = sort(SortMethod.MOVE)
    (target / "dog" / "2.jpg").unlink()
    (refused,) = undo_sort(journal).refused
    assert refused.path == target / "dog" / "2.jpg"
    assert names_in(root) == ["1.jpg", "a", "a/1.jpg", "a/1.xmp"]


def test_a_copy_that_the_user_removed_does_not_matter(root: Path, target: Path, sort: Sort) -> None:
    journal = sort(SortMethod.COPY)
    (target / "dog" / "2.jpg").unlink()
    outcome = undo_sort(journal)
    assert not outcome.refused
    assert len(outcome.back) == 3
    assert root.exists()
    assert not target.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
@pytest.mark.parametrize("method", SortMethod)
def test_a_folder_that_became_a_link_is_not_followed(
    target: Path, sort: Sort, tmp_path: Path, method: SortMethod
) -> None:
    journal = sort(method)
    (target / "dog").rename(tmp_path / "elsewhere")
    (target / "dog").symlink_to(tmp_path / "elsewhere")
    (refused,) = undo_sort(journal).refused
    assert refused.reason == "its folder is a link by now"
    assert names_in(tmp_path / "elsewhere") == ["2.jpg"]
    assert names_in(target) == ["dog"]


def test_an_undo_that_is_stopped_can_be_gone_on_with(
    root: Path, target: Path, journals: Path, sort: Sort
) -> None:
    before = tree_of(root)
    sort(SortMethod.MOVE)
    seen: list[tuple[int, int]] = []
    stopped = undo_sort(
        newest_journal(journals),
        on_progress=lambda done, total: seen.append((done, total)),
        should_stop=lambda: len(seen) == 2,
    )
    assert stopped.stopped
    assert seen == [(1, 4), (2, 4)]
    assert target.exists()
    assert not undo_sort(newest_journal(journals)).stopped
    assert tree_of(root) == before
    assert not target.exists()


def test_the_newest_sort_comes_first(
    root: Path, target: Path, journals: Path, sort: Sort, tmp_path: Path
) -> None:
    first = sort(SortMethod.COPY)
    other = write_file(tmp_path / "more" / "9.jpg").parent
    second = sorted_into(other, target, [("9.jpg", "cat")], journals).journal
    assert second
    assert first != second
    assert newest_journal(journals) == second
    assert find_journal(journals, first.stem) == first
    assert find_journal(journals, first.name) == first
    assert find_journal(journals, str(first)) == first
    undo_sort(second)
    assert newest_journal(journals) == first
    assert "9.jpg" not in {path.name for path in target.rglob("*")}
    assert root.exists()


def test_a_sort_is_undone_once(sort: Sort) -> None:
    journal = sort(SortMethod.COPY)
    undo_sort(journal)
    with pytest.raises(CatDogError, match="is undone already"):
        undo_sort(journal)


def test_a_sort_that_was_killed_before_its_first_step_is_no_sort(
    root: Path, target: Path, journals: Path, sort: Sort
) -> None:
    older = sort(SortMethod.COPY)
    newer = journals / "9999-01-01_00-00-00.jsonl"
    newer.write_bytes(older.read_bytes()[:40])
    assert newest_journal(journals) == older
    header = older.read_text(encoding="utf-8").splitlines()[0]
    newer.write_text(f"{header}\n", encoding="utf-8")
    assert newest_journal(journals) == older
    assert undo_sort(newer).back == ()
    assert (root / "1.jpg").exists()
    assert target.exists()


@pytest.mark.parametrize(
    "content",
    [
        "", "no journal\n", "[]\n", "{}\n", '{"line": "sort", "version": 2}\n',
        '{"line": "sort", "version": "1"}\n', "[" * 10_000 + "\n",
    ],
)  # fmt: skip
def test_what_is_no_journal_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "some.jsonl"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(CatDogError, match=r"some\.jsonl is no journal of a sort"):
        undo_sort(file)
    assert file.read_text(encoding="utf-8") == content


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("source", "photos/1.jpg"), ("source", "/photos/../1.jpg"), ("source", 1),
        ("target", "/etc/passwd"), ("target", None), ("number", 0.5), ("number", -1),
        ("size", True), ("kind", "folder"), ("tail", ".png"), ("line", "else"),
    ],
)  # fmt: skip
def test_a_damaged_journal_is_refused_and_nothing_is_touched(
    root: Path, target: Path, sort: Sort, name: str, value: object
) -> None:
    journal = sort(SortMethod.MOVE)
    there = tree_of(target)
    lines = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    next(line for line in lines if line["line"] == "step")[name] = value
    journal.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    with pytest.raises(CatDogError, match="is damaged"):
        undo_sort(journal)
    assert (tree_of(target), names_in(root)) == (there, ["a"])


def test_a_journal_that_is_not_there_is_told_of(journals: Path) -> None:
    with pytest.raises(CatDogError, match="There is no journal nothing"):
        find_journal(journals, "nothing")
    with pytest.raises(CatDogError, match="nothing to undo"):
        newest_journal(journals)


def leave_a_part(journal: Path, folder: Path) -> Path:
    """Have a sort look as if it was killed while it wrote its second step."""
    keep_lines(journal, lambda line: line["line"] in {"sort", "folder", "step"})
    header = json.loads(journal.read_text(encoding="utf-8").splitlines()[0])
    return write_file(folder / f".catdog-{header['token']}-1.part", "half a pho")


def test_what_a_killed_sort_had_begun_to_write_is_removed_by_undo(target: Path, sort: Sort) -> None:
    journal = sort(SortMethod.COPY)
    leave_a_part(journal, target / "cat")
    undo_sort(journal)
    assert not target.exists()


def test_what_a_killed_sort_had_begun_to_write_is_removed_by_the_next_sort(
    root: Path, target: Path, journals: Path, sort: Sort
) -> None:
    part = leave_a_part(sort(SortMethod.COPY), target / "cat")
    outcome = sorted_into(root, target, PHOTOS, journals, flatten=True)
    assert outcome.journal is None
    assert not part.exists()


def test_names_that_are_no_unicode_come_back(tmp_path: Path, journals: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("names are Unicode here")
    root = tmp_path / "odd"
    write_file(root / "caf\udce9.jpg", "a photo")
    before = tree_of(root)
    outcome = sorted_into(
        root, tmp_path / "sorted", [("caf\udce9.jpg", "cat")], journals, method=SortMethod.MOVE
    )
    assert outcome.journal
    undo_sort(outcome.journal)
    assert tree_of(root) == before


def test_a_move_that_was_killed_between_copy_and_removal_is_known(
    root: Path, journals: Path, tmp_path: Path
) -> None:
    with folder_in_memory(tmp_path) as memory:
        if memory.stat().st_dev == root.stat().st_dev:
            pytest.skip("there is no second file system at hand")
        before = (root / "1.jpg").read_bytes()
        sorted_into(root, memory, [("1.jpg", "cat")], journals, method=SortMethod.MOVE)
        journal = newest_journal(journals)
        keep_lines(journal, lambda line: line["line"] != "ended")
        (root / "1.jpg").write_bytes(before)
        os.utime(root / "1.jpg", ns=((memory / "cat" / "1.jpg").stat().st_mtime_ns,) * 2)
        assert unfinished_moves(journals) == {(root / "1.jpg", memory / "cat"): 1}
        undo_sort(journal)
        assert (root / "1.jpg").read_bytes() == before
        assert names_in(memory) == []
