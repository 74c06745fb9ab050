"""Photos that are there more than once, and photos to judge by that are also trained on.

Two photos are near duplicates when all of this holds, for the photo or for its mirror image:

- pHash differs in at most 12 of 64 bits,
- dHash, across and down, differs in at most 24 of 128 bits,
- their 16 x 16 grey thumbnails correlate by more than 0.8, which tells pages of text apart, and
  pictures without any detail,
- their mean colours differ by at most 48 of 255 levels apart from brightness, which tells the same
  thing in two colours apart.

What this finds was looked at. Of the 15,000 photos of the study (225 million comparisons, mirrored
ones included) it finds 13 pairs, every one the same photo twice, where pHash alone at 12 bits finds
1,202. Of 2,440 other pictures (drawings, receipts, faces, things cut out) it finds 36 pairs: 29 are
the same picture, three show the same person in another photo, and four show different things
(brains, staplers, tubas, cartoons), all of them before plain black or white.

What it misses was measured with 300 of those photos, changed and looked for. Found are all that
were saved anew at quality 30, halved or doubled in size, made brighter or darker by 30%, mirrored,
turned by 1 degree, or cropped by 2.5% on every side; 99% of those turned grey; 98% of those turned
by 3 degrees or shifted by 5%; 71% of those cropped by 5% on every side, or with a white label over
a twentieth of them; and 10% of those that got a frame of 5%.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from training.dataset import Dataset
from training.hashes import Hashes, perceptual_hashes
from training.progress import OnProgress, ShouldStop, Watch, never, no_progress
from training.splits import Split

Group = tuple[str, ...]
"""Names of photos that are duplicates of each other, in the dataset's order."""
Pairs = NDArray[np.int64]
"""Shape (n, 2): rows of photos that are near duplicates."""

LARGEST_GROUP = 100
"""Larger groups are formed anew with closer limits: they are chains, in which photos that have
nothing to do with each other are connected by way of others."""

_ROWS = 256
_COLUMNS = 4096
"""So many photos are compared with so many others at a time, which takes 10 MB."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How far two photos may differ to be near duplicates."""

    phash: int
    """Bits of 64."""
    dhash: int
    """Bits of 128."""
    correlation: float
    colour: float = 48.0
    """Levels of 255."""


LIMITS = (Limits(12, 24, 0.8), Limits(6, 12, 0.9), Limits(2, 6, 0.97))


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The groups of photos that are duplicates of each other."""

    exact: tuple[Group, ...]
    """Files of the same bytes."""
    groups: tuple[Group, ...]
    """All duplicates, exact and near; every photo is in one group at most."""
    _exact_sets: frozenset[Group] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Remember which groups are exact."""
        object.__setattr__(self, "_exact_sets", frozenset(self.exact))

    @property
    def near(self) -> tuple[Group, ...]:
        """The groups that hold more than copies of one file."""
        return tuple(group for group in self.groups if group not in self._exact_sets)


def find_duplicates(
    hashes: Hashes,
    *,
    on_progress: OnProgress = no_progress,
    should_stop: ShouldStop = never,
) -> Duplicates:
    """Find exact and near duplicates among photos that were looked at.

    Args:
        hashes: What `perceptual_hashes` returned.
        on_progress: Told how many photos were compared with all others, and of how many.
        should_stop: Asked now and then whether to stop.

    Raises:
        WorkStopped: It was asked to stop.
    """
    copies: dict[bytes, list[int]] = defaultdict(list)
    for row, digest in enumerate(hashes.digests):
        copies[digest].append(row)
    # One copy speaks for all: a photo that is there a thousand times is compared once.
    firsts = np.array([rows[0] for rows in copies.values()], np.int64)
    watch = Watch(on_progress, should_stop)
    found = _near_groups(hashes, firsts, LIMITS, watch) if len(firsts) > 1 else []
    alone = set(firsts.tolist()) - {row for rows in found for row in rows}
    connected = [*found, *([row] for row in alone)]
    groups = [[copy for row in rows for copy in copies[hashes.digests[row]]] for rows in connected]
    return Duplicates(_named(hashes, copies.values()), _named(hashes, groups))


