"""Splits: which photos of a dataset train, which choose the best epoch, and which judge.

A split is a choice among a dataset's photos; none of them is copied or moved for it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from training.dataset import Dataset, LabelledPhoto
from training.errors import DatasetError
from training.stratified import PARTS, stratify

STUDY_TRAIN_END = 5000
STUDY_VALIDATION_END = 7500
STUDY_TEST_END = 10_000


class SplitMethod(StrEnum):
    """How photos are divided among train, validation and test."""

    STUDY = "study"
    """The published study's ids: 0-4999 train, 5000-7499 validation, 7500-9999 test; those above
    take no part."""
    STRATIFIED = "stratified"
    """By ratio, each class alike, drawn from a seed."""
    FOLDERS = "folders"
    """By folders named train, validation and test; without validation, a share of train."""


@dataclass(frozen=True, slots=True)
class Split:
    """Which photos train, which choose the best epoch, and which judge the outcome."""

    train: tuple[LabelledPhoto, ...]
    validation: tuple[LabelledPhoto, ...]
    test: tuple[LabelledPhoto, ...]

    def manifest(self) -> dict[str, list[str]]:
        """Return the names of every part's photos, to be written down as JSON."""
        return {
            "train": _names(self.train),
            "validation": _names(self.validation),
            "test": _names(self.test),
        }

    @classmethod
    def from_manifest(cls, dataset: Dataset, manifest: Mapping[str, Sequence[str]]) -> Self:
        """Find the photos that `manifest` named.

        Raises:
            DatasetError: The manifest is none, names a photo twice, or one that the dataset does
                not have.
        """
        photos = {photo.name: photo for photo in dataset.photos}
        try:
            named = [manifest[part] for part in PARTS]
            if len({name for names in named for name in names}) < sum(map(len, named)):
                raise DatasetError("A split names a photo twice: divide the dataset anew.")
            return cls(*(tuple(photos[name] for name in names) for names in named))
        except KeyError as error:
            raise DatasetError(
                f"A split names {error.args[0]!r}, which is not in {dataset.path}: divide the "
                "dataset anew."
            ) from error
        except TypeError as error:
            raise DatasetError("A split cannot be read: divide the dataset anew.") from error


def default_split_method(dataset: Dataset) -> SplitMethod:
    """Choose the split that a dataset suggests by its folders or its numbering."""
    if any(photo.folder for photo in dataset.photos):
        return SplitMethod.FOLDERS
    if all(_offers_study_split(dataset, label) for label in range(len(dataset.class_names))):
        return SplitMethod.STUDY
    return SplitMethod.STRATIFIED


def draws_photos(dataset: Dataset, method: SplitMethod) -> bool:
    """Tell whether a split draws photos, which near duplicates can be kept together for."""
    if method is SplitMethod.FOLDERS:
        return all(photo.folder != "validation" for photo in dataset.photos)
    return method is SplitMethod.STRATIFIED


def split_dataset(
    dataset: Dataset,
    method: SplitMethod,
    *,
    seed: int = 0,
    validation_share: float = 0.2,
    test_share: float = 0.2,
    together: Sequence[Sequence[str]] = (),
) -> Split:
    """Divide a dataset's photos among train, validation and test.

    Args:
        dataset: What to divide.
        method: By the study's ids, by ratio, or by folders.
        seed: Chooses the photos when they are divided by ratio.
        validation_share: The share of every class that validates, when divided by ratio or when
            there is no folder for it.
        test_share: The share of every class that tests, when divided by ratio.
        together: Groups of names of photos, from `Dataset.without_root`, that are put into one
            part each, such as near duplicates, where photos are drawn; names that the dataset does
            not have are passed over.

    Raises:
        DatasetError: The dataset does not offer this split, or a class would have no photo to
            train on or none to validate with.
    """
    shares = (validation_share, test_share)
    split = draw_split(dataset, method, seed=seed, shares=shares, together=together)
    check_split(dataset, split, method, together)
    return split


def draw_split(
    dataset: Dataset,
    method: SplitMethod,
    *,
    seed: int = 0,
    shares: tuple[float, float] = (0.2, 0.2),
    together: Sequence[Sequence[str]] = (),
) -> Split:
    """Divide a dataset's photos as `split_dataset` does, whether or not that can be trained on."""
    if method is SplitMethod.STRATIFIED:
        assign: Callable[[LabelledPhoto], str | None] = stratify(
            dataset, seed, shares, together
        ).get
    elif method is SplitMethod.STUDY:
        assign = _study_part
    else:
        assign = _folder_parts(dataset, shares, together)
    parts: dict[str, list[LabelledPhoto]] = {part: [] for part in PARTS}
    for photo in dataset.photos:
        part = assign(photo)
        if part is not None:
            parts[part].append(photo)
    return Split(*(tuple(parts[part]) for part in PARTS))


def check_split(
    dataset: Dataset,
    split: Split,
    method: SplitMethod,
    together: Sequence[Sequence[str]] = (),
) -> None:
    """Refuse a split that cannot be trained on.

    Raises:
        DatasetError: A class has no photo to train on, or none to validate with.
    """
    for part, photos in (("train on", split.train), ("validate with", split.validation)):
        present = {photo.label for photo in photos}
        missing = [label for label in range(len(dataset.class_names)) if label not in present]
        if missing:
            raise DatasetError(_missing(dataset, missing[0], method, part, bool(together)))


def _offers_study_split(dataset: Dataset, label: int) -> bool:
    photos = [photo for photo in dataset.photos if photo.label == label]
    parts = {_study_part(photo) for photo in photos}
    numbered = all(photo.number is not None for photo in photos)
    return numbered and {"train", "validation"} <= parts


def _study_part(photo: LabelledPhoto) -> str | None:
    if photo.number is None:
        return None
    if photo.number < STUDY_TRAIN_END:
        return "train"
    if photo.number < STUDY_VALIDATION_END:
        return "validation"
    return "test" if photo.number < STUDY_TEST_END else None


def _folder_parts(
    dataset: Dataset, shares: tuple[float, float], together: Sequence[Sequence[str]]
) -> Callable[[LabelledPhoto], str | None]:
    """Go by folders; without one for validation, a share of the training photos validates.

    It is drawn alike for all runs, whatever their seeds, so that they can be compared.
    """
    if not draws_photos(dataset, SplitMethod.FOLDERS):
        return lambda photo: photo.folder
    training = tuple(photo for photo in dataset.photos if photo.folder == "train")
    part = replace(dataset, photos=training)
    names = {photo.name for photo in training}
    groups = [[name for name in group if name in names] for group in dataset.with_root(together)]
    drawn = stratify(part, 0, (shares[0], 0.0), part.without_root(groups))
    return lambda photo: drawn.get(photo, photo.folder)


def _missing(dataset: Dataset, label: int, method: SplitMethod, part: str, together: bool) -> str:
    name = dataset.class_names[label]
    if dataset.counts()[name] == 1:
        return (
            f"Class {name!r} of {dataset.path} has only one photo, and needs one to train on and "
            "another to validate with: add photos of it, or leave the class out."
        )
    if together and method is SplitMethod.STRATIFIED:
        return (
            f"Class {name!r} of {dataset.path} has no photo to {part} once near duplicates are "
            "kept together: add other photos of it."
        )
    return (
        f"With the {method} split of {dataset.path}, class {name!r} has no photo to {part}: add "
        "photos of it or choose another split."
    )


def _names(photos: Iterable[LabelledPhoto]) -> list[str]:
    return [photo.name for photo in photos]
