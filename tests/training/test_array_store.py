"""Arrays on disk: kept whole, found again, and never more of them than there is room for."""

import errno
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import time
from typing import NoReturn

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from training import array_store
from training.array_store import MOST_BYTES, ArrayStore

SHAPE = (4, 5)
ROW_BYTES = 4 * 5 * 2
HOUR = 3600


def row(number: int) -> NDArray[np.float16]:
    """Return an array that no other number has."""
    return (np.arange(20) + 100 * number).astype(np.float16).reshape(SHAPE)


def opened(root: Path, kind: str = "arrays", most_bytes: int = 0) -> ArrayStore:
    return ArrayStore(root, kind, SHAPE, np.float16, most_bytes)


def write_store(root: Path, packs: Sequence[Sequence[int]], kind: str = "arrays") -> None:
    """Keep arrays under their numbers, in packs as given."""
    store = opened(root, kind)
    for numbers in packs:
        for number in numbers:
            store.add(str(number), row(number))
        store.flush()
    store.close()


def kept(root: Path, kind: str = "arrays") -> dict[int, bool]:
    """Open a store and tell of 100 numbers those it has, and whether each array is right."""
    store = opened(root, kind)
    arrays = {number: store.get(str(number)) for number in range(100)}
    store.close()
    return {
        number: np.array_equal(array, row(number))
        for number, array in arrays.items()
        if array is not None
    }


def holds(store: ArrayStore, key: str, array: NDArray[np.generic]) -> bool:
    """Tell whether a store gives that very array."""
    found = store.get(key)
    return found is not None and np.array_equal(found, array)


def all_right(numbers: Sequence[int]) -> dict[int, bool]:
    return dict.fromkeys(numbers, True)


def packs_of(root: Path, kind: str = "*") -> list[Path]:
    return sorted(root.glob(f"{kind}/*.pack"))


def bytes_below(root: Path) -> int:
    return sum(file.stat().st_size for file in root.rglob("*") if file.is_file())


