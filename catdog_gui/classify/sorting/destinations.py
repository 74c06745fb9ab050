"""Which folder every photo goes to."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

from catdog_gui.classify.sorting.sort_plan import (
    UNREADABLE,
    Left,
    Skipped,
    SkipReason,
    SortRequest,
    label_folders,
)
from training.errors import ConfigurationError
from training.files import is_folder


@dataclass(frozen=True, slots=True)
class Placing:
    """A photo and the folder that it goes to."""

    photo: Path
    label: str
    folder: Path


class Destinations:
    """Gives photos their folders: the label's, and below that the subfolders that they were in.

    A photo that lies in a label's folder of the target already is taken from there: it stays if
    the label is its own, and otherwise its subfolders are those below that folder. So sorting what
    is sorted changes nothing.
    """

    def __init__(self, wanted: SortRequest) -> None:
        """Give photos the folders that a request wants."""
        self.target = absolute(wanted.target)
        """The folder that everything goes into."""
        self._real_target = _real(self.target)
        self._roots = tuple(absolute(root) for root in wanted.roots)
        self._flatten = wanted.flatten
        self._include_unreadable = wanted.include_unreadable
        labels = chain(wanted.class_names, (label for _, label in wanted.photos))
        self._folders = label_folders(labels)
        self._names = frozenset(self._folders.values())
        self._in_target = cache(self._parts_in_target)
        self._subfolders = cache(self._parts_in_root)

    def of(self, photo: Path, label: str) -> Placing | Skipped | Left:
        """Return where a photo goes, or why it goes nowhere."""
        if not label and not self._include_unreadable:
            return Left(photo, "it cannot be read as a photo", by_choice=True)
        home = self.target / self._folders[label]
        inside = self._in_target(photo.parent)
        if inside[:1] == (home.name,):
            return Skipped(photo, photo, SkipReason.IN_PLACE)
        subfolders = inside[1:] if inside else self._subfolders(photo.parent)
        folder = home if self._flatten else home.joinpath(*subfolders)
        return Placing(photo, label or UNREADABLE, folder)

    def between(self, folder: Path) -> Iterator[Path]:
        """Yield the folders from the target down to one below it, which is the last."""
        below = [each for each in folder.parents if each.is_relative_to(self.target)]
        yield from reversed(below)
        yield folder

    def _parts_in_target(self, folder: Path) -> tuple[str, ...]:
        """Return the label's folder that a folder is in and the subfolders below that, or none."""
        real = _real(folder)
        if not real.is_relative_to(self._real_target):
            return ()
        parts = real.relative_to(self._real_target).parts
        return parts if self._names.intersection(parts[:1]) else ()

    def _parts_in_root(self, folder: Path) -> tuple[str, ...]:
        root = next((root for root in self._roots if folder.is_relative_to(root)), folder)
        return folder.relative_to(root).parts


def absolute(path: Path) -> Path:
    """Return a path from the top, without going through links."""
    return Path(os.path.normpath(path.absolute()))


def _real(path: Path) -> Path:
    """Return what a path leads to; one whose links lead in a circle is returned as far as known."""
    return Path(os.path.realpath(path))  # `Path.resolve` has no answer to a circle in Python 3.11


def ground_of(target: Path) -> Path:
    """Return the folder that is there already: the target, or the innermost one above it.

    Raises:
        ConfigurationError: The target is no folder, or cannot be written to.
    """
    ground = next((each for each in (target, *target.parents) if os.path.lexists(each)), target)
    if not is_folder(ground):
        raise ConfigurationError(f"{ground} is no folder: name a folder to sort photos into.")
    if not os.access(ground, os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"{ground} cannot be written to: check its permissions, or name another folder."
        )
    return ground
