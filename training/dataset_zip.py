"""Datasets in a zip, which stays packed, and in a zip within a zip, as Kaggle hands them out.

The inner zip is read in place where it is stored as it is, and from a temporary file where it is
packed. Nothing else is ever unpacked to a disk. Whatever comes out of a zip is bounded before and
while it is read: by what the zip declares of itself, and by what its bytes can reasonably hold.
"""

import io
import lzma
import re
import shutil
import struct
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from training.dataset_sources import Entry, file_stamp, is_hidden, is_photo_name
from training.errors import DatasetError, PhotoError, PhotoGoneError
from training.photo_files import MOST_BYTES
from training.progress import Watch

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MOST_UNPACKING = 100
"""How many times larger than packed anything may become. Photos hardly pack at all, and what
deflate can do at most is 1,032 times (zlib's technical notes)."""
UNSUSPICIOUS_BYTES = 100_000_000
"""What unpacks to no more than this is no bomb, however well it is packed."""

_CHUNK = 1 << 20
_ENCRYPTED = 1
_LOCAL_HEADER = struct.Struct("<4s22xHH")
"""A member's header, of which only its signature and two lengths matter here: APPNOTE 4.3.7."""
_LOCAL_SIGNATURE = b"PK\x03\x04"
_DRIVE = re.compile(r"[A-Za-z]:")

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
_UNKNOWN_PACKING = (NotImplementedError, RuntimeError)


class ZipSource:
    """Reads members of a zip; `zipfile` lets several threads read one archive at a time."""

    def __init__(
        self,
        path: Path,
        archive: zipfile.ZipFile,
        members: Mapping[str, zipfile.ZipInfo],
        opened: ExitStack,
    ) -> None:
        """Read members of an open zip by the names given to them; `opened` is closed after.

        The zip is the file at `path`, or lies inside it.
        """
        self._archive = archive
        self._members = members
        self._stamp = file_stamp(path)
        weakref.finalize(self, opened.close)

    def stamp(self, name: str) -> str | None:
        """Return what is another whenever the zip was changed, or a photo in it."""
        member = self._members[name]
        return self._stamp and f"{self._stamp} {member.CRC:08x} {member.file_size}"

    def read(self, name: str) -> bytes:
        """Return a photo file's bytes.

        Raises:
            PhotoError: It cannot be read.
            PhotoGoneError: The zip cannot be read.
        """
        member = self._members[name]
        if member.file_size > MOST_BYTES:
            raise PhotoError(f"it is larger than {MOST_BYTES // 1_000_000} MB")
        if _is_bomb(member.file_size, member.compress_size):
            raise PhotoError(
                f"it unpacks to over {MOST_UNPACKING} times its size, as no photo does"
            )
        try:
            with self._archive.open(member) as file:
                # Asked for without a limit, `zipfile` unpacks all there is, whatever was declared.
                return file.read(member.file_size + 1)
        except _DAMAGED as error:
            raise PhotoError("it is damaged inside the zip") from error
        except _UNKNOWN_PACKING as error:
            raise PhotoError("it is encrypted or packed in an unknown way") from error
        except OSError as error:
            if error.errno is None:  # bz2's word for damaged bytes
                raise PhotoError("it is damaged inside the zip") from error
            raise PhotoGoneError(f"the zip cannot be read ({error.strerror or error})") from error


def open_zip(path: Path, watch: Watch) -> tuple[list[Entry], ZipSource]:
    """List the photos of a zip, or of the zip of labelled photos inside it.

    Raises:
        DatasetError: It is no zip, reaches outside itself, unpacks to absurd sizes, or is packed
            in more zips than one.
        WorkStopped: As the watch asked.
    """
    with ExitStack() as opened:
        archive = opened.enter_context(_open(path, lambda: zipfile.ZipFile(path)))
        members = _members(path, archive, path.stat().st_size)
        entries, zips = _entries(members), _zips(members)
        if not entries and zips:
            packed = _labelled(path, zips)
            content = opened.enter_context(_inner_file(path, archive, packed, watch))
            archive = opened.enter_context(_open(path, lambda: _as_zip(content)))
            members = _members(path, archive, packed.file_size)
            entries = _entries(members)
            if not entries and _zips(members):
                raise DatasetError(
                    f"{path} holds a zip in a zip in a zip, which is one too many: unpack it, and "
                    "choose the innermost zip or its folder."
                )
        if entries and all(members[entry.name].flag_bits & _ENCRYPTED for entry in entries):
            raise DatasetError(
                f"The photos in {path} are protected by a password: unpack it, and choose its "
                "folder."
            )
        return entries, ZipSource(path, archive, members, opened.pop_all())


def _as_zip(content: "_Part") -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BufferedReader(content))


def _open(path: Path, opened: Callable[[], zipfile.ZipFile]) -> zipfile.ZipFile:
    try:
        return opened()
    except (*_DAMAGED, *_UNKNOWN_PACKING) as error:
        raise DatasetError(
            f"{path} is neither a folder nor a readable zip: choose a folder of class folders, "
            "or a zip of one."
        ) from error
    except OSError as error:
        raise DatasetError(f"{path} cannot be opened: {error.strerror or error}.") from error


