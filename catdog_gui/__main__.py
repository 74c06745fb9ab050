"""Starts what the command line asks for: the window, a command, or a training process."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from training import TRAINING_ARGUMENT

INTERRUPTED = 130


def main() -> int:
    """Run the program and return its exit status."""
    if hasattr(sys, "frozen"):
        from multiprocessing import freeze_support

        freeze_support()  # the packaged program starts itself to decode photos
    try:
        return _start(sys.argv[1:])
    except KeyboardInterrupt:
        return INTERRUPTED


def _start(arguments: list[str]) -> int:
    """Import only what is asked for, since everything else would only take time."""
    if arguments == [TRAINING_ARGUMENT]:
        from training.engine.child import main as train

        return train()
    if arguments:
        with _ending_at_once():
            from catdog_gui.cli import main as command
        return command(arguments)
    from catdog_gui.app import main as window

    return window(sys.argv)


@contextmanager
def _ending_at_once() -> Iterator[None]:
    """Have Ctrl+C end the program: nothing is at stake yet, and an import does not bear it."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # or it is to be ignored
        signal.signal(signal.SIGINT, lambda _number, _frame: os._exit(INTERRUPTED))
    yield
    signal.signal(signal.SIGINT, before)


if __name__ == "__main__":
    sys.exit(main())
