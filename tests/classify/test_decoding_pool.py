"""Photos are read in processes that may crash, hang or run out of memory."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event
from time import monotonic

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from catdog_gui.classify import decoding_pool
from catdog_gui.classify.decoding import PhotoSource, Reading
from catdog_gui.classify.decoding_pool import CRASHED, STUCK, TOO_SLOW, DecodingPool
from tests.helpers.hostile_photos import large_png, slow_jpeg
from tests.helpers.photos import photo_bytes, write_photo
from training.errors import CatDogError
from training.images import ImageSize, read_photo
from training.photo_files import Stamp

SIZE = ImageSize(24, 30)
LONG_AGO = 1_500_000_000.25

MINUTE = 60.0
BUSY_SECONDS = 0.8
"""What a process needs to start is less; what it needs for a hostile photo is more."""

processes_can_be_killed = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows does not tell why a process ended"
)


@pytest.fixture
def pool() -> Iterator[DecodingPool]:
    with DecodingPool(SIZE, 8, processes=2) as pool:
        yield pool


def read(
    pool: DecodingPool, sources: Sequence[PhotoSource]
) -> tuple[NDArray[np.uint8], list[Reading]]:
    pool.give(sources)
    pixels, batch = pool.take()
    copied = pixels.copy()
    pool.give_back(batch)
    return copied, [batch.readings[place] for place in range(len(sources))]


def test_a_file_is_read_with_its_fingerprint_and_stamp(pool: DecodingPool, tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "1.jpg", "red")
    os.utime(photo, (LONG_AGO, LONG_AGO))
    pixels, (reading,) = read(pool, [str(photo)])
    assert np.array_equal(pixels[0], read_photo(photo, SIZE))
    assert reading.reason == ""
    assert reading.stamp == Stamp.of(photo.stat())


def test_the_same_content_has_the_same_fingerprint(pool: DecodingPool, tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "1.jpg", "red")
    _pixels, (file, content, other) = read(
        pool, [str(photo), photo.read_bytes(), photo_bytes("blue")]
    )
    assert file.fingerprint == content.fingerprint != other.fingerprint
    assert content.stamp is None


def test_batches_come_in_the_order_in_which_they_were_given(pool: DecodingPool) -> None:
    colours = ("red", "green", "blue")
    given = 0
    while pool.has_room:
        pool.give([photo_bytes(colours[given % 3])] * (1 + given % 4))
        given += 1
    for number in range(given):
        pixels, batch = pool.take()
        assert len(batch.sources) == 1 + number % 4
        assert np.array_equal(pixels[0], read_photo(photo_bytes(colours[number % 3]), SIZE))
        pool.give_back(batch)


def test_names_that_are_no_unicode_are_read(pool: DecodingPool, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg") if sys.platform == "linux" else "café.jpg"
    photo = write_photo(tmp_path / name, "red")
    _pixels, (reading,) = read(pool, [str(photo)])
    assert reading.reason == ""


def busy_process(pool: DecodingPool | None = None) -> psutil.Process:
    """Wait until a decoding process works on something, and return it."""
    deadline = monotonic() + 30
    while monotonic() < deadline:
        if pool is not None:
            pool.look()
        for child in multiprocessing.active_children():
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(child.pid)
                if process.cpu_times().user > BUSY_SECONDS:
                    return process
    raise AssertionError("no process works")


@processes_can_be_killed
def test_a_photo_that_crashes_the_decoder_is_unreadable_and_those_beside_it_are_not() -> None:
    good = photo_bytes("red")
    with DecodingPool(SIZE, 8, processes=1) as pool:
        pool.give([good, slow_jpeg(), good])
        pool.give([good])
        first = busy_process().pid
        os.kill(first, signal.SIGSEGV)
        while busy_process(pool).pid == first:
            pool.look()
        os.kill(busy_process(pool).pid, signal.SIGSEGV)
        pixels, batch = pool.take()
        assert {place: reading.reason for place, reading in batch.readings.items()} == {
            0: "",
            1: CRASHED,
            2: "",
        }
        assert np.array_equal(pixels[2], read_photo(good, SIZE))
        pool.give_back(batch)
        _pixels, after = pool.take()
        assert after.readings[0].reason == ""


def test_a_photo_that_takes_too_long_is_unreadable(pool: DecodingPool) -> None:
    began = monotonic()
    good = photo_bytes("red")
    _pixels, readings = read(pool, [good, slow_jpeg(), good])
    assert [reading.reason for reading in readings] == ["", TOO_SLOW, ""]
    assert readings[1].fingerprint is None  # another time it may be quicker
    assert monotonic() - began < MINUTE


@processes_can_be_killed
def test_a_process_that_hangs_is_ended(pool: DecodingPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding_pool, "HANG_SECONDS", 0.5)
    pool.give([slow_jpeg(), photo_bytes("red")])
    os.kill(busy_process().pid, signal.SIGSTOP)
    _pixels, batch = pool.take()
    assert [batch.readings[place].reason for place in (0, 1)] == [STUCK, ""]


@processes_can_be_killed
def test_a_process_that_has_to_wait_for_a_processor_is_left_alone(
    pool: DecodingPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding_pool, "HANG_SECONDS", 0.0)
    pool.give([slow_jpeg(100)])
    _pixels, batch = pool.take()
    assert batch.readings[0].reason == ""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
def test_a_photo_that_needs_too_much_memory_is_unreadable(pool: DecodingPool) -> None:
    good = photo_bytes("red")
    _pixels, readings = read(pool, [good, large_png(), good])
    assert [reading.reason for reading in readings] == [
        "",
        "it needs more memory than there is",
        "",
    ]
    assert readings[1].fingerprint is None  # another time there may be more


@processes_can_be_killed
def test_a_photo_is_not_blamed_for_a_process_that_somebody_else_ended() -> None:
    with DecodingPool(SIZE, 8, processes=1) as pool:
        pool.give([slow_jpeg(150), photo_bytes("red")])
        busy_process().kill()
        _pixels, batch = pool.take()
    assert [batch.readings[place].reason for place in (0, 1)] == ["", ""]


@processes_can_be_killed
def test_processes_that_end_again_and_again_end_it_in_one_sentence() -> None:
    done = Event()
    with DecodingPool(SIZE, 8, processes=1) as pool, ThreadPoolExecutor() as threads:
        killing = threads.submit(kill_all_children, done)
        try:
            with pytest.raises(CatDogError, match="end as soon as they are started"):
                read_for_ever(pool)
        finally:
            done.set()
            killing.result()


def read_for_ever(pool: DecodingPool) -> None:
    while True:
        read(pool, [photo_bytes("red")])


def kill_all_children(done: Event) -> None:
    while not done.is_set():
        for child in multiprocessing.active_children():
            child.kill()


@processes_can_be_killed
def test_what_was_interrupted_at_its_start_is_read_all_the_same(pool: DecodingPool) -> None:
    pool.give([photo_bytes("red")])
    for child in multiprocessing.active_children():
        child.kill()
    _pixels, batch = pool.take()
    assert batch.readings[0].reason == ""


@processes_can_be_killed
def test_decoding_processes_leave_interruptions_to_their_starter(pool: DecodingPool) -> None:
    pool.give([slow_jpeg(200), photo_bytes("red")])
    os.kill(busy_process().pid, signal.SIGINT)
    _pixels, batch = pool.take()
    assert [batch.readings[place].reason for place in (0, 1)] == ["", ""]
