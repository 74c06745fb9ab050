"""What may be imported where, seen in interpreters of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.models import write_colour_model
from training.model_file import OPENVINO_BIN, OPENVINO_XML, read_model_file

HEAVY = ("tensorflow", "keras", "PySide6", "openvino", "sklearn", "scipy")

REPORT = f"""
import json, sys
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""

IMPORT_ALL = """
import importlib, pkgutil
import {package}
names = [m.name for m in pkgutil.walk_packages({package}.__path__, "{package}.")]
for name in names:
    if not name.startswith("training.engine"):
        importlib.import_module(name)
assert len(names) > 10
"""


def run_python(script: str, home: Path | None = None, *arguments: str) -> str:
    """Run a script in a fresh interpreter and return the last line that it prints."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    if home is not None:
        environment |= {"HOME": str(home), "USERPROFILE": str(home)}
        environment = {k: v for k, v in environment.items() if not k.startswith("XDG_")}
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def imported_by(script: str) -> set[str]:
    """Return which of the heavy packages a script imports."""
    return set(json.loads(run_python(script + REPORT)))


def test_no_module_of_the_application_imports_tensorflow() -> None:
    imported = imported_by(IMPORT_ALL.format(package="catdog_gui"))
    assert "PySide6" in imported  # or else not all modules were imported
    assert not imported & {"tensorflow", "keras"}


def test_the_light_modules_of_training_import_nothing_heavy() -> None:
    assert imported_by(IMPORT_ALL.format(package="training")) == set()


@pytest.mark.parametrize("module", ["catdog_gui.cli", "catdog_gui.__main__"])
def test_the_command_line_starts_without_anything_heavy(module: str) -> None:
    assert imported_by(f"import {module}\n") == set()


def test_every_command_of_the_command_line_leaves_the_window_out() -> None:
    script = IMPORT_ALL.format(package="catdog_gui.commands").replace("> 10", "> 3")
    assert not imported_by(script) & {"PySide6", "tensorflow", "keras"}


def test_opening_a_model_leaves_tensorflow_and_qt_out(tmp_path: Path) -> None:
    model = write_colour_model(tmp_path / "m.catdog")
    script = (
        "from pathlib import Path\nfrom catdog_gui.classify.classifier import Classifier\n"
        f"Classifier.open(Path({str(model)!r}))\n"
    )
    assert imported_by(script) == {"openvino"}


COMPILE = """
import sys
from pathlib import Path
from training.openvino_runtime import compile_network
compile_network(Path(sys.argv[1]).read_bytes(), Path(sys.argv[2]).read_bytes(), {})
"""
VERSION = """
import sys
from training.openvino_runtime import openvino_version
assert openvino_version()
"""
SILENT = """
print(sys.modules["openvino_telemetry"], [n for n in sys.modules if n.startswith("openvino_tele")])
"""


@pytest.mark.parametrize("script", [COMPILE, VERSION], ids=["compile", "version"])
def test_openvino_reports_to_no_one_and_leaves_nothing_behind(tmp_path: Path, script: str) -> None:
    members = read_model_file(write_colour_model(tmp_path / "m.catdog")).members
    (tmp_path / "m.xml").write_bytes(members[OPENVINO_XML])
    (tmp_path / "m.bin").write_bytes(members[OPENVINO_BIN])
    fresh = tmp_path / "fresh home"
    fresh.mkdir()
    files = (str(tmp_path / "m.xml"), str(tmp_path / "m.bin"))
    assert run_python(script + SILENT, fresh, *files) == "None ['openvino_telemetry']"
    assert list(fresh.iterdir()) == []
