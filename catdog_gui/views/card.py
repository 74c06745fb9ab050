"""A card: a numbered step of the work with a heading."""

from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from catdog_gui.views.theme import GRID


class Card(QFrame):
    """A framed group of widgets under a heading."""

    def __init__(self, heading: str, parent: QWidget | None = None) -> None:
        """Show `heading` above what is added to `body`."""
        super().__init__(parent)
        self.setObjectName("card")
        self._heading = QLabel(heading)
        self._heading.setProperty("role", "heading")
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        self.body.setSpacing(GRID)
        self.body.addWidget(self._heading)
