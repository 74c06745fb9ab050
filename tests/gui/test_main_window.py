"""The window around the pages."""

import json
import logging
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from catdog_gui.app import Studio
from catdog_gui.diagnostics import tell_of_unforeseen_errors
from catdog_gui.messages import Messages
from catdog_gui.paths import AppFolders
from catdog_gui.views.main_window import TRAIN, MainWindow
from catdog_gui.views.message_bar import MessageBar
from catdog_gui.views.photos_page import PhotosPage
from tests.helpers.photos import write_dataset
from tests.helpers.training_process import script_command
from tests.helpers.window import button, click, message
from training.events import Started, Stopped


def test_pages_are_reached_by_keyboard(window: MainWindow) -> None:
    QTest.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert window.train_page().isVisible()
    QTest.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    page = window.findChild(PhotosPage)
    assert page is not None
    assert page.isVisible()


def test_closing_remembers_the_folder_and_the_place(
    window: MainWindow, qtbot: QtBot, home: Path, tmp_path: Path
) -> None:
    folder = write_dataset(tmp_path / "photos", photos=1)
    page = window.findChild(PhotosPage)
    assert page is not None
    page.open_paths([folder])
    qtbot.waitUntil(button(page, "open_folder").isVisible)
    window.close()
    settings = json.loads((home / "settings" / "settings.json").read_text("utf-8"))
    assert settings["photo_folder"] == str(folder)
    assert settings["geometry"]


def test_damaged_settings_do_not_keep_the_window_from_opening(
    qapp: QApplication, qtbot: QtBot, home: Path
) -> None:
    (home / "settings").mkdir(parents=True)
    (home / "settings" / "settings.json").write_text('{"geometry": 5, "model": "x"', "utf-8")
    studio = Studio(qapp, AppFolders.of_this_user())
    studio.window.show()
    qtbot.waitExposed(studio.window)
    assert studio.window.isVisible()
    studio.window.close()


def test_closing_during_training_asks_first(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    window.show_page(TRAIN)
    page = window.train_page()
    page.open_dataset(write_dataset(tmp_path / "colours"))
    qtbot.waitUntil(button(page, "train").isEnabled)
    events = [Started("run", 1, "CPU", "float32", 1, 1, 1, 1)]
    command = script_command(tmp_path, events, "wait_for_stop", Stopped(None))
    monkeypatch.setattr("training.process.training_command", lambda: command)
    click(page, "train")
    answers = [QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Close]
    monkeypatch.setattr(QMessageBox, "question", lambda *_: answers.pop(0))
    assert not window.close()
    assert page.training
    assert window.close()
    qtbot.waitUntil(lambda: not page.training)


def test_a_message_can_be_copied_and_closed(window: MainWindow, qapp: QApplication) -> None:
    bar = window.findChild(MessageBar)
    assert bar is not None
    messages = Messages()
    messages.posted.connect(bar.show_message)
    messages.problem("The file x.jpg is gone.")
    assert message(window) == "The file x.jpg is gone."
    click(bar, "copy_message")
    assert QGuiApplication.clipboard().text() == "The file x.jpg is gone."
    click(bar, "close_message")
    assert not bar.isVisible()


def test_an_error_that_nobody_foresaw_is_logged_and_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import sys

    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    messages = Messages()
    told: list[str] = []
    messages.posted.connect(lambda message: told.append(message.text))
    tell_of_unforeseen_errors(messages)
    error = ValueError("unforeseen")
    sys.excepthook(ValueError, error, None)
    assert told == ["Something unexpected went wrong; the details are in the log file."]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    caplog.clear()
