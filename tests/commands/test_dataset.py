"""`catdog dataset check`."""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from catdog_gui.commands import dataset as dataset_command
from tests.commands.programs import SECONDS, catdog, run_here, started
from tests.helpers.datasets import write_files, write_zip
from tests.helpers.scenes import jpeg, scene, write_scene, write_scenes

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows interrupts otherwise")


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Return twelve cats and seven dogs, among them duplicates, broken and tiny photos."""
    folder = write_scenes(tmp_path / "pets", 8)
    for number in range(2):
        (folder / "dog" / f"{number}.jpg").unlink()
    (folder / "cat" / "copy.jpg").write_bytes((folder / "cat" / "1.jpg").read_bytes())
    (folder / "cat" / "again.jpg").write_bytes(jpeg(scene(2), 50))
    (folder / "cat" / "broken.jpg").write_bytes(b"")
    scene(70).resize((20, 25)).save(folder / "cat" / "tiny.png")
    (folder / "dog" / "a cat.jpg").write_bytes(jpeg(scene(3), 50))
    return folder


def test_everything_is_told_in_one_json_object(
    pets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here("dataset", "check", pets, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    split = told.pop("split")
    assert split.pop("method") == "stratified"
    assert sum(sum(counts.values()) for counts in split.values()) == 19
    assert told == {
        "dataset": str(pets),
        "photos": 19,
        "classes": {"cat": 12, "dog": 7},
        "unreadable": [{"path": "cat/broken.jpg", "reason": "the file is empty"}],
        "duplicates": [
            ["cat/1.jpg", "cat/copy.jpg"],
            ["cat/2.jpg", "cat/again.jpg"],
            ["cat/3.jpg", "dog/a cat.jpg"],
        ],
        "exact_duplicates": [["cat/1.jpg", "cat/copy.jpg"]],
        "near_duplicates": [["cat/2.jpg", "cat/again.jpg"], ["cat/3.jpg", "dog/a cat.jpg"]],
        "conflicting": [["cat/3.jpg", "dog/a cat.jpg"]],
        "leaks": [],
        "split_problem": None,
        "imbalance": {"most": "cat", "fewest": "dog", "ratio": 12 / 7},
        "tiny": [{"path": "cat/tiny.png", "width": 20, "height": 25}],
    }


def test_a_report_is_a_few_lines(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here("dataset", "check", pets) == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert output.out.splitlines() == [
        f"{pets}: 19 photos of 2 classes",
        "  cat 12: 8 train, 2 validation, 2 test",
        "  dog 7: 5 train, 1 validation, 1 test",
        "split by ratio, duplicates kept together: 13 train, 3 validation, 3 test",
        "1 photo cannot be read:",
        "  cat/broken.jpg: the file is empty",
        "3 groups of duplicates, of which 1 hold the very same bytes:",
        "  cat/1.jpg = cat/copy.jpg",
        "  cat/2.jpg = cat/again.jpg",
        "  cat/3.jpg = dog/a cat.jpg",
        "1 group of duplicates in more than one class:",
        "  cat/3.jpg = dog/a cat.jpg",
        "0 leaks: duplicates in more than one part of the split",
        "1 photo with a side below 32 pixels:",
        "  cat/tiny.png: 20x25",
        "unequal classes: 1.7 times as many of cat as of dog",
    ]


def test_long_lists_are_cut_short(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_scenes(tmp_path / "pets", 3)
    for number in range(9):
        (folder / "cat" / f"broken {number}.jpg").write_bytes(b"")
        (folder / "dog" / f"copy {number}.jpg").write_bytes(jpeg(scene(1)))
    assert run_here("dataset", "check", folder) == 0
    lines = capsys.readouterr().out.splitlines()
    place = lines.index("9 photos cannot be read:")
    assert lines[place + 6] == "  and 4 more"
    group = "cat/1.jpg = dog/copy 0.jpg = dog/copy 1.jpg = dog/copy 2.jpg = dog/copy 3.jpg"
    assert f"  {group} and 5 more" in lines


def test_leaks_between_folders_of_splits_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed, name in enumerate(["train/cat/1", "val/cat/1", "train/dog/1", "val/dog/1"]):
        write_scene(tmp_path / "pets" / f"{name}.jpg", seed)
    write_scene(tmp_path / "pets" / "val" / "cat" / "2.jpg", 0)
    assert run_here("dataset", "check", tmp_path / "pets", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["leaks"] == [["train/cat/1.jpg", "val/cat/2.jpg"]]
    assert told["split"] == {
        "method": "folders",
        "train": {"cat": 1, "dog": 1},
        "validation": {"cat": 2, "dog": 1},
        "test": {"cat": 0, "dog": 0},
    }


def test_a_class_that_cannot_be_divided_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_scenes(tmp_path / "pets", 3)
    write_scene(folder / "fox" / "1.jpg", 4711)
    assert run_here("dataset", "check", folder) == 0
    assert "This split cannot be trained on. Class 'fox' of" in capsys.readouterr().out


def empty(path: Path) -> Path:
    path.mkdir()
    return path


def one_class(path: Path) -> Path:
    return write_files(path, ("cat/1.jpg", "cat/2.jpg"))


def escaping(path: Path) -> Path:
    return write_zip(path, {"a/1.jpg": b"x", "b/1.jpg": b"x", "..\\..\\evil.jpg": b"x"})


def no_zip(path: Path) -> Path:
    path.write_bytes(b"PK\x03\x04 and then nothing")
    return path


@pytest.mark.parametrize("make", [empty, one_class, escaping, no_zip, lambda path: path])
def test_what_is_no_dataset_is_told_in_one_line(
    make: Callable[[Path], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make(tmp_path / "bad")
    assert run_here("dataset", "check", path, "--json") == 1
    output = capsys.readouterr()
    assert output.out == ""
    (line,) = output.err.splitlines()
    assert line.startswith("catdog: ")
    assert str(path) in line


def test_an_interrupted_check_ends_with_130(
    pets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(dataset_command, "check_dataset", interrupted)
    assert run_here("dataset", "check", pets) == 130
    output = capsys.readouterr()
    assert (output.out, output.err.strip()) == ("", "Interrupted.")


@on_posix
def test_a_check_shows_a_bar_on_a_terminal_and_can_be_interrupted(
    tmp_path: Path, home: Path
) -> None:
    folder = write_scenes(tmp_path / "pets", 1)
    large = folder / "cat" / "0.jpg"
    large.write_bytes(jpeg(scene(1, (2000, 1500))))
    for number in range(1, 1500):
        (folder / "cat" / f"{number}.jpg").hardlink_to(large)
    terminal, end = os.openpty()
    shown = b""
    arguments = ("dataset", "check", folder)
    with started(*arguments, home=home, environment={"TERM": "xterm"}, stderr=end) as process:
        os.close(end)
        while b"reading photos" not in shown:
            shown += os.read(terminal, 4096)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=SECONDS)
    os.close(terminal)
    assert (process.returncode, out) == (130, "")


def test_there_is_no_bar_in_a_pipe(pets: Path, home: Path) -> None:
    ended = catdog("dataset", "check", pets, home=home)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "\x1b" not in ended.stdout
    assert "\r" not in ended.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_any_name_is_printed(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pets / "cat" / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"")
    (pets / "cat" / "two\nlines.jpg").write_bytes(b"")
    assert run_here("dataset", "check", pets) == 0
    assert "  cat/two\\nlines.jpg: the file is empty" in capsys.readouterr().out
    assert run_here("dataset", "check", pets, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert {"path": "cat/caf\udce9.jpg", "reason": "the file is empty"} in told["unreadable"]
