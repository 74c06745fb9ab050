"""`catdog models`."""

import json
from pathlib import Path

import pytest

from tests.commands.programs import run_here
from tests.helpers.models import write_colour_model
from training.model_file import KERAS, read_model_file


def test_an_empty_library_is_listed_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here("models", "list") == 0
    assert "no model yet" in capsys.readouterr().out
    assert run_here("models", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"models": []}


def test_models_are_listed_in_json_as_agreed(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_colour_model(home / "models" / "größer 1.catdog", ("blue", "green", "red"))
    assert run_here("models", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "models": [
            {
                "name": "größer 1",
                "classes": ["blue", "green", "red"],
                "image_size": [24, 32],
                "recipe": "baseline",
                "file": str(path),
                "bytes": path.stat().st_size,
                "shipped": False,
            }
        ]
    }


def test_models_are_listed_with_what_their_accuracy_is_worth(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here("models", "list") == 0
    line = capsys.readouterr().out
    assert line.startswith("colours: blue, red; 90.0% (82.6% to 94.5%) of 100 validation photos;")
    assert model.exists()


def test_an_imported_model_can_be_listed(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_colour_model(tmp_path / "from a friend.catdog")
    assert run_here("models", "import", source) == 0
    target = home / "models" / "from a friend.catdog"
    assert capsys.readouterr().out == f"imported from a friend: {target}\n"
    assert target.read_bytes() == source.read_bytes()


def test_a_model_is_not_imported_twice(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = model.read_bytes()
    other = write_colour_model(tmp_path / "colours.catdog", ("blue", "green", "red"))
    assert run_here("models", "import", other) == 1
    assert "already" in capsys.readouterr().err
    assert model.read_bytes() == before


def test_an_export_names_what_it_wrote(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out.keras"
    assert run_here("models", "export", "colours", target, "--format", "keras") == 0
    wrote, how = capsys.readouterr().out.splitlines()
    assert wrote == f"wrote {target}"
    assert "(batch, 24, 32, 3)" in how
    assert how.endswith("gives the probability of red (the rest is blue).")
    assert target.read_bytes() == read_model_file(model).members[KERAS]


def test_a_second_export_is_refused(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "copy.catdog"
    assert run_here("models", "export", "colours", target, "--format", "catdog") == 0
    assert run_here("models", "export", "colours", target, "--format", "keras") == 1
    assert "exists already" in capsys.readouterr().err
    assert target.read_bytes() == model.read_bytes()


def test_a_removed_model_is_gone(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here("models", "remove", "colours") == 0
    assert capsys.readouterr().out == f"removed {model}\n"
    assert not model.exists()
