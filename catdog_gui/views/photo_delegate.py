"""Draws one photo of the grid: its thumbnail, and under it what it was taken for."""

from collections import OrderedDict
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from catdog_gui.classify.prediction import UNSURE, Prediction
from catdog_gui.item_models.photo_list_model import PhotoCell, PhotoRole
from catdog_gui.views.class_shapes import draw_class_shape, draw_mark
from catdog_gui.views.theme import GRID, Theme

THUMBNAIL = 18 * GRID
LINE = 3 * GRID
CELL = QSize(THUMBNAIL + 2 * GRID, THUMBNAIL + LINE + 2 * GRID)
SHAPE = 12
MOST_KEPT = 400
"""How many drawn cells are kept: several screens full."""


@dataclass(frozen=True)
class _Look:
    """All that decides how a cell looks."""

    image: int
    prediction: Prediction | None
    label: str
    selected: bool
    hovered: bool
    ratio: float


class PhotoDelegate(QStyledItemDelegate):
    """Draws a photo with a badge of colour, shape and confidence.

    Every call to Qt may have to wait for a thread that decodes photos, so a cell is drawn once
    into a pixmap, and from then on with a single call.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Draw in the colours of `theme`."""
        super().__init__(parent)
        self._theme = theme
        self._drawn: OrderedDict[_Look, QPixmap] = OrderedDict()
        theme.changed.connect(self._drawn.clear)

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Return the same size for every photo."""
        return CELL

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Draw one photo."""
        cell: PhotoCell = index.data(PhotoRole.CELL)
        state: QStyle.StateFlag = option.state
        look = _Look(
            image=cell.image.cacheKey() if cell.image is not None else 0,
            prediction=cell.prediction,
            label=cell.label,
            selected=bool(state & QStyle.StateFlag.State_Selected),
            hovered=bool(state & QStyle.StateFlag.State_MouseOver),
            ratio=painter.device().devicePixelRatioF(),
        )
        pixmap = self._drawn.get(look)
        if pixmap is None:
            pixmap = self._draw(cell, look)
            self._drawn[look] = pixmap
            if len(self._drawn) > MOST_KEPT:
                self._drawn.popitem(last=False)
        else:
            self._drawn.move_to_end(look)
        rect: QRect = option.rect
        painter.drawPixmap(rect.topLeft(), pixmap)

    def _draw(self, cell: PhotoCell, look: _Look) -> QPixmap:
        pixmap = QPixmap(CELL * look.ratio)
        pixmap.setDevicePixelRatio(look.ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        half = GRID // 2
        place = QRect(GRID, GRID, THUMBNAIL, THUMBNAIL)
        line = QRect(GRID, GRID + THUMBNAIL, THUMBNAIL, LINE)
        with QPainter(pixmap) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            if look.selected or look.hovered:
                ground = QRect(half, half, CELL.width() - GRID, CELL.height() - GRID)
                self._draw_ground(painter, ground, selected=look.selected)
            self._draw_thumbnail(painter, place, cell.image)
            if cell.prediction is not None:
                self._draw_badge(painter, line, cell.prediction, cell.label)
        return pixmap

    def _draw_ground(self, painter: QPainter, place: QRect, *, selected: bool) -> None:
        colours = self._theme.colours
        painter.setBrush(QColor(colours.accent_soft if selected else colours.surface))
        painter.setPen(QPen(QColor(colours.accent if selected else colours.border)))
        painter.drawRoundedRect(QRectF(place), GRID // 2, GRID // 2)

    def _draw_thumbnail(self, painter: QPainter, place: QRect, image: QImage | None) -> None:
        if image is None or image.isNull():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(self._theme.colours.border))
            painter.setOpacity(0.5)
            painter.drawRoundedRect(QRectF(place).adjusted(4, 4, -4, -4), 4, 4)
            painter.setOpacity(1.0)
            if image is not None:
                draw_mark(painter, QRectF(place), "!", QColor(self._theme.colours.muted))
            return
        size = image.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
        target = QRect(0, 0, size.width(), size.height())
        target.moveCenter(place.center())
        painter.drawImage(target, image)

    def _draw_badge(
        self, painter: QPainter, line: QRect, prediction: Prediction, label: str
    ) -> None:
        words = f"{prediction.confidence:.0%}" if prediction.readable else self.tr("unreadable")
        width = SHAPE + GRID + painter.fontMetrics().horizontalAdvance(words)
        left = line.center().x() - width // 2
        shape = QRectF(left, line.center().y() - SHAPE / 2 + 1, SHAPE, SHAPE)
        colours = self._theme.colours
        if not prediction.readable:
            draw_mark(painter, shape, "!", QColor(colours.problem))
        elif label == UNSURE:
            draw_mark(painter, shape, "?", QColor(colours.muted))
        else:
            draw_class_shape(painter, shape, prediction.best, self._theme)
        painter.setPen(QColor(colours.text))
        text = QRect(left + SHAPE + GRID, line.top(), width, line.height())
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words)
