"""Takes the pictures of the window that the documentation shows.

The pets in them are drawn, a network is really trained on them, and the window classifies them, so
that the pictures show what the program does and hold nobody's photos.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from PySide6.QtCore import QCoreApplication, QEventLoop, QTimer
from PySide6.QtWidgets import (
    QApplication,
    QDoubleSpinBox,
    QListView,
    QPushButton,
    QSpinBox,
    QWidget,
)

from catdog_gui.app import Studio
from catdog_gui.paths import AppFolders
from catdog_gui.views.main_window import PHOTOS, TRAIN
from catdog_gui.views.photos_page import PhotosPage

PROJECT = Path(__file__).resolve().parent.parent
PICTURES = PROJECT / "docs" / "screenshots"
APPEARANCES = ("light", "dark")
SCALES = (1, 2)
TRAINED_ON = 60
CLASSIFIED = 12
WAIT_SECONDS = 300

DARK = (40, 32, 30)
SETTLE_MILLISECONDS = 800

Widget = TypeVar("Widget", bound=QWidget)
Colour = tuple[int, int, int]


def main() -> int:
    """Draw pets, train on them once, and take all pictures; return the exit status."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="catdog-screenshots-") as folder:
        home = Path(folder)
        draw_pets(home / "Drawn pets", TRAINED_ON, first=0)
        draw_pets(home / "Holiday 2026", CLASSIFIED, first=1000)
        for appearance in APPEARANCES:
            for scale in SCALES:
                environment = {
                    **os.environ,
                    "CATDOG_HOME": str(home / "home"),
                    "QT_QPA_PLATFORM": "offscreen",
                    "QT_SCALE_FACTOR": str(scale),
                }
                command = [sys.executable, __file__, str(home), appearance, str(scale)]
                subprocess.run(command, env=environment, check=True)
    return 0


def draw_pets(root: Path, count: int, *, first: int) -> None:
    """Draw cats with pointed ears and dogs with hanging ones, a folder for each."""
    for kind in ("cat", "dog"):
        (root / kind).mkdir(parents=True)
        for number in range(count):
            picture = draw_pet(kind, np.random.default_rng((first + number, kind == "cat")))
            picture.save(root / kind / f"{kind} {number + 1}.jpg", quality=90)


