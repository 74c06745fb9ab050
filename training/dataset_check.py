"""What is wrong with a dataset, before a model learns it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from training.dataset import Dataset, LabelledPhoto
from training.duplicates import Duplicates, Group, find_duplicates, find_leaks
from training.errors import DatasetError
from training.hashes import Hashes, perceptual_hashes
from training.images import ImageSize
from training.progress import ShouldStop, never
from training.splits import Split, SplitMethod, check_split, default_split_method, draw_split

TINY_SIDE = 32
"""Photos with a shorter side than this, in pixels, show a network next to nothing: it is half of
the smallest image side that can be trained with."""

OnStage = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""


def _no_stage(stage: str, done: int, total: int) -> None:
    """Tell no one."""


@dataclass(frozen=True, slots=True)
class Imbalance:
    """The classes with the most and the fewest photos."""

    most: str
    fewest: str
    ratio: float
    """How many times as many photos the one has as the other."""


@dataclass(frozen=True, slots=True)
class SplitReport:
    """The split that a dataset suggests, with the photos of every class in each part."""

    method: SplitMethod
    parts: Mapping[str, Mapping[str, int]]
    """By the part's name, then by the class's."""


@dataclass(frozen=True, slots=True)
class DatasetReport:
    """What a dataset holds, and what is wrong with it; photos are named by their paths inside."""

    classes: Mapping[str, int]
    """Photos of every class, those that cannot be read included."""
    unreadable: tuple[tuple[str, str], ...]
    """Photos that cannot be read, each with its reason."""
    duplicates: Duplicates
    conflicting: tuple[Group, ...]
    """Duplicates of different classes."""
    split: SplitReport
    split_problem: str
    """Why this split cannot be trained on, or nothing."""
    leaks: tuple[Group, ...]
    """Duplicates in more than one part of the split."""
    tiny: tuple[tuple[str, ImageSize], ...]
    """Photos with a side below `TINY_SIDE`, with their height and width."""

    @property
    def photos(self) -> int:
        """How many photos there are."""
        return sum(self.classes.values())

    @property
    def imbalance(self) -> Imbalance:
        """Return how unequal the classes are."""
        most = max(self.classes, key=self.classes.__getitem__)
        fewest = min(self.classes, key=self.classes.__getitem__)
        return Imbalance(most, fewest, self.classes[most] / self.classes[fewest])

    def as_json(self) -> dict[str, Any]:
        """Return the report as `catdog dataset check --json` prints it.

        `duplicates` holds all groups; `exact_duplicates` are groups of the same bytes, which may
        be parts of them, and `near_duplicates` those of the groups that hold more than one file's
        copies.
        """
        return {
            "photos": self.photos,
            "classes": dict(self.classes),
            "unreadable": [{"path": name, "reason": why} for name, why in self.unreadable],
            "duplicates": _lists(self.duplicates.groups),
            "exact_duplicates": _lists(self.duplicates.exact),
            "near_duplicates": _lists(self.duplicates.near),
            "conflicting": _lists(self.conflicting),
            "leaks": _lists(self.leaks),
            "split": {"method": self.split.method.value, **self.split.parts},
            "split_problem": self.split_problem or None,
            "imbalance": {
                "most": self.imbalance.most,
                "fewest": self.imbalance.fewest,
                "ratio": self.imbalance.ratio,
            },
            "tiny": [
                {"path": name, "width": size.width, "height": size.height}
                for name, size in self.tiny
            ],
        }


def check_dataset(
    dataset: Dataset, *, on_progress: OnStage = _no_stage, should_stop: ShouldStop = never
) -> DatasetReport:
    """Read every photo of a dataset and report on it; what cannot be read stops nothing.

    Args:
        dataset: What to check.
        on_progress: Told what is done, how many photos it is done for, and for how many.
        should_stop: Asked now and then whether to stop.

    Raises:
        WorkStopped: It was asked to stop.
    """
    hashes = perceptual_hashes(
        dataset,
        on_progress=lambda done, total: on_progress("reading photos", done, total),
        should_stop=should_stop,
    )
    duplicates = find_duplicates(
        hashes,
        on_progress=lambda done, total: on_progress("comparing photos", done, total),
        should_stop=should_stop,
    )
    method = default_split_method(dataset)
    split = draw_split(dataset, method, together=dataset.without_root(duplicates.groups))
    return DatasetReport(
        classes=dataset.counts(),
        unreadable=hashes.unreadable,
        duplicates=duplicates,
        conflicting=_conflicting(hashes, duplicates),
        split=_split_report(dataset, method, split),
        split_problem=_split_problem(dataset, method, split, duplicates),
        leaks=find_leaks(duplicates.groups, split),
        tiny=_tiny(hashes),
    )


def _split_problem(
    dataset: Dataset, method: SplitMethod, split: Split, duplicates: Duplicates
) -> str:
    try:
        check_split(dataset, split, method, duplicates.groups)
    except DatasetError as error:
        return str(error)
    return ""


def _split_report(dataset: Dataset, method: SplitMethod, split: Split) -> SplitReport:
    def counts(photos: Iterable[LabelledPhoto]) -> dict[str, int]:
        counted = Counter(photo.label for photo in photos)
        return {name: counted[label] for label, name in enumerate(dataset.class_names)}

    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    return SplitReport(method, {part: counts(photos) for part, photos in parts.items()})


def _conflicting(hashes: Hashes, duplicates: Duplicates) -> tuple[Group, ...]:
    label = dict(zip(hashes.names, hashes.labels.tolist(), strict=True))
    return tuple(group for group in duplicates.groups if len({label[name] for name in group}) > 1)


def _tiny(hashes: Hashes) -> tuple[tuple[str, ImageSize], ...]:
    sizes = zip(hashes.names, hashes.sizes, strict=True)
    return tuple((name, size) for name, size in sizes if min(size) < TINY_SIDE)


def _lists(groups: Iterable[Group]) -> list[list[str]]:
    return [list(group) for group in groups]
