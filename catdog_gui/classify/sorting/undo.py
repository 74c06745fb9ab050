"""Undoing a sort, from its journal and from what the files themselves tell.

Nothing is lost by it either: what was moved is moved back and takes no other file's place; a copy
or link is removed only while its original is there and holds the same.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from errno import EXDEV
from os.path import lexists
from pathlib import Path

from catdog_gui.classify.sorting.journal import Journal
from catdog_gui.classify.sorting.journal_folder import remove_parts
from catdog_gui.classify.sorting.no_overwrite import rename_without_overwriting
from catdog_gui.classify.sorting.safe_moves import (
    Stamp,
    changed,
    file_sha256,
    is_own_folder,
    leads_astray,
    put_copy,
    reason_of,
    remove_second,
    same_content,
    settle_folder,
    stamp_of,
)
from catdog_gui.classify.sorting.sort_plan import Left, SortMethod
from catdog_gui.classify.sorting.sort_record import AT_REST, Line, RecordedStep, SortRecord
from training.errors import CatDogError
from training.files import exists, is_folder


@dataclass(frozen=True, slots=True)
class UndoOutcome:
    """What came of undoing a sort."""

    journal: Path
    back: tuple[Path, ...]
    """Files that are where they were again, or whose copies or links are gone."""
    refused: tuple[Left, ...]
    """Files below the target that are left there, each with the reason."""
    stopped: bool = False
    """Whether it was asked to stop; it can be gone on with."""


class _RefusedError(Exception):
    """A step is not taken back; the message is the reason."""


def undo_sort(
    journal: Path,
    *,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> UndoOutcome:
    """Bring back everything that a sort did, also one that was killed.

    What cannot be brought back is left and reported, and the rest is brought back all the same. An
    undo that was killed or stopped, or that left something, can be run again.

    Args:
        journal: The sort's journal.
        on_progress: Called with how many steps are over, and of how many.
        should_stop: Asked at every step.

    Raises:
        CatDogError: It is undone already, is no journal, its sort is still running, or the folder
            that was sorted into is away.
    """
    with Journal.reopen(journal) as opened:
        record = opened.read()
        if record.last is Line.UNDONE:
            raise CatDogError(f"The sort of {journal} is undone already.")
        _check_target(record)
        return _Undoing(record, opened).run(on_progress, should_stop)


class _Undoing:
    """Takes back the steps of a sort, the last one first."""

    def __init__(self, record: SortRecord, journal: Journal) -> None:
        self._record = record
        self._journal = journal
        self._back: list[Path] = []
        self._refused: list[Left] = []

    def run(
        self, on_progress: Callable[[int, int], None], should_stop: Callable[[], bool]
    ) -> UndoOutcome:
        with suppress(CatDogError):  # a disk that is full must not keep copies from being removed
            self._journal.undoing()
        if self._record.last not in AT_REST:
            remove_parts(self._record)
        steps = self._record.steps if self._record.begun else ()
        for done, step in enumerate(reversed(steps)):
            if should_stop():
                return self._end(stopped=True)
            if not step.settled:
                self._take_back(step)
            on_progress(done + 1, len(steps))
        return self._end()

    def _end(self, *, stopped: bool = False) -> UndoOutcome:
        if not stopped:
            self._remove_folders()
        self._journal.undo_ended(everything=not stopped and not self._refused)
        return UndoOutcome(self._journal.path, tuple(self._back), tuple(self._refused), stopped)

    def _take_back(self, step: RecordedStep) -> None:
        target = _where(step)
        try:
            _check_folders(target, self._record.target)
            if self._record.method is SortMethod.MOVE:
                is_back = self._move_back(step, target)
            else:
                is_back = _remove_made(step, target)
        except _RefusedError as refused:
            self._refused.append(Left(target, str(refused)))
        except OSError as error:
            self._refused.append(Left(target, reason_of(error)))
        else:
            with suppress(CatDogError):  # what is back is seen from the files as well
                self._journal.back(step.index)
            if is_back:
                self._back.append(step.planned.source)

    def _move_back(self, step: RecordedStep, target: Path) -> bool:
        """Move a file to where it was, and tell whether there was anything to do.

        It is moved even if it was changed since: it is the only one that there is.

        Raises:
            _RefusedError: It is not there, or something else is where it was.
            OSError: It cannot be moved.
        """
        source, moved = step.planned.source, stamp_of(target)
        if lexists(source):
            return _remove_second(step, target)
        if moved is None:
            if step.done:
                raise _RefusedError("it is not there any more")
            return False  # the sort never came to it, and it went another way
        if not step.done and not _is_known(moved, step.planned.stamp):
            raise _RefusedError(f"it is not known to be what was at {source}")
        _check_ground(step, target)
        source.parent.mkdir(parents=True, exist_ok=True)
        try:
            rename_without_overwriting(target, source)
        except OSError as error:
            if error.errno != EXDEV:
                raise
            self._carry_back(step, target, moved)
        return True

    def _carry_back(self, step: RecordedStep, target: Path, moved: Stamp) -> None:
        """Move a file to where it was on another file system."""
        source = step.planned.source
        part = self._journal.part(source.parent, step.index)
        put_copy(target, part, source, moved, check=True)
        settle_folder(source.parent)
        if stamp_of(target) != moved:
            raise changed(target)
        remove_second(target, source)

    def _remove_folders(self) -> None:
        """Remove the folders that the sort made, as far as they are empty."""
        for folder in reversed(self._record.folders):
            if is_own_folder(folder) and not leads_astray(folder, self._record.target):
                with suppress(OSError):
                    folder.rmdir()


def _check_target(record: SortRecord) -> None:
    """Check that what was sorted is not away as a whole, as on a drive that is not connected.

    Raises:
        CatDogError: It is; the journal is as it was.
    """
    steps = [step for step in record.steps if record.begun and not step.settled]
    touched = any(step.done or not lexists(step.planned.source) for step in steps)
    was_there = record.target not in record.folders
    if steps and (touched or was_there) and _is_away(record.target, was_there=was_there):
        raise CatDogError(
            f"Nothing was undone, since {record.target} or what was in it is not there: connect "
            "its drive, or put the folder back, and undo the sort then."
        )


def _is_away(target: Path, *, was_there: bool) -> bool:
    """Tell whether a folder is missing, or is empty as the place of a drive that is not there."""
    try:
        return not is_folder(target) or (was_there and not any(target.iterdir()))
    except OSError:
        return False  # what cannot be listed is told of file by file


def _check_ground(step: RecordedStep, target: Path) -> None:
    """Check that a folder which is to be made again is made on the file system that it was on.

    A file that was renamed came from its target's, and one that was copied and removed did not.

    Raises:
        _RefusedError: It would be made elsewhere, as where a drive is not connected.
        OSError: It cannot be looked at.
    """
    folder = step.planned.source.parent
    if step.done is None or exists(folder):
        return
    ground = next(filter(exists, folder.parents), None)
    is_same = ground is not None and ground.stat().st_dev == target.parent.stat().st_dev
    if ground is None or is_same is bool(step.done.sha256):
        raise _RefusedError(f"the drive of its old folder {folder} seems to be away")


def _where(step: RecordedStep) -> Path:
    """Return where a step's file is, as far as can be told."""
    places = [step.planned.numbered(number).target for number in step.numbers]
    if step.done is None:
        return next(filter(lexists, places), places[0])
    if lexists(step.done.target):
        return step.done.target
    # It was to get another number when the sort was killed, and may have got it.
    known = (place for place in places if _is_known(stamp_of(place), step.done.stamp))
    return next(known, step.done.target)


