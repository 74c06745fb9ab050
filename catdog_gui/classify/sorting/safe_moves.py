"""The few things that sorting does to files, each of which leaves them whole wherever it ends."""

import hashlib
import os
import shutil
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass
from errno import EBUSY, EIO, ENOTDIR, ESTALE
from pathlib import Path
from typing import BinaryIO, Self

from catdog_gui.classify.sorting.no_overwrite import rename_without_overwriting
from catdog_gui.classify.sorting.target_names import fold

READ_BYTES = 1 << 20
_NOT_THROUGH_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_JUNCTION = 0xA0000003  # what Windows calls IO_REPARSE_TAG_MOUNT_POINT


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells whether a file is still the same without reading it."""

    size: int
    modified_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """Return the stamp of a file's status."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)

    def fits(self, other: Self | None) -> bool:
        """Tell whether two stamps are of one content.

        Inodes are left out: on memory cards they are made up anew whenever a file is looked at.
        """
        return other is not None and (self.size, self.modified_ns) == (
            other.size,
            other.modified_ns,
        )


def stamp_of(path: Path) -> Stamp | None:
    """Return the stamp of an ordinary file; links, folders and what is not there have none."""
    try:
        status = path.lstat()
    except (OSError, ValueError):
        return None
    return Stamp.of(status) if stat.S_ISREG(status.st_mode) else None


def reason_of(error: OSError) -> str:
    """Return in a few words why something cannot be done with a file."""
    if isinstance(error, FileNotFoundError):
        return "it is not there any more"
    if isinstance(error, PermissionError):
        return "there is no permission to do that"
    return error.strerror or str(error)


def check_unchanged(path: Path, stamp: Stamp) -> None:
    """Check that a file is what it was.

    Raises:
        FileNotFoundError: It is not there.
        OSError: It was changed, or is no ordinary file any more.
    """
    path.lstat()
    if not stamp.fits(stamp_of(path)):
        raise changed(path)


def changed(path: Path) -> OSError:
    """Return the error of a file that was changed."""
    return OSError(ESTALE, "it was changed meanwhile", str(path))


def copy_whole(source: Path, part: Path, stamp: Stamp) -> str:
    """Write a file's content, times and mode to `part`, which is new, and return its SHA-256.

    What is at `part` after an error is not whole, and is the caller's to remove.

    Args:
        source: The file.
        part: Where to write.
        stamp: The file's stamp; it has it before and after, or this fails.

    Raises:
        OSError: It cannot be read or written, or the file was changed.
    """
    digest = hashlib.sha256()
    with os.fdopen(os.open(source, os.O_RDONLY | _NOT_THROUGH_LINKS), "rb", 0) as reading:
        opened = Stamp.of(os.fstat(reading.fileno()))
        with _new_file(part) as writing:
            while block := reading.read(READ_BYTES):
                digest.update(block)
                _write_all(writing.fileno(), block)
            os.fsync(writing.fileno())
        if not stamp.fits(opened) or opened != Stamp.of(os.fstat(reading.fileno())):
            raise changed(source)
    with suppress(PermissionError):  # a memory card knows no modes, and the photo is what counts
        shutil.copystat(source, part, follow_symlinks=False)
    if part.lstat().st_size != stamp.size:
        raise OSError(EIO, "what was written is not all of it", str(part))
    return digest.hexdigest()


def check_written(path: Path, sha256: str) -> None:
    """Read back what was written, from the disk where the system can be told to.

    Raises:
        OSError: It is not what it should be.
    """
    if sys.platform == "linux":
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if file_sha256(path) != sha256:
        raise OSError(EIO, "what was written is not what was read: the disk may fail", str(path))


def link_without_overwriting(source: Path, target: Path) -> None:
    """Give a file a second name, unless something is at `target` already.

    Raises:
        FileExistsError: Something is at `target`.
        OSError: The file system knows no hard links, or allows none here.
    """
    os.link(source, target, follow_symlinks=False)


