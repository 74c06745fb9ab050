"""Splits: which photos of a dataset train, which choose the best epoch, and which judge.

A split is a choice among a dataset's photos; none of them is copied or moved for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from training.dataset import Dataset, LabelledPhoto
from training.errors import DatasetError

STUDY_TRAIN_END = 5000
STUDY_VALIDATION_END = 7500


class SplitMethod(StrEnum):
    """How photos are divided among train, validation and test."""

    STUDY = "study"
    """The published study's ids: 0-4999 train, 5000-7499 validation, 7500-9999 test."""
    STRATIFIED = "stratified"
    """By ratio, each class alike, drawn from a seed."""
    FOLDERS = "folders"
    """By folders named train, validation and test."""


@dataclass(frozen=True, slots=True)
class Split:
    """Which photos train, which choose the best epoch, and which judge the outcome."""

    train: tuple[LabelledPhoto, ...]
    validation: tuple[LabelledPhoto, ...]
    test: tuple[LabelledPhoto, ...]


def default_split_method(dataset: Dataset) -> SplitMethod:
    """Choose the split that a dataset suggests by its folders or its numbering."""
    if any(photo.folder for photo in dataset.photos):
        return SplitMethod.FOLDERS
    if all(_offers_study_split(dataset, label) for label in range(len(dataset.class_names))):
        return SplitMethod.STUDY
    return SplitMethod.STRATIFIED


def split_dataset(
    dataset: Dataset,
    method: SplitMethod,
    *,
    seed: int = 0,
    validation_share: float = 0.2,
    test_share: float = 0.2,
) -> Split:
    """Divide a dataset's photos among train, validation and test.

    Args:
        dataset: What to divide.
        method: By the study's ids, by ratio, or by folders.
        seed: Chooses the photos when they are divided by ratio.
        validation_share: The share of every class that validates, when divided by ratio.
        test_share: The share of every class that tests, when divided by ratio.

    Raises:
        DatasetError: The dataset does not offer this split, or a class would have no photo to
            train on or none to validate with.
    """
    if method is SplitMethod.STRATIFIED:
        shares = (validation_share, test_share)
        assign = _stratified_assignment(dataset, seed, shares)
    elif method is SplitMethod.STUDY:
        assign = _study_part
    else:
        assign = _folder_part
    parts: dict[str, list[LabelledPhoto]] = {"train": [], "validation": [], "test": []}
    for photo in dataset.photos:
        part = assign(photo)
        if part is not None:
            parts[part].append(photo)
    split = Split(tuple(parts["train"]), tuple(parts["validation"]), tuple(parts["test"]))
    _check_split(dataset, split, method)
    return split


def _offers_study_split(dataset: Dataset, label: int) -> bool:
    parts = {_study_part(photo) for photo in dataset.photos if photo.label == label}
    return None not in parts and {"train", "validation"} <= parts


def _study_part(photo: LabelledPhoto) -> str | None:
    if photo.number is None:
        return None
    if photo.number < STUDY_TRAIN_END:
        return "train"
    return "validation" if photo.number < STUDY_VALIDATION_END else "test"


def _folder_part(photo: LabelledPhoto) -> str | None:
    return photo.folder


def _stratified_assignment(
    dataset: Dataset, seed: int, shares: tuple[float, float]
) -> Callable[[LabelledPhoto], str | None]:
    """Draw every class's photos in one seeded order and cut that order by the shares."""
    generator = np.random.default_rng(seed)
    parts: dict[LabelledPhoto, str] = {}
    for label in range(len(dataset.class_names)):
        photos = [photo for photo in dataset.photos if photo.label == label]
        order = generator.permutation(len(photos))
        validation = max(1, round(len(photos) * shares[0]))
        test = round(len(photos) * shares[1])
        for place, index in enumerate(order):
            if place < validation:
                parts[photos[index]] = "validation"
            else:
                parts[photos[index]] = "test" if place < validation + test else "train"
    return parts.get


def _check_split(dataset: Dataset, split: Split, method: SplitMethod) -> None:
    for part, photos in (("train on", split.train), ("validate with", split.validation)):
        present = {photo.label for photo in photos}
        missing = [n for label, n in enumerate(dataset.class_names) if label not in present]
        if missing:
            raise DatasetError(
                f"With the {method} split of {dataset.path}, class {missing[0]!r} has no photo to "
                f"{part}: add photos of it or choose another split."
            )
