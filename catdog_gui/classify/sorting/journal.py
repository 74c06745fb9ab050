"""The journal of a sort: written before anything is touched, and kept so that it can be undone.

It is a file of JSON lines (`sort_record.Line`), one for a sort. The plan is in it, and on the disk,
before the first step; a line follows after each step. What was done in between, by a sort that was
killed, is found out from the files themselves (`undo`).
"""

import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from catdog_gui.classify.sorting.safe_moves import Stamp, settle_folder
from catdog_gui.classify.sorting.sort_plan import PlannedStep, SortPlan
from catdog_gui.classify.sorting.sort_record import (
    Line,
    SortRecord,
    header_of,
    line_of,
    part_name,
    read_record,
    stamp_values,
)
from training.errors import CatDogError
from training.file_lock import lock_file

SUFFIX = ".jsonl"
_NOTHING_DONE = "and without it nothing is sorted"
_SOME_DONE = "so it ends here, and what was done before stays done and can be undone"


class Journal:
    """The open journal of a sort, which nobody else may have until it is closed."""

    def __init__(self, path: Path, file: BinaryIO, token: str = "") -> None:
        """Hold a file that is open and locked; use `begin` or `reopen`."""
        self.path = path
        self.token = token
        self._file = file
        self._consequence = _SOME_DONE

    @classmethod
    def begin(cls, folder: Path, plan: SortPlan) -> Self:
        """Write down a plan below a folder, and have the disk keep it.

        Raises:
            CatDogError: It cannot be written; nothing may be touched then.
        """
        now = datetime.now().astimezone()
        token = secrets.token_hex(4)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path, file = _new_file(folder, now)
        except OSError as error:
            raise _not_written(folder, error, _NOTHING_DONE) from error
        journal = cls(path, file, token)
        journal._consequence = _NOTHING_DONE
        try:
            lock_file(file)
            journal._append(_plan_lines(plan, now, token))
            journal.settle()
            settle_folder(folder)
        except BaseException:
            file.close()
            with suppress(OSError):
                path.unlink()
            raise
        journal._consequence = _SOME_DONE
        return journal

    @classmethod
    def reopen(cls, path: Path) -> Self:
        """Open a journal to undo its sort.

        Raises:
            CatDogError: It cannot be opened, or its sort is still running.
        """
        try:
            file = path.open("r+b", buffering=0)
        except OSError as error:
            raise CatDogError(
                f"The journal {path} cannot be opened ({error.strerror or error})."
            ) from error
        try:
            lock_file(file)
        except BlockingIOError as error:
            file.close()
            raise CatDogError(
                f"The sort of {path} is still running, or is being undone: wait for its end."
            ) from error
        return cls(path, file)

    def __enter__(self) -> Self:
        """Hold it for a block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it, which unlocks it."""
        self._file.close()

    def read(self) -> SortRecord:
        """Return what it tells, and cut off a last line that is not whole.

        Raises:
            CatDogError: It is no journal of a sort, or is damaged.
        """
        self._file.seek(0)
        content = self._file.read()
        record = read_record(self.path, content)
        self.token = record.token
        self._file.truncate(content.rfind(b"\n") + 1)
        return record

    def part(self, folder: Path, index: int) -> Path:
        """Return the hidden name in a folder for what a step has begun to write."""
        return folder / part_name(self.token, index)

    def numbered(self, steps: Mapping[int, PlannedStep]) -> None:
        """Write down that steps get other names, before they do."""
        self._append(
            {
                "line": Line.NUMBERED,
                "step": index,
                "number": step.number,
                "target": str(step.target),
            }
            for index, step in steps.items()
        )
        self.settle()

    def done(self, index: int, target: Path, stamp: Stamp, sha256: str) -> None:
        """Write down that a step was done."""
        values = {"target": str(target), **stamp_values(stamp), "sha256": sha256}
        self._append([{"line": Line.DONE, "step": index, **values}])

    def left(self, index: int, reason: str) -> None:
        """Write down that a step was not done, or not to its end."""
        self._append([{"line": Line.LEFT, "step": index, "reason": reason}])

    def ended(self, words: str) -> None:
        """Write down that the sort ended, and how."""
        self._append([{"line": Line.ENDED, "words": words}])

    def undoing(self) -> None:
        """Write down that the sort is being undone."""
        self._append([{"line": Line.UNDOING}])

    def back(self, index: int) -> None:
        """Write down that a step was taken back."""
        self._append([{"line": Line.BACK, "step": index}])

    def undo_ended(self, *, everything: bool) -> None:
        """Write down that all is as it was before the sort, or all that could be."""
        self._append([{"line": Line.UNDONE if everything else Line.UNDO_ENDED}])
        self.settle()

    def settle(self) -> None:
        """Have the disk keep what was written.

        Raises:
            CatDogError: It does not.
        """
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _not_written(self.path, error, self._consequence) from error

    def _append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Write whole lines, or nothing of them.

        Raises:
            CatDogError: They cannot be written.
        """
        content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        end = self._file.seek(0, os.SEEK_END)
        try:
            left = memoryview(content)
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(end)
            raise _not_written(self.path, error, self._consequence) from error


def _plan_lines(plan: SortPlan, now: datetime, token: str) -> Iterator[Mapping[str, Any]]:
    yield header_of(plan, now.isoformat(), token)
    for folder in plan.new_folders:
        yield {"line": Line.FOLDER, "path": str(folder)}
    for index, step in enumerate(plan.steps):
        yield line_of(index, step)


def _new_file(folder: Path, now: datetime) -> tuple[Path, BinaryIO]:
    """Open a new file that is named by a time, and by a number if there was another then."""
    for number in count(1):
        more = f"_{number}" if number > 1 else ""
        path = folder / f"{now:%Y-%m-%d_%H-%M-%S}{more}{SUFFIX}"
        with suppress(FileExistsError):
            return path, path.open("xb", buffering=0)
    raise AssertionError("there is always a free number")


def _not_written(path: Path, error: OSError, consequence: str) -> CatDogError:
    return CatDogError(
        f"The journal {path} cannot be written ({error.strerror or error}), {consequence}: make "
        "room, or check its permissions."
    )
