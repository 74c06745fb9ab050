"""Which class a photo belongs to, by where it lies and what it is called."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_FLAT_NAME = re.compile(r"(?P<class>.*?[^\W\d_].*?)[._-](?P<number>\d{1,18})$")
_CAMERA_NAMES = {"dsc", "dscf", "dscn", "image", "img", "photo", "picture", "pxl", "_mg", "mvimg"}
"""What cameras and telephones call photos, which says nothing of what these show."""

_SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
_NUMBERED_TEST = re.compile(r"test\d+")
"""As Kaggle calls folders of photos without labels."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a photo's path says about it."""

    class_name: str
    number: int | None = None
    """The number in a flat file's name."""
    folder: str | None = None
    """The split that a folder's name stands for."""


def stands_for_split(folder: str) -> bool:
    """Tell whether a folder's name is that of a split, such as train or test1."""
    return _split(folder) is not None


def find_labels(files: Sequence[PurePosixPath]) -> dict[PurePosixPath, Label]:
    """Read classes from folders, or from names where there is but one folder.

    Args:
        files: Photos below the dataset's root; at least one.

    Returns:
        A label for every file that has one; others are passed over.
    """
    if len({file.parent for file in files}) == 1:
        return _flat_labels(files)
    shared = len(Path(os.path.commonpath([file.parent for file in files])).parts)
    below = [(file, file.parts[shared:-1]) for file in files]
    splits = {_split(folders[0]) for _, folders in below if folders}
    if None not in splits and "train" in splits:
        labels = _split_labels(below) or _flat_split_labels(below)
        if labels:
            return labels
    return {file: Label(folders[0]) for file, folders in below if folders}


def _split(folder: str) -> str | None:
    name = folder.lower()
    return "test" if _NUMBERED_TEST.fullmatch(name) else _SPLIT_FOLDERS.get(name)


def _flat_labels(files: Iterable[PurePosixPath]) -> dict[PurePosixPath, Label]:
    """Read classes from names such as cat.17.jpg."""
    labels = {}
    for file in files:
        match = _FLAT_NAME.match(file.stem)
        if match and match["class"].lower() not in _CAMERA_NAMES:
            labels[file] = Label(match["class"], int(match["number"]))
    return labels


_Below = Sequence[tuple[PurePosixPath, Sequence[str]]]
"""Files with the folders that lead to them from the deepest one that all share."""


def _split_labels(below: _Below) -> dict[PurePosixPath, Label]:
    """Read classes from class folders inside folders of splits."""
    return {
        file: Label(folders[1], folder=_split(folders[0]))
        for file, folders in below
        if len(folders) > 1
    }


def _flat_split_labels(below: _Below) -> dict[PurePosixPath, Label]:
    """Read classes from the names of files inside folders of splits.

    Where only one of these folders holds labelled photos, as `train` beside `test1` does, it
    stands for no split.
    """
    splits = {file: _split(folders[0]) for file, folders in below if folders}
    labels = _flat_labels(splits)
    if len({splits[file] for file in labels}) == 1:
        return labels
    return {
        file: Label(label.class_name, label.number, splits[file]) for file, label in labels.items()
    }
