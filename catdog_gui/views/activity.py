"""Something long that is going on, as the bottom strip shows it."""

from time import monotonic

from PySide6.QtCore import QObject, Signal

from catdog_gui.views.wording import rate_words, seconds_words


class Activity(QObject):
    """Knows how far it is, and passes on the wish to stop."""

    changed = Signal()
    ended = Signal()
    stop_requested = Signal()

    def __init__(self, title: str, unit: str = "", parent: QObject | None = None) -> None:
        """Begin now; `unit` is what is counted, such as photos, or nothing if no rate is shown."""
        super().__init__(parent)
        self.title = title
        self.done = 0
        self.total = 0
        self.stopping = False
        self._unit = unit
        self._begun = monotonic()
        self._first_done = 0

    def restart_clock(self) -> None:
        """Measure rate and time left from here on."""
        self._begun = monotonic()
        self._first_done = self.done

    def show(self, title: str, done: int, total: int) -> None:
        """Tell what is being done, and how far; a total of 0 is not known."""
        self.title, self.done, self.total = title, done, total
        self.changed.emit()

    def request_stop(self) -> None:
        """Ask whoever began this to stop it."""
        self.stopping = True
        self.changed.emit()
        self.stop_requested.emit()

    def end(self) -> None:
        """Say that it is over."""
        self.ended.emit()

    def words(self) -> str:
        """Describe it in one line: what, how much of it, how fast, how long still."""
        if self.stopping:
            return self.tr("{0} · stopping …").format(self.title)
        if not self.total:
            return f"{self.title} …"
        parts = [self.title, self.tr("{0:,} of {1:,}").format(self.done, self.total)]
        seconds = monotonic() - self._begun
        counted = self.done - self._first_done
        if counted > 0 and seconds > 1:
            if self._unit:
                parts.append(f"{rate_words(counted, seconds)} {self._unit}/s")
            left = (self.total - self.done) * seconds / counted
            parts.append(self.tr("{0} left").format(seconds_words(left)))
        return " · ".join(parts)
