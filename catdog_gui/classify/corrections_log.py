"""Every correction that the user made, one JSON object a line, on the disk before anything else.

The catalog can be made again from the photos, but for what the user said of them. So that is kept
in a second file, too, which is only ever added to.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from training.file_lock import lock_file


@dataclass(frozen=True, slots=True)
class Correction:
    """What the user says that a photo shows."""

    fingerprint: str
    """SHA-256 of the photo's file, in hexadecimal."""
    label: str
    """A class name; empty if an earlier correction is withdrawn."""
    corrected: int
    """When, in seconds since 1970."""
    path: str = ""
    """Where the photo was then."""

    def __post_init__(self) -> None:
        """Check the values, which may come from a file.

        Raises:
            ValueError: They make no sense.
        """
        texts = (self.fingerprint, self.label, self.path)
        if not all(isinstance(text, str) for text in texts) or type(self.corrected) is not int:
            raise ValueError(f"no correction: {self!r}")
        bytes.fromhex(self.fingerprint)


class CorrectionsLog:
    """The file of corrections; several processes may add to it."""

    def __init__(self, path: Path) -> None:
        """Use the file at `path`, which need not exist."""
        self._path = path

    def add(self, correction: Correction) -> None:
        """Have the disk keep a correction before this returns.

        Raises:
            OSError: It cannot be written.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(asdict(correction)).encode() + b"\n"
        with self._path.open("ab+", buffering=0) as file:
            lock_file(file, wait=True)
            end = file.seek(0, os.SEEK_END)
            if end:
                file.seek(end - 1)
                if file.read(1) != b"\n":
                    line = b"\n" + line  # the last one was cut short when its process was killed
            _write_whole(file, line, end)
            os.fsync(file.fileno())

    def since(self, offset: int) -> tuple[list[Correction], int]:
        """Return the corrections after an offset, in the order in which they were made.

        A line that makes no sense, or was cut short, is left out.

        Args:
            offset: In bytes; beyond the end, the file is not the one that it was of, and all count.

        Returns:
            The corrections, and the offset after them.

        Raises:
            OSError: The file cannot be read.
        """
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return [], 0
        end = content.rfind(b"\n") + 1
        lines = content[offset if offset <= end else 0 : end].splitlines()
        return [each for line in lines if (each := _correction_of(line))], end


def _write_whole(file: BinaryIO, line: bytes, end: int) -> None:
    """Write a line at the end of a file, all of it or, where the disk is full, none."""
    left = memoryview(line)
    try:
        while left:
            left = left[file.write(left) :]
    except OSError:
        file.truncate(end)
        raise


def _correction_of(line: bytes) -> Correction | None:
    try:
        return Correction(**json.loads(line))
    except (ValueError, TypeError, RecursionError):
        return None
