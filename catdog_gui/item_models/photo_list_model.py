"""The photos of a folder with what a classifier says of them, as a Qt model."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRegularExpression,
    QSortFilterProxyModel,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QImage

from catdog_gui.classify.prediction import Prediction, PredictionTable
from catdog_gui.workers.thumbnail_loader import ThumbnailLoader

UNREADABLE = "unreadable"
"""The label that the window counts unreadable photos under."""

Index = QModelIndex | QPersistentModelIndex


class PhotoRole(IntEnum):
    """What can be asked about a photo besides its name."""

    PATH = Qt.ItemDataRole.UserRole + 1
    THUMBNAIL = Qt.ItemDataRole.UserRole + 2
    PREDICTION = Qt.ItemDataRole.UserRole + 3
    LABEL = Qt.ItemDataRole.UserRole + 4
    CELL = Qt.ItemDataRole.UserRole + 5


@dataclass(frozen=True)
class PhotoCell:
    """All that is drawn of a photo, so that one question is enough."""

    image: QImage | None
    """Null if it cannot be decoded, None if it is not decoded yet."""
    prediction: Prediction | None
    label: str


class PhotoListModel(QAbstractListModel):
    """One row a photo."""

    counts_changed = Signal()

    def __init__(self, thumbnails: ThumbnailLoader, parent: QObject | None = None) -> None:
        """Take thumbnails from `thumbnails`."""
        super().__init__(parent)
        self._thumbnails = thumbnails
        self._photos: list[Path] = []
        self._rows: dict[Path, int] = {}
        self._predictions: list[Prediction] = []
        self._class_names: tuple[str, ...] = ()
        self._unsure_below = 0.0
        self._counts: Counter[str] = Counter()
        thumbnails.loaded.connect(self._show_thumbnail)

    @property
    def photos(self) -> Sequence[Path]:
        """All photos, in their order."""
        return self._photos

    @property
    def predictions(self) -> Sequence[Prediction]:
        """What was said so far, in the order of the photos."""
        return self._predictions

    @property
    def class_names(self) -> tuple[str, ...]:
        """The class names of the model that made the predictions."""
        return self._class_names

    @property
    def unsure_below(self) -> float:
        """The threshold under which a prediction is labelled unsure."""
        return self._unsure_below

    def table(self) -> PredictionTable:
        """Return the predictions as they are now."""
        return PredictionTable(tuple(self._predictions), self._class_names, self._unsure_below)

    def counts(self) -> Counter[str]:
        """Count the photos of every label; unreadable ones count as such."""
        return Counter(self._counts)

    def set_photos(self, photos: Sequence[Path]) -> None:
        """Show other photos, without predictions."""
        self.beginResetModel()
        self._photos = list(photos)
        self._rows = {photo: row for row, photo in enumerate(self._photos)}
        self._forget_predictions()
        self.endResetModel()
        self.counts_changed.emit()

    def begin_predictions(self, class_names: tuple[str, ...], unsure_below: float) -> None:
        """Forget predictions and expect those of another model."""
        self._class_names = class_names
        self._unsure_below = unsure_below
        self._forget_predictions()
        self._tell_of_change(0, len(self._photos) - 1)
        self.counts_changed.emit()

    def awaits(self, batch: Sequence[Prediction]) -> bool:
        """Tell whether predictions are those of the photos that follow the last ones predicted."""
        first = len(self._predictions)
        return self._photos[first : first + len(batch)] == [answer.path for answer in batch]

    def add_predictions(self, batch: Sequence[Prediction]) -> None:
        """Add predictions for the photos that follow the last ones predicted."""
        first = len(self._predictions)
        self._predictions += batch
        self._counts.update(self._label(prediction) for prediction in batch)
        self._tell_of_change(first, len(self._predictions) - 1)
        self.counts_changed.emit()

    def rowCount(self, parent: Index | None = None) -> int:
        """Return the number of photos."""
        return 0 if parent is not None and parent.isValid() else len(self._photos)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Answer for one photo."""
        if not index.isValid() or index.row() >= len(self._photos):
            return None
        row = index.row()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._photos[row].name
            case Qt.ItemDataRole.ToolTipRole:
                return str(self._photos[row])
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._spoken(row)
            case PhotoRole.PATH:
                return self._photos[row]
            case PhotoRole.THUMBNAIL:
                return self._thumbnails.thumbnail(self._photos[row])
            case PhotoRole.PREDICTION:
                return self._prediction(row)
            case PhotoRole.LABEL:
                return self._label_of(row)
            case PhotoRole.CELL:
                image = self._thumbnails.thumbnail(self._photos[row])
                return PhotoCell(image, self._prediction(row), self._label_of(row))
        return None

    def _prediction(self, row: int) -> Prediction | None:
        return self._predictions[row] if row < len(self._predictions) else None

    def _label_of(self, row: int) -> str:
        prediction = self._prediction(row)
        return self._label(prediction) if prediction else ""

    def _label(self, prediction: Prediction) -> str:
        return prediction.label(self._class_names, self._unsure_below) or UNREADABLE

    def _spoken(self, row: int) -> str:
        prediction = self._prediction(row)
        name = self._photos[row].name
        if prediction is None:
            return name
        if not prediction.readable:
            return self.tr("{0}, unreadable: {1}").format(name, prediction.reason)
        return f"{name}, {self._label(prediction)}, {prediction.confidence:.0%}"

    def _forget_predictions(self) -> None:
        self._predictions = []
        self._counts = Counter()

    def _tell_of_change(self, first: int, last: int) -> None:
        if first <= last:
            roles = [PhotoRole.PREDICTION, PhotoRole.LABEL]
            self.dataChanged.emit(self.index(first), self.index(last), roles)

    @Slot(object)
    def _show_thumbnail(self, photo: Path) -> None:
        row = self._rows.get(photo)
        if row is not None:
            index = self.index(row)
            self.dataChanged.emit(index, index, [PhotoRole.THUMBNAIL])


class LabelFilter(QSortFilterProxyModel):
    """Lets through the photos of one label, or all of them."""

    def __init__(self, parent: QObject | None = None) -> None:
        """Let all photos through."""
        super().__init__(parent)
        self.setFilterRole(PhotoRole.LABEL)

    def set_label(self, label: str | None) -> None:
        """Let through the photos of `label`, or all of them."""
        pattern = "" if label is None else QRegularExpression.escape(label)
        exactly = QRegularExpression.anchoredPattern(pattern) if pattern else ""
        self.setFilterRegularExpression(QRegularExpression(exactly))