def find_groups(
    dataset: Dataset,
    *,
    on_progress: OnProgress = no_progress,
    should_stop: ShouldStop = never,
) -> tuple[Group, ...]:
    """Find all duplicates of a dataset, by the names that its photos have in it.

    Args:
        dataset: Photos; those that cannot be read are passed over.
        on_progress: Told how many photos are done, and of how many.
        should_stop: Asked now and then whether to stop.

    Raises:
        WorkStopped: It was asked to stop.
    """
    hashes = perceptual_hashes(dataset, on_progress=on_progress, should_stop=should_stop)
    return find_duplicates(hashes, should_stop=should_stop).groups


def find_leaks(groups: Iterable[Group], split: Split) -> tuple[Group, ...]:
    """Return the groups whose photos lie in more than one part of a split."""
    part = {name: part for part, names in split.manifest().items() for name in names}
    return tuple(
        group for group in groups if len({part[name] for name in group if name in part}) > 1
    )


def leaked_photos(groups: Iterable[Group], split: Split, part: str = "test") -> frozenset[str]:
    """Return the photos of a part that a model has seen before, in a duplicate.

    Args:
        groups: Duplicates, from `find_groups` or `Duplicates.groups`.
        split: What was trained on, and what is judged by.
        part: `test`, whose duplicates must not train nor validate, or `validation`, whose
            duplicates must not train.
    """
    names = {part: frozenset(photos) for part, photos in split.manifest().items()}
    seen = names["train"] if part == "validation" else names["train"] | names["validation"]
    return frozenset(
        name for group in groups if not seen.isdisjoint(group) for name in names[part] & {*group}
    )


def _named(hashes: Hashes, groups: Iterable[Sequence[int]]) -> tuple[Group, ...]:
    """Return groups of two and more by their names, in the dataset's order."""
    ordered = sorted(sorted(rows) for rows in groups if len(rows) > 1)
    return tuple(tuple(hashes.names[row] for row in rows) for rows in ordered)


def _near_groups(
    hashes: Hashes, rows: NDArray[np.int64], limits: Sequence[Limits], watch: Watch
) -> list[list[int]]:
    """Connect near duplicates; groups that grow too large are formed anew with closer limits."""
    groups = []
    for members in _connect(_Looks.of(hashes, rows), limits[0], watch):
        group = rows[members]
        if len(group) <= LARGEST_GROUP or len(limits) == 1:
            groups.append(group.tolist())
        else:
            quiet = Watch(should_stop=watch.should_stop)
            groups += _near_groups(hashes, group, limits[1:], quiet)
    return groups


def _connect(looks: "_Looks", limits: Limits, watch: Watch) -> list[NDArray[np.int64]]:
    """Compare all photos with each other and return the groups of two and more."""
    count = len(looks.casts)
    groups = _Groups(count)

    def compare(start: int) -> Pairs:
        return looks.pairs_from(start, limits, groups.numbers)

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        try:
            starts = range(0, count, _ROWS)
            for start, pairs in zip(starts, threads.map(compare, starts), strict=True):
                watch.step(start, count)
                groups.connect(pairs)
        finally:
            threads.shutdown(wait=True, cancel_futures=True)
    watch.step(count, count)
    return groups.members()


