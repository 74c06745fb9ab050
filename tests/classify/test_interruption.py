"""Signals that come while or after classifiers are used."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.models import write_colour_model

PROGRAM = """
import gc, signal, sys
from pathlib import Path
from catdog_gui.classify.classifier import Classifier

heard = []
signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
first = Classifier.open(Path(sys.argv[1]))
second = Classifier.open(Path(sys.argv[1]))
del first
gc.collect()
del second
gc.collect()
signal.raise_signal(signal.SIGINT)
print(len(heard))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no stacks for signals")
def test_ctrl_c_is_survived_once_two_classifiers_are_gone(tmp_path: Path) -> None:
    model = tmp_path / "colours.catdog"
    write_colour_model(model)
    command = [sys.executable, "-c", PROGRAM, str(model)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
