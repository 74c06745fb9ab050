"""`catdog models`."""

import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from tests.classify.remaking import remake
from tests.commands.programs import SECONDS, run_here, started
from tests.helpers.models import write_colour_model
from training.model_file import IMPORTED, KERAS, read_model_file


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


def test_a_model_that_no_one_has_judged_is_listed_as_such(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_colour_model(home / "models" / "net.catdog")
    remake(path, {"recipe": IMPORTED, "trained_on": None, "metrics": None})
    assert run_here("models", "list") == 0
    assert capsys.readouterr().out.startswith("net: blue, red; not judged yet; imported; ")


def test_an_imported_model_can_be_called_otherwise(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_colour_model(tmp_path / "from a friend.catdog")
    assert run_here("models", "import", source, "--name", "mine") == 0
    assert (home / "models" / "mine.catdog").read_bytes() == source.read_bytes()
    assert run_here("models", "import", source, "--name", "a/b") == 1
    assert "cannot be used as a file name" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["net.keras", "net.H5", "net.hdf5"])
def test_class_names_are_asked_for_where_a_file_has_none(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / name).touch()
    assert run_here("models", "import", tmp_path / name) == 2
    assert "as in --classes cat,dog" in capsys.readouterr().err
    assert not (home / "models").exists()


def test_what_a_model_file_knows_itself_cannot_be_given(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here("models", "import", model, "--classes", "cat,dog") == 2
    assert "for Keras networks" in capsys.readouterr().err


@pytest.mark.parametrize("size", ["", "0", "150x", "x150", "150x200x3", "-5", "1e2", "150,200"])
def test_a_size_that_is_none_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], size: str
) -> None:
    arguments = (tmp_path / "net.h5", "--classes", "cat,dog", f"--image-size={size}")
    assert run_here("models", "import", *arguments) == 2
    assert "neither pixels nor HEIGHTxWIDTH" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("classes", "word"), [("cat", "two classes"), ("cat,Cat", "case"), ("cat,,dog", "written")]
)
def test_class_names_that_cannot_be_are_refused_before_anything_starts(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], classes: str, word: str
) -> None:
    assert run_here("models", "import", tmp_path / "net.h5", "--classes", classes) == 1
    assert word in capsys.readouterr().err
    assert list((home / "models").iterdir()) == []


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


# Stands for the process that has TensorFlow: half done, it tells its number and goes on for ever.
HALF_DONE = """
import json, os, pathlib, signal, sys
request = json.loads(sys.stdin.readline())
pathlib.Path(request["target"]).write_bytes(b"half of a netw")
with open(os.environ["PIPE"], "w") as pipe:
    print(os.getpid(), file=pipe)
while True:
    signal.pause()
"""
STAGE = """
import sys
import training.engine_requests
training.engine_requests.training_command = lambda: [sys.executable, {script!r}]
from catdog_gui.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows interrupts otherwise")
@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "colours", "{out}/net.onnx", "--format=onnx"),
        ("import", "net.h5", "--classes=cat,dog"),
    ],
)
def test_an_interruption_ends_the_process_and_leaves_nothing(
    model: Path, home: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    script, pipe, out = tmp_path / "half done.py", tmp_path / "pipe", tmp_path / "out"
    script.write_text(HALF_DONE, encoding="utf-8")
    out.mkdir()
    os.mkfifo(pipe)
    words = ("models", *(each.format(out=out) for each in arguments))
    program = STAGE.format(script=str(script))
    with started(*words, home=home, program=program, environment={"PIPE": str(pipe)}) as command:
        with pipe.open(encoding="utf-8") as told:
            asked = int(told.readline())
        command.send_signal(signal.SIGINT)
        _, err = command.communicate(timeout=SECONDS)
    assert command.returncode == 130
    assert err.strip() == "Interrupted."
    assert not psutil.pid_exists(asked)
    assert list(out.iterdir()) == []
    assert list((home / "models").iterdir()) == [model]


def test_a_removed_model_is_gone(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here("models", "remove", "colours") == 0
    assert capsys.readouterr().out == f"removed {model}\n"
    assert not model.exists()
