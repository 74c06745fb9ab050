"""Icons drawn from SVG in a colour of the theme, sharp at every pixel ratio."""

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton

import resources

DISABLED_OPACITY = 0.5


def icon(name: str, colour: str) -> QIcon:
    """Return the icon of that name from `resources/icons`, drawn in a colour such as #1B1F24."""
    svg = (resources.FOLDER / "icons" / f"{name}.svg").read_text("utf-8")
    coloured = svg.replace("currentColor", QColor(colour).name())
    return QIcon(_SvgIconEngine(QByteArray(coloured.encode())))


def set_button_icon(button: QAbstractButton, name: str, colour: str) -> None:
    """Put an icon before a button's text, with a space between that Qt leaves out."""
    button.setIcon(icon(name, colour))
    button.setText(f" {button.text().strip()}")


class _SvgIconEngine(QIconEngine):
    """Draws an SVG at whatever size is asked for."""

    def __init__(self, svg: QByteArray) -> None:
        super().__init__()
        self._svg = svg

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, _state: QIcon.State) -> None:
        painter.setOpacity(DISABLED_OPACITY if mode is QIcon.Mode.Disabled else 1.0)
        QSvgRenderer(self._svg).render(painter, QRectF(rect))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        with QPainter(pixmap) as painter:
            self.paint(painter, pixmap.rect(), mode, state)
        return pixmap

    def clone(self) -> "_SvgIconEngine":
        return _SvgIconEngine(self._svg)