def _check_folders(target: Path, below: Path) -> None:
    if leads_astray(target, below):
        raise _RefusedError("its folder is a link by now")


def _remove_second(step: RecordedStep, target: Path) -> bool:
    """Remove a moved file that is still, or again, where it was; tell whether it was there.

    Raises:
        _RefusedError: What is where it was is another file.
        OSError: It cannot be removed.
    """
    source = step.planned.source
    if not lexists(target):
        return False
    if same_content(source, target):
        remove_second(target, source)
        return True
    if step.done or not step.planned.stamp.fits(stamp_of(source)):
        raise _RefusedError(f"another file is at {source}")
    return False  # the sort never came to it, and its name at the target was taken meanwhile


def _remove_made(step: RecordedStep, target: Path) -> bool:
    """Remove a copy or link, and tell whether it was there.

    Raises:
        _RefusedError: Something would be lost by it.
        OSError: It cannot be removed.
    """
    if not lexists(target):
        return False
    if _is_spare(step, target):
        remove_second(target, step.planned.source)
        return True
    if not step.done and not step.planned.stamp.fits(stamp_of(target)):
        return False  # the sort never came to it, and its name was taken meanwhile
    source = step.planned.source
    if not lexists(source):
        raise _RefusedError(f"its original {source} is not there any more")
    raise _RefusedError(f"it or its original {source} was changed since")


def _is_spare(step: RecordedStep, target: Path) -> bool:
    """Tell whether a copy or link holds what its original holds, too."""
    unchanged = step.planned.stamp.fits(stamp_of(step.planned.source))
    if unchanged and step.done and step.done.sha256:
        return stamp_of(target) is not None and file_sha256(target) == step.done.sha256
    return same_content(step.planned.source, target)


def _is_known(moved: Stamp | None, before: Stamp) -> bool:
    """Tell whether a file is one that was seen before."""
    return moved is not None and (moved.inode == before.inode or moved.fits(before))
