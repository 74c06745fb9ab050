"""How long work tells how far it is, and how it is stopped."""

from collections.abc import Callable
from dataclasses import dataclass

from training.errors import WorkStopped

OnProgress = Callable[[int, int], None]
"""Told how much is done, and of how much (0: not known)."""
ShouldStop = Callable[[], bool]
"""Asked now and then whether the work is to stop."""


def no_progress(done: int, total: int) -> None:
    """Tell no one."""


def never() -> bool:
    """Let work go on to its end."""
    return False


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told of work's progress, and who may stop it."""

    on_progress: OnProgress = no_progress
    should_stop: ShouldStop = never

    def step(self, done: int, total: int) -> None:
        """Tell how far the work is.

        Raises:
            WorkStopped: It is to stop.
        """
        if self.should_stop():
            raise WorkStopped("This was stopped before it was done.")
        self.on_progress(done, total)
