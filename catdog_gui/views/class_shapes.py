"""A shape for every class, so that no one has to tell classes by colour alone."""

from math import cos, pi, sin

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

from catdog_gui.views.theme import Theme

SHAPES = ("circle", "triangle", "square", "diamond", "hexagon", "star")
_CORNERS = {"triangle": 3, "diamond": 4, "hexagon": 6}


def draw_class_shape(painter: QPainter, place: QRectF, index: int, theme: Theme) -> None:
    """Draw the shape of the class with that index in its colour."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.class_colour(index))
    painter.drawPath(_shape(SHAPES[index % len(SHAPES)], place))
    painter.restore()


def draw_mark(painter: QPainter, place: QRectF, mark: str, colour: QColor) -> None:
    """Draw a letter for photos that have no class: ? for unsure, ! for unreadable."""
    painter.save()
    painter.setPen(QPen(colour))
    font = painter.font()
    font.setBold(True)
    painter.setFont(font)
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, mark)
    painter.restore()


def class_icon(index: int, theme: Theme, side: int = 16) -> QIcon:
    """Return the shape of a class as an icon, drawn large enough for a screen of three times."""
    pixmap = QPixmap(side * 3, side * 3)
    pixmap.fill(Qt.GlobalColor.transparent)
    with QPainter(pixmap) as painter:
        draw_class_shape(painter, QRectF(pixmap.rect()).adjusted(6, 6, -6, -6), index, theme)
    return QIcon(pixmap)


def _shape(name: str, place: QRectF) -> QPainterPath:
    path = QPainterPath()
    if name == "circle":
        path.addEllipse(place)
    elif name == "square":
        path.addRect(place.adjusted(1, 1, -1, -1))
    elif name == "star":
        path.addPolygon(_star(place))
    else:
        path.addPolygon(_polygon(place, _CORNERS[name]))
    path.closeSubpath()
    return path


def _polygon(place: QRectF, corners: int) -> QPolygonF:
    radius = place.width() / 2
    return QPolygonF([_on_circle(place, radius, n / corners) for n in range(corners)])


def _star(place: QRectF) -> QPolygonF:
    radius = place.width() / 2
    return QPolygonF(
        [_on_circle(place, radius * (1 if n % 2 == 0 else 0.45), n / 10) for n in range(10)]
    )


def _on_circle(place: QRectF, radius: float, turn: float) -> QPointF:
    """Return the point at a share of a full turn, clockwise from the top."""
    angle = 2 * pi * turn - pi / 2
    return place.center() + QPointF(radius * cos(angle), radius * sin(angle))
