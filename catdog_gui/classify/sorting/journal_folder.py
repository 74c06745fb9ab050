"""The folder of journals: finding one, and what killed sorts left behind."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from catdog_gui.classify.sorting.journal import SUFFIX, Journal
from catdog_gui.classify.sorting.safe_moves import leads_astray, stamp_of
from catdog_gui.classify.sorting.sort_plan import SortMethod
from catdog_gui.classify.sorting.sort_record import AT_REST, Line, SortRecord, read_record
from training.errors import CatDogError

_PLANNING = frozenset({Line.SORT, Line.FOLDER, Line.STEP})
_LONGEST_LINE = 1 << 16


def newest_journal(folder: Path) -> Path:
    """Return the journal of the newest sort that is not undone; damaged ones are passed over.

    Raises:
        CatDogError: There is none.
    """
    glances = [glance for glance in _glances(folder) if glance.can_be_undone]
    for glance in sorted(glances, key=lambda each: (each.started, each.path.name), reverse=True):
        with suppress(CatDogError, OSError):
            return read_record(glance.path, glance.path.read_bytes()).path
    raise CatDogError(f"There is nothing to undo: {folder} holds no journal of a sort.")


def find_journal(folder: Path, name: str) -> Path:
    """Return a journal that is named by its path, or by its name in a folder.

    Raises:
        CatDogError: There is none.
    """
    for path in (Path(name), folder / name, folder / f"{name}{SUFFIX}"):
        with suppress(OSError, ValueError):
            if path.is_file():
                return path
    raise CatDogError(f"There is no journal {name}: {folder} holds those of your sorts.")


def unfinished_moves(folder: Path) -> dict[tuple[Path, Path], int]:
    """Return what killed moves left open: the numbers for files in folders of their targets.

    A photo whose side files were moved already gets the number that they have, and one that lies
    at both places is removed at the first, if it is moved there once more.
    """
    found = {}
    for record in _killed(folder):
        for step in record.steps if record.method is SortMethod.MOVE else ():
            planned = step.planned
            if not step.settled and planned.stamp.fits(stamp_of(planned.source)):
                found[planned.source, planned.folder] = step.numbers[0]
    return found


def clear_leftovers(folder: Path) -> None:
    """Remove what killed sorts and undos had begun to write; those that still run are let be."""
    for record in _killed(folder):
        with suppress(CatDogError), Journal.reopen(record.path):
            remove_parts(record)


def remove_parts(record: SortRecord) -> None:
    """Remove what a sort or its undo had begun to write."""
    for step in record.steps:
        if step.settled:
            continue
        for part in step.parts(record.token):
            if not leads_astray(part, record.target):
                with suppress(OSError):
                    part.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Glance:
    """What the ends of a journal tell."""

    path: Path
    started: datetime
    last: Line
    begun: bool

    @property
    def can_be_undone(self) -> bool:
        return self.begun and self.last is not Line.UNDONE

    @property
    def killed(self) -> bool:
        return self.begun and self.last not in AT_REST


def _journals(folder: Path) -> Iterator[Path]:
    """Yield the journals that were begun; one that is empty or cut in its first line was not."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        with suppress(OSError):
            if _is_begun(path):
                yield path


def _is_begun(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline(_LONGEST_LINE).endswith(b"\n")


def _killed(folder: Path) -> Iterator[SortRecord]:
    for glance in _glances(folder):
        with suppress(CatDogError, OSError):  # a damaged one keeps nobody from sorting
            if glance.killed:
                yield read_record(glance.path, glance.path.read_bytes())


def _glances(folder: Path) -> Iterator[_Glance]:
    """Yield what the journals of a folder tell; one that tells nothing is passed over."""
    for path in _journals(folder):
        with suppress(CatDogError):
            yield _glance(path)


def _glance(path: Path) -> _Glance:
    """Look at the first and the last line of a journal.

    Raises:
        CatDogError: It is no journal of a sort, or is damaged.
    """
    try:
        with path.open("rb") as file:
            header = json.loads(file.readline(_LONGEST_LINE))
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - _LONGEST_LINE))
            last = _last_line(file.read())
        line = Line(last["line"])
        planned = line is Line.STEP and last["step"] + 1 == header["steps"]
        begun = line not in _PLANNING or planned
        started = datetime.fromisoformat(header["started"])
        return _Glance(path, started.astimezone(), line, begun)
    except (ArithmeticError, ValueError, LookupError, TypeError, RecursionError, OSError) as error:
        raise CatDogError(
            f"{path} is no journal of a sort, or is damaged: nothing was undone; name another one."
        ) from error


def _last_line(content: bytes) -> dict[str, Any]:
    *whole, _cut = content.split(b"\n")
    line = json.loads(whole[-1])
    if not isinstance(line, dict):
        raise TypeError("no object")
    return line
