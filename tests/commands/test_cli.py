"""What all commands have in common: exit codes, one line for a failure, no bar in a pipe."""

import os
import sys
from pathlib import Path

import pytest

import catdog_gui
from catdog_gui.commands import classify
from tests.commands.programs import SECONDS, catdog, run_here, started
from tests.helpers.models import write_colour_model
from tests.helpers.photos import write_photo


def only_line(text: str) -> str:
    """Return the text's one line, which it must end."""
    lines = text.split("\n")
    assert len(lines) == 2, text
    assert lines[1] == ""
    return lines[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["--fly"],
        ["classify"],
        ["classify", "a.jpg", "--fly"],
        ["classify", "a.jpg", "--species"],
        ["classify", "a.jpg", "--unsure-below", "1.5"],
        ["classify", "a.jpg", "--unsure-below", "-0.1"],
        ["classify", "a.jpg", "--unsure-below", "half"],
        ["classify", "a.jpg", "--unsure-below", "nan"],
        ["evaluate", "colours"],
        ["evaluate", "colours", "photos", "--split", "train"],
        ["models"],
        ["models", "fly"],
        ["models", "export", "colours", "file"],
        ["models", "export", "colours", "file", "--format", "word"],
        ["models", "remove"],
        ["runs"],
        ["runs", "show"],
        ["train"],
        ["train", "photos"],
        ["train", "photos", "--recipe", "soup"],
        ["train", "photos", "--recipe", "baseline", "--batch-size", "0"],
        ["train", "photos", "--recipe", "baseline", "--batch-size", "1000000000"],
        ["train", "photos", "--recipe", "baseline", "--batch-size", "many"],
        ["train", "photos", "--recipe", "baseline", "--epochs", "0"],
        ["train", "photos", "--recipe", "baseline", "--steps-per-epoch", "-1"],
        ["train", "photos", "--recipe", "baseline", "--learning-rate", "0"],
        ["train", "photos", "--recipe", "baseline", "--learning-rate", "nan"],
        ["train", "photos", "--recipe", "baseline", "--image-side", "63"],
        ["train", "photos", "--recipe", "baseline", "--seed", "-1"],
        ["train", "photos", "--recipe", "baseline", "--split", "magic"],
        ["train", "photos", "--recipe", "baseline", "--name", "a/b"],
        ["train", "photos", "--recipe", "baseline", "--name", ""],
        ["train", "photos", "--recipe", "baseline", "--name", ".."],
        ["train", "photos", "--recipe", "baseline", "--name", "x" * 81],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2_and_does_nothing(
    arguments: list[str],
    home: Path,
    photos: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_photo(photos.parent / "a.jpg")
    monkeypatch.chdir(photos.parent)
    assert run_here(*arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert "Usage: " in output.err
    assert not home.exists()


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["train", "--help"], ["models", "-h"]])
def test_help_is_no_failure(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here(*arguments) == 0
    output = capsys.readouterr()
    assert output.out.startswith("Usage: catdog")
    assert output.err == ""


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here("--version") == 0
    assert catdog_gui.__version__ in capsys.readouterr().out


FAILURES = {
    "no model yet": ["classify", "photos"],
    "no such model": ["classify", "photos", "--model", "colors"],
    "a model file that is missing": ["classify", "photos", "--model", "gone/colours.catdog"],
    "a model name too long": ["classify", "photos", "--model", "x" * 300],
    "a model that is a folder": ["classify", "photos", "--model", "./photos"],
    "a model that is empty": ["classify", "photos", "--model", "photos/3.jpg"],
    "a model that is damaged": ["classify", "photos", "--model", "damaged.catdog"],
    "a photo that is missing": ["classify", "gone.jpg", "--model", "good.catdog"],
    "a photo on two lines": ["classify", "gone\n1.jpg", "--model", "good.catdog"],
    "a photo name too long": ["classify", "x" * 300, "--model", "good.catdog"],
    "a photo name in bytes": ["classify", "caf\udce9.jpg", "--model", "good.catdog"],
    "an empty folder": ["classify", "empty", "--model", "good.catdog"],
    "a table that is a folder": ["classify", "photos", "--csv", "empty"],
    "a table that is a photo": ["classify", "photos", "--csv", "photos/1.jpg"],
    "a table that is a model": ["classify", "photos", "--kaggle", "good.catdog"],
    "a table name too long": ["classify", "photos", "--model", "good.catdog", "--csv", "x" * 300],
    "a table below a file": [
        "classify", "photos", "--model", "good.catdog", "--csv", "photos/1.jpg/out.csv",
    ],
    "a submission of no cats": [
        "classify", "photos", "--model", "good.catdog", "--kaggle", "out.csv",
    ],
    "a judged model that is missing": ["evaluate", "colours", "dataset"],
    "a judged model that is damaged": ["evaluate", "damaged.catdog", "dataset"],
    "a dataset that is missing": ["evaluate", "good.catdog", "gone"],
    "a dataset name too long": ["evaluate", "good.catdog", "x" * 300],
    "a dataset without photos": ["evaluate", "good.catdog", "empty"],
    "a dataset of one class": ["evaluate", "good.catdog", "photos"],
    "a dataset that is no zip": ["evaluate", "good.catdog", "photos/1.jpg"],
    "an imported model that is missing": ["models", "import", "gone.catdog"],
    "an imported model that is damaged": ["models", "import", "damaged.catdog"],
    "an exported model that is missing": ["models", "export", "colours", "x", "--format", "keras"],
    "an export onto a file": ["models", "export", "good.catdog", "photos", "--format", "keras"],
    "an export below a file": [
        "models", "export", "good.catdog", "damaged.catdog/x", "--format", "catdog",
    ],
    "a removed model that is missing": ["models", "remove", "colours"],
    "a removed model with a slash": ["models", "remove", "../colours"],
    "a run that is missing": ["runs", "show", "baseline-1"],
    "a run with a slash": ["runs", "show", "../baseline-1"],
    "a trained dataset that is missing": ["train", "gone", "--recipe", "baseline"],
    "a trained dataset without photos": ["train", "empty", "--recipe", "baseline"],
    "a trained dataset of one class": ["train", "photos", "--recipe", "baseline"],
    "a trained dataset name too long": ["train", "x" * 300, "--recipe", "baseline"],
}  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path, photos: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder that the failures happen in."""
    desk = tmp_path
    write_colour_model(desk / "good.catdog")
    content = (desk / "good.catdog").read_bytes()
    (desk / "damaged.catdog").write_bytes(content[: len(content) // 2])
    (desk / "empty").mkdir()
    monkeypatch.chdir(desk)
    assert photos.parent == dataset.parent == desk
    return desk


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_one_line_and_ends_with_1(
    desk: Path, failure: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before = files_of_the_user(desk)
    assert run_here(*FAILURES[failure]) == 1
    output = capfd.readouterr()
    assert only_line(output.err).startswith("catdog: ")
    assert output.out == ""
    assert files_of_the_user(desk) == before


def files_of_the_user(desk: Path) -> list[Path]:
    """Return all files but the program's own, such as its catalog."""
    return sorted(path for path in desk.rglob("*") if (desk / "home") not in (path, *path.parents))


@pytest.mark.parametrize(
    "failure",
    [
        "a model that is damaged",
        "a photo that is missing",
        "a photo name in bytes",
        "a dataset without photos",
        "a run that is missing",
    ],
)
def test_a_program_that_fails_says_one_line_and_no_traceback(
    desk: Path, home: Path, failure: str
) -> None:
    ended = catdog(*FAILURES[failure], home=home)
    assert ended.returncode == 1
    assert only_line(ended.stderr).startswith("catdog: ")
    assert ended.stdout == ""
    assert desk.exists()


def test_a_program_used_wrongly_ends_with_2(home: Path) -> None:
    ended = catdog("train", "photos", "--recipe", "soup", home=home)
    assert ended.returncode == 2
    assert "'soup'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_home_that_is_a_file_is_told_in_one_line(
    desk: Path, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    home.write_text("not a folder", encoding="utf-8")
    assert run_here("models", "import", desk / "good.catdog") == 1
    assert only_line(capfd.readouterr().err).startswith("catdog: ")


def test_a_command_interrupted_before_it_began_ends_with_130(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(paths: tuple[Path, ...]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(classify, "check_paths", interrupted)
    assert run_here("classify", photos) == 130
    assert capsys.readouterr().err.strip() == "Interrupted."


HASTY = """
import sys

class Interruption:
    def find_spec(self, name, path=None, target=None):
        if name == "catdog_gui.cli":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interruption())
from catdog_gui.__main__ import main
sys.exit(main())
"""
"""The program, interrupted while it starts, which takes longest."""


def test_a_command_interrupted_while_it_starts_ends_with_130(home: Path) -> None:
    with started("models", "list", home=home, program=HASTY) as process:
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert "Traceback" not in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
@pytest.mark.usefixtures("model")
def test_an_output_that_cannot_be_written_is_told_in_one_line(home: Path) -> None:
    with (
        Path("/dev/full").open("w", encoding="utf-8") as full,
        started("models", "list", home=home, stdout=full.fileno()) as process,
    ):
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert only_line(err).startswith("catdog: ")


def test_nothing_looks_like_a_bar_in_a_pipe(desk: Path, home: Path) -> None:
    for number in range(100):
        (desk / "photos" / f"{number + 10}.jpg").hardlink_to(desk / "photos" / "1.jpg")
    ended = catdog(
        "classify",
        "photos",
        "--model",
        "good.catdog",
        "--csv",
        "o.csv",
        "--precision",
        "float32",
        home=home,
    )
    assert (ended.returncode, ended.stdout) == (0, "")
    assert only_line(ended.stderr) == "103 photos by good in float32: 1 blue, 101 red, 1 unreadable"
    judged = catdog("evaluate", "good.catdog", "dataset", home=home)
    assert (judged.returncode, judged.stderr) == (0, "")
    assert "\x1b" not in judged.stdout
    assert "\r" not in judged.stdout


def test_any_name_is_printed_to_a_stream_that_cannot_write_it(home: Path) -> None:
    write_colour_model(home / "models" / "猫.catdog")
    plain = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}
    ended = catdog("models", "list", home=home, environment=plain)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "\\u732b: blue, red" in ended.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no FIFOs in folders")
def test_a_model_that_is_no_ordinary_file_holds_nothing_up(home: Path) -> None:
    write_colour_model(home / "models" / "colours.catdog")
    os.mkfifo(home / "models" / "pipe.catdog")
    ended = catdog("models", "list", home=home, seconds=15)
    assert ended.returncode == 0
    assert ended.stdout.startswith("colours: ")
