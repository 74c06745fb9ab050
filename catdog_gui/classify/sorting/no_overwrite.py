"""Renaming a file without ever taking another one's place."""

import ctypes
import os
import sys
from collections.abc import Callable
from errno import EEXIST, EINVAL, ENOSYS, ENOTSUP, EOPNOTSUPP
from functools import cache
from pathlib import Path

_HERE = -100  # AT_FDCWD: relative paths are relative to the working folder
_RENAME_NOREPLACE = 1
_RENAME_EXCL = 4
_NOT_KNOWN = frozenset({EINVAL, ENOSYS, ENOTSUP, EOPNOTSUPP})
"""What a file system answers that cannot rename so."""


def rename_without_overwriting(source: Path, target: Path) -> None:
    """Rename a file within one file system, unless something is at `target` already.

    That is one step, in which nobody can come between. Only on file systems that know no such
    step (some network drives) it is looked first and renamed then.

    Raises:
        FileExistsError: Something is at `target`; both are as they were.
        OSError: It cannot be renamed; across file systems the number is `errno.EXDEV`.
    """
    rename = _exclusive_rename()
    error = rename(os.fsencode(source), os.fsencode(target)) if rename else ENOSYS
    if error in _NOT_KNOWN:
        if os.path.lexists(target):
            raise FileExistsError(EEXIST, os.strerror(EEXIST), str(target))
        source.rename(target)  # on Windows this is the one step: it refuses by itself
    elif error:
        raise OSError(error, os.strerror(error), str(source), None, str(target))


@cache
def _exclusive_rename() -> Callable[[bytes, bytes], int] | None:
    """Return the system's call, which returns its error's number; none where there is none."""
    if sys.platform == "win32":
        return None
    library = ctypes.CDLL(None, use_errno=True)
    if hasattr(library, "renameat2"):
        linux = library.renameat2
        linux.argtypes = (
            ctypes.c_int,
            ctypes.c_char_p,
            ctypes.c_int,
            ctypes.c_char_p,
            ctypes.c_uint,
        )
        return lambda source, target: _error_of(
            linux(_HERE, source, _HERE, target, _RENAME_NOREPLACE)
        )
    if hasattr(library, "renamex_np"):
        apple = library.renamex_np
        apple.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint)
        return lambda source, target: _error_of(apple(source, target, _RENAME_EXCL))
    return None


def _error_of(answer: int) -> int:
    return ctypes.get_errno() if answer else 0
