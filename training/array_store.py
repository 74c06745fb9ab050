"""Arrays on disk, each under a key: decoded photos and features, kept for later runs.

A store is a folder of packs. A pack is written whole or not at all and never changed: the arrays
one after the other, then an index (the key of each and its CRC-32), then a footer that says where
the index begins, and its CRC-32. A pack without a whole footer or index is no pack, and an array
whose checksum is wrong is as good as missing, so nothing that an interruption or a bad disk leaves
behind is ever trained on.

All stores below one root share its space. When it runs out, the packs that were not opened for the
longest time are deleted; when those of the open store alone fill it, no more is kept.
"""

import json
import os
import struct
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from time import time
from typing import BinaryIO
from uuid import uuid4

import numpy as np
from numpy.typing import DTypeLike, NDArray

from training.files import replacing

MOST_BYTES = 10_000_000_000
"""How much all stores below a root may hold, unless the disk has less to spare."""
SHARE_OF_FREE_SPACE = 0.5

_PACK_BYTES = 48_000_000
_MOST_OPEN = 64
"""Packs kept open at a time: macOS lets a process have 256 files."""
_LEFTOVER_SECONDS = 3600
"""How old a file of an unfinished pack has to be to belong to no one who still writes it."""
_SUFFIX = ".pack"
_FOOTER = struct.Struct("<QQI8s")
"""Bytes of arrays, bytes of index, checksum of the index, signature."""
_SIGNATURE = b"catdog02"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an array lies."""

    pack: Path
    offset: int
    checksum: int


class ArrayStore:
    """Arrays of one shape and type, each under a key; may be used from several threads."""

    def __init__(
        self, root: Path, kind: str, shape: Sequence[int], dtype: DTypeLike, most_bytes: int = 0
    ) -> None:
        """Open the store of `kind` below `root`, which need not exist.

        Args:
            root: What several stores share the space of.
            kind: The store's own folder.
            shape: Of every array.
            dtype: Of every array.
            most_bytes: How much may lie below the root; by default what the disk can spare.
        """
        self._root = root
        self._folder = root / kind
        self._shape = tuple(shape)
        self._dtype = np.dtype(dtype)
        self._row_bytes = int(np.prod(self._shape)) * self._dtype.itemsize
        self._most_bytes = most_bytes or _spare_bytes(root)
        self._places: dict[str, _Place] = {}
        self._waiting: dict[str, bytes] = {}
        self._files: dict[Path, BinaryIO] = {}
        self._lock = Lock()
        self._full = False
        _remove_leftovers(root)
        self._open_packs()

    def __contains__(self, key: str) -> bool:
        """Tell whether there is an array under that key."""
        return key in self._places or key in self._waiting

    def __len__(self) -> int:
        """Count the arrays."""
        return len(self._places) + len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether there was no room for an array, so that no more are kept."""
        return self._full

    def get(self, key: str) -> NDArray[np.generic] | None:
        """Return the array under a key, or nothing if there is none or it is damaged."""
        with self._lock:
            row = self._waiting.get(key) or self._read(key)
        return None if row is None else np.frombuffer(row, self._dtype).reshape(self._shape)

    def add(self, key: str, array: NDArray[np.generic]) -> None:
        """Keep an array under a key; it is on disk once its pack is full or `flush` was called.

        Raises:
            ValueError: The array has another shape or type.
        """
        if array.shape != self._shape or array.dtype != self._dtype:
            raise ValueError(f"{array.dtype}{array.shape} is not {self._dtype}{self._shape}")
        with self._lock:
            if self._full or key in self:
                return
            self._waiting[key] = array.tobytes()
            if len(self._waiting) * self._row_bytes >= _PACK_BYTES:
                self._write_pack()

    def flush(self) -> None:
        """Write what waits for its pack to be full."""
        with self._lock:
            if self._waiting:
                self._write_pack()

    def close(self) -> None:
        """Write what is waiting, and close the files."""
        self.flush()
        with self._lock:
            for file in self._files.values():
                file.close()
            self._files.clear()

    def _open_packs(self) -> None:
        for pack in self._folder.glob(f"*{_SUFFIX}"):
            with suppress(OSError):
                places = _read_index(pack, self._row_bytes)
                if places is None:
                    pack.unlink()
                    continue
                self._places.update(places)
                os.utime(pack)  # it was of use just now, so it is not the first to go

    def _read(self, key: str) -> bytes | None:
        place = self._places.get(key)
        if place is None:
            return None
        try:
            file = self._file(place.pack)
            file.seek(place.offset)
            row = file.read(self._row_bytes)
        except OSError:
            del self._places[key]  # the pack is gone
            return None
        if len(row) == self._row_bytes and zlib.crc32(row) == place.checksum:
            return row
        self._discard(key, place.pack)
        return None

    def _file(self, pack: Path) -> BinaryIO:
        """Return an open pack; the one that was asked for longest ago makes way for it."""
        file = self._files.pop(pack, None) or pack.open("rb")
        self._files[pack] = file  # a dictionary keeps the order in which it was filled
        if len(self._files) > _MOST_OPEN:
            self._files.pop(next(iter(self._files))).close()
        return file

    def _discard(self, key: str, pack: Path) -> None:
        """Forget a damaged array, and have the next store that is opened do without its pack.

        Otherwise the array would count as kept for ever, and never be made anew.
        """
        del self._places[key]
        with suppress(OSError):  # Windows keeps it while it is open
            pack.unlink()

    def _write_pack(self) -> None:
        """Write what is waiting as one pack; a disk that has no room for it is not used."""
        rows, self._waiting = self._waiting, {}
        pack = self._folder / f"{uuid4().hex}{_SUFFIX}"
        index = json.dumps({key: zlib.crc32(row) for key, row in rows.items()}).encode()
        footer = (len(rows) * self._row_bytes, len(index), zlib.crc32(index), _SIGNATURE)
        if not self._make_room(len(rows) * self._row_bytes + len(index) + _FOOTER.size):
            self._full = True
            return
        try:
            with replacing(pack) as file:
                for row in rows.values():
                    file.write(row)
                file.write(index)
                file.write(_FOOTER.pack(*footer))
        except OSError:
            self._full = True  # a cache that cannot be written costs time, and nothing else
            return
        for number, (key, row) in enumerate(rows.items()):
            self._places[key] = _Place(pack, number * self._row_bytes, zlib.crc32(row))

    def _make_room(self, count: int) -> bool:
        """Delete other packs, those longest unused first, until so many bytes fit in."""
        own = {place.pack for place in self._places.values()}
        packs = sorted(_sizes(self._root).items(), key=lambda each: each[1][0])
        held = sum(size for _, size in dict(packs).values())
        for pack, (_, size) in packs:
            if held + count <= self._most_bytes:
                break
            if pack not in own:
                with suppress(OSError):  # another program may hold it open
                    pack.unlink()
                    held -= size
        return held + count <= self._most_bytes


