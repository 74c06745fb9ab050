"""Draws one photo of the grid: its thumbnail, and under it what it was taken for."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from catdog_gui.classify.prediction import UNSURE, Prediction
from catdog_gui.item_models.photo_list_model import PhotoRole
from catdog_gui.views.class_shapes import draw_class_shape, draw_mark
from catdog_gui.views.theme import GRID, Theme

THUMBNAIL = 18 * GRID
LINE = 3 * GRID
SHAPE = 12


class PhotoDelegate(QStyledItemDelegate):
    """Draws a photo with a badge of colour, shape and confidence."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Draw in the colours of `theme`."""
        super().__init__(parent)
        self._theme = theme

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Return the same size for every photo."""
        return QSize(THUMBNAIL + 2 * GRID, THUMBNAIL + LINE + 2 * GRID)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Draw one photo."""
        painter.save()
        rect: QRect = option.rect
        cell = rect.adjusted(GRID // 2, GRID // 2, -GRID // 2, -GRID // 2)
        self._draw_ground(painter, option, cell)
        inner = cell.adjusted(GRID // 2, GRID // 2, -GRID // 2, -GRID // 2)
        place = QRect(inner.left(), inner.top(), inner.width(), THUMBNAIL)
        self._draw_thumbnail(painter, place, index.data(PhotoRole.THUMBNAIL))
        line = QRect(
            inner.left(), place.bottom() + 1, inner.width(), inner.bottom() - place.bottom()
        )
        prediction = index.data(PhotoRole.PREDICTION)
        if prediction is not None:
            self._draw_badge(painter, line, prediction, index.data(PhotoRole.LABEL))
        painter.restore()

    def _draw_ground(self, painter: QPainter, option: QStyleOptionViewItem, cell: QRect) -> None:
        state: QStyle.StateFlag = option.state
        selected = bool(state & QStyle.StateFlag.State_Selected)
        hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        if not (selected or hovered):
            return
        colours = self._theme.colours
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(QColor(colours.accent_soft if selected else colours.surface))
        painter.setPen(QPen(QColor(colours.accent if selected else colours.border)))
        painter.drawRoundedRect(QRectF(cell), GRID // 2, GRID // 2)

    def _draw_thumbnail(self, painter: QPainter, place: QRect, image: QImage | None) -> None:
        if image is None or image.isNull():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(self._theme.colours.border))
            painter.setOpacity(0.5)
            painter.drawRoundedRect(QRectF(place).adjusted(4, 4, -4, -4), 4, 4)
            painter.setOpacity(1.0)
            if image is not None:
                muted = QColor(self._theme.colours.muted)
                draw_mark(painter, QRectF(place), "!", muted)
            return
        size = image.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
        target = QRect(0, 0, size.width(), size.height())
        target.moveCenter(place.center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
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
