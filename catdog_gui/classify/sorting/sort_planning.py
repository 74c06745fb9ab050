"""Making a sort plan: everything is looked at, and nothing is written."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, count
from pathlib import Path

from catdog_gui.classify.sorting.destinations import Destinations, Placing, absolute, ground_of
from catdog_gui.classify.sorting.safe_moves import Stamp, is_own_folder, reason_of, same_content
from catdog_gui.classify.sorting.side_files import SideFiles
from catdog_gui.classify.sorting.sort_plan import (
    Left,
    PlannedStep,
    Skipped,
    SkipReason,
    SortMethod,
    SortPlan,
    SortRequest,
    StepKind,
)
from catdog_gui.classify.sorting.target_names import TargetNames
from training.errors import ConfigurationError, WorkStopped
from training.files import exists

Numbers = Mapping[tuple[Path, Path], int]
"""The numbers that files (first) were to get in folders (second) when a move was killed."""


def plan_sort(
    wanted: SortRequest,
    unfinished: Numbers | None = None,
    *,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> SortPlan:
    """Return what a sort would do, without doing any of it.

    Photos are read only where a file of the same name and size is at the target.

    Args:
        wanted: What is to be sorted, where to, and how.
        unfinished: What moves that were killed left open (`journal_folder.unfinished_moves`).
        on_progress: Called with how many photos are planned, and of how many.
        should_stop: Asked at every photo.

    Raises:
        ConfigurationError: The target cannot take them: no space, no folder, no permission, a
            link in the way, or another file system, to which hard links cannot be made.
        WorkStopped: It was asked to stop.
    """
    planner = _Planner(wanted, unfinished or {})
    try:
        placings = planner.placings()
        planner.keep_folders(placings)
        for done, placing in enumerate(placings):
            if should_stop():
                raise WorkStopped("Planning was stopped; nothing was sorted.")
            planner.add(placing)
            on_progress(done + 1, len(placings))
    except OSError as error:
        raise ConfigurationError(
            f"{error.filename or wanted.target} cannot be looked at ({error.strerror or error}): "
            "check the permissions, or name another target."
        ) from error
    plan = planner.plan()
    plan.check_space()
    return plan


class _Planner:
    """Gives photo after photo its place."""

    def __init__(self, wanted: SortRequest, unfinished: Numbers) -> None:
        self._method = wanted.method
        self._unfinished = unfinished
        self._destinations = Destinations(wanted)
        self._target = self._destinations.target
        self._ground = ground_of(self._target)
        self._device = self._ground.stat().st_dev
        self._labels: dict[Path, str] = {}
        for photo, label in wanted.photos:
            self._labels.setdefault(absolute(photo), label)
        self._names = TargetNames()
        self._side_files = SideFiles()
        self._moved_side_files: set[Path] = set()
        self._photos = count()
        self._steps: list[PlannedStep] = []
        self._planned: set[tuple[Path, Path]] = set()
        self._skipped: list[Skipped] = []
        self._left: list[Left] = []
        self._new_folders: dict[Path, None] = {}

    def placings(self) -> list[Placing]:
        """Return the photos that have a place to go to, with it."""
        found = []
        for photo, label in self._labels.items():
            placing = self._destinations.of(photo, label)
            if isinstance(placing, Placing):
                found.append(placing)
            elif isinstance(placing, Skipped):
                self._skipped.append(placing)
            else:
                self._left.append(placing)
        return found

    def keep_folders(self, placings: list[Placing]) -> None:
        """Find out which folders are new, and keep their names, so that no file takes them.

        Raises:
            ConfigurationError: There is a link or a file in the place of one.
        """
        for folder in dict.fromkeys(placing.folder for placing in placings):
            for each in self._destinations.between(folder):
                self._keep_folder(each)

    def add(self, placing: Placing) -> None:
        """Plan a photo and its side files."""
        members = self._members(placing)
        if not members:
            return
        number = next(
            number
            for number in self._numbers(members[-1])
            if all(self._fits(member.numbered(number)) for member in members)
        )
        for member in members:
            self._place(member.numbered(number))

    def plan(self) -> SortPlan:
        """Return everything that was planned."""
        return SortPlan(
            target=self._target,
            method=self._method,
            steps=tuple(self._steps),
            skipped=tuple(self._skipped),
            left=tuple(self._left),
            new_folders=tuple(self._new_folders),
            free_bytes=shutil.disk_usage(self._ground).free,
        )

    def _keep_folder(self, folder: Path) -> None:
        if folder in self._new_folders:
            return
        if folder != self._target and os.path.lexists(folder) and not is_own_folder(folder):
            raise ConfigurationError(
                f"{folder} is a link or a file, and photos are sorted into a folder only: rename "
                "it, or name another target."
            )
        if not exists(folder):
            missing = [each for each in folder.parents if not exists(each)]
            self._new_folders.update(dict.fromkeys((*reversed(missing), folder)))
        if folder != self._target and not self._names.takers(folder.parent, folder.name):
            self._names.take(folder.parent, folder.name, folder)

    def _members(self, placing: Placing) -> list[PlannedStep]:
        """Return the steps of a photo's side files, and of the photo as the last one."""
        number = next(self._photos)
        photo = self._step(placing, placing.photo, placing.photo.suffix, number)
        if photo is None:
            return []
        members = []
        for side in self._side_files.of(placing.photo):
            if side.path in self._labels or side.path in self._moved_side_files:
                continue
            step = self._step(placing, side.path, side.tail, number, StepKind.SIDE_FILE)
            if step:
                members.append(step)
        return [*members, photo]

    def _step(
        self,
        placing: Placing,
        source: Path,
        tail: str,
        photo: int,
        kind: StepKind = StepKind.PHOTO,
    ) -> PlannedStep | None:
        """Return the step of a file with its own name; none for one that must be left."""
        status = self._status(source)
        if status is None:
            return None
        across = status.st_dev != self._device
        method = self._method
        if across and method is SortMethod.LINK:
            raise ConfigurationError(
                f"{source} and {self._target} are on different disks, between which there are no "
                "hard links: copy the photos, or name a target on the same disk."
            )
        return PlannedStep(
            source=source,
            folder=placing.folder,
            tail=tail,
            stamp=Stamp.of(status),
            label=placing.label,
            kind=kind,
            method=method,
            photo=photo,
            across=across and method is SortMethod.MOVE,
        )

    def _status(self, source: Path) -> os.stat_result | None:
        """Return the status of an ordinary file; anything else is left, with the reason."""
        try:
            status = source.lstat()
        except OSError as error:
            self._left.append(Left(source, reason_of(error)))
            return None
        if stat.S_ISLNK(status.st_mode):
            self._left.append(Left(source, "it is a link to a file"))
        elif not stat.S_ISREG(status.st_mode):
            self._left.append(Left(source, "it is no ordinary file"))
        else:
            return status
        return None

    def _numbers(self, photo: PlannedStep) -> Iterator[int]:
        """Yield numbers in the order in which they are tried; a killed move's own comes first."""
        key = (photo.source, photo.folder)
        return chain([self._unfinished[key]] if key in self._unfinished else [], count(1))

    def _fits(self, step: PlannedStep) -> bool:
        """Tell whether a step's name is free, or is that of a file of the same content."""
        takers = self._names.takers(step.folder, step.target.name)
        return not takers or any(_is_same(step.source, taker) for taker in takers)

    def _place(self, step: PlannedStep) -> None:
        if (step.source, step.target) in self._planned:
            return  # two photos share a side file, and it goes to one place
        if step.method is SortMethod.MOVE and step.kind is StepKind.SIDE_FILE:
            self._moved_side_files.add(step.source)
        if not self._names.takers(step.folder, step.target.name):
            self._names.take(step.folder, step.target.name, step.source)
            self._plan(step)
        elif self._is_unfinished(step):
            self._plan(step.finishing())
        else:
            self._skipped.append(Skipped(step.source, step.target, _skip_reason(step)))

    def _plan(self, step: PlannedStep) -> None:
        self._planned.add((step.source, step.target))
        self._steps.append(step)

    def _is_unfinished(self, step: PlannedStep) -> bool:
        """Tell whether a killed move put a file at its target and did not come to remove it."""
        number = self._unfinished.get((step.source, step.folder))
        return step.across and number == step.number and exists(step.target)


def _is_same(source: Path, taker: Path) -> bool:
    return source == taker or same_content(source, taker)


def _skip_reason(step: PlannedStep) -> SkipReason:
    try:
        in_place = step.source.samefile(step.target)
    except OSError:
        in_place = False
    return SkipReason.IN_PLACE if in_place else SkipReason.EQUAL
