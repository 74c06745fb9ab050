"""The split by ratio: every class divided alike, and photos that belong together kept together."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from training.dataset import Dataset, LabelledPhoto

PARTS = ("train", "validation", "test")

_TIES = ("validation", "train", "test")
"""Which part takes a group that fits into none, if it takes as much too many of all of them."""

Room = dict[str, Counter[int]]
"""How many photos of every class each part still takes; below 0: how many it has too many."""


def stratify(
    dataset: Dataset,
    seed: int,
    shares: tuple[float, float],
    together: Sequence[Sequence[str]] = (),
) -> dict[LabelledPhoto, str]:
    """Assign every photo to a part.

    Every class's photos are drawn in one seeded order and that order is cut by the shares. Before
    that every group of photos that belong together goes to a part drawn by the room it has, the
    largest groups first; where no part has room for a group, it goes where it does least harm.

    Args:
        dataset: What to divide.
        seed: Decides who goes where.
        shares: The shares of every class that validate and test.
        together: Names of photos, from `Dataset.without_root`; those of a group are put into one
            part.

    Returns:
        The part of every photo: train, validation or test.
    """
    labels = range(len(dataset.class_names))
    by_label: list[list[LabelledPhoto]] = [[] for _ in labels]
    for photo in dataset.photos:
        by_label[photo.label].append(photo)
    room = _room([len(photos) for photos in by_label], shares)
    parts = _place_groups(_groups(dataset, together), room, seed)
    generator = np.random.default_rng(seed)
    for label in labels:
        photos = by_label[label]
        drawn = (photos[index] for index in generator.permutation(len(photos)))
        _place_singles((photo for photo in drawn if photo not in parts), room, parts)
    return parts


def _room(counts: Iterable[int], shares: tuple[float, float]) -> Room:
    room: Room = {part: Counter() for part in PARTS}
    for label, count in enumerate(counts):
        # Of few photos, one validates first, then one trains, and only then others test.
        validation = max(1, min(round(count * shares[0]), count - 1))
        test = max(0, min(round(count * shares[1]), count - validation - 1))
        room["validation"][label] = validation
        room["test"][label] = test
        room["train"][label] = count - validation - test
    return room


def _groups(dataset: Dataset, together: Sequence[Sequence[str]]) -> list[list[LabelledPhoto]]:
    """Find the photos of groups; names that are not in the dataset are passed over."""
    photos: Mapping[str, LabelledPhoto] = {photo.name: photo for photo in dataset.photos}
    named = dataset.with_root(together)
    groups = [[photos[name] for name in group if name in photos] for group in named]
    return [group for group in groups if len(group) > 1]


def _place_groups(
    groups: Sequence[list[LabelledPhoto]], room: Room, seed: int
) -> dict[LabelledPhoto, str]:
    # A generator of its own, so that groups leave the order of all other photos as it was.
    generator = np.random.default_rng((seed, 1))
    order = generator.permutation(len(groups))
    parts: dict[LabelledPhoto, str] = {}
    for index in sorted(order, key=lambda index: -len(groups[index])):
        counts = Counter(photo.label for photo in groups[index])
        part = _choose(counts, room, generator)
        room[part].subtract(counts)
        parts |= dict.fromkeys(groups[index], part)
    return parts


def _choose(counts: Counter[int], room: Room, generator: np.random.Generator) -> str:
    """Choose a part for a group by its photos of every class."""
    too_many = {
        part: sum(max(0, count - max(0, room[part][label])) for label, count in counts.items())
        for part in PARTS
    }
    fitting = [part for part in PARTS if not too_many[part]]
    if not fitting:
        return min(_TIES, key=too_many.__getitem__)
    weights = np.array([sum(room[part][label] for label in counts) for part in fitting], float)
    return fitting[int(generator.choice(len(fitting), p=weights / weights.sum()))]


def _place_singles(
    photos: Iterable[LabelledPhoto], room: Room, parts: dict[LabelledPhoto, str]
) -> None:
    for photo in photos:
        wanting = (part for part in ("validation", "test") if room[part][photo.label] > 0)
        part = next(wanting, "train")
        room[part][photo.label] -= 1
        parts[photo] = part
