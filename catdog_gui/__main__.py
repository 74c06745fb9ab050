"""Starts what the command line asks for: the window, a command, or a training process."""

import sys

from training.process import TRAINING_ARGUMENT


def main() -> int:
    """Run the program and return its exit status."""
    arguments = sys.argv[1:]
    if arguments == [TRAINING_ARGUMENT]:
        from training.engine.child import main as train

        return train()
    if arguments:
        try:
            from catdog_gui.cli import main as command
        except KeyboardInterrupt:
            return 130
        return command(arguments)
    from catdog_gui.app import main as window

    return window(sys.argv)


if __name__ == "__main__":
    sys.exit(main())
