"""Step 1 of training: choose a dataset and see what is in it."""

from pathlib import Path

from PySide6.QtCore import QCoreApplication, Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QWidget

from catdog_gui.settings import Settings
from catdog_gui.views.card import Card
from catdog_gui.views.elided_label import ElidedLabel
from catdog_gui.views.file_dialogs import choose_file, choose_folder
from catdog_gui.views.icons import set_button_icon
from catdog_gui.views.theme import GRID, Theme
from catdog_gui.workers.dataset_task import OpenedDataset, SplitCounts
from training.splits import SplitMethod

MOST_CLASSES_NAMED = 6


class DatasetCard(Card):
    """Lets the user choose a folder or a zip, and how it is divided."""

    path_chosen = Signal(object)
    """Carries the path of a dataset to open."""

    def __init__(self, theme: Theme, settings: Settings, parent: QWidget | None = None) -> None:
        """Show that no dataset is chosen."""
        super().__init__(QCoreApplication.translate("DatasetCard", "1 · Dataset"), parent)
        self._theme = theme
        self._settings = settings
        self.opened: OpenedDataset | None = None
        self._name = ElidedLabel()
        self._classes = QLabel()
        self._classes.setProperty("role", "muted")
        self._classes.setWordWrap(True)
        self._zip_button = QPushButton(self.tr("&Zip…"))
        self._zip_button.setObjectName("choose_zip")
        self._zip_button.clicked.connect(self._ask_for_zip)
        self._folder_button = QPushButton(self.tr("&Folder…"))
        self._folder_button.setObjectName("choose_dataset_folder")
        self._folder_button.clicked.connect(self._ask_for_folder)
        self._splits = QComboBox()
        self._splits.setObjectName("split")
        self._splits.setAccessibleName(self.tr("Split"))
        self._splits.currentIndexChanged.connect(self._show_counts)
        self._counts = QLabel()
        self._counts.setProperty("role", "muted")
        self._counts.setWordWrap(True)
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        buttons.addWidget(self._zip_button)
        buttons.addWidget(self._folder_button)
        buttons.addStretch()
        self.body.addWidget(self._name)
        self.body.addWidget(self._classes)
        self.body.addLayout(buttons)
        self.body.addWidget(self._splits)
        self.body.addWidget(self._counts)
        theme.changed.connect(self._colour)
        self._colour()
        self._show(None)

    def show_dataset(self, opened: OpenedDataset) -> None:
        """Show what a dataset holds and offer its splits."""
        self._show(opened)

    def split_method(self) -> SplitMethod:
        """Return the chosen split."""
        return SplitMethod(self._splits.currentData() or SplitMethod.STRATIFIED)

    def _show(self, opened: OpenedDataset | None) -> None:
        self.opened = opened
        self._splits.clear()
        self._splits.setVisible(opened is not None)
        self._counts.setVisible(opened is not None)
        if opened is None:
            self._name.setText(self.tr("No dataset yet"))
            self._classes.setText(
                self.tr("Drop a zip or a folder here, with one folder of photos for each class.")
            )
            return
        self._name.setText(opened.dataset.path.name)
        self._classes.setText(self._describe_classes(opened.dataset.counts()))
        titles = {
            SplitMethod.STUDY: self.tr("Split as in the study"),
            SplitMethod.STRATIFIED: self.tr("Split by ratio, seeded"),
            SplitMethod.FOLDERS: self.tr("Split by folders"),
        }
        for method in opened.splits:
            self._splits.addItem(titles[method], method.value)
        self._splits.setCurrentIndex(max(0, self._splits.findData(opened.suggested.value)))
        self._show_counts()

    def _describe_classes(self, counts: dict[str, int]) -> str:
        named = [f"{name} {count:,}" for name, count in list(counts.items())[:MOST_CLASSES_NAMED]]
        more = len(counts) - len(named)
        return " · ".join([*named, self.tr("{0} more").format(more)] if more > 0 else named)

    @Slot()
    def _show_counts(self) -> None:
        if self.opened is None or self._splits.currentIndex() < 0:
            return
        counts = self.opened.splits.get(self.split_method(), SplitCounts(0, 0, 0))
        self._counts.setText(
            self.tr("{0:,} train · {1:,} validation · {2:,} test").format(
                counts.train, counts.validation, counts.test
            )
        )

    @Slot()
    def _ask_for_zip(self) -> None:
        start = self._settings.dataset or str(Path.home())
        title, kinds = self.tr("Choose a zip of photos"), self.tr("Zip files (*.zip)")
        choose_file(self, title, start, kinds, self.path_chosen.emit)

    @Slot()
    def _ask_for_folder(self) -> None:
        start = self._settings.dataset or str(Path.home())
        choose_folder(self, self.tr("Choose a dataset folder"), start, self.path_chosen.emit)

    @Slot()
    def _colour(self) -> None:
        set_button_icon(self._zip_button, "archive", self._theme.colours.text)
        set_button_icon(self._folder_button, "folder-open", self._theme.colours.text)
