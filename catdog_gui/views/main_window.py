"""The one window: pages to choose on the left, messages above, progress below."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QSize, Qt, Signal, Slot
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QMessageBox,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from catdog_gui.messages import Messages
from catdog_gui.settings import Settings
from catdog_gui.views.icons import icon
from catdog_gui.views.message_bar import MessageBar
from catdog_gui.views.photos_page import PhotosPage
from catdog_gui.views.progress_strip import ProgressStrip
from catdog_gui.views.theme import GRID, Theme

if TYPE_CHECKING:
    from catdog_gui.views.train_page import TrainPage

NAVIGATION_WIDTH = 11 * GRID
ICON_SIDE = 3 * GRID
FIRST_SIZE = QSize(1280, 800)
SMALLEST_SIZE = QSize(960, 640)

PHOTOS = 0
TRAIN = 1


class MainWindow(QMainWindow):
    """Holds the pages, and closes down what goes on in them."""

    shown = Signal()
    """The window is on the screen for the first time."""
    closed = Signal()

    def __init__(
        self,
        theme: Theme,
        messages: Messages,
        settings: Settings,
        photos_page: PhotosPage,
        make_train_page: Callable[[], "TrainPage"],
    ) -> None:
        """Show the photos page; the training page is made when it is first looked at."""
        super().__init__()
        self.setWindowTitle("CatDog Studio")
        self.setMinimumSize(SMALLEST_SIZE)
        self._theme = theme
        self._settings = settings
        self._photos_page = photos_page
        self._make_train_page = make_train_page
        self._train_page: TrainPage | None = None
        self._was_shown = False
        self._buttons = QButtonGroup(self)
        self._pages = QStackedWidget()
        self._pages.addWidget(photos_page)
        self._strip = ProgressStrip(theme)
        self._messages = MessageBar(theme)
        messages.posted.connect(self._messages.show_message)
        photos_page.activity_began.connect(self._strip.begin)
        self._build()
        theme.changed.connect(self._colour)
        self._colour()
        self._restore_geometry()

    def train_page(self) -> "TrainPage":
        """Return the training page, made now if it was never looked at."""
        if self._train_page is None:
            self._train_page = self._make_train_page()
            self._train_page.activity_began.connect(self._strip.begin)
            self._train_page.model_saved.connect(self._photos_page.select_model)
            self._pages.addWidget(self._train_page)
        return self._train_page

    @Slot(int)
    def show_page(self, number: int) -> None:
        """Show a page by its number."""
        if number == TRAIN:
            self._pages.setCurrentWidget(self.train_page())
        else:
            self._pages.setCurrentWidget(self._photos_page)
        self._buttons.button(number).setChecked(True)
        self._buttons.button(number).setFocus()

    def showEvent(self, event: QShowEvent) -> None:
        """Tell when the window is first shown."""
        super().showEvent(event)
        if not self._was_shown:
            self._was_shown = True
            self.shown.emit()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Close, after a word if a training run would be stopped by it."""
        training = self._train_page is not None and self._train_page.training
        if training and not self._may_stop_training():
            event.ignore()
            return
        self._settings.geometry = bytes(self.saveGeometry().toBase64().data()).decode()
        self._photos_page.close_down()
        if self._train_page is not None:
            self._train_page.close_down()
        self.closed.emit()
        event.accept()

    def _may_stop_training(self) -> bool:
        answer = QMessageBox.question(
            self,
            self.tr("Training is going on"),
            self.tr("Stop training and close? The best model so far is kept."),
            QMessageBox.StandardButton.Close | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Cancel,
        )
        return answer is QMessageBox.StandardButton.Close

    def _build(self) -> None:
        navigation = QFrame()
        navigation.setObjectName("navigation")
        navigation.setFixedWidth(NAVIGATION_WIDTH)
        rail = QVBoxLayout(navigation)
        rail.setContentsMargins(GRID, 2 * GRID, GRID, 2 * GRID)
        rail.setSpacing(GRID)
        for number, (name, title) in enumerate(
            (("photos", self.tr("Photos")), ("train", self.tr("Train")))
        ):
            rail.addWidget(self._navigation_button(number, name, title))
        rail.addStretch()
        self._buttons.idClicked.connect(self.show_page)
        self._buttons.button(PHOTOS).setChecked(True)
        message_row = QHBoxLayout()
        message_row.setContentsMargins(2 * GRID, GRID, 2 * GRID, 0)
        message_row.addWidget(self._messages)
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addLayout(message_row)
        right.addWidget(self._pages, 1)
        right.addWidget(self._strip)
        whole = QWidget()
        layout = QHBoxLayout(whole)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(navigation)
        layout.addLayout(right, 1)
        self.setCentralWidget(whole)

    def _navigation_button(self, number: int, name: str, title: str) -> QToolButton:
        button = QToolButton()
        button.setObjectName(f"show_{name}")
        button.setText(title)
        button.setCheckable(True)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setIconSize(QSize(ICON_SIDE, ICON_SIDE))
        button.setFixedWidth(NAVIGATION_WIDTH - 2 * GRID)
        button.setToolTip(f"Ctrl+{number + 1}")
        shortcut = QShortcut(QKeySequence(f"Ctrl+{number + 1}"), self)
        shortcut.activated.connect(lambda: self.show_page(number))
        self._buttons.addButton(button, number)
        return button

    def _restore_geometry(self) -> None:
        known = QByteArray.fromBase64(QByteArray(self._settings.geometry.encode()))
        if not self.restoreGeometry(known):
            self.resize(FIRST_SIZE)

    @Slot()
    def _colour(self) -> None:
        colours = self._theme.colours
        for number, name in ((PHOTOS, "images"), (TRAIN, "chart-line")):
            self._buttons.button(number).setIcon(icon(name, colours.text))