class _Groups:
    """Photos numbered by the group they are in, at first each by itself."""

    def __init__(self, count: int) -> None:
        self.numbers = np.arange(count)

    def connect(self, pairs: Pairs) -> None:
        """Unite the groups of each pair."""
        if not len(pairs):
            return
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        count = len(self.numbers)
        edges = coo_array((np.ones(len(pairs)), self.numbers[pairs].T), shape=(count, count))
        self.numbers = connected_components(edges, directed=False)[1][self.numbers]

    def members(self) -> list[NDArray[np.int64]]:
        """Return the groups of two and more."""
        order = np.argsort(self.numbers, kind="stable")
        ends = np.nonzero(np.diff(self.numbers[order]))[0] + 1
        return [members for members in np.split(order, ends) if len(members) > 1]


@dataclass(frozen=True, slots=True, eq=False)
class _Looks:
    """What is compared of some photos."""

    appearance: NDArray[np.uint64]
    mirrored: NDArray[np.uint64]
    thumbnails: NDArray[np.float32]
    """Shape (n, 16, 16), of mean 0 and length 1, so that their products are correlations."""
    casts: NDArray[np.float32]
    """Shape (n, 3): mean colours without their brightness."""

    @classmethod
    def of(cls, hashes: Hashes, rows: NDArray[np.int64]) -> "_Looks":
        thumbnails = hashes.thumbnails[rows].astype(np.float32)
        thumbnails -= thumbnails.mean(axis=(1, 2), keepdims=True)
        # What has no detail at all keeps length 0, and is like nothing else.
        lengths = np.sqrt((thumbnails**2).sum(axis=(1, 2), keepdims=True))
        colours = hashes.colours[rows]
        return cls(
            hashes.appearance[rows],
            hashes.mirrored[rows],
            thumbnails / np.maximum(lengths, 1e-6),
            colours - colours.mean(axis=1, keepdims=True),
        )

    def pairs_from(self, start: int, limits: Limits, groups: NDArray[np.int64]) -> Pairs:
        """Compare some photos with all that come after them in other groups."""
        found = [
            pairs
            for place in range(start, len(self.casts), _COLUMNS)
            for pairs in self._compare(start, place, limits, groups)
        ]
        return np.concatenate(found)

    def _compare(
        self, start: int, place: int, limits: Limits, groups: NDArray[np.int64]
    ) -> Iterator[Pairs]:
        mine = slice(start, start + _ROWS)
        theirs = slice(place, place + _COLUMNS)
        for other, step in ((self.appearance, 1), (self.mirrored, -1)):
            bits = np.bitwise_count(self.appearance[mine, :1] ^ other[None, theirs, 0])
            left, right = np.nonzero(bits <= limits.phash)
            apart = groups[left + start] != groups[right + place]
            pairs = np.stack([left[apart] + start, right[apart] + place], axis=1)
            pairs = self._alike(pairs, other, limits)
            if len(pairs):
                pairs = self._correlated(pairs, self.thumbnails[theirs, :, ::step], place, limits)
            yield pairs

    def _alike(self, pairs: Pairs, other: NDArray[np.uint64], limits: Limits) -> Pairs:
        """Keep the pairs whose dHash and colours are alike, too."""
        left, right = pairs.T
        bits = np.bitwise_count(self.appearance[left, 1:] ^ other[right, 1:]).sum(axis=1)
        casts = np.abs(self.casts[left] - self.casts[right]).max(axis=1, initial=0)
        alike: NDArray[np.bool_] = (bits <= limits.dhash) & (casts <= limits.colour)
        return pairs[alike]

    def _correlated(
        self, pairs: Pairs, theirs: NDArray[np.float32], place: int, limits: Limits
    ) -> Pairs:
        """Keep the pairs whose thumbnails correlate; `theirs` are those from `place` on.

        All thumbnails of the left are multiplied with all of the right at once, which stays quick
        where nearly all photos are alike.
        """
        rows, row = np.unique(pairs[:, 0], return_inverse=True)
        mine = self.thumbnails[rows].reshape(len(rows), -1)
        products = mine @ theirs.reshape(len(theirs), -1).T
        close: NDArray[np.bool_] = products[row, pairs[:, 1] - place] > limits.correlation
        return pairs[close]
