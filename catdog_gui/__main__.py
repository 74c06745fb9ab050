"""Starts what the command line asks for: the window, a command, or a training process."""

import os
import signal
import sys

from training import TRAINING_ARGUMENT

INTERRUPTED = 130


def main() -> int:
    """Run the program and return its exit status."""
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
        # Nothing is at stake yet, and an exception in the middle of an import is a riddle.
        before = signal.signal(signal.SIGINT, lambda _number, _frame: os._exit(INTERRUPTED))
        from catdog_gui.cli import main as command

        signal.signal(signal.SIGINT, before)
        return command(arguments)
    from catdog_gui.app import main as window

    return window(sys.argv)


if __name__ == "__main__":
    sys.exit(main())
