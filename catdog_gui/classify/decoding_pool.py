"""Several decoding processes, fed and watched: photos in, pixels out, in order."""

import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from time import monotonic
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from catdog_gui.classify.decoding import (
    NONE_READ,
    TIME_LIMIT,
    PhotoSource,
    ReadAnswer,
    Reading,
    ReadRequest,
    SharedPixels,
    serve,
)
from training.errors import CatDogError
from training.images import ImageSize

BATCHES_EACH = 2
"""How many batches a process is given: one that it reads, and one so that it need not wait."""
BATCHES_AHEAD = 2
"""How many more may be read and wait to be fetched."""
TOO_SLOW = f"it takes longer than {TIME_LIMIT:g} seconds to read"
CRASHED = "it makes the decoder crash"
STUCK = "reading it does not come to an end"
MOST_DEATHS_IN_VAIN = 5
"""How many processes may end one after another without having read anything."""
_LOOK_EVERY = 0.25
"""Seconds between two looks at the clock while nothing is heard."""
HANG_SECONDS = 15.0
"""After how long a process is ended that does no work, as one that waits for a drive does."""
_THREADS = "OPENBLAS_NUM_THREADS"
_END_SECONDS = 2.0
"""How long to wait for a process to end: one that waits for a drive may never do."""


@dataclass(eq=False, slots=True)
class DecodedBatch:
    """A batch of photos, whole once there is a reading of each."""

    number: int
    """Which of the shared batches holds its pixels."""
    sources: Sequence[PhotoSource]
    readings: dict[int, Reading] = field(default_factory=dict)
    seconds: float = 0.0
    """What reading took a process."""
    suspects: set[int] = field(default_factory=set)
    """Photos that a process was reading when it ended."""

    @property
    def whole(self) -> bool:
        """Whether every photo is read."""
        return len(self.readings) == len(self.sources)

    def rest(self) -> ReadRequest:
        """Return what is still to be read."""
        return ReadRequest(
            self.number,
            [
                (place, source)
                for place, source in enumerate(self.sources)
                if place not in self.readings
            ],
        )


@dataclass(eq=False, slots=True)
class _Decoder:
    """A decoding process, and what it was given and has not answered in full."""

    process: SpawnProcess
    connection: "Connection[ReadRequest, ReadAnswer]"
    batches: deque[DecodedBatch] = field(default_factory=deque)
    seen: tuple[int, int] = (-1, -1)
    """The batch and place that it was last seen at."""
    since: float = 0.0
    """When it was first seen there."""
    overdue: bool = False
    """Whether it was ended since it did not come to an end itself."""

    def hangs(self) -> bool:
        """Tell whether it waits for anything but a processor, which others may keep busy.

        If it works, it ends itself in time; Windows calls all processes running, and gives none
        such an alarm.
        """
        import psutil  # hardly ever needed, and slow to import

        try:
            status = psutil.Process(self.process.pid).status()
        except psutil.Error:
            return False
        return status != psutil.STATUS_RUNNING or not ALARM

    @property
    def too_slow(self) -> bool:
        """Whether it ended itself since a photo took too long."""
        return bool(ALARM) and self.process.exitcode == -ALARM

    @property
    def reason(self) -> str:
        """Why the photo that it was reading is unreadable."""
        if self.overdue:
            return STUCK
        return TOO_SLOW if self.too_slow else CRASHED


