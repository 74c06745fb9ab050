"""Datasets: labelled photos in a folder or a zip, and how they are split.

Two layouts are understood, each in a folder or in a zip that stays packed: a folder of class
folders, and a folder of flat files such as ``cat.17.jpg`` whose names begin with their class.
No photo is ever copied, moved or deleted.
"""

import hashlib
import lzma
import os
import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol

from training.errors import DatasetError, PhotoError
from training.files import exists, is_folder, is_ordinary_file, is_text
from training.images import MOST_BYTES, PHOTO_SUFFIXES, read_file

MOST_CLASSES = 1000
RESERVED_LABELS = {"unsure", "unreadable"}
"""What photos are labelled that have no class, so that no class may be named so."""

_FLAT_NAME = re.compile(r"(?P<class>.*?[^\W\d_].*?)[._-](?P<number>\d{1,18})$")
_HIDDEN = (".", "__MACOSX")
_SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True, slots=True)
class LabelledPhoto:
    """One photo of a dataset: where it is inside it, and what it shows."""

    name: str
    """Path below the dataset's root, with forward slashes."""
    label: int
    """Index of its class name."""
    number: int | None = None
    """The number in a flat file's name, which the study's split goes by."""
    folder: str | None = None
    """The split that its folder's name stands for."""


class PhotoSource(Protocol):
    """Where a dataset's photos are read from."""

    def read(self, name: str) -> bytes:
        """Return a photo file's bytes.

        Raises:
            PhotoError: It cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class Dataset:
    """The labelled photos of a folder or a zip."""

    path: Path
    class_names: tuple[str, ...]
    photos: tuple[LabelledPhoto, ...]
    fingerprint: str
    """SHA-256 over every photo's class, file name and size: the same for a folder and its zip."""
    source: PhotoSource = field(compare=False, repr=False)

    def read(self, photo: LabelledPhoto) -> bytes:
        """Return a photo file's bytes.

        Raises:
            PhotoError: It cannot be read.
        """
        return self.source.read(photo.name)

    def counts(self) -> dict[str, int]:
        """Count the photos of every class."""
        counted = Counter(photo.label for photo in self.photos)
        return {name: counted[label] for label, name in enumerate(self.class_names)}


@dataclass(frozen=True, slots=True)
class _Entry:
    """A photo file found in a dataset: its path below the root, and its size in bytes."""

    path: PurePosixPath
    size: int
    name: str
    """What the source knows it by."""


class _FolderSource:
    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, name: str) -> bytes:
        return read_file(self._root / name)


# What `zipfile` and its unpackers raise when they meet damaged bytes.
_DAMAGED = (
    zipfile.BadZipFile,
    KeyError,
    EOFError,
    ValueError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
)


class _ZipSource:
    """Reads members of a zip; `zipfile` lets several threads read one archive at a time."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def read(self, name: str) -> bytes:
        try:
            if self._archive.getinfo(name).file_size > MOST_BYTES:
                raise PhotoError(f"it is larger than {MOST_BYTES // 1_000_000} MB")
            return self._archive.read(name)
        except _DAMAGED as error:
            raise PhotoError("it is damaged inside the zip") from error
        except (NotImplementedError, RuntimeError) as error:
            raise PhotoError("it is encrypted or packed in an unknown way") from error
        except OSError as error:
            raise PhotoError(f"the zip cannot be read ({error.strerror or error})") from error


def open_dataset(path: Path) -> Dataset:
    """Find the classes and photos of a folder or a zip.

    Raises:
        DatasetError: There is no such dataset, or its layout is not understood.
    """
    if not exists(path):
        raise DatasetError(f"There is no dataset at {path}: check the path.")
    if is_folder(path):
        entries, source = _folder_entries(path), _FolderSource(path)
        return _assemble(path, entries, source)
    if not is_ordinary_file(path):
        raise DatasetError(f"{path} is neither a folder nor a file: choose another.")
    archive = _open_zip(path)
    return _assemble(path, _zip_entries(archive, path), _ZipSource(archive))


def _folder_entries(root: Path) -> list[_Entry]:
    """List the photo files below a folder; links to folders are not followed."""
    entries = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(_HIDDEN)]
        for name in names:
            file = Path(folder, name)
            if file.suffix.lower() not in PHOTO_SUFFIXES or name.startswith(_HIDDEN):
                continue
            # What is no ordinary file is found unreadable later, and told of like any other.
            size = file.stat().st_size if is_ordinary_file(file) else 0
            below = PurePosixPath(file.relative_to(root).as_posix())
            entries.append(_Entry(below, size, str(below)))
    return entries


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise DatasetError(
            f"{path} is neither a folder nor a readable zip: choose a folder of class folders, "
            "or a zip of one."
        ) from error
    except OSError as error:
        raise DatasetError(f"{path} cannot be opened: {error.strerror or error}.") from error


def _zip_entries(archive: zipfile.ZipFile, path: Path) -> list[_Entry]:
    """List the photo files of a zip, refusing one that reaches outside itself."""
    entries = []
    for member in archive.infolist():
        name = PurePosixPath(member.filename)
        if name.is_absolute() or ".." in name.parts:
            raise DatasetError(
                f"{path} holds {member.filename!r}, a path outside the zip: it may be harmful and "
                "was not opened."
            )
        hidden = any(part.startswith(_HIDDEN) for part in name.parts)
        if not member.is_dir() and not hidden and name.suffix.lower() in PHOTO_SUFFIXES:
            entries.append(_Entry(name, member.file_size, member.filename))
    return entries


def _assemble(path: Path, entries: list[_Entry], source: PhotoSource) -> Dataset:
    if not entries:
        raise DatasetError(
            f"{path} holds no photos: choose a folder with one folder of photos for each class."
        )
    labels = _flat_labels(entries) if _one_folder(entries) else _folder_labels(entries)
    class_names = tuple(sorted({label.class_name for label in labels}))
    _check_classes(path, class_names)
    index = {name: position for position, name in enumerate(class_names)}
    photos = tuple(
        LabelledPhoto(label.entry.name, index[label.class_name], label.number, label.folder)
        for label in sorted(labels, key=_natural_order)
    )
    return Dataset(path, class_names, photos, _fingerprint(labels), source)


@dataclass(frozen=True, slots=True)
class _Label:
    """What a photo's path says about it."""

    entry: _Entry
    class_name: str
    number: int | None = None
    folder: str | None = None


