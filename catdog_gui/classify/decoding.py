"""A decoding process: reads photos for another process, which outlives whatever they do to it.

Photos come from anywhere, and decoders are large programs in C. One that crashes, hangs or
swallows memory takes down a process like this one, and that photo is unreadable.
"""

import hashlib
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from training.errors import PhotoError
from training.images import ImageSize, read_photo
from training.photo_files import Stamp, read_stamped

if TYPE_CHECKING:
    from ctypes import Array
    from multiprocessing.connection import Connection

MOST_MEMORY = 450_000_000
"""Bytes that a decoding process may take besides what it has when it starts."""
TIME_LIMIT = 4.5
"""Seconds of work that a photo may take to be read; waiting for a processor does not count."""
NICENESS = 19
"""How far the classifier and the window go before decoding.

A classifier's threads wait for each other after every layer, so that one that has to wait for a
decoder holds up all; decoders hold up nobody. There is always enough read ahead.
"""
_TOLD_EVERY = 0.05
"""Seconds after which readings are told at the latest, though there are more photos to read."""
NONE_READ = -1

PhotoSource: TypeAlias = str | bytes
"""A file's path, or a file's content."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading a photo; its pixels lie in memory that both processes share."""

    reason: str = ""
    """Why it could not be read; nothing if it could."""
    fingerprint: bytes | None = None
    """SHA-256 of its file's content, if that could be read."""
    stamp: Stamp | None = None
    """The file's, if it is one."""


@dataclass(frozen=True, slots=True)
class SharedPixels:
    """Memory for the pixels of photos: so many batches of so many photos of one size."""

    memory: "Array[Any]"
    under_way: "Array[Any]"
    """For every batch the place of the photo that is being read, or -1."""
    batches: int
    photos: int
    size: ImageSize

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """A view of shape (batches, photos, height, width, 3)."""
        shape = (self.batches, self.photos, *self.size, 3)
        return np.frombuffer(memoryview(self.memory), np.uint8).reshape(shape)


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """Photos to read into a batch's memory, each with its place there."""

    batch: int
    photos: Sequence[tuple[int, PhotoSource]]


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """Some of the photos of a batch that were read, each with its place."""

    readings: Sequence[tuple[int, Reading]]
    seconds: float
    """What it took to read them."""


def serve(connection: "Connection[ReadAnswer, ReadRequest]", shared: SharedPixels) -> None:
    """Read what is asked for until the other process hangs up."""
    _be_modest()
    _limit_memory()
    pixels = shared.pixels
    try:
        while True:
            _read_batch(connection.recv(), connection, shared, pixels)
    except (EOFError, ConnectionError):
        return


def _read_batch(
    request: ReadRequest,
    connection: "Connection[ReadAnswer, ReadRequest]",
    shared: SharedPixels,
    pixels: NDArray[np.uint8],
) -> None:
    readings: list[tuple[int, Reading]] = []
    told = monotonic()
    for place, source in request.photos:
        shared.under_way[request.batch] = place
        _set_alarm(TIME_LIMIT)
        readings.append((place, _read(source, pixels[request.batch, place])))
        _set_alarm(0)
        if monotonic() - told > _TOLD_EVERY:
            connection.send(ReadAnswer(readings, monotonic() - told))
            readings, told = [], monotonic()
    shared.under_way[request.batch] = NONE_READ
    if readings:
        connection.send(ReadAnswer(readings, monotonic() - told))


def _read(source: PhotoSource, pixels: NDArray[np.uint8]) -> Reading:
    """Read one photo into `pixels`, of shape (height, width, 3)."""
    fingerprint = stamp = None
    try:
        if isinstance(source, bytes):
            content = source
        else:
            content, stamp = read_stamped(Path(source))
        fingerprint = hashlib.sha256(content).digest()
        height, width, _channels = pixels.shape
        pixels[:] = read_photo(content, ImageSize(height, width))
    except PhotoError as error:
        if isinstance(error.__cause__, MemoryError):
            fingerprint = None  # another time there may be more
        return Reading(str(error), fingerprint, stamp)
    return Reading("", fingerprint, stamp)


def _be_modest() -> None:
    """Leave Ctrl+C and the processor to others, and keep what decoders print to itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _let_others_go_first()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


if sys.platform == "win32":

    def _limit_memory() -> None:
        """Do nothing: Windows limits the memory of groups of processes only."""

    def _set_alarm(_seconds: float) -> None:
        """Do nothing: the other process looks at the clock."""

    def _let_others_go_first() -> None:
        import psutil

        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
else:
    import resource

    def _let_others_go_first() -> None:
        os.nice(NICENESS)

    def _limit_memory() -> None:
        """Have what asks for more memory than a photo may take be refused."""
        if sys.platform == "linux":
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5])
            most = pages * resource.getpagesize() + MOST_MEMORY
            _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
            resource.setrlimit(resource.RLIMIT_DATA, (most, hard))

    def _set_alarm(seconds: float) -> None:
        """End this process after some work, even if the other one is gone by then; 0: never."""
        signal.setitimer(signal.ITIMER_PROF, seconds)