class DecodingPool:
    """Decodes batches of photos in processes; to be used from one thread, and closed."""

    def __init__(self, size: ImageSize, photos: int, *, processes: int | None = None) -> None:
        """Prepare for processes, which are started once there is something to read.

        Args:
            size: What photos are squeezed to.
            photos: The most that a batch may have.
            processes: How many; by default one for each core.
        """
        self._context = multiprocessing.get_context("spawn")
        self._count = processes or _cores()
        batches = self._count * BATCHES_EACH + BATCHES_AHEAD
        bytes_in_all = batches * photos * size.height * size.width * 3
        self._shared = SharedPixels(
            self._context.RawArray("B", bytes_in_all),
            self._context.RawArray("i", batches),
            batches,
            photos,
            size,
        )
        self._pixels = self._shared.pixels
        self._free = deque(range(batches))
        self._given: deque[DecodedBatch] = deque()
        self._waiting: deque[DecodedBatch] = deque()
        self._decoders: list[_Decoder] = []
        self._deaths_in_vain = 0

    def __enter__(self) -> Self:
        """Return the pool itself."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """End all processes."""
        for decoder in self._decoders:
            _end(decoder)

    @property
    def has_room(self) -> bool:
        """Whether another batch may be given."""
        return bool(self._free)

    def give(self, sources: Sequence[PhotoSource]) -> None:
        """Have a batch of photos read; there must be room for it."""
        batch = DecodedBatch(self._free.popleft(), sources)
        self._shared.under_way[batch.number] = NONE_READ
        self._given.append(batch)
        self._waiting.append(batch)
        self._hand_out()

    def look(self) -> None:
        """Take what the processes have read and give them more, without waiting."""
        self._attend(0)

    def take(self) -> tuple[NDArray[np.uint8], DecodedBatch]:
        """Wait for the batch that was given first.

        Returns:
            Pixels of shape (photos, height, width, 3), and the batch; to be given back.
        """
        batch = self._given.popleft()
        while not batch.whole:
            self._attend(_LOOK_EVERY)
        return self._pixels[batch.number, : len(batch.sources)], batch

    def give_back(self, batch: DecodedBatch) -> None:
        """Give back the memory of a batch's pixels."""
        self._free.append(batch.number)

    def _hand_out(self) -> None:
        """Give batches to the processes that have least to do."""
        while len(self._decoders) < self._count and self._waiting:
            self._decoders.append(self._start())
        while self._waiting:
            decoder = min(self._decoders, key=lambda each: len(each.batches))
            if len(decoder.batches) >= BATCHES_EACH:
                return
            batch = self._waiting.popleft()
            decoder.batches.append(batch)
            with suppress(ConnectionError):  # it is gone, which is seen to when it is attended to
                decoder.connection.send(batch.rest())

    def _attend(self, seconds: float) -> None:
        """Take what is heard within some time, replace processes that are gone, and hand out."""
        heard = wait([decoder.connection for decoder in self._decoders], seconds)
        for place, decoder in enumerate(self._decoders):
            if decoder.connection in heard and not self._hear(decoder):
                self._decoders[place] = self._replacement(decoder)
            else:
                self._end_if_stuck(decoder)
        self._hand_out()

    def _hear(self, decoder: _Decoder) -> bool:
        """Take all that a process says; return whether it is still there."""
        try:
            while decoder.connection.poll():
                answer = decoder.connection.recv()
                batch = decoder.batches[0]
                batch.readings.update(answer.readings)
                batch.seconds += answer.seconds
                self._deaths_in_vain = 0
                if batch.whole:
                    decoder.batches.popleft()
        except (EOFError, OSError):  # it ended between two words, or in one
            return False
        return True

    def _replacement(self, gone: _Decoder) -> _Decoder:
        """Blame the photo that was being read for a process's end, and start another process."""
        _end(gone)
        if not self._blame(gone):
            self._deaths_in_vain += 1
            if self._deaths_in_vain > MOST_DEATHS_IN_VAIN:
                raise CatDogError(
                    "The processes that read photos end as soon as they are started: check that "
                    "there is enough memory, and start the program anew."
                )
        self._waiting.extendleft(reversed([each for each in gone.batches if not each.whole]))
        return self._start()

    def _blame(self, gone: _Decoder) -> bool:
        """Note why the photo that a process was reading is unreadable, if it was reading one."""
        if not gone.batches:
            return False
        batch = gone.batches[0]
        place = self._shared.under_way[batch.number]
        if place == NONE_READ or place in batch.readings:
            return False
        if gone.overdue or gone.too_slow or place in batch.suspects:
            batch.readings[place] = Reading(gone.reason)
        batch.suspects.add(place)  # it may have been ended by somebody else: another try
        self._shared.under_way[batch.number] = NONE_READ
        return True

    def _end_if_stuck(self, decoder: _Decoder) -> None:
        """End a process that has been reading one photo for too long."""
        batch = decoder.batches[0].number if decoder.batches else NONE_READ
        place = self._shared.under_way[batch] if decoder.batches else NONE_READ
        now = monotonic()
        if (batch, place) != decoder.seen:
            decoder.seen, decoder.since = (batch, place), now
        elif place != NONE_READ and now - decoder.since > HANG_SECONDS and decoder.hangs():
            decoder.overdue = True
            decoder.process.kill()

    def _start(self) -> _Decoder:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=serve, args=(theirs, self._shared), name="decoding", daemon=True
        )
        with _interruptions_held(), _one_thread_each():
            process.start()
        theirs.close()
        return _Decoder(process, ours)


def _cores() -> int:
    """Return how many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # on Linux only
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _end(decoder: _Decoder) -> None:
    decoder.connection.close()
    decoder.process.kill()
    decoder.process.join(_END_SECONDS)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Have processes that are started meanwhile not start threads for NumPy's linear algebra."""
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_THREADS]
        else:
            os.environ[_THREADS] = before


if sys.platform == "win32":
    ALARM = 0

    @contextmanager
    def _interruptions_held() -> Iterator[None]:
        """Do nothing: a process that is being started heeds Ctrl+C until it has set itself up."""
        yield
else:
    from multiprocessing import resource_tracker

    ALARM = signal.SIGPROF

    @contextmanager
    def _interruptions_held() -> Iterator[None]:
        """Have processes that are started meanwhile never heed Ctrl+C."""
        resource_tracker.ensure_running()  # else it is started below, and unblocks what is blocked
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
