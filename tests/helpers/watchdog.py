"""Watches the event loop for stalls."""

from types import TracebackType
from typing import Self

from PySide6.QtCore import QElapsedTimer, QTimer, Slot

TICK_MILLISECONDS = 5


class StallWatchdog:
    """Fails the block that it watches if the event loop stood still for too long."""

    def __init__(self, most_milliseconds: float) -> None:
        """Allow stalls of at most `most_milliseconds`."""
        self.worst = 0.0
        self._most = most_milliseconds
        self._clock = QElapsedTimer()
        self._timer = QTimer()
        self._timer.setInterval(TICK_MILLISECONDS)
        self._timer.timeout.connect(self._tick)

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._clock.start()
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Judge the worst stall."""
        self._timer.stop()
        if kind is None:
            assert self.worst <= self._most, f"the event loop stood still for {self.worst:.0f} ms"

    @Slot()
    def _tick(self) -> None:
        since = self._clock.nsecsElapsed() / 1e6 - TICK_MILLISECONDS
        self.worst = max(self.worst, since)
        self._clock.restart()
