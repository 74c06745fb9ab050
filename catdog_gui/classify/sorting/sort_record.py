"""What a journal says of a sort, read back as a value."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from os.path import normpath
from pathlib import Path
from typing import Any

from catdog_gui.classify.sorting.safe_moves import Stamp
from catdog_gui.classify.sorting.sort_plan import PlannedStep, SortMethod, SortPlan, StepKind
from training.errors import CatDogError

VERSION = 1


class Line(StrEnum):
    """What a line of a journal is about, under the name `line` in its object."""

    SORT = "sort"
    """The first line: the version, the method, the target, and how many steps are planned."""
    FOLDER = "folder"
    """A folder that is to be made."""
    STEP = "step"
    """A planned step; all of these are on the disk before anything is touched."""
    NUMBERED = "numbered"
    """A step's name was taken meanwhile: it goes to another one from now on."""
    DONE = "done"
    LEFT = "left"
    """A step was not done, for a reason."""
    ENDED = "ended"
    UNDOING = "undoing"
    BACK = "back"
    """A step was taken back."""
    UNDO_ENDED = "undo ended"
    UNDONE = "undone"
    """Everything was taken back."""


AT_REST = frozenset({Line.ENDED, Line.UNDO_ENDED, Line.UNDONE})
"""The last line of a journal whose sort or undo was not killed."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a step."""

    target: Path
    stamp: Stamp
    """Of the file at the target."""
    sha256: str
    """Of a copy; empty for what was only renamed or linked."""


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """A step, and what is known of it."""

    index: int
    planned: PlannedStep
    numbers: tuple[int, ...]
    """All that its name was to have, the last one first."""
    done: Done | None = None
    settled: bool = False
    """Whether it was left or is taken back, so that nothing of it is to be undone."""

    def parts(self, token: str) -> tuple[Path, Path]:
        """Return where a killed sort or undo may have left what it had begun to write."""
        name = part_name(token, self.index)
        return self.planned.folder / name, self.planned.source.parent / name


@dataclass(frozen=True, slots=True, kw_only=True)
class SortRecord:
    """A sort as its journal tells it."""

    path: Path
    token: str
    """Is in the names of the sort's temporary files and of no other sort's."""
    method: SortMethod
    target: Path
    folders: tuple[Path, ...]
    """Those that were to be made, outer ones first."""
    steps: tuple[RecordedStep, ...]
    begun: bool
    """Whether all steps are written down; before that nothing is touched."""
    last: Line


def part_name(token: str, index: int) -> str:
    """Return the hidden name of what a step has begun to write."""
    return f".catdog-{token}-{index}.part"


def header_of(plan: SortPlan, started: str, token: str) -> dict[str, Any]:
    """Return a journal's first line."""
    return {
        "line": Line.SORT,
        "version": VERSION,
        "started": started,
        "token": token,
        "method": plan.method,
        "target": str(plan.target),
        "steps": len(plan.steps),
    }


def line_of(index: int, step: PlannedStep) -> dict[str, Any]:
    """Return the line of a planned step."""
    return {
        "line": Line.STEP,
        "step": index,
        "source": str(step.source),
        "target": str(step.target),
        "label": step.label,
        "kind": step.kind,
        "photo": step.photo,
        "number": step.number,
        "tail": step.tail,
        **stamp_values(step.stamp),
    }


def stamp_values(stamp: Stamp) -> dict[str, int]:
    """Return a stamp as a part of a line."""
    return {"size": stamp.size, "modified_ns": stamp.modified_ns, "inode": stamp.inode}


def read_record(path: Path, content: bytes) -> SortRecord:
    """Return what a journal tells; a last line that was cut off is as if it was not there.

    Raises:
        CatDogError: It is no journal of a sort, is damaged, or is of another version.
    """
    try:
        lines = _lines(content)
        header = next(lines, {})
        if header.get("line") == Line.SORT and _whole(header, "version") == VERSION:
            return _Reading(header).record(path, lines)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CatDogError(
            f"{path} is no journal of a sort, or is damaged: nothing was undone; name another one."
        ) from error
    raise CatDogError(
        f"{path} is no journal of a sort, or is one of a newer CatDog Studio: nothing was undone."
    )


