"""Making model files with real Keras networks without importing TensorFlow."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.helpers.photos import COLOURS

CONVNET = "convnet"
"""A network like the study's, which tells two classes apart."""
MOBILE = "mobile"
"""A small network of MobileNetV2's kind of blocks, which tells three classes apart."""


def square_photo(squares: Mapping[str, tuple[int, int]], side: int = 32) -> NDArray[np.uint8]:
    """Return a grey photo with coloured squares, each in one cell of a grid of four by four.

    Args:
        squares: The row and column of each colour of `tests.helpers.photos`.
        side: Of the photo, in pixels.
    """
    photo = np.full((side, side, 3), 128, np.uint8)
    cell = side // 4
    for colour, (row, column) in squares.items():
        photo[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell] = COLOURS[colour]
    return photo


def explain_networks(folder: Path) -> Path:
    """Run `tests.helpers.explained_networks` in a process of its own and return its folder."""
    return _run("tests.helpers.explained_networks", folder)


def make_networks(folder: Path) -> Path:
    """Run `tests.helpers.networks` in a process of its own and return its folder."""
    return _run("tests.helpers.networks", folder)


CLASSES = ("cat", "dog", "owl", "elk")
SIDES = (20, 24)
"""Height and width that most networks in files take."""
PEAK = "most memory"
CODE_RAN = "code ran"
"""What hostile files would make where they lie."""

IMPORTS: Mapping[str, Mapping[str, Any]] = {
    "study.h5": {},
    "study before 2.2.3.h5": {},
    "nested.h5": {},
    "three.keras": {"classes": 3},
    "two of softmax.keras": {},
    "scores.keras": {"scale": "-1..1"},
    "any size.keras": {"image_size": SIDES},
    "vgg19.keras": {"scale": "vgg19"},
    "no size": {"file": "any size.keras"},
    "other size": {"file": "study.h5", "image_size": (30, 30)},
    "three of one": {"file": "study.h5", "classes": 3},
    "two of three": {"file": "three.keras"},
    **{
        f"{name}.keras": {"classes": 2}
        for name in (
            "grey",
            "channels first",
            "infrared",
            "two inputs",
            "counts",
            "large",
            "head",
            "picture",
            "lambda",
            "cut",
            "empty",
            "folder",
            "pickle",
            "zip",
            "nonsense",
            "deep",
            "own code",
            "huge",
            "missing",
        )
    },
    "many labels.keras": {"classes": 3},
    **{
        f"{name}.h5": {}
        for name in (
            "lambda",
            "cut",
            "text",
            "pickle",
            "huge",
            "theano",
            "old",
            "few weights",
            "weights",
        )
    },
}
"""What to import how: a file, unless it is named, of two classes, unless there are more."""


def import_networks(folder: Path) -> Mapping[str, Any]:
    """Run `tests.helpers.foreign_networks` in a process of its own and return what it imported."""
    _run("tests.helpers.foreign_networks", folder)
    outcomes: Mapping[str, Any] = json.loads((folder / "outcomes.json").read_text("utf-8"))
    return outcomes


def _run(module: str, folder: Path) -> Path:
    command = [sys.executable, "-m", module, str(folder)]
    ended = subprocess.run(command, check=False, capture_output=True, encoding="utf-8")
    assert ended.returncode == 0, ended.stderr
    return folder
