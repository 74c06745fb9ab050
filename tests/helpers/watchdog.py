"""Watches the event loop for stalls."""

from typing import Self

from PySide6.QtCore import QElapsedTimer, QTimer, Slot

TICK_MILLISECONDS = 5


class StallWatchdog:
    """Measures for how long the event loop stood still while a block ran."""

    def __init__(self) -> None:
        """Have seen no stall yet."""
        self.worst = 0.0
        """The longest stall, in milliseconds."""
        self._clock = QElapsedTimer()
        self._timer = QTimer()
        self._timer.setInterval(TICK_MILLISECONDS)
        self._timer.timeout.connect(self._tick)

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._clock.start()
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Watch no longer."""
        self._timer.stop()

    @Slot()
    def _tick(self) -> None:
        since = self._clock.nsecsElapsed() / 1e6 - TICK_MILLISECONDS
        self.worst = max(self.worst, since)
        self._clock.restart()
