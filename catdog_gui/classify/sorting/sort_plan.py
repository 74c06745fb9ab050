"""What sorting photos into folders by label would do, as a value that can be looked at first."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from catdog_gui.classify.prediction import UNSURE
from catdog_gui.classify.sorting.safe_moves import Stamp
from catdog_gui.classify.sorting.target_names import fold
from training.errors import ConfigurationError
from training.files import as_file_name

UNREADABLE = "unreadable"
"""The folder of photos that could not be read, which have no label."""


class SortMethod(StrEnum):
    """What is done with a photo."""

    COPY = "copy"
    MOVE = "move"
    LINK = "link"
    """It gets a second name, a hard link, which takes no space."""


class StepKind(StrEnum):
    """What a step is about."""

    PHOTO = "photo"
    SIDE_FILE = "side file"


class SkipReason(StrEnum):
    """Why a file need not be sorted."""

    EQUAL = "equal"
    """A file of the same content has its name there."""
    IN_PLACE = "in place"
    """It lies in its label's folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SortRequest:
    """Which photos are to be sorted, where to, and how."""

    photos: tuple[tuple[Path, str], ...]
    """Each with its label: a class name, `unsure`, or nothing if it is unreadable."""
    target: Path
    roots: tuple[Path, ...] = ()
    """The folders that the user named; the first that holds a photo gives its subfolders."""
    class_names: tuple[str, ...] = ()
    """The model's; labels that are not among them are added."""
    method: SortMethod = SortMethod.COPY
    flatten: bool = False
    """Whether subfolders are left out."""
    include_unreadable: bool = False
    """Whether unreadable photos go to a folder of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """A file that gets a place in its label's folder."""

    source: Path
    folder: Path
    tail: str
    """What follows the stem in the file's name, behind the number."""
    number: int = 1
    """1 for its own name, above for a numbered one."""
    stamp: Stamp
    """The file's when the plan was made."""
    label: str
    kind: StepKind
    method: SortMethod
    photo: int
    """Which photo of the plan it belongs to; that of a side file is its photo."""
    across: bool = False
    """Whether it goes to another file system."""
    finishes: bool = False
    """Whether a killed move left it at both places, and its source is all that is to be removed."""

    @property
    def target(self) -> Path:
        """Where it goes."""
        number = f" ({self.number})" if self.number > 1 else ""
        return self.folder / f"{self.source.name.removesuffix(self.tail)}{number}{self.tail}"

    @property
    def bytes_needed(self) -> int:
        """How much space it takes at the target."""
        copies = self.method is SortMethod.COPY or (self.across and not self.finishes)
        return self.stamp.size if copies else 0

    def numbered(self, number: int) -> "PlannedStep":
        """Return it with another number in its name."""
        return replace(self, number=number)

    def finishing(self) -> "PlannedStep":
        """Return it as one of which only the end is to be done."""
        return replace(self, finishes=True)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that need not be sorted, and stays where it is."""

    source: Path
    target: Path
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class Left:
    """A file that cannot be sorted or brought back, and is left as it is."""

    path: Path
    reason: str
    by_choice: bool = False
    """Whether nobody asked for it, so that nothing failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SortPlan:
    """All that sorting would do."""

    target: Path
    method: SortMethod
    steps: tuple[PlannedStep, ...]
    """In their order; the side files of a photo come just before it."""
    skipped: tuple[Skipped, ...] = ()
    left: tuple[Left, ...] = ()
    new_folders: tuple[Path, ...] = ()
    """The folders that are to be made, outer ones first."""
    free_bytes: int = 0
    """Free space on the target's file system."""

    @property
    def renamed(self) -> tuple[PlannedStep, ...]:
        """The steps whose own names are taken."""
        return tuple(step for step in self.steps if step.number > 1)

    @property
    def side_files(self) -> int:
        """How many side files go with their photos."""
        return sum(step.kind is StepKind.SIDE_FILE for step in self.steps)

    @property
    def photos_by_label(self) -> dict[str, int]:
        """How many photos go to which label."""
        photos = (step.label for step in self.steps if step.kind is StepKind.PHOTO)
        return dict(sorted(Counter(photos).items()))

    @property
    def bytes_by_label(self) -> dict[str, int]:
        """How large the photos and side files of a label are together."""
        counts: Counter[str] = Counter()
        for step in self.steps:
            counts[step.label] += step.stamp.size
        return dict(sorted(counts.items()))

    @property
    def bytes_needed(self) -> int:
        """How much space it takes at the target."""
        return sum(step.bytes_needed for step in self.steps)

    def check_space(self) -> None:
        """Check that everything fits.

        Raises:
            ConfigurationError: It does not.
        """
        if self.bytes_needed > self.free_bytes:
            raise ConfigurationError(
                f"Sorting into {self.target} needs {self.bytes_needed / 1e6:,.1f} MB, and "
                f"{self.free_bytes / 1e6:,.1f} MB are free there: make room, name a folder on "
                "another disk, or move or link the photos."
            )


def label_folders(labels: Iterable[str]) -> dict[str, str]:
    """Return the name of every label's folder; no two labels get one folder.

    Args:
        labels: Class names in the model's order; `unsure` and unreadable photos get folders anyway.
    """
    folders: dict[str, str] = {"": UNREADABLE, UNSURE: UNSURE}
    taken = {fold(name) for name in folders.values()}
    for label in labels:
        if label in folders:
            continue
        name, number = as_file_name(label), 1
        while fold(name) in taken:
            number += 1
            name = f"{as_file_name(label)} ({number})"
        taken.add(fold(name))
        folders[label] = name
    return folders
