"""The part of a download that has come: kept between calls, and used by one at a time."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from training.file_lock import lock_file
from training.files import write_bytes

READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a server said of the file whose part this is."""

    url: str
    validator: str = ""
    """Its ETag or date, by which the server knows whether it has changed since."""
    length: int = 0
    """Bytes of the whole file, 0 when not known."""

    def __post_init__(self) -> None:
        """Check the values, which may come from a file.

        Raises:
            ValueError: They make no sense.
        """
        texts = type(self.url) is str and type(self.validator) is str
        if not texts or type(self.length) is not int or self.length < 0:
            raise ValueError(f"no version of a file: {self!r}")
        if not self.validator.isprintable():
            raise ValueError("a header holds a single line")


class PartialFile:
    """Stands in `NAME.part` beside a target, with a note of which file it is a part.

    It is open, and nobody else's, between `with` and its end.
    """

    def __init__(self, target: Path) -> None:
        """Stand beside `target`."""
        self._target = target
        self._path = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.json")
        self._version = Version(url="")
        self.size = 0
        """Bytes that have come."""

    def __enter__(self) -> Self:
        """Open the part, or begin one.

        Raises:
            BlockingIOError: Another program has it.
            OSError: The folder cannot be written to.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("ab", buffering=0)
        try:
            lock_file(self._file)
            self.size = os.fstat(self._file.fileno()).st_size
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it; what has come stays."""
        with self._file:
            if kind is None:
                os.fsync(self._file.fileno())

    @property
    def length(self) -> int:
        """Bytes of the whole file, 0 when not known."""
        return self._version.length

    @property
    def is_whole(self) -> bool:
        """Whether all has come, as far as is known."""
        return 0 < self.length == self.size

    def keep_if_from(self, url: str) -> None:
        """Keep what has come if it is part of the file at `url`; or else begin anew."""
        try:
            self._version = Version(**json.loads(self._note.read_bytes()))
        except (OSError, ValueError, TypeError, RecursionError):
            self._version = Version(url="")
        too_long = 0 < self.length < self.size
        if self._version.url != url or too_long:
            self.empty()

    def request_headers(self) -> dict[str, str]:
        """Return the headers that ask for what has not come yet, if the file is still the same."""
        if not self.size:
            return {}
        headers = {"Range": f"bytes={self.size}-"}
        if self._version.validator:
            headers["If-Range"] = self._version.validator
        return headers

    def goes_on_at(self, start: int, length: int) -> bool:
        """Tell whether bytes from `start` of a file of `length` (0: not known) fit this part."""
        same = not length or not self.length or length == self.length
        return 0 < self.size == start and same

    def begin(self, version: Version) -> None:
        """Begin anew with a version of the file."""
        self.empty()
        self._version = version
        write_bytes(self._note, json.dumps(asdict(version)).encode())

    def append(self, chunk: bytes) -> None:
        """Add what has come."""
        left = memoryview(chunk)
        while left:
            written = self._file.write(left)
            self.size += written
            left = left[written:]

    def empty(self) -> None:
        """Forget what has come."""
        if self.size:
            self._file.truncate(0)
        self.size = 0
        self._version = Version(url="")
        self._note.unlink(missing_ok=True)

    def md5(self) -> str:
        """Return the MD5 of what has come."""
        return file_md5(self._path)

    def become_whole(self) -> None:
        """Take the target's place; to be called once this is closed."""
        self._path.replace(self._target)
        self._note.unlink(missing_ok=True)


def file_md5(path: Path) -> str:
    """Return a file's MD5 in hexadecimal, which is the checksum that Keras publishes."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(READ_BYTES):
            digest.update(block)
    return digest.hexdigest()
