"""Where a dataset's photos are read from: a folder here, a zip in `dataset_zip`."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from time import time_ns
from typing import Protocol

from training.errors import DatasetError, PhotoError, PhotoGoneError
from training.files import is_folder
from training.photo_files import PHOTO_SUFFIXES, read_file
from training.progress import Watch

_HIDDEN = (".", "__MACOSX")
_FILES_A_STEP = 1000
"""How many files are looked at between two words of progress."""
_SETTLED_NANOSECONDS = 3_000_000_000
"""How old a change must be to be told from the next one: FAT counts every other second."""


class PhotoSource(Protocol):
    """Where a dataset's photos are read from; several threads may do so at a time."""

    def read(self, name: str) -> bytes:
        """Return a photo file's bytes.

        Raises:
            PhotoError: It cannot be read.
            PhotoGoneError: No photo can be read any more.
        """
        ...

    def stamp(self, name: str) -> str | None:
        """Return what is another whenever a photo's file was changed, or nothing if none is known.

        It costs no more than a look at the file's size and times.
        """
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A photo file found in a dataset."""

    path: PurePosixPath
    """Where it lies below the dataset's root, which is also what its source knows it by."""
    size: int
    """In bytes."""

    @property
    def name(self) -> str:
        """The path as text."""
        return str(self.path)


class FolderSource:
    """Reads photos below a folder."""

    def __init__(self, root: Path) -> None:
        """Read what lies below `root`."""
        self._root = root

    def read(self, name: str) -> bytes:
        """Return a photo file's bytes.

        Raises:
            PhotoError: It cannot be read.
            PhotoGoneError: The folder of its class or split is gone, or all of the dataset's.
        """
        file = self._root / name
        try:
            return read_file(file)
        except PhotoError as error:
            first = PurePosixPath(name).parts[0]  # a class's folder, or that of a split
            if not is_folder(self._root / first if "/" in name else self._root):
                raise PhotoGoneError(str(error)) from error
            raise

    def stamp(self, name: str) -> str | None:
        """Return what is another whenever a photo's file was changed."""
        return file_stamp(self._root / name)


def file_stamp(file: Path) -> str | None:
    """Return what is another whenever a file was changed; nothing if it was changed just now.

    A second change within the same tick of the file system's clock would leave no trace.
    """
    try:
        status = file.stat()
    except (OSError, ValueError):
        return None
    if time_ns() - status.st_mtime_ns < _SETTLED_NANOSECONDS:
        return None
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def is_hidden(name: str) -> bool:
    """Tell whether a file or folder is none of the user's photos, such as macOS's leftovers."""
    return name.startswith(_HIDDEN)


def is_photo_name(name: str) -> bool:
    """Tell whether a file is a photo by its name."""
    return not is_hidden(name) and PurePosixPath(name).suffix.lower() in PHOTO_SUFFIXES


def folder_entries(root: Path, watch: Watch) -> list[Entry]:
    """List the photo files below a folder; links to folders are not followed.

    Raises:
        DatasetError: The folder cannot be listed.
        WorkStopped: As the watch asked.
    """
    entries = []
    for seen, (below, file) in enumerate(_files(root)):
        if seen % _FILES_A_STEP == 0:
            watch.step(seen, 0)
        if is_photo_name(below.name):
            entries.append(Entry(below, _size(file)))
    watch.step(len(entries), len(entries))
    return entries


def _files(root: Path) -> Iterator[tuple[PurePosixPath, Path]]:
    """Go through all files below a folder; hidden folders are left out, and those without access.

    Raises:
        DatasetError: The folder itself cannot be listed.
    """

    def complain(error: OSError) -> None:
        if error.filename == str(root):
            reason = error.strerror or error
            raise DatasetError(f"The folder {root} cannot be listed: {reason}.") from error

    for folder, folders, names in os.walk(root, onerror=complain):
        folders[:] = [name for name in folders if not is_hidden(name)]
        here = Path(folder)
        below = PurePosixPath(here.relative_to(root).as_posix())
        for name in names:
            yield below / name, here / name


def _size(file: Path) -> int:
    """Return a file's bytes; what is no ordinary file is told of once it is to be read."""
    try:
        status = file.stat()
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0
