"""Folders of small files that stand for photos, and what became of them."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from catdog_gui.classify.sorting.sort_plan import SortMethod, SortPlan, SortRequest
from catdog_gui.classify.sorting.sort_planning import plan_sort
from catdog_gui.classify.sorting.sorter import SortOutcome, sort_photos

LONG_AGO = 1_500_000_000_123_456_700

MEMORY = Path("/dev", "shm")
"""On Linux a file system of its own, and a quick one."""

Tree = dict[str, tuple[bytes, int]]
"""The content and the time of every file below a folder, by its path from there."""


def write_file(path: Path, content: str = "", modified_ns: int = LONG_AGO) -> Path:
    """Write a file of long ago and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content or f"the content of {path.name}", encoding="utf-8")
    os.utime(path, ns=(modified_ns, modified_ns))
    return path


def tree_of(folder: Path) -> Tree:
    """Return what is below a folder, hidden files as well."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.lstat().st_mtime_ns)
        for path in files
    }


def names_in(folder: Path) -> list[str]:
    """Return the paths of all files and folders below a folder, in order."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@contextmanager
def folder_in_memory(otherwise: Path) -> Iterator[Path]:
    """Yield a folder for the block that is in memory, where there is a file system for that."""
    if not MEMORY.is_dir():
        yield otherwise
        return
    with TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


def content_of(path: Path) -> str:
    """Return a file's text."""
    return path.read_text(encoding="utf-8")


def planned(
    root: Path, target: Path, photos: Sequence[tuple[str, str]], **options: Any
) -> SortPlan:
    """Plan a sort of photos below `root` by label."""
    chosen = {"method": SortMethod.COPY, "class_names": ("cat", "dog"), **options}
    pairs = tuple((root / name, label) for name, label in photos)
    return plan_sort(SortRequest(photos=pairs, target=target, roots=(root,), **chosen))


def sorted_into(
    root: Path, target: Path, photos: Sequence[tuple[str, str]], journals: Path, **options: Any
) -> SortOutcome:
    """Plan a sort and do it."""
    return sort_photos(planned(root, target, photos, **options), journals)
