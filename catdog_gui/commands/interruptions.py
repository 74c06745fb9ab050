"""Ctrl+C, heeded where it is safe."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from types import FrameType

INTERRUPTED = 130
"""The exit status of a command that was interrupted."""


def _nothing() -> None:
    """Leave it to whoever asks whether Ctrl+C was pressed."""


def _end() -> None:
    os._exit(INTERRUPTED)


@contextmanager
def interruptions_heeded(
    first: Callable[[], None] = _nothing, again: Callable[[], None] = _end
) -> Iterator[Callable[[], bool]]:
    """Yield what tells whether Ctrl+C was pressed while the block runs, which it does not break.

    `KeyboardInterrupt` would break into whatever runs just then: a generator that has more to
    tell, or a library written in C that does not survive it.

    Args:
        first: Called in a thread of its own when it is pressed.
        again: Called so when it is pressed once more.
    """
    pressed = 0

    def heed(_number: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        pressed += 1
        # In a thread, since the code that was interrupted may hold a lock that is needed for it.
        Thread(target=first if pressed == 1 else again).start()

    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:  # as for a command that a shell started in the background
        signal.signal(signal.SIGINT, heed)
    try:
        yield lambda: pressed > 0
    finally:
        signal.signal(signal.SIGINT, before)
