"""Where sorted photos go in these tests, and where that is written down."""

from pathlib import Path

import pytest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return an empty folder for photos."""
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return a folder that is not there yet."""
    return tmp_path / "sorted"


@pytest.fixture
def journals(home: Path) -> Path:
    """Return the program's own folder of journals."""
    return home / "journals"
