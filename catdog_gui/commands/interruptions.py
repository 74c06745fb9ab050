"""Ctrl+C, heeded where it is safe."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import click

INTERRUPTED = 130
"""The exit status of a command that was interrupted."""


@contextmanager
def interruptions_heeded() -> Iterator[Callable[[], bool]]:
    """Yield what tells whether Ctrl+C was pressed while the block runs; a second one ends it all.

    `KeyboardInterrupt` would break into whatever runs just then, and libraries written in C do not
    all survive that: `catdog compare` died of it while they were imported or compiled a network.

    Raises:
        click.Abort: It was pressed, and the block has ended.
    """
    pressed = 0

    def heed(_number: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        pressed += 1
        if pressed > 1:
            os._exit(INTERRUPTED)

    before = signal.signal(signal.SIGINT, heed)
    try:
        yield lambda: pressed > 0
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise click.Abort
