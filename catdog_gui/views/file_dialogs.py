"""The platform's file dialogs, opened without blocking the window."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget


def choose_folder(
    parent: QWidget, title: str, start: str, on_chosen: Callable[[Path], None]
) -> None:
    """Let the user choose a folder."""
    dialog = QFileDialog(parent, title, start)
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    _open(dialog, on_chosen)


def choose_file(
    parent: QWidget, title: str, start: str, name_filter: str, on_chosen: Callable[[Path], None]
) -> None:
    """Let the user choose a file that exists."""
    dialog = QFileDialog(parent, title, start, name_filter)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    _open(dialog, on_chosen)


def choose_new_file(
    parent: QWidget, title: str, start: str, name_filter: str, on_chosen: Callable[[Path], None]
) -> None:
    """Let the user name a file to write; the dialog asks before one is replaced."""
    dialog = QFileDialog(parent, title, start, name_filter)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(Path(start).suffix.lstrip("."))
    _open(dialog, on_chosen)


def _open(dialog: QFileDialog, on_chosen: Callable[[Path], None]) -> None:
    dialog.fileSelected.connect(lambda name: on_chosen(Path(name)))
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