def _members(path: Path, archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """Name the files of a zip, refusing one that reaches outside itself or is a bomb.

    Args:
        path: The outermost zip, to be told of.
        archive: The zip.
        size: How many bytes it takes. What its members add up to can be far more: in some bombs
            they share their bytes.
    """
    listed = archive.infolist()
    if _is_bomb(sum(member.file_size for member in listed), size):
        raise DatasetError(
            f"{path} unpacks to over {MOST_UNPACKING} times its size, as no photos do: it may be "
            "harmful and was not opened."
        )
    members = {}
    for member in listed:
        name = _inside(path, member)
        hidden = any(is_hidden(part) for part in name.parts)
        if not member.is_dir() and not hidden:
            members[str(name)] = member
    return members


def _inside(path: Path, member: zipfile.ZipInfo) -> PurePosixPath:
    """Return where a member lies; some programs for Windows write its folders with backslashes."""
    name = PurePosixPath(member.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or _DRIVE.match(str(name)):
        raise DatasetError(
            f"{path} holds {member.filename!r}, a path outside the zip: it may be harmful and "
            "was not opened."
        )
    return name


def _is_bomb(unpacked: int, packed: int) -> bool:
    return unpacked > UNSUSPICIOUS_BYTES and unpacked > packed * MOST_UNPACKING


def _entries(members: Mapping[str, zipfile.ZipInfo]) -> list[Entry]:
    paths = {name: PurePosixPath(name) for name in members}
    return [
        Entry(paths[name], member.file_size)
        for name, member in members.items()
        if is_photo_name(paths[name].name)
    ]


def _zips(members: Mapping[str, zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    return {name: member for name, member in members.items() if name.lower().endswith(".zip")}


def _labelled(path: Path, zips: Mapping[str, zipfile.ZipInfo]) -> zipfile.ZipInfo:
    """Choose the zip of labelled photos: the only one, or `train.zip` beside its `test1.zip`."""
    train = {
        name: member for name, member in zips.items() if PurePosixPath(name).stem.lower() == "train"
    }
    chosen = train or zips
    if len(chosen) > 1:
        raise DatasetError(
            f"{path} holds no photos but {len(chosen):,} zips, such as {min(chosen)!r}: unpack it, "
            "and choose the zip of labelled photos."
        )
    return next(iter(chosen.values()))


class _Part(io.RawIOBase):
    """A part of a file as if it were a file of its own; closing it closes the file.

    A member opened by `zipfile` can be sought in, too, but by reading it again from its start.
    """

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file = file
        self._start = start
        self._size = size
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise OSError("there is nothing before a file's start")
        self._place = origin + offset
        return self._place

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        self._file.seek(self._start + self._place)
        content = self._file.read(max(0, min(len(view), self._size - self._place)))
        view[: len(content)] = content
        self._place += len(content)
        return len(content)

    def close(self) -> None:
        self._file.close()
        super().close()


def _inner_file(
    path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, watch: Watch
) -> _Part:
    """Open a zip within a zip: in place, or unpacked into a temporary file."""
    if member.flag_bits & _ENCRYPTED:
        raise DatasetError(
            f"{path} holds {member.filename!r}, which needs a password: unpack it, and choose "
            "its folder."
        )
    if member.compress_type == zipfile.ZIP_STORED:
        return _stored(path, member)
    return _unpacked(path, archive, member, watch)


def _stored(path: Path, member: zipfile.ZipInfo) -> _Part:
    with ExitStack() as kept:
        try:
            file = kept.enter_context(path.open("rb"))
            file.seek(member.header_offset)
            signature, name, extra = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
        except (struct.error, OSError) as error:
            raise _damaged(path, member) from error
        if signature != _LOCAL_SIGNATURE:
            raise _damaged(path, member)
        kept.pop_all()
    start = member.header_offset + _LOCAL_HEADER.size + name + extra
    return _Part(file, start, member.file_size)


def _unpacked(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, watch: Watch) -> _Part:
    """Unpack a member into a temporary file that vanishes when it is closed."""
    _check_room(path, member)
    with ExitStack() as kept:
        file = kept.enter_context(tempfile.TemporaryFile())
        try:
            with archive.open(member) as packed:
                while chunk := packed.read(_CHUNK):
                    watch.step(file.tell(), member.file_size)
                    file.write(chunk)
        except (*_DAMAGED, *_UNKNOWN_PACKING) as error:
            raise _damaged(path, member) from error
        except OSError as error:
            raise DatasetError(
                f"{member.filename!r} in {path} cannot be unpacked ({error.strerror or error}): "
                "unpack it elsewhere, and choose its folder."
            ) from error
        kept.pop_all()
    return _Part(file, 0, member.file_size)


def _check_room(path: Path, member: zipfile.ZipInfo) -> None:
    folder = tempfile.gettempdir()
    if member.file_size > shutil.disk_usage(folder).free:
        raise DatasetError(
            f"There is no room in {folder} to unpack {member.filename!r} of {path}, "
            f"{member.file_size / 1e9:.1f} GB: unpack it elsewhere, and choose its folder."
        )


def _damaged(path: Path, member: zipfile.ZipInfo) -> DatasetError:
    return DatasetError(
        f"{member.filename!r} in {path} is damaged or packed in an unknown way: get it again."
    )
