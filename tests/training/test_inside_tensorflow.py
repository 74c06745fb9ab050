"""Runs the tests in `tests/training/engine`, which import TensorFlow, all in one other process."""

import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(Path(__file__).parent.glob("engine/test_*.py"))
CLAIMS = [
    f"{file.stem}::{name}"
    for file in FILES
    for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)
]
_OUTCOME = re.compile(r"^([A-Z]+) \S*/(test_\w+)\.py::(\w+)", re.MULTILINE)
_SECONDS = 280


@dataclass
class Told:
    """What the other process told."""

    outcomes: dict[str, set[str]]
    """By claim, how its cases ended."""
    output: str


@pytest.fixture(scope="module")
def told() -> Told:
    command = [sys.executable, "-m", "pytest", "-rA", "--no-header", "--color=no"]
    options = ["-p", "no:cacheprovider", "--show-capture=no", *map(str, FILES)]
    done = subprocess.run(
        [*command, *options],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        cwd=ROOT,
        check=False,
    )
    outcomes = defaultdict(set)
    for outcome, file, name in _OUTCOME.findall(done.stdout):
        outcomes[f"{file}::{name}"].add(outcome)
    return Told(outcomes, done.stdout + done.stderr)


@pytest.mark.parametrize("claim", CLAIMS)
def test_inside_tensorflow(told: Told, claim: str) -> None:
    assert told.outcomes[claim] == {"PASSED"}, told.output
