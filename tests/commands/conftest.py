"""What the tests of commands share."""

from pathlib import Path

import pytest

from tests.helpers.models import write_colour_model
from tests.helpers.photos import write_dataset, write_photo


@pytest.fixture
def model(home: Path) -> Path:
    """Return a model in the library, named colours."""
    return write_colour_model(home / "models" / "colours.catdog")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of three photos, one of which is broken."""
    folder = tmp_path / "photos"
    write_photo(folder / "1.jpg", "red")
    write_photo(folder / "2.jpg", "blue")
    (folder / "3.jpg").write_bytes(b"")
    return folder


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Return a dataset of four blue and four red photos."""
    return write_dataset(tmp_path / "dataset", 4)
