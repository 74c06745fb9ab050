"""Sorting photos into folders by label, so that none can be lost wherever it ends.

Every step either is done or is not: a copy gets its name when it is whole and on the disk, a move
is one rename, and no name that is taken is ever taken over. There is one exception: a move to
another file system puts the copy in its place, and only then removes the source; if it is killed
between these two, the photo is whole in both places. Undoing it, or moving it once more, ends that.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC, EROFS, EXDEV
from itertools import count, groupby
from os import R_OK, W_OK, X_OK, access
from os.path import lexists
from pathlib import Path

from catdog_gui.classify.sorting.journal import Journal
from catdog_gui.classify.sorting.journal_folder import clear_leftovers
from catdog_gui.classify.sorting.no_overwrite import rename_without_overwriting
from catdog_gui.classify.sorting.safe_moves import (
    Stamp,
    changed,
    check_unchanged,
    link_without_overwriting,
    make_folders,
    put_copy,
    reason_of,
    remove_second,
    same_content,
    settle_folder,
    stamp_of,
)
from catdog_gui.classify.sorting.sort_plan import (
    Left,
    PlannedStep,
    Skipped,
    SkipReason,
    SortMethod,
    SortPlan,
    StepKind,
)
from training.errors import CatDogError

_HOPELESS = frozenset({ENOSPC, EDQUOT, EROFS})
"""Errors that every further step would meet, too."""


@dataclass(frozen=True, slots=True)
class SortOutcome:
    """What came of a sort."""

    plan: SortPlan
    journal: Path | None
    """With which it can be undone; none if there was nothing to do."""
    placed: tuple[PlannedStep, ...] = ()
    """The steps that were done, with the names that they got."""
    skipped: tuple[Skipped, ...] = ()
    """Files whose equals came to their targets since the plan."""
    left: tuple[Left, ...] = ()
    """Files that could not be sorted, and are where they were."""
    stopped: bool = False
    """Whether it was asked to stop before the end."""
    failure: str = ""
    """In one sentence, why it could not go on; empty if it could."""

    @property
    def incomplete(self) -> str:
        """In one sentence, how many files were left that should be sorted; empty if none were."""
        files = sum(not each.by_choice for each in (*self.plan.left, *self.left))
        if not files:
            return ""
        what = "1 file is" if files == 1 else f"{files:,} files are"
        return f"{what} left, for the reasons above: see to what is listed, then sort once more."


def sort_photos(
    plan: SortPlan,
    journals: Path,
    *,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> SortOutcome:
    """Do what a plan says; what cannot be done is left and reported, and the rest goes on.

    Args:
        plan: What is to be done.
        journals: The folder of journals.
        on_progress: Called with how many steps are over, and of how many.
        should_stop: Asked between photos, never between a photo and its side files.

    Raises:
        CatDogError: The journal cannot be begun; nothing was touched.
    """
    clear_leftovers(journals)
    if not plan.steps:
        return SortOutcome(plan, None)
    with Journal.begin(journals, plan) as journal:
        sorting = _Sorting(plan, journal)
        try:
            return sorting.run(on_progress, should_stop)
        except CatDogError as error:
            return sorting.outcome(failure=str(error))


class _Sorting:
    """Does the steps of a plan, one photo with its side files after another."""

    def __init__(self, plan: SortPlan, journal: Journal) -> None:
        self._plan = plan
        self._journal = journal
        self._placed: dict[int, PlannedStep] = {}
        self._skipped: list[Skipped] = []
        self._left: list[Left] = []

    def run(
        self, on_progress: Callable[[int, int], None], should_stop: Callable[[], bool]
    ) -> SortOutcome:
        total = len(self._plan.steps)
        for steps in self._by_photo():
            if should_stop():
                self._journal.ended("stopped")
                return self.outcome(stopped=True)
            self._sort(steps)
            on_progress(max(steps) + 1, total)
        self._journal.ended("complete")
        self._journal.settle()
        return self.outcome()

    def outcome(self, *, stopped: bool = False, failure: str = "") -> SortOutcome:
        return SortOutcome(
            self._plan,
            self._journal.path,
            tuple(self._placed.values()),
            tuple(self._skipped),
            tuple(self._left),
            stopped,
            failure,
        )

    def _by_photo(self) -> Iterator[dict[int, PlannedStep]]:
        numbered = enumerate(self._plan.steps)
        for _, steps in groupby(numbered, key=lambda each: each[1].photo):
            yield dict(steps)

    def _sort(self, steps: dict[int, PlannedStep]) -> None:
        """Place a photo's side files and then the photo.

        The photo is the last one, so that a sort which is killed meanwhile finds it again.
        """
        try:
            for step in steps.values():
                if step.kind is StepKind.PHOTO:
                    _check(step)
        except OSError as error:
            for index, step in steps.items():
                photo = step.kind is StepKind.PHOTO
                self._leave(index, step, reason_of(error) if photo else "its photo is left")
            return
        for index in list(steps):
            try:
                self._place(index, steps)
            except OSError as error:
                if error.errno in _HOPELESS:
                    raise self._hopeless(error) from error
                self._leave(index, steps[index], reason_of(error))

    def _place(self, index: int, steps: dict[int, PlannedStep]) -> None:
        """Do a step; if its name was taken meanwhile, under the next number that is free."""
        while True:
            step = steps[index]
            try:
                if step.finishes and same_content(step.source, step.target):
                    self._finish(index, step)
                else:
                    self._act(index, step)
            except FileExistsError:
                if same_content(step.source, step.target):
                    self._skipped.append(Skipped(step.source, step.target, SkipReason.EQUAL))
                    self._journal.left(index, f"equal to {step.target}")
                    return
                self._take_other_names(steps)
            else:
                return

    def _act(self, index: int, step: PlannedStep) -> None:
        """Do a step.

        Raises:
            FileExistsError: Its name is taken.
            OSError: It cannot be done; nothing of it was.
        """
        _check(step)
        make_folders(step.folder, self._plan.target)
        if step.method is SortMethod.COPY:
            self._copy(index, step, check=False)
        elif step.method is SortMethod.LINK:
            link_without_overwriting(step.source, step.target)
            self._write_down(index, step)
        else:
            self._move(index, step)

    def _move(self, index: int, step: PlannedStep) -> None:
        before = stamp_of(step.source)
        try:
            rename_without_overwriting(step.source, step.target)
        except OSError as error:
            if error.errno != EXDEV:
                raise
            self._copy(index, step, check=True)
            self._remove_source(index, step, before)
        else:
            self._write_down(index, step)

    def _finish(self, index: int, step: PlannedStep) -> None:
        """Do what is left of a move that was killed: its file is at both places."""
        before = stamp_of(step.source)
        self._write_down(index, step)
        self._remove_source(index, step, before)

    def _copy(self, index: int, step: PlannedStep, *, check: bool) -> None:
        part = self._journal.part(step.folder, index)
        sha256 = put_copy(step.source, part, step.target, step.stamp, check=check)
        self._write_down(index, step, sha256)

    def _write_down(self, index: int, step: PlannedStep, sha256: str = "") -> None:
        self._placed[index] = step  # it is, even if the journal cannot take it any more
        stamp = stamp_of(step.target)
        if stamp:
            self._journal.done(index, step.target, stamp, sha256)

    def _remove_source(self, index: int, step: PlannedStep, before: Stamp | None) -> None:
        """Remove what lies whole at the target now, once the disk keeps it and the journal.

        Args:
            index: The step's place in the plan.
            step: The step.
            before: The source's stamp when it was copied; it is removed only if it still has it.
        """
        settle_folder(step.folder)
        self._journal.settle()
        try:
            if stamp_of(step.source) != before:
                raise changed(step.source)
            remove_second(step.source, step.target)
        except OSError as error:
            reason = f"it was copied to {step.target}, but is not removed: {reason_of(error)}"
            self._leave(index, step, reason)

    def _take_other_names(self, steps: dict[int, PlannedStep]) -> None:
        """Give a photo and its side files the next number that is free for all of them.

        Those that have their places already are renamed.
        """
        first = next(iter(steps.values())).number + 1
        for number in count(first):
            others = {index: step.numbered(number) for index, step in steps.items()}
            if all(self._fits(index, step) for index, step in others.items()):
                break
        self._journal.numbered(others)
        for index, step in others.items():
            if index in self._placed:
                rename_without_overwriting(self._placed[index].target, step.target)
                self._write_down(index, step)
        steps.update(others)

    def _fits(self, index: int, step: PlannedStep) -> bool:
        """Tell whether a name is free, or what has it makes the step needless."""
        equal = index not in self._placed and same_content(step.source, step.target)
        return equal or not lexists(step.target)

    def _leave(self, index: int, step: PlannedStep, reason: str) -> None:
        self._left.append(Left(step.source, reason))
        self._journal.left(index, reason)

    def _hopeless(self, error: OSError) -> CatDogError:
        return CatDogError(
            f"Sorting stopped, since {self._plan.target} takes no more ({error.strerror}): all "
            "photos are whole; make room and sort once more, or undo it."
        )


def _check(step: PlannedStep) -> None:
    """Check that a file is what it was when the plan was made, and can be sorted.

    Raises:
        OSError: It is not, or cannot be.
    """
    check_unchanged(step.source, step.stamp)
    if step.bytes_needed and not access(step.source, R_OK):
        raise PermissionError("it cannot be read")
    if step.method is SortMethod.MOVE and not access(step.source.parent, W_OK | X_OK):
        raise PermissionError("it cannot be removed from its folder")
