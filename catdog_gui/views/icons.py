"""Icons drawn from SVG in a colour of the theme, sharp at every pixel ratio."""

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QGuiApplication,
    QIcon,
    QIconEngine,
    QPainter,
    QPalette,
    QPixmap,
)
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton

import resources


def icon(name: str, colour: str) -> QIcon:
    """Return the icon of that name from `resources/icons`, drawn in a colour such as #1B1F24."""
    svg = (resources.FOLDER / "icons" / f"{name}.svg").read_text("utf-8")
    muted = QGuiApplication.palette().color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text)
    drawn = [svg.replace("currentColor", shade.name()) for shade in (QColor(colour), muted)]
    return QIcon(_SvgIconEngine(*(QByteArray(text.encode()) for text in drawn)))


def set_button_icon(button: QAbstractButton, name: str, colour: str) -> None:
    """Put an icon before a button's text, with a space between that Qt leaves out."""
    button.setIcon(icon(name, colour))
    button.setText(f" {button.text().strip()}")


class _SvgIconEngine(QIconEngine):
    """Draws an SVG at whatever size is asked for."""

    def __init__(self, svg: QByteArray, disabled: QByteArray) -> None:
        super().__init__()
        self._svg = svg
        self._disabled = disabled

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, _state: QIcon.State) -> None:
        disabled = mode is QIcon.Mode.Disabled
        QSvgRenderer(self._disabled if disabled else self._svg).render(painter, QRectF(rect))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        with QPainter(pixmap) as painter:
            self.paint(painter, pixmap.rect(), mode, state)
        return pixmap

    def clone(self) -> "_SvgIconEngine":
        return _SvgIconEngine(self._svg, self._disabled)
