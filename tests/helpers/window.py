"""Finding and using widgets as a person does: by what they are for."""

from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QListView, QWidget

Widget = TypeVar("Widget", bound=QWidget)


def find(parent: QWidget, kind: type[Widget], name: str) -> Widget:
    """Return the widget of that name."""
    widget = parent.findChild(kind, name)
    assert widget is not None, f"there is no {kind.__name__} named {name}"
    return widget


def button(parent: QWidget, name: str) -> QAbstractButton:
    """Return the button of that name."""
    return find(parent, QAbstractButton, name)


def click(parent: QWidget, name: str) -> None:
    """Click on the button of that name, which must be there to be clicked on."""
    target = button(parent, name)
    assert target.isVisible(), f"{name} cannot be seen"
    assert target.isEnabled(), f"{name} cannot be clicked on"
    QTest.mouseClick(target, Qt.MouseButton.LeftButton)


def message(window: QWidget) -> str:
    """Return the message that is shown."""
    return find(window, QLabel, "message_text").text()


def grid(window: QWidget) -> QListView:
    """Return the grid of photos."""
    return find(window, QListView, "photo_grid")


def chips(window: QWidget) -> list[str]:
    """Return the words on the chips, such as Cat 12."""
    found = [b for b in window.findChildren(QAbstractButton) if b.property("role") == "chip"]
    return [" ".join(b.text().split()) for b in found if b.isVisible()]


def model_picker(window: QWidget) -> QComboBox:
    """Return the box that models are chosen from."""
    return find(window, QComboBox, "model_picker")
