"""`catdog correct`."""

import json
from pathlib import Path

import pytest

from tests.commands.programs import run_here


def label_of(photo: Path, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert run_here("classify", photo, "--json") == 0
    (told,) = json.loads(capsys.readouterr().out)["photos"]
    return str(told["label"])


@pytest.mark.usefixtures("model")
def test_a_correction_goes_before_the_model_until_it_is_taken_back(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = photos / "1.jpg"
    assert label_of(photo, capsys) == "red"
    assert run_here("correct", "blue", photo) == 0
    assert capsys.readouterr().out == f"{photo}: blue\n"
    assert label_of(photo, capsys) == "blue"
    moved = photo.rename(photos / "moved.jpg")
    assert label_of(moved, capsys) == "blue"
    assert run_here("correct", "", moved) == 0
    assert label_of(moved, capsys) == "red"


@pytest.mark.usefixtures("model")
def test_what_cannot_be_corrected_is_named_and_the_rest_is_corrected(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here("correct", "blue", photos / "none.jpg", photos / "1.jpg") == 1
    told = capsys.readouterr()
    assert "none.jpg is not corrected: the file is not there." in told.err
    assert told.err.splitlines()[-1].startswith("catdog: Some photos")
    assert label_of(photos / "1.jpg", capsys) == "blue"


@pytest.mark.parametrize("label", ["unsure", "unreadable", "two\nlines", "  "])
def test_not_everything_can_be_a_label(photos: Path, label: str) -> None:
    assert run_here("correct", label, photos / "1.jpg") == 1
