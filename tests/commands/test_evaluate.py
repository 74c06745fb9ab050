"""`catdog evaluate`."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.commands.programs import catdog, run_here
from tests.helpers.photos import write_photo
from training.metrics import wilson_interval


def test_json_is_as_agreed(model: Path, dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_photo(dataset / "blue" / "in truth red.jpg", "red")
    (dataset / "red" / "empty.jpg").touch()
    assert run_here("evaluate", model.stem, dataset, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    interval = wilson_interval(8, 9)
    # Its twin among the red photos ties with the blue one that is in truth red; the rest do better.
    agreed = {
        "model": "colours",
        "dataset": str(dataset),
        "split": "all",
        "includes_training_photos": None,
        "photos": 9,
        "accuracy": 8 / 9,
        "accuracy_low": interval.low,
        "accuracy_high": interval.high,
        "classes": ["blue", "red"],
        "confusion": [[4, 1], [0, 4]],
        "roc_auc": pytest.approx(16.5 / 20),
        "without_leaks": None,
        "unreadable": [{"path": "red/empty.jpg", "reason": "the file is empty"}],
    }
    assert {name: told[name] for name in agreed} == agreed
    assert told["per_class"]["blue"] == {
        "precision": 1,
        "recall": 0.8,
        "f1": pytest.approx(8 / 9),
        "roc_auc": pytest.approx(16.5 / 20),
        "photos": 5,
    }
    (mistake,) = told["worst_mistakes"]
    probability = mistake.pop("probability")
    assert mistake == {"path": "blue/in truth red.jpg", "label": "blue", "predicted": "red"}
    assert 0.9 < probability < 1
    assert set(told) - set(agreed) == {
        "per_class",
        "log_loss",
        "brier",
        "calibration",
        "unsure",
        "worst_mistakes",
    }


@pytest.mark.usefixtures("model")
def test_in_words_the_accuracy_comes_first_and_the_worst_mistakes_last(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_photo(dataset / "blue" / "in truth red.jpg", "red")
    (dataset / "red" / "empty.jpg").touch()
    assert run_here("evaluate", "colours", dataset) == 0
    output = capsys.readouterr()
    lines = output.out.splitlines()
    assert lines[0] == "88.9% (56.5% to 98.0%) of 9 photos (all) by colours"
    assert lines[1] == "Whether the model was trained on some of these photos is not known."
    assert lines[3:6] == ["taken for  blue  red", "  blue        4    1", "  red         0    4"]
    assert lines[-2] == "worst mistakes"
    assert lines[-1].startswith("  blue/in truth red.jpg: blue taken for red at 9")
    assert output.err == "left out red/empty.jpg: the file is empty\n"


@pytest.mark.usefixtures("model")
def test_the_split_can_be_chosen(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here("evaluate", "colours", dataset, "--split", "test", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["split"], told["photos"]) == ("test", 2)


def test_a_class_that_the_model_does_not_know_is_told(
    model: Path, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_photo(dataset / "green" / "1.jpg", "green")
    assert run_here("evaluate", model, dataset) == 1
    assert "'green'" in capsys.readouterr().err


@pytest.mark.usefixtures("model")
def test_classify_and_evaluate_agree_photo_by_photo(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, colour in enumerate(["red", "green", "green", "blue"]):
        write_photo(dataset / "blue" / f"odd {number}.jpg", colour, number)
    assert run_here("evaluate", "colours", dataset, "--json") == 0
    confusion = json.loads(capsys.readouterr().out)["confusion"]
    for row, name in zip(confusion, ("blue", "red"), strict=True):
        assert run_here("classify", dataset / name, "--model", "colours", "--json") == 0
        counts = json.loads(capsys.readouterr().out)["counts"]
        assert [counts.get("blue", 0), counts.get("red", 0)] == row


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no FIFOs in folders")
@pytest.mark.usefixtures("model")
def test_a_photo_that_is_no_ordinary_file_holds_nothing_up(dataset: Path, home: Path) -> None:
    os.mkfifo(dataset / "red" / "pipe.jpg")
    ended = catdog("evaluate", "colours", dataset, "--json", home=home, seconds=15)
    assert ended.returncode == 0
    unreadable = [{"path": "red/pipe.jpg", "reason": "it is not an ordinary file"}]
    assert json.loads(ended.stdout)["unreadable"] == unreadable


@pytest.mark.usefixtures("model")
def test_an_interrupted_evaluation_ends_with_130_and_tells_no_numbers(
    dataset: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("catdog_gui.classify.judging.ask", interrupt)
    assert run_here("evaluate", "colours", dataset, "--json") == 130
    output = capsys.readouterr()
    assert (output.out, output.err.strip()) == ("", "Interrupted.")
