"""The one door for everything that is said to the user."""

from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QObject, Signal


class Kind(StrEnum):
    """How a message is meant."""

    NOTICE = "notice"
    DONE = "done"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Message:
    """One sentence for the user."""

    kind: Kind
    text: str


class Messages(QObject):
    """Passes messages to whoever shows them."""

    posted = Signal(object)
    """Carries a `Message`."""

    def notice(self, text: str) -> None:
        """Say something worth knowing."""
        self.posted.emit(Message(Kind.NOTICE, text))

    def done(self, text: str) -> None:
        """Say that something was completed."""
        self.posted.emit(Message(Kind.DONE, text))

    def problem(self, text: str) -> None:
        """Say what went wrong, with which file, and what to do now."""
        self.posted.emit(Message(Kind.PROBLEM, text))
