"""The photo that is selected: large, with the probability of every class."""

from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from catdog_gui.classify.prediction import Prediction
from catdog_gui.views.class_shapes import draw_class_shape
from catdog_gui.views.elided_label import ElidedLabel
from catdog_gui.views.theme import GRID, Theme
from catdog_gui.views.wording import title_of
from catdog_gui.workers.thumbnail_loader import ThumbnailLoader

WIDTH = 36 * GRID
PICTURE_HEIGHT = 32 * GRID
ROW = 3 * GRID
SHAPE = 12


class PhotoPanel(QWidget):
    """Shows one photo and what the model says of it."""

    def __init__(
        self, theme: Theme, pictures: ThumbnailLoader, parent: QWidget | None = None
    ) -> None:
        """Take large pictures from `pictures`."""
        super().__init__(parent)
        self.setFixedWidth(WIDTH)
        self._pictures = pictures
        self._photo: Path | None = None
        self._picture = _Picture(theme)
        self._name = ElidedLabel()
        self._name.setProperty("role", "heading")
        self._bars = ProbabilityBars(theme)
        self._words = QLabel()
        self._words.setProperty("role", "muted")
        self._words.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        for widget in (self._picture, self._name, self._bars, self._words):
            layout.addWidget(widget)
        layout.addStretch()
        pictures.loaded.connect(self._show_picture)
        self.clear()

    def clear(self) -> None:
        """Show no photo."""
        self._photo = None
        self._picture.set_image(None)
        self._name.setText("")
        self._bars.set_probabilities((), ())
        self._words.setText(self.tr("Select a photo to see it here."))

    def show_photo(
        self, photo: Path, prediction: Prediction | None, class_names: tuple[str, ...]
    ) -> None:
        """Show a photo with its prediction, if there is one yet."""
        self._photo = photo
        self._name.setText(photo.name)
        self._picture.set_image(self._pictures.thumbnail(photo))
        words = ""
        probabilities: tuple[float, ...] = ()
        if prediction is None:
            words = self.tr("Not classified yet.")
        elif prediction.readable:
            probabilities = prediction.probabilities
        else:
            words = self.tr("Unreadable: {0}.").format(prediction.reason)
        self._bars.set_probabilities(class_names if probabilities else (), probabilities)
        self._words.setText(words)

    @Slot(object)
    def _show_picture(self, photo: Path) -> None:
        if photo == self._photo:
            self._picture.set_image(self._pictures.thumbnail(photo))


class _Picture(QWidget):
    """Draws an image as large as there is room for."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setFixedHeight(PICTURE_HEIGHT)
        self._theme = theme
        self._image: QImage | None = None

    def set_image(self, image: QImage | None) -> None:
        self._image = image
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the image, or a quiet ground until there is one."""
        with QPainter(self) as painter:
            if self._image is None or self._image.isNull():
                self._draw_ground(painter)
            else:
                self._draw_image(painter, self._image)

    def _draw_ground(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._theme.colours.border))
        painter.setOpacity(0.5)
        painter.drawRoundedRect(self.rect(), GRID, GRID)

    def _draw_image(self, painter: QPainter, image: QImage) -> None:
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        size = image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRectF(0, 0, size.width(), size.height())
        place.moveCenter(QRectF(self.rect()).center())
        painter.drawImage(place, image)


class ProbabilityBars(QWidget):
    """A bar for every class, with its shape, name and probability."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Show nothing yet."""
        super().__init__(parent)
        self._theme = theme
        self._names: tuple[str, ...] = ()
        self._probabilities: tuple[float, ...] = ()
        theme.changed.connect(self.update)

    def set_probabilities(self, names: tuple[str, ...], probabilities: tuple[float, ...]) -> None:
        """Show these; both are in the model's order."""
        self._names, self._probabilities = names, probabilities
        self.setAccessibleDescription(
            ", ".join(f"{n} {p:.0%}" for n, p in zip(names, probabilities, strict=False))
        )
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return room for every class."""
        return QSize(WIDTH, 2 * ROW * len(self._names))

    def minimumSizeHint(self) -> QSize:
        """Return the same."""
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the bars."""
        rows = enumerate(zip(self._names, self._probabilities, strict=False))
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for index, (name, probability) in rows:
                self._draw_row(painter, 2 * ROW * index, index, name, probability)

    def _draw_row(
        self, painter: QPainter, top: int, index: int, name: str, probability: float
    ) -> None:
        colours = self._theme.colours
        shape = QRectF(0, top + (ROW - SHAPE) / 2, SHAPE, SHAPE)
        draw_class_shape(painter, shape, index, self._theme)
        text = QRectF(SHAPE + GRID, top, self.width() - SHAPE - GRID, ROW)
        painter.setPen(QColor(colours.text))
        metrics = painter.fontMetrics()
        elided = metrics.elidedText(
            title_of(name), Qt.TextElideMode.ElideMiddle, int(text.width()) - 6 * GRID
        )
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, elided)
        painter.drawText(
            text, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, f"{probability:.0%}"
        )
        bar = QRectF(0, top + ROW + 2, self.width(), GRID)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.border))
        painter.drawRoundedRect(bar, GRID / 2, GRID / 2)
        bar.setWidth(max(float(GRID), bar.width() * probability))
        painter.setBrush(self._theme.class_colour(index))
        painter.drawRoundedRect(bar, GRID / 2, GRID / 2)