def _one_folder(entries: Sequence[_Entry]) -> bool:
    return len({entry.path.parent for entry in entries}) == 1


def _flat_labels(entries: Iterable[_Entry]) -> list[_Label]:
    """Read classes from names such as cat.17.jpg; others have no class and are passed over."""
    labels = []
    for entry in entries:
        match = _FLAT_NAME.match(entry.path.stem)
        if match:
            labels.append(_Label(entry, match["class"], int(match["number"])))
    return labels


def _folder_labels(entries: Sequence[_Entry]) -> list[_Label]:
    """Read classes from the folders below the deepest one that all photos share."""
    shared = len(Path(os.path.commonpath([entry.path.parent for entry in entries])).parts)
    below = [(entry, entry.path.parts[shared:-1]) for entry in entries]
    first_folders = {folders[0].lower() for _, folders in below if folders}
    if first_folders <= _SPLIT_FOLDERS.keys() and "train" in {
        _SPLIT_FOLDERS[name] for name in first_folders
    }:
        return [
            _Label(entry, folders[1], folder=_SPLIT_FOLDERS[folders[0].lower()])
            for entry, folders in below
            if len(folders) > 1
        ]
    return [_Label(entry, folders[0]) for entry, folders in below if folders]


def check_class_names(class_names: Sequence[str]) -> None:
    """Refuse class names that cannot be told apart, written down, or taken for classes.

    Raises:
        ValueError: With what is wrong, as the end of a sentence.
    """
    if len(class_names) <= 1:
        raise ValueError("it has not two classes")
    if len(class_names) > MOST_CLASSES:
        raise ValueError(f"it has {len(class_names):,} classes, more than {MOST_CLASSES:,}")
    broken = [name for name in class_names if not name.strip() or not is_text(name)]
    if broken:
        raise ValueError(f"it has a class name that cannot be written, {broken[0]!r}")
    reserved = RESERVED_LABELS & {name.casefold() for name in class_names}
    if reserved:
        raise ValueError(
            f"it has a class named {min(reserved)!r}, which is what photos without a clear class "
            "are labelled"
        )
    folded = Counter(name.casefold() for name in class_names)
    twice = [name for name in class_names if folded[name.casefold()] > 1]
    if twice:
        names = ", ".join(twice)
        raise ValueError(f"it has class names that differ only in upper and lower case ({names})")


def _check_classes(path: Path, class_names: Sequence[str]) -> None:
    if len(class_names) <= 1:
        found = f"one class, {class_names[0]!r}" if class_names else "no class"
        raise DatasetError(
            f"{path} shows {found}: a dataset needs a folder of photos for each of at least two "
            "classes, or files named like cat.1.jpg and dog.1.jpg."
        )
    try:
        check_class_names(class_names)
    except ValueError as error:
        raise DatasetError(
            f"{path} cannot be trained on: {error}. Rename or leave out folders."
        ) from error


def _natural_order(label: _Label) -> tuple[str, int, str]:
    return (label.class_name, -1 if label.number is None else label.number, str(label.entry.path))


def _fingerprint(labels: Iterable[_Label]) -> str:
    lines = sorted(
        f"{label.class_name}\0{label.entry.path.name}\0{label.entry.size}" for label in labels
    )
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
