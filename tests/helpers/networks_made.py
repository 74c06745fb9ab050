"""Making model files with real Keras networks without importing TensorFlow."""

import subprocess
import sys
from pathlib import Path

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
