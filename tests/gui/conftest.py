"""The window, built as the application builds it, without a screen."""

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from catdog_gui.app import Studio
from catdog_gui.paths import AppFolders
from catdog_gui.views.main_window import MainWindow


@pytest.fixture
def window(
    qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MainWindow]:
    """Yield the shown window, and close it after the test, whatever goes on in it."""
    close = QMessageBox.StandardButton.Close
    monkeypatch.setattr(QMessageBox, "question", lambda *_: close)
    studio = Studio(qapp, AppFolders.of_this_user())
    studio.window.show()
    qtbot.waitExposed(studio.window)
    yield studio.window
    studio.window.close()
    studio.window.deleteLater()
    studio.deleteLater()
