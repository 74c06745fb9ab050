"""Datasets: labelled photos in a folder or a zip.

Two layouts are understood, each in a folder or in a zip that stays packed: a folder of class
folders, and a folder of flat files such as ``cat.17.jpg`` whose names begin with their class.
No photo is ever copied, moved or deleted.
"""

import hashlib
import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from training.dataset_labels import Label, find_labels, stands_for_split
from training.dataset_sources import Entry, FolderSource, PhotoSource, folder_entries
from training.dataset_zip import open_zip
from training.errors import DatasetError, PhotoGoneError
from training.files import exists, is_folder, is_ordinary_file, is_text
from training.progress import OnProgress, ShouldStop, Watch, never, no_progress

MOST_CLASSES = 1000
RESERVED_LABELS = {"unsure", "unreadable"}
"""What photos are labelled that have no class, so that no class may be named so."""


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


@dataclass(frozen=True, slots=True)
class Dataset:
    """The labelled photos of a folder or a zip."""

    path: Path
    class_names: tuple[str, ...]
    photos: tuple[LabelledPhoto, ...]
    fingerprint: str
    """SHA-256 over every photo's class, split folder, file name and size: the same for a folder
    and its zip."""
    source: PhotoSource = field(compare=False, repr=False)

    def read(self, photo: LabelledPhoto) -> bytes:
        """Return a photo file's bytes.

        Raises:
            PhotoError: It cannot be read.
            PhotoGoneError: No photo can be read any more.
        """
        return self.source.read(photo.name)

    def gone(self, error: PhotoGoneError) -> DatasetError:
        """Return what is told of a dataset that can be read no more, since a photo failed so."""
        return DatasetError(
            f"The photos of {self.path} can be read no more ({error}): put them back, or connect "
            "the disk again."
        )

    def stamp(self, photo: LabelledPhoto) -> str | None:
        """Return what is another whenever a photo's file was changed, or nothing if none is known.

        It costs no more than a look at the file's size and times.
        """
        return self.source.stamp(photo.name)

    def without_root(self, groups: Iterable[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
        """Return groups of photos by their names below the deepest folder that all photos share.

        These are the same for a folder and for its zip, which may hold the folder itself.
        """
        shared = len(self._root())
        return tuple(tuple(name[shared:] for name in group) for group in groups)

    def with_root(self, groups: Iterable[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
        """Return groups of photos by their names in this dataset; undoes `without_root`."""
        root = self._root()
        return tuple(tuple(f"{root}{name}" for name in group) for group in groups)

    def _root(self) -> str:
        """Return the beginning that all names share, up to a slash."""
        names = [photo.name for photo in self.photos]
        ends = (min(names, default=""), max(names, default=""))  # all others share what these do
        shared = posixpath.commonpath([posixpath.dirname(name) for name in ends])
        return f"{shared}/" if shared else ""

    def counts(self) -> dict[str, int]:
        """Count the photos of every class."""
        counted = Counter(photo.label for photo in self.photos)
        return {name: counted[label] for label, name in enumerate(self.class_names)}


def open_dataset(
    path: Path, *, on_progress: OnProgress = no_progress, should_stop: ShouldStop = never
) -> Dataset:
    """Find the classes and photos of a folder or a zip.

    Args:
        path: A folder, a zip, or a zip that holds one.
        on_progress: Told how many files were looked at (of 0: it is not known of how many), or
            how many bytes of an inner zip were unpacked.
        should_stop: Asked now and then whether to stop.

    Raises:
        DatasetError: There is no such dataset, or its layout is not understood.
        WorkStopped: It was asked to stop.
    """
    watch = Watch(on_progress, should_stop)
    if not exists(path):
        raise DatasetError(f"There is no dataset at {path}: check the path.")
    if is_folder(path):
        return _assemble(path, folder_entries(path, watch), FolderSource(path))
    if not is_ordinary_file(path):
        raise DatasetError(f"{path} is neither a folder nor a file: choose another.")
    return _assemble(path, *open_zip(path, watch))


def _assemble(path: Path, entries: list[Entry], source: PhotoSource) -> Dataset:
    if not entries:
        raise DatasetError(f"{path} holds no photos: choose {_instead(path)}.")
    labels = find_labels([entry.path for entry in entries])
    class_names = tuple(sorted({label.class_name for label in labels.values()}))
    _check_classes(path, class_names, [entry.path for entry in entries])
    index = {name: position for position, name in enumerate(class_names)}
    photos = tuple(
        LabelledPhoto(str(file), index[label.class_name], label.number, label.folder)
        for file, label in sorted(labels.items(), key=_natural_order)
    )
    sizes = {entry.path: entry.size for entry in entries}
    return Dataset(path, class_names, photos, _fingerprint(labels, sizes), source)


def _instead(path: Path) -> str:
    """Say what to choose instead of a dataset without photos."""
    zips = sorted(path.glob("*.zip")) if is_folder(path) else []
    train = [file for file in zips if file.stem.lower() == "train"]
    if train or zips:
        return f"{(train or zips)[0].name!r} inside it"
    return "a folder with one folder of photos for each class"


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


def _check_classes(path: Path, class_names: Sequence[str], files: Sequence[PurePosixPath]) -> None:
    if len(class_names) <= 1:
        raise DatasetError(
            f"{path} shows {_found(class_names, files)}: a dataset needs a folder of photos for "
            "each of at least two classes, or files named like cat.1.jpg and dog.1.jpg."
        )
    try:
        check_class_names(class_names)
    except ValueError as error:
        raise DatasetError(
            f"{path} cannot be trained on: {error}. Rename or leave out folders."
        ) from error


def _found(class_names: Sequence[str], files: Sequence[PurePosixPath]) -> str:
    """Say which one class was found, or why none was."""
    if class_names:
        return f"one class, {class_names[0]!r}"
    folders = {file.parent.name for file in files}
    if len(folders) > 1:
        return "no class"
    (folder,) = folders
    if folder and not stands_for_split(folder):
        return f"one class, {folder!r}"
    return "no class, as all its photos lie in one folder"


def _natural_order(found: tuple[PurePosixPath, Label]) -> tuple[str, int, str]:
    file, label = found
    return (label.class_name, -1 if label.number is None else label.number, str(file))


def _fingerprint(labels: Mapping[PurePosixPath, Label], sizes: Mapping[PurePosixPath, int]) -> str:
    lines = sorted(
        "\0".join((label.class_name, file.name, str(sizes[file]), *filter(None, [label.folder])))
        for file, label in labels.items()
    )
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