def settle_folder(folder: Path) -> None:
    """Have the disk keep a folder's names, where the system can be told to."""
    if sys.platform == "win32":
        return
    with suppress(OSError):  # some network drives cannot
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def put_copy(source: Path, part: Path, target: Path, stamp: Stamp, *, check: bool) -> str:
    """Put a copy of a file at `target`, which is free, and return its SHA-256.

    Args:
        source: The file, which stays.
        part: A hidden name beside the target; only what is whole leaves it.
        target: Where the copy goes.
        stamp: The file's stamp.
        check: Read back what was written, as is due before the file itself is removed.

    Raises:
        FileExistsError: Something is at `target`.
        OSError: It cannot be copied; nothing is left behind.
    """
    try:
        sha256 = copy_whole(source, part, stamp)
        if check:
            check_written(part, sha256)
        rename_without_overwriting(part, target)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    return sha256


def same_content(first: Path, second: Path) -> bool:
    """Tell whether two paths are ordinary files of the same bytes, none of which is a link.

    What cannot be read is like no other file.
    """
    stamps = stamp_of(first), stamp_of(second)
    if stamps[0] is None or stamps[1] is None or stamps[0].size != stamps[1].size:
        return False
    try:
        return first.samefile(second) or _same_bytes(first, second)
    except OSError:
        return False


def is_one_entry(first: Path, second: Path) -> bool:
    """Tell whether two paths are one name in one folder, as when one goes through a linked folder.

    Hard links are two names of a file, and not meant. Names that only some file systems tell apart
    count as one.

    Raises:
        OSError: A folder cannot be looked at.
    """
    return fold(first.name) == fold(second.name) and first.parent.samefile(second.parent)


def remove_second(path: Path, kept: Path) -> None:
    """Remove a file of which `kept` holds the same, and never the only one.

    Raises:
        OSError: Both are one name in one folder, or it cannot be removed.
    """
    if is_one_entry(path, kept):
        raise OSError(EBUSY, f"it is the only one, to which {kept} leads through a link", str(path))
    path.unlink()


def file_sha256(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_folders(folder: Path, below: Path) -> None:
    """Make a folder and what lies between it and `below`, through no link.

    Args:
        folder: The folder, which may be there already.
        below: The folder that the user named, which may be a link.

    Raises:
        OSError: One cannot be made, or is a link that leads elsewhere, or a file.
    """
    with suppress(FileExistsError):
        below.mkdir(parents=True)
    made = below
    for name in folder.relative_to(below).parts:
        made = made / name
        with suppress(FileExistsError):
            made.mkdir()
        if not is_own_folder(made):
            raise OSError(ENOTDIR, "its folder is a link or a file", str(made))


def is_own_folder(path: Path) -> bool:
    """Tell whether a path is a folder itself, and no link to one."""
    try:
        status = path.lstat()
    except (OSError, ValueError):
        return False
    return stat.S_ISDIR(status.st_mode) and getattr(status, "st_reparse_tag", 0) != _JUNCTION


def leads_astray(path: Path, below: Path) -> bool:
    """Tell whether a folder between `below` and a path is a link by now."""
    folders = [folder for folder in path.parents if folder.is_relative_to(below)]
    return any(os.path.lexists(each) and not is_own_folder(each) for each in folders[:-1])


def _new_file(part: Path) -> BinaryIO:
    try:
        return part.open("xb", buffering=0)
    except FileExistsError as error:  # which would mean that the target's name is taken
        raise OSError(EBUSY, "a temporary name is taken", str(part)) from error


def _write_all(descriptor: int, block: bytes) -> None:
    left = memoryview(block)
    while left:
        left = left[os.write(descriptor, left) :]


def _same_bytes(first: Path, second: Path) -> bool:
    with first.open("rb") as one, second.open("rb") as other:
        while block := one.read(READ_BYTES):
            if block != other.read(READ_BYTES):
                return False
        return not other.read(1)
