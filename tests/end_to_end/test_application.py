"""The real application on a virtual screen, used by keyboard on real photos."""

import csv
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.screen import Person, until, virtual_screen

pytestmark = pytest.mark.virtual_screen

TITLE = "CatDog Studio"
MOST_START_SECONDS = 1.5


@pytest.fixture
def screen() -> Iterator[dict[str, str]]:
    """Yield an environment with a virtual screen."""
    with virtual_screen() as environment:
        yield environment


@contextmanager
def application(environment: dict[str, str]) -> Iterator[Person]:
    """Start the application as a user does, and end it when the test has not."""
    command = [sys.executable, "-m", "catdog_gui"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
        try:
            yield Person(environment)
        finally:
            process.terminate()
            _, errors = process.communicate(timeout=30)
    assert b"Traceback" not in errors


def test_the_window_is_there_soon_after_the_start(screen: dict[str, str]) -> None:
    waits = []
    for _ in range(3):
        begun = time.monotonic()
        with application(screen) as person:
            until(lambda: person.sees(TITLE), "the window", 20)
            waits.append(time.monotonic() - begun)
    assert min(waits) < MOST_START_SECONDS


@pytest.mark.real_photos
@pytest.mark.trains
def test_a_model_trained_by_button_classifies_a_folder(
    screen: dict[str, str], real_photos: Path, home: Path, tmp_path: Path
) -> None:
    table = tmp_path / "answers.csv"
    with application(screen) as person:
        person.looks_at(TITLE)
        person.presses("ctrl+2")
        person.presses("alt+z")
        person.chooses("Choose a zip of photos", real_photos / "dogs-vs-cats.zip")
        person.looks_at(TITLE)
        log = home / "runs" / "baseline-1" / "history.csv"
        until(lambda: _pressed(person, "alt+t", log.parent), "training to start", 20)
        until((home / "models" / "baseline-1.catdog").exists, "a model", 180)
        person.presses("alt+p")
        until(lambda: _state(home) == "stopped", "training to stop", 20)
        person.presses("ctrl+1")
        person.presses("alt+o")
        person.chooses("Open a folder of photos", real_photos / "native")
        person.looks_at(TITLE)
        until(lambda: _exports(person, table), "the table", 60)
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    photos = sorted((real_photos / "native").rglob("*.jpg"))
    assert [row["path"] for row in rows] == [str(photo) for photo in photos]
    assert {row["status"] for row in rows} == {"ok"}
    assert {row["label"] for row in rows} <= {"cat", "dog", "unsure"}


def _pressed(person: Person, keys: str, proof: Path) -> bool:
    """Press keys until they have an effect: the page may not be ready for them yet."""
    if not proof.exists():
        person.presses(keys)
    return proof.exists()


def _state(home: Path) -> str:
    record = json.loads((home / "runs" / "baseline-1" / "run.json").read_text("utf-8"))
    return str(record["state"])


def _exports(person: Person, table: Path) -> bool:
    """Press Classify, then Export until there is something to export."""
    if table.exists():
        return True
    if person.sees("Export as CSV"):
        person.chooses("Export as CSV", table)
        person.looks_at(TITLE)
    else:
        person.presses("alt+c")
        person.presses("alt+e")
    return table.exists()
