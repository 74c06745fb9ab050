"""The application with its window: the one place where everything is built and connected."""

import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

import resources
from catdog_gui.classify.model_library import ModelLibrary
from catdog_gui.diagnostics import start_logging, tell_of_unforeseen_errors
from catdog_gui.messages import Messages
from catdog_gui.paths import AppFolders
from catdog_gui.settings import Settings
from catdog_gui.views.main_window import MainWindow
from catdog_gui.views.photos_page import PhotosPage
from catdog_gui.views.theme import Theme
from catdog_gui.workers.background_task import FunctionTask, TaskRunner

if TYPE_CHECKING:
    from catdog_gui.views.train_page import TrainPage

SWITCH_SECONDS = 0.0005
"""How long a thread may hold the interpreter while the window waits; Python's own is 5 ms."""

log = logging.getLogger(__name__)


class Studio(QObject):
    """Builds the window with all that it needs, and saves the settings when it closes."""

    def __init__(self, application: QApplication, folders: AppFolders) -> None:
        """Build everything; nothing is shown yet."""
        super().__init__(application)
        sys.setswitchinterval(SWITCH_SECONDS)
        self._folders = folders
        self._settings = Settings.load(folders.settings)
        self._theme = Theme(application, self._settings.appearance)
        self._tasks = TaskRunner(self)
        self.messages = Messages(self)
        library = ModelLibrary(folders.models)
        photos_page = PhotosPage(
            self._theme, library, self.messages, self._settings, folders.catalog
        )
        self.window = MainWindow(
            self._theme, self.messages, self._settings, photos_page, self._make_train_page
        )
        self.window.shown.connect(self._prepare_train_page)
        self.window.closed.connect(self._close_down)

    def _make_train_page(self) -> "TrainPage":
        from catdog_gui.views.train_page import TrainPage

        return TrainPage(self._theme, self._folders, self.messages, self._settings)

    @Slot()
    def _prepare_train_page(self) -> None:
        """Import matplotlib in a thread, so that neither start nor the page's first look waits."""
        self._tasks.start(FunctionTask(lambda: import_module("catdog_gui.views.train_page")))

    @Slot()
    def _close_down(self) -> None:
        self._tasks.stop_all()
        try:
            self._settings.save(self._folders.settings)
        except OSError:
            log.exception("the settings cannot be saved")


def main(arguments: Sequence[str]) -> int:
    """Open the window and return the exit status once it is closed."""
    folders = AppFolders.of_this_user()
    start_logging(folders.logs)
    application = QApplication(list(arguments))
    application.setApplicationName("CatDog Studio")
    application.setDesktopFileName("catdog")
    application.setWindowIcon(QIcon(str(resources.FOLDER / "icons" / "catdog.svg")))
    studio = Studio(application, folders)
    tell_of_unforeseen_errors(studio.messages)
    studio.window.show()
    return application.exec()
