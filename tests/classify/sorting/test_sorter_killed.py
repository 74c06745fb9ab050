"""Sorts and undos that are killed anywhere lose nothing, and can be undone or done once more."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.sorting import folder_in_memory

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """Return a folder that is in memory where there is such a file system."""
    with folder_in_memory(tmp_path) as folder:
        yield folder


def kill_everywhere(method: str, root: Path, target: Path, first: int, stride: int) -> None:
    """Kill sorts and undos at every `stride`-th line, beginning with line `first`."""
    program = [sys.executable, "-m", "tests.helpers.killed_sorting"]
    killing = subprocess.run(
        [*program, method, root, target, str(first), str(stride)],
        capture_output=True,
        encoding="utf-8",
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert killing.returncode == 0, killing.stderr
    sorts, undos = map(int, killing.stdout.split())
    assert sorts * stride > 400
    assert undos * stride > 400


@pytest.mark.parametrize(("method", "first"), [("copy", 1), ("move", 2), ("link", 3)])
def test_a_sort_or_undo_that_is_killed_at_any_line_loses_nothing(
    in_memory: Path, method: str, first: int
) -> None:
    kill_everywhere(method, in_memory / "photos", in_memory / "sorted", first, 4)


def test_nor_does_a_move_to_another_file_system(tmp_path: Path, in_memory: Path) -> None:
    if tmp_path.stat().st_dev == in_memory.stat().st_dev:
        pytest.skip("there is no second file system at hand")
    kill_everywhere("move", tmp_path / "photos", in_memory / "sorted", 4, 12)
