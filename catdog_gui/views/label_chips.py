"""A row of chips: one for each label, with how many photos have it, to choose what is shown."""

from collections import Counter

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QWidget

from catdog_gui.classify.prediction import UNSURE
from catdog_gui.item_models.photo_list_model import UNREADABLE
from catdog_gui.views.class_shapes import class_icon
from catdog_gui.views.icons import icon
from catdog_gui.views.theme import GRID, Theme
from catdog_gui.views.wording import title_of


class LabelChips(QWidget):
    """Counts photos by label and says which label was chosen."""

    chosen = Signal(object)
    """Carries the label, or None for all photos."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Offer all photos."""
        super().__init__(parent)
        self._theme = theme
        self._labels: list[str | None] = []
        self._class_names: tuple[str, ...] = ()
        self._group = QButtonGroup(self)
        self._group.idClicked.connect(self._choose)
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(GRID)
        self._layout.addStretch()
        theme.changed.connect(self._colour)

    def show_counts(self, total: int, counts: Counter[str], class_names: tuple[str, ...]) -> None:
        """Show how many photos have each label; labels that no photo has are left out."""
        self._class_names = class_names
        rare = [label for label in (UNSURE, UNREADABLE) if counts[label]]
        labels: list[str | None] = [None, *(class_names if counts else ()), *rare]
        if labels != self._labels:
            self._rebuild(labels)
        for label, button in zip(self._labels, self._group.buttons(), strict=True):
            count = total if label is None else counts[label]
            title = self._title(label).replace("&", "&&")  # a single one would mark a shortcut
            button.setText(f"{title}  {count:,}")

    def _rebuild(self, labels: list[str | None]) -> None:
        chosen = self._group.checkedId()
        kept = self._labels[chosen] if 0 <= chosen < len(self._labels) else None
        for button in self._group.buttons():
            self._group.removeButton(button)
            button.hide()
            button.deleteLater()
        self._labels = labels
        for number, label in enumerate(labels):
            button = QPushButton()
            button.setProperty("role", "chip")
            button.setCheckable(True)
            button.setChecked(label == kept)
            self._group.addButton(button, number)
            self._layout.insertWidget(number, button)
            button.show()  # at once, not when the event loop comes to it
        if self._group.checkedId() == -1:
            self._group.button(0).setChecked(True)
            self.chosen.emit(None)
        self._colour()

    def _title(self, label: str | None) -> str:
        own = {None: self.tr("All"), UNSURE: self.tr("Unsure"), UNREADABLE: self.tr("Unreadable")}
        return own.get(label, title_of(str(label)))

    @Slot()
    def _colour(self) -> None:
        for label, button in zip(self._labels, self._group.buttons(), strict=True):
            if label in self._class_names:
                button.setIcon(class_icon(self._class_names.index(str(label)), self._theme))
            elif label == UNREADABLE:
                button.setIcon(icon("triangle-alert", self._theme.colours.problem))

    @Slot(int)
    def _choose(self, number: int) -> None:
        self.chosen.emit(self._labels[number])
