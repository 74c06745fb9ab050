"""Making model files with real Keras networks without importing TensorFlow."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CONVNET = "convnet"
"""A network like the study's, which tells two classes apart."""
MOBILE = "mobile"
"""A small network of MobileNetV2's kind of blocks, which tells three classes apart."""


def make_networks(folder: Path) -> Path:
    """Run `tests.helpers.networks` in a process of its own and return its folder."""
    command = [sys.executable, "-m", "tests.helpers.networks", str(folder)]
    ended = subprocess.run(command, check=False, capture_output=True, encoding="utf-8")
    assert ended.returncode == 0, ended.stderr
    return folder


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
    command = [sys.executable, "-m", "tests.helpers.foreign_networks", str(folder)]
    ended = subprocess.run(command, check=False, capture_output=True, encoding="utf-8")
    assert ended.returncode == 0, ended.stderr
    outcomes: Mapping[str, Any] = json.loads((folder / "outcomes.json").read_text("utf-8"))
    return outcomes
