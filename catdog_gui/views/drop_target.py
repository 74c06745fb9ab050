"""A panel for an empty page: says what to do, and takes what is dropped."""

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from catdog_gui.views.icons import icon
from catdog_gui.views.theme import GRID, Theme

ICON_SIDE = 6 * GRID


class DropTarget(QWidget):
    """Takes files and folders from the desktop."""

    dropped = Signal(object)
    """Carries a list of paths."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Accept drops."""
        super().__init__(parent)
        self.setAcceptDrops(True)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept what has files in it."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Pass on the files and folders."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.dropped.emit(paths)


class EmptyState(QWidget):
    """An icon, what to do in one sentence, and room for a button."""

    def __init__(
        self, theme: Theme, icon_name: str, title: str, text: str, parent: QWidget | None = None
    ) -> None:
        """Say `title` large and `text` below."""
        super().__init__(parent)
        self._theme = theme
        self._icon_name = icon_name
        self._icon = QLabel()
        heading = QLabel(title)
        heading.setProperty("role", "title")
        words = QLabel(text)
        words.setProperty("role", "muted")
        self._layout = QVBoxLayout(self)
        self._layout.setSpacing(2 * GRID)
        self._layout.addStretch()
        for label in (self._icon, heading, words):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            self._layout.addWidget(label)
        self._layout.addStretch()
        theme.changed.connect(self._colour)
        self._colour()

    def add_button(self, button: QWidget) -> None:
        """Put a button under the text."""
        self._layout.insertWidget(
            self._layout.count() - 1, button, alignment=Qt.AlignmentFlag.AlignHCenter
        )

    @Slot()
    def _colour(self) -> None:
        drawn = icon(self._icon_name, self._theme.colours.muted)
        ratio = self.devicePixelRatioF()
        self._icon.setPixmap(drawn.pixmap(QSize(ICON_SIDE, ICON_SIDE), ratio))
