"""Writing files so that nothing is ever half-written, and naming them so that every system can."""

import os
import re
import stat
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EEXIST
from pathlib import Path
from typing import BinaryIO

from training.errors import ConfigurationError

LONGEST_NAME = 80
# What Windows, macOS or Linux refuse in a file name, and what a shell or a CSV could trip over.
_REFUSED_IN_NAMES = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
# Characters that make the rest of a name read backwards, which hides its ending.
_TURNS_TEXT_AROUND = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_RESERVED_NAMES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)


def is_text(name: str) -> bool:
    """Tell whether a name is whole Unicode without control characters, as most names are.

    On Linux a file's name may be any bytes; those that are no UTF-8 come as lone surrogates.
    """
    return not any(
        unicodedata.category(character) in {"Cc", "Cs"} or character in _TURNS_TEXT_AROUND
        for character in name
    )


def is_folder(path: Path) -> bool:
    """Tell whether a path leads to a folder; one that cannot be looked at does not."""
    status = _status(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def is_ordinary_file(path: Path) -> bool:
    """Tell whether a path leads to a file that can be read to its end: no pipe, no device."""
    status = _status(path)
    return status is not None and stat.S_ISREG(status.st_mode)


def exists(path: Path) -> bool:
    """Tell whether a path leads anywhere; one that cannot be looked at does not."""
    return _status(path) is not None


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside `path` that takes its place once the block ends without an error.

    Raises:
        OSError: The folder cannot be written to; what stood at `path` is untouched.
    """
    path = Path(os.path.realpath(path))  # a link stays one; what it leads to is replaced
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o666 & ~_umask())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    with replacing(path) as file:
        file.write(content)


@contextmanager
def making(target: Path) -> Iterator[Path]:
    """Yield where to make a file or folder that then takes its place at `target`, which is free.

    It is made in a hidden folder beside the target, together with whatever else is needed for it,
    and moved when the block ends without an error; if nothing was made there, nothing is moved.

    Raises:
        FileExistsError: Something is at `target` already.
        OSError: Its folder cannot be written to.
    """
    _check_free(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=target.parent,
        prefix=f".{target.name[:40]}.",
        suffix=".part",
        ignore_cleanup_errors=True,
    ) as folder:
        made = Path(folder, f"made{target.suffix[:20]}")
        yield made
        if exists(made):
            _settle(made)
            _check_free(target)
            made.rename(target)


def check_name(name: str, what: str) -> str:
    """Return a name for a run or model if every operating system can store it.

    Raises:
        ConfigurationError: The name is empty, too long, or holds a character that is not allowed.
    """
    if not name.strip() or name != name.strip() or name.startswith(".") or name.endswith("."):
        raise ConfigurationError(
            f"{what} {name!r} cannot be used: it must not be empty nor begin or end with a dot "
            "or a space."
        )
    if len(name.encode("utf-8", "surrogatepass")) > LONGEST_NAME:
        raise ConfigurationError(f"{what} is too long: use at most {LONGEST_NAME} bytes.")
    if _REFUSED_IN_NAMES.search(name) or not is_text(name):
        raise ConfigurationError(
            f'{what} {name!r} cannot be used as a file name: leave out / \\ : * ? " < > | and '
            "what cannot be printed."
        )
    if _RESERVED_NAMES.match(name):
        raise ConfigurationError(
            f"{what} {name!r} cannot be used as a file name: Windows keeps it for a device."
        )
    return name


def as_file_name(text: str, longest: int = LONGEST_NAME) -> str:
    """Return a name that every operating system can store, as much like a text as can be.

    Args:
        text: Anything.
        longest: The most bytes that it may have.
    """
    safe = "".join(c if is_text(c) else "_" for c in _REFUSED_IN_NAMES.sub("_", text))
    short = safe.encode()[:longest].decode("utf-8", "ignore").strip(" .")
    return f"_{short}" if _RESERVED_NAMES.match(short) or not short else short


def _check_free(target: Path) -> None:
    if exists(target) or target.is_symlink():
        raise FileExistsError(EEXIST, "it exists already and is left as it is", str(target))


def _settle(made: Path) -> None:
    """Have the disk keep a file, or all files of a folder."""
    for path in (made, *made.rglob("*")):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())


def _status(path: Path) -> os.stat_result | None:
    """Return what a path leads to; names too long and folders without access lead nowhere."""
    try:
        return path.stat()
    except (OSError, ValueError):
        return None


def _umask() -> int:
    """Return the process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