def test_an_array_comes_back_as_it_was_before_and_after_it_is_written(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.add("one", row(1))
    waiting = store.get("one")
    store.flush()
    written = store.get("one")
    store.close()
    reopened = opened(tmp_path)
    later = reopened.get("one")
    reopened.close()
    for array in (waiting, written, later):
        assert array is not None
        assert array.dtype == np.float16
        assert np.array_equal(array, row(1))


def test_a_store_knows_which_arrays_it_has(tmp_path: Path) -> None:
    write_store(tmp_path, [[1, 2], [3]])
    store = opened(tmp_path)
    store.add("4", row(4))
    assert [str(number) in store for number in range(6)] == [False, True, True, True, True, False]
    assert len(store) == 4
    assert store.get("5") is None
    store.close()


def test_nothing_is_on_disk_before_a_pack_is_full_or_flushed(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.add("1", row(1))
    assert packs_of(tmp_path) == []
    store.flush()
    assert len(packs_of(tmp_path)) == 1
    store.flush()
    assert len(packs_of(tmp_path)) == 1
    store.close()


def test_a_full_pack_is_written_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(array_store, "_PACK_BYTES", 3 * ROW_BYTES)
    store = opened(tmp_path)
    for number in range(7):
        store.add(str(number), row(number))
    assert len(packs_of(tmp_path)) == 2
    store.close()
    assert len(packs_of(tmp_path)) == 3
    assert kept(tmp_path) == all_right(range(7))


def test_a_key_that_is_there_keeps_its_array(tmp_path: Path) -> None:
    write_store(tmp_path, [[1]])
    store = opened(tmp_path)
    store.add("1", row(2))
    store.close()
    assert len(packs_of(tmp_path)) == 1
    assert kept(tmp_path) == {1: True}


@pytest.mark.parametrize(
    "array", [np.zeros(SHAPE, np.float32), np.zeros((5, 4), np.float16), np.zeros(20, np.float16)]
)
def test_an_array_of_another_shape_or_type_is_refused(
    tmp_path: Path, array: NDArray[np.generic]
) -> None:
    store = opened(tmp_path)
    with pytest.raises(ValueError, match="is not float16"):
        store.add("1", array)
    assert len(store) == 0
    store.close()


def test_stores_below_one_root_keep_apart(tmp_path: Path) -> None:
    write_store(tmp_path, [[1]], "these")
    write_store(tmp_path, [[2]], "those")
    assert kept(tmp_path, "these") == {1: True}
    assert kept(tmp_path, "those") == {2: True}


@pytest.mark.parametrize("left", [0, 1, 7, ROW_BYTES, 2 * ROW_BYTES, -1, -8, -20, -28])
def test_a_truncated_pack_is_thrown_away_and_the_others_serve_on(tmp_path: Path, left: int) -> None:
    write_store(tmp_path, [[1, 2]])
    (pack,) = packs_of(tmp_path)
    content = pack.read_bytes()
    pack.write_bytes(content[:left])
    write_store(tmp_path, [[3]])
    assert kept(tmp_path) == {3: True}
    assert not pack.exists()


def test_a_pack_with_more_behind_it_is_thrown_away(tmp_path: Path) -> None:
    write_store(tmp_path, [[1, 2]])
    (pack,) = packs_of(tmp_path)
    pack.write_bytes(pack.read_bytes() + b"\0")
    assert kept(tmp_path) == {}


def test_whichever_byte_is_damaged_no_wrong_array_is_ever_given(tmp_path: Path) -> None:
    write_store(tmp_path, [[1, 2]])
    (pack,) = packs_of(tmp_path)
    content = pack.read_bytes()
    survivors = set()
    for place in range(len(content)):
        for change in (0x01, 0x55, 0xFF):
            damaged = bytearray(content)
            damaged[place] ^= change
            pack.write_bytes(damaged)
            found = kept(tmp_path)
            assert all(found.values()), f"byte {place} changed by {change:#x}"
            survivors.add(frozenset(found))
    # One array survives the other's damage, and none that of the index.
    assert survivors == {frozenset({1}), frozenset({2}), frozenset()}


def test_an_index_that_is_no_index_but_has_its_checksum_is_thrown_away(tmp_path: Path) -> None:
    write_store(tmp_path, [[1, 2]])
    (pack,) = packs_of(tmp_path)
    wrong_count = b'{"1": 5}'
    footer = (2 * ROW_BYTES, len(wrong_count), zlib.crc32(wrong_count), b"catdog02")
    rows = pack.read_bytes()[: 2 * ROW_BYTES]
    pack.write_bytes(rows + wrong_count + struct.pack("<QQI8s", *footer))
    assert kept(tmp_path) == {}
    assert packs_of(tmp_path) == []


def test_a_damaged_array_can_be_made_anew_by_the_next_run(tmp_path: Path) -> None:
    write_store(tmp_path, [[1, 2], [3]])
    damaged = next(pack for pack in packs_of(tmp_path) if pack.stat().st_size > 3 * ROW_BYTES)
    content = bytearray(damaged.read_bytes())
    content[3] ^= 1
    damaged.write_bytes(content)
    store = opened(tmp_path)
    assert len(store) == 3
    assert store.get("1") is None
    assert "1" not in store
    store.add("1", row(1))
    store.close()
    assert kept(tmp_path).items() >= {1: True, 3: True}.items()
    write_store(tmp_path, [[1, 2, 3]])
    assert kept(tmp_path) == all_right([1, 2, 3])


def test_a_pack_that_vanishes_takes_only_its_arrays_with_it(tmp_path: Path) -> None:
    write_store(tmp_path, [[1, 2], [3]])
    store = opened(tmp_path)
    larger = max(packs_of(tmp_path), key=lambda pack: pack.stat().st_size)
    larger.unlink()
    assert store.get("1") is None
    assert "1" not in store
    assert holds(store, "3", row(3))
    store.close()


def test_a_pack_that_cannot_be_read_just_now_is_not_thrown_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.EMFILE, "Too many open files")

    write_store(tmp_path, [[1]])
    store = opened(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        assert store.get("1") is None
        assert len(opened(tmp_path)) == 0
    store.close()
    assert kept(tmp_path) == {1: True}


def test_two_stores_at_once_keep_the_arrays_of_both(tmp_path: Path) -> None:
    one, other = opened(tmp_path), opened(tmp_path)
    for number in range(10):
        one.add(str(number), row(number))
        other.add(str(number + 5), row(number + 5))
    one.close()
    other.close()
    assert kept(tmp_path) == all_right(range(15))


def test_several_threads_may_add_and_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(array_store, "_PACK_BYTES", 5 * ROW_BYTES)
    store = opened(tmp_path)

    def add_and_get(number: int) -> bool:
        store.add(str(number), row(number))
        return holds(store, str(number), row(number))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(add_and_get, [*range(100)] * 3))
    store.close()
    assert kept(tmp_path) == all_right(range(100))


def fail_to_write(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """Have the disk refuse all that is written from now on."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_cannot_be_written_leaves_what_was_there_and_nothing_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    write_store(tmp_path, [[1, 2]])
    store = opened(tmp_path)
    with monkeypatch.context() as patch:
        fail_to_write(patch, code)
        store.add("3", row(3))
        store.flush()
    assert store.get("3") is None
    assert "3" not in store
    assert holds(store, "1", row(1))
    store.add("4", row(4))  # a disk that refused once is not asked again
    assert "4" not in store
    store.close()
    assert [file.suffix for file in tmp_path.rglob("*") if file.is_file()] == [".pack"]
    assert kept(tmp_path) == all_right([1, 2])


def test_a_root_where_no_folder_can_be_made_keeps_nothing_and_harms_nothing(
    tmp_path: Path,
) -> None:
    root = tmp_path / "a file"
    root.write_text("not a folder")
    store = opened(root)
    store.add("1", row(1))
    assert holds(store, "1", row(1))
    store.flush()
    assert store.get("1") is None
    store.close()
    assert root.read_text() == "not a folder"


def test_packs_that_cannot_be_marked_as_used_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    write_store(tmp_path, [[1]])
    monkeypatch.setattr(os, "utime", refuse)
    assert kept(tmp_path) == {1: True}


def age(pack: Path, hours: float) -> None:
    """Have a file look unused for so long."""
    then = time() - hours * HOUR
    os.utime(pack, (then, then))


def pack_bytes(tmp_path: Path, rows: int) -> int:
    """Return the size of a pack of so many arrays."""
    write_store(tmp_path / "measure", [range(10, 10 + rows)])
    return bytes_below(tmp_path / "measure")


def test_the_packs_longest_unused_go_first(tmp_path: Path) -> None:
    size = pack_bytes(tmp_path, 3)
    root = tmp_path / "root"
    for hours, kind in ((5, "oldest"), (2, "newest"), (4, "older"), (3, "newer")):
        write_store(root, [[10, 11, 12]], kind)
        age(packs_of(root, kind)[0], hours)
    store = opened(root, "arrays", 3 * size)
    for number in (10, 11, 12):
        store.add(str(number), row(number))
    store.close()
    assert {pack.parent.name for pack in packs_of(root)} == {"newer", "newest", "arrays"}


def test_a_pack_counts_as_used_when_its_store_is_opened(tmp_path: Path) -> None:
    size = pack_bytes(tmp_path, 3)
    for hours, kind in ((5, "first"), (2, "second")):
        write_store(tmp_path / "root", [[10, 11, 12]], kind)
        age(packs_of(tmp_path / "root", kind)[0], hours)
    opened(tmp_path / "root", "first").close()
    store = opened(tmp_path / "root", "third", 2 * size)
    for number in (10, 11, 12):
        store.add(str(number), row(number))
    store.close()
    assert {pack.parent.name for pack in packs_of(tmp_path / "root")} == {"first", "third"}


def test_a_store_never_deletes_its_own_packs_for_new_ones(tmp_path: Path) -> None:
    size = pack_bytes(tmp_path, 3)
    root = tmp_path / "root"
    store = opened(root, most_bytes=2 * size)
    for first in (10, 20, 30, 40):
        for number in range(first, first + 3):
            store.add(str(number), row(number))
        store.flush()
    store.close()
    assert kept(root) == all_right([10, 11, 12, 20, 21, 22])


@pytest.mark.parametrize("short", [0, 1, 3, 100])
def test_all_below_a_root_never_outgrows_the_bound(tmp_path: Path, short: int) -> None:
    bound = 4 * pack_bytes(tmp_path, 3) - short
    root = tmp_path / "root"
    sizes = []
    for kind in ("one", "two", "three"):
        store = opened(root, kind, bound)
        for first in (10, 20, 30, 40, 50):
            for number in range(first, first + 3):
                store.add(str(number), row(number))
            store.flush()
            sizes.append(bytes_below(root))
        store.close()
    assert max(sizes) <= bound
    assert max(sizes) > bound / 2


@pytest.mark.parametrize(
    ("free", "fewest", "most"), [(0, 0, 0), (1000, 3, 6), (10 * MOST_BYTES, 20, 20)]
)
def test_by_default_half_of_what_the_disk_has_to_spare_may_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, fewest: int, most: int
) -> None:
    class Usage:
        def __init__(self, path: str) -> None:
            assert Path(path).exists()
            self.free = free

    monkeypatch.setattr(psutil, "disk_usage", Usage)
    monkeypatch.setattr(array_store, "_PACK_BYTES", 1)
    store = opened(tmp_path / "not yet" / "there")
    for number in range(20):
        store.add(str(number), row(number))
    store.close()
    assert fewest <= len(packs_of(tmp_path / "not yet" / "there")) <= most
    assert bytes_below(tmp_path) <= free / 2


KILLED = """
import os, signal, sys
import numpy as np
from pathlib import Path
from training import files
from training.array_store import ArrayStore

store = ArrayStore(Path(sys.argv[1]), "arrays", (4, 5), np.float16)
store.add("1", np.full((4, 5), 1, np.float16))
store.flush()
store.add("2", np.full((4, 5), 2, np.float16))
files.os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
store.flush()
"""


@pytest.fixture
def killed_root(tmp_path: Path) -> Path:
    """Return what a process leaves that is killed while it writes its second pack."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode < 0
    return tmp_path


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_a_killed_process_leaves_no_broken_pack(killed_root: Path) -> None:
    store = opened(killed_root)
    assert len(packs_of(killed_root)) == 1
    assert holds(store, "1", np.full(SHAPE, 1, np.float16))
    assert "2" not in store
    store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_what_a_killed_process_was_writing_is_removed_once_no_one_can_be_writing_it(
    killed_root: Path,
) -> None:
    (part,) = (file for file in killed_root.rglob("*.part"))
    opened(killed_root).close()
    assert part.exists()  # perhaps another program is at it right now
    age(part, 2)
    opened(killed_root, "another").close()
    assert not part.exists()
    assert kept(killed_root).keys() == {1}


def test_a_store_of_many_packs_keeps_few_files_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(array_store, "_MOST_OPEN", 3)
    write_store(tmp_path, [[number] for number in range(12)])
    store = opened(tmp_path)
    before = len(psutil.Process().open_files())
    for number in [*range(12), *range(12)]:
        assert holds(store, str(number), row(number))
    assert len(psutil.Process().open_files()) - before == 3
    store.close()
    assert len(psutil.Process().open_files()) == before