def _read_index(pack: Path, row_bytes: int) -> dict[str, _Place] | None:
    """Return where a pack's arrays lie, or nothing if it is not whole."""
    with pack.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size < _FOOTER.size:
            return None
        file.seek(size - _FOOTER.size)
        rows, index, checksum, signature = _FOOTER.unpack(file.read(_FOOTER.size))
        if signature != _SIGNATURE or rows + index + _FOOTER.size != size:
            return None
        file.seek(rows)
        text = file.read(index)
    if zlib.crc32(text) != checksum:
        return None
    checksums: Mapping[str, int] = json.loads(text)
    if len(checksums) * row_bytes != rows:
        return None
    return {
        key: _Place(pack, number * row_bytes, int(checksum))
        for number, (key, checksum) in enumerate(checksums.items())
    }


def _remove_leftovers(root: Path) -> None:
    """Delete what processes that were killed while they wrote a pack have left behind."""
    for part in root.glob(f"*/.*{_SUFFIX}.*.part"):
        with suppress(OSError):
            if time() - part.stat().st_mtime > _LEFTOVER_SECONDS:
                part.unlink()


def _sizes(root: Path) -> dict[Path, tuple[float, int]]:
    """Return when each pack below a root was last opened, and its bytes."""
    found = {}
    for pack in root.glob(f"*/*{_SUFFIX}"):
        with suppress(OSError):
            status = pack.stat()
            found[pack] = (status.st_mtime, status.st_size)
    return found


def _spare_bytes(root: Path) -> int:
    """Return how much may be kept: what is kept already counts as free."""
    import psutil

    there = root
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        free = psutil.disk_usage(str(there)).free
    except OSError:
        return 0
    held = sum(size for _, size in _sizes(root).values())
    return min(MOST_BYTES, int((free + held) * SHARE_OF_FREE_SPACE))
