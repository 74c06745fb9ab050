"""Keeping a file for one program at a time."""

import os
import sys
from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_BYTE = 0x7FFF_FFF0


def lock_file(file: BinaryIO, *, wait: bool = False) -> None:
    """Keep a file for this program until it is closed.

    Args:
        file: Open for writing.
        wait: Wait until another program gives it back; on Windows for ten seconds at most.

    Raises:
        BlockingIOError: Another program has it.
    """
    if sys.platform == "win32":
        # Windows keeps others from reading a locked byte, so one is taken that no file has.
        os.lseek(file.fileno(), _BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(error.errno, error.strerror) from error
        finally:
            os.lseek(file.fileno(), 0, os.SEEK_END)
    else:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            return  # some network drives know no locks
