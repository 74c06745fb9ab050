"""What came of a sort says truly what was done, what was left, and why it ended."""

from pathlib import Path
from types import ModuleType

import pytest

from catdog_gui.classify.sorting.sort_plan import SortMethod
from catdog_gui.classify.sorting.sorter import SortOutcome, sort_photos
from catdog_gui.classify.sorting.undo import undo_sort
from catdog_gui.commands.sorting import outcome_values
from tests.helpers.sorting import names_in, planned, sorted_into, tree_of, write_file


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder of three photos."""
    for number in range(3):
        write_file(tmp_path / "photos" / f"{number}.jpg")
    return tmp_path / "photos"


def test_files_that_the_plan_or_the_sort_left_make_it_incomplete(
    root: Path, target: Path, journals: Path
) -> None:
    plan = planned(root, target, [("0.jpg", "cat"), ("1.jpg", "dog"), ("gone.jpg", "dog")])
    write_file(root / "0.jpg", "changed since")
    outcome = sort_photos(plan, journals)
    assert outcome.incomplete == (
        "2 files are left, for the reasons above: see to what is listed, then sort once more."
    )
    assert outcome_values(outcome)["incomplete"] == outcome.incomplete
    assert not outcome.failure


def test_a_sort_of_which_nothing_could_be_done_is_incomplete(
    root: Path, target: Path, journals: Path
) -> None:
    outcome = sorted_into(root, target, [("gone.jpg", "cat")], journals)
    assert outcome.incomplete.startswith("1 file is left")


def test_unreadable_photos_that_nobody_asked_for_are_no_failure(
    root: Path, target: Path, journals: Path
) -> None:
    outcome = sorted_into(root, target, [("0.jpg", "cat"), ("1.jpg", "")], journals)
    assert len(outcome.plan.left) == 1
    assert outcome.incomplete == ""


def sorted_until_the_journal_is_full(
    root: Path, target: Path, journals: Path, limits: ModuleType
) -> SortOutcome:
    """Move three photos while no file may get longer than the journal is after the first."""
    photos = [(f"{number}.jpg", "cat") for number in range(3)]
    plan = planned(root, target, photos, method=SortMethod.MOVE)
    before = limits.getrlimit(limits.RLIMIT_FSIZE)

    def fill_up(_done: int, _total: int) -> None:
        size = next(journals.iterdir()).stat().st_size
        limits.setrlimit(limits.RLIMIT_FSIZE, (size, before[1]))

    try:
        return sort_photos(plan, journals, on_progress=fill_up)
    finally:
        limits.setrlimit(limits.RLIMIT_FSIZE, before)


def test_a_journal_that_is_full_ends_the_sort_and_nothing_done_is_kept_quiet(
    root: Path, target: Path, journals: Path
) -> None:
    before = tree_of(root)
    limits = pytest.importorskip("resource", reason="Windows has no such limits")
    outcome = sorted_until_the_journal_is_full(root, target, journals, limits)
    assert "cannot be written" in outcome.failure
    assert "nothing is sorted" not in outcome.failure
    assert "what was done before stays done and can be undone" in outcome.failure
    assert [step.target.name for step in outcome.placed] == names_in(target / "cat")
    assert names_in(target / "cat") == ["0.jpg", "1.jpg"]
    assert outcome.journal
    assert len(undo_sort(outcome.journal).back) == 2
    assert tree_of(root) == before
