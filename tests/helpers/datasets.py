"""Folders and zips made for datasets, and what is said of those that are refused."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from training.dataset import open_dataset
from training.errors import DatasetError


def write_files(root: Path, names: Sequence[str], content: bytes = b"photo") -> Path:
    """Write files of one content below a folder and return it."""
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return root


def write_zip(path: Path, members: Mapping[str, bytes], packing: int = zipfile.ZIP_STORED) -> Path:
    """Write a zip and return its path."""
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def zipped(folder: Path, path: Path, prefix: str = "") -> Path:
    """Pack a folder into a zip and return its path."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    names = {prefix + file.relative_to(folder).as_posix(): file.read_bytes() for file in files}
    return write_zip(path, names)


def refusal(path: Path) -> str:
    """Return the one sentence that a dataset is refused with."""
    with pytest.raises(DatasetError) as refused:
        open_dataset(path)
    message = str(refused.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message