def draw_pet(kind: str, generator: np.random.Generator) -> Image.Image:
    """Draw one pet in colours and a place of its own, 480 × 360 pixels."""
    picture = Image.new("RGB", (480, 360), _colour(generator, 150, 240))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 260, 480, 360), fill=_colour(generator, 90, 170))
    fur = _colour(generator, 90, 220)
    x, y = int(generator.integers(150, 330)), int(generator.integers(130, 210))
    r = int(generator.integers(70, 105))
    draw.ellipse((x - r, y + r // 2, x + r, y + 3 * r), fill=fur)
    for side in (-1, 1):
        _draw_ear(draw, kind, (x, y, r), side, fur)
    draw.ellipse((x - r, y - r, x + r, y + r), fill=fur)
    if kind == "dog":
        draw.ellipse((x - r // 2, y, x + r // 2, y + int(0.8 * r)), fill=_lighter(fur))
    for side in (-1, 1):
        _draw_half_of_face(draw, kind, (x, y, r), side)
    nose = r // 8 if kind == "cat" else r // 5
    draw.ellipse((x - nose, y + r // 5, x + nose, y + r // 5 + nose), fill=DARK)
    return picture.filter(ImageFilter.GaussianBlur(1))


def _draw_ear(
    draw: ImageDraw.ImageDraw, kind: str, head: tuple[int, int, int], side: int, fur: Colour
) -> None:
    x, y, r = head
    if kind == "cat":
        tip = (x + side * int(0.9 * r), y - int(1.35 * r))
        draw.polygon([(x + side * r // 3, y - int(0.8 * r)), tip, (x + side * r, y - r // 5)], fur)
    else:
        left, right = sorted((x + side * int(0.75 * r), x + side * int(1.25 * r)))
        draw.ellipse((left, y - r // 2, right, y + r), fill=_darker(fur))


def _draw_half_of_face(
    draw: ImageDraw.ImageDraw, kind: str, head: tuple[int, int, int], side: int
) -> None:
    x, y, r = head
    eye, wide = x + side * int(0.4 * r), r // 10 if kind == "cat" else r // 7
    draw.ellipse((eye - wide, y - r // 3, eye + wide, y), fill=DARK)
    for tilt in (-14, 0, 14) if kind == "cat" else ():
        whisker = (x + side * r // 4, y + r // 2), (x + side * int(1.2 * r), y + r // 2 + tilt)
        draw.line(whisker, fill=DARK, width=2)


def _colour(generator: np.random.Generator, least: int, most: int) -> Colour:
    red, green, blue = (int(value) for value in generator.integers(least, most, 3))
    return red, green, blue


def _darker(colour: Colour) -> Colour:
    return colour[0] * 2 // 3, colour[1] * 2 // 3, colour[2] * 2 // 3


def _lighter(colour: Colour) -> Colour:
    return (colour[0] + 255) // 2, (colour[1] + 255) // 2, (colour[2] + 255) // 2


def take_pictures(home: Path, appearance: str, scale: int) -> int:
    """Use the window as a person would, and take its picture at every stage."""
    folders = AppFolders.of_this_user()
    folders.settings.mkdir(parents=True, exist_ok=True)
    chosen = json.dumps({"appearance": appearance})
    (folders.settings / "settings.json").write_text(chosen, encoding="utf-8")
    application = QApplication([])
    studio = Studio(application, folders)
    Photographer(studio, home, f"{appearance}{'@2x' if scale > 1 else ''}").work()
    studio.window.close()
    return 0


class Photographer:
    """Goes through the window's pages and takes their pictures."""

    def __init__(self, studio: Studio, home: Path, suffix: str) -> None:
        """Take pictures of `studio`'s window, with `suffix` in their names."""
        self._window = studio.window
        self._home = home
        self._suffix = suffix

    def work(self) -> None:
        """Take all pictures."""
        self._window.resize(1280, 800)
        self._window.show()
        self._take("photos-empty")
        self._window.show_page(TRAIN)
        self._take("train-empty")
        self._train()
        self._take("train")
        self._window.show_page(PHOTOS)
        self._classify()
        self._take("photos")

    def _train(self) -> None:
        page = self._window.train_page()
        page.open_dataset(self._home / "Drawn pets")
        train = self._find(QPushButton, "train")
        self._wait(train.isEnabled)
        for name, value in (("epochs", 10), ("steps_per_epoch", 12), ("validation_steps", 2)):
            self._find(QSpinBox, name).setValue(value)
        self._find(QDoubleSpinBox, "learning_rate").setValue(0.0005)
        train.click()
        self._wait(lambda: not page.training)

    def _classify(self) -> None:
        page = self._window.findChild(PhotosPage)
        if page is None:
            raise LookupError("the window has no photos page")
        page.open_paths([self._home / "Holiday 2026"])
        classify, export = self._find(QPushButton, "classify"), self._find(QPushButton, "export")
        self._wait(classify.isEnabled)
        classify.click()
        self._wait(export.isEnabled)
        grid = self._find(QListView, "photo_grid")
        grid.setCurrentIndex(grid.model().index(2, 0))

    def _take(self, name: str) -> None:
        """Take a picture once nothing has been drawn for a while."""
        pause = QEventLoop()
        QTimer.singleShot(SETTLE_MILLISECONDS, pause.quit)
        pause.exec()
        self._window.grab().save(str(PICTURES / f"{name}-{self._suffix}.png"))

    def _find(self, kind: type[Widget], name: str) -> Widget:
        widget = self._window.findChild(kind, name)
        if widget is None:
            raise LookupError(f"the window has no {name}")
        return widget

    def _wait(self, condition: Callable[[], bool]) -> None:
        """Let the window work until a condition holds."""
        end = time.monotonic() + WAIT_SECONDS
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError("the window did not get there")
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 50)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(take_pictures(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
    sys.exit(main())