@dataclass(slots=True)
class _Reading:
    """Gathers what the lines of a journal say."""

    header: Mapping[str, Any]
    folders: list[Path] = field(default_factory=list)
    planned: list[PlannedStep] = field(default_factory=list)
    numbers: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    done: dict[int, Done] = field(default_factory=dict)
    left: set[int] = field(default_factory=set)
    back: set[int] = field(default_factory=set)
    last: Line = Line.SORT

    def record(self, path: Path, lines: Iterator[Mapping[str, Any]]) -> SortRecord:
        target = _path(self.header, "target")
        method = SortMethod(self.header["method"])
        token = _text(self.header, "token")
        if not token.isalnum():
            raise ValueError("no token")
        for line in lines:
            self.last = Line(line["line"])
            self._read(line, target, method)
        return SortRecord(
            path=path,
            token=token,
            method=method,
            target=target,
            folders=tuple(self.folders),
            steps=tuple(self._step(index) for index in range(len(self.planned))),
            begun=len(self.planned) == _whole(self.header, "steps"),
            last=self.last,
        )

    def _read(self, line: Mapping[str, Any], target: Path, method: SortMethod) -> None:
        if self.last is Line.FOLDER:
            self.folders.append(_path(line, "path"))
        elif self.last is Line.STEP:
            self.planned.append(_planned(line, target, method))
        elif self.last in {Line.NUMBERED, Line.DONE, Line.LEFT, Line.BACK}:
            self._read_step(line, _whole(line, "step"), target)

    def _read_step(self, line: Mapping[str, Any], index: int, target: Path) -> None:
        if index >= len(self.planned):
            raise ValueError("no such step")
        if self.last is Line.NUMBERED:
            self.numbers[index].insert(0, _whole(line, "number"))
        elif self.last is Line.DONE:
            where = _path(line, "target", below=target)
            self.done[index] = Done(where, _stamp(line), _text(line, "sha256"))
        elif self.last is Line.LEFT:
            self.left.add(index)
        else:
            self.back.add(index)

    def _step(self, index: int) -> RecordedStep:
        planned, done = self.planned[index], self.done.get(index)
        return RecordedStep(
            index,
            planned,
            (*self.numbers[index], planned.number),
            done,
            index in self.back or (index in self.left and done is None),
        )


def _lines(content: bytes) -> Iterator[dict[str, Any]]:
    *whole, _cut = content.split(b"\n")
    for line in whole:
        value = json.loads(line)
        if not isinstance(value, dict):
            raise TypeError("no object")
        yield value


def _planned(line: Mapping[str, Any], below: Path, method: SortMethod) -> PlannedStep:
    target = _path(line, "target", below=below)
    step = PlannedStep(
        source=_path(line, "source"),
        folder=target.parent,
        tail=_text(line, "tail"),
        number=_whole(line, "number"),
        stamp=_stamp(line),
        label=_text(line, "label"),
        kind=StepKind(line["kind"]),
        method=method,
        photo=_whole(line, "photo"),
    )
    if step.target != target:
        raise ValueError("the name does not fit to the number")
    return step


def _stamp(line: Mapping[str, Any]) -> Stamp:
    return Stamp(_whole(line, "size"), _number(line, "modified_ns"), _whole(line, "inode"))


def _path(line: Mapping[str, Any], name: str, below: Path | None = None) -> Path:
    path = Path(_text(line, name))
    if not path.is_absolute() or normpath(path) != str(path) or "\0" in str(path):
        raise ValueError("no path from the top")
    if below is not None and below not in path.parents:
        raise ValueError("a path outside the target")
    return path


def _text(line: Mapping[str, Any], name: str) -> str:
    value = line[name]
    if type(value) is not str:
        raise TypeError(name)
    return value


def _number(line: Mapping[str, Any], name: str) -> int:
    value = line[name]
    if type(value) is not int:
        raise TypeError(name)
    return value


def _whole(line: Mapping[str, Any], name: str) -> int:
    value = _number(line, name)
    if value < 0:
        raise ValueError(name)
    return value
