"""What every test stands on: a home of its own, and no stray errors or threads."""

import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from training.openvino_runtime import silence

silence()  # before any test imports OpenVINO by itself

REAL_PHOTOS = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the program's files in a folder of the test's own."""
    folder = tmp_path / "home"
    monkeypatch.setenv("CATDOG_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def real_photos() -> Path:
    """Return the folder of real photos that lies beside the project."""
    if not REAL_PHOTOS.is_dir():
        message = f"there are no real photos at {REAL_PHOTOS} (see CONTRIBUTING.md)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return REAL_PHOTOS


@pytest.fixture(autouse=True)
def no_errors_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test that logs an error; one that provokes it clears `caplog`."""
    yield
    errors = [r.getMessage() for r in caplog.get_records("call") if r.levelno >= logging.ERROR]
    assert not errors


@pytest.fixture(autouse=True)
def no_thread_left_running() -> Iterator[None]:
    """Fail a test that leaves a thread behind."""
    before = set(threading.enumerate())
    yield
    # Python keeps a dummy for every QThread that ran its code, ended or not.
    started = [thread for thread in threading.enumerate() if thread not in before]
    left = [thread for thread in started if not thread.name.startswith("Dummy-")]
    for thread in left:
        thread.join(5)
    assert not [thread.name for thread in left if thread.is_alive()]
