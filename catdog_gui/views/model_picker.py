"""A box to choose a model of the library from, with what each is worth."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QWidget

from catdog_gui.classify.model_library import LibraryModel
from catdog_gui.views.theme import GRID
from catdog_gui.views.wording import accuracy_words


class ModelPicker(QComboBox):
    """Offers the library's models, newest first."""

    picked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Offer nothing yet."""
        super().__init__(parent)
        self.setMinimumWidth(28 * GRID)
        self.setMinimumHeight(4 * GRID)  # as high as the buttons beside it
        self.setObjectName("model_picker")
        self.setAccessibleName(self.tr("Model"))
        self.activated.connect(self.picked)
        self.show_models([], "")

    def show_models(self, models: Sequence[LibraryModel], preferred: str) -> None:
        """Offer these models and select the preferred one, or else the newest."""
        self.clear()
        for model in models:
            self.addItem(model.name, model)
            words = self._describe(model)
            self.setItemData(self.count() - 1, words, Qt.ItemDataRole.ToolTipRole)
        self.setCurrentIndex(max(0, self.findText(preferred)) if models else -1)
        self.setEnabled(bool(models))
        self.setPlaceholderText(self.tr("No model yet"))
        self.setToolTip(
            self.tr("The model that classifies the photos.")
            if models
            else self.tr("There is no model yet: train one on the Train page.")
        )

    def _describe(self, model: LibraryModel) -> str:
        metrics = model.description.metrics
        if metrics is None:
            return self.tr("{classes} · not judged yet").format(
                classes=", ".join(model.description.class_names)
            )
        accuracy = accuracy_words(metrics.accuracy, metrics.interval.low, metrics.interval.high)
        return self.tr("{classes} · {accuracy} of {photos:,} {split} photos").format(
            classes=", ".join(model.description.class_names),
            accuracy=accuracy,
            photos=metrics.photos,
            split=metrics.split,
        )

    def selected(self) -> LibraryModel | None:
        """Return the selected model, if there is one."""
        selected = self.currentData()
        return selected if isinstance(selected, LibraryModel) else None

    def selected_path(self) -> Path | None:
        """Return the selected model's file, if there is one."""
        selected = self.selected()
        return selected.path if selected else None
