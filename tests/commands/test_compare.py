"""`catdog compare`."""

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from catdog_gui.classify import race
from catdog_gui.classify.judging import judge
from catdog_gui.classify.race_words import TABLE_HEADINGS, duration_words, signed
from tests.commands.programs import run_here
from tests.helpers.photos import write_dataset
from tests.helpers.races import make_racer
from training.configuration import SplitChoice
from training.events import EpochEnded
from training.metrics import wilson_interval
from training.runs import RunState
from training.splits import SplitMethod

SAME_CELLS = ("−0.12, −0.19", "2 of 2", "24 s", "0.0 MB, 3 weights")


@pytest.fixture
def root(home: Path, tmp_path: Path) -> Path:
    """Return a dataset that two runs, good and bad, were trained on."""
    folder = write_dataset(tmp_path / "dataset", 40)
    make_racer(home, "good", folder)
    make_racer(home, "bad", folder, colour_blind=True)
    return folder


def no_constant(name: str) -> NoReturn:
    raise AssertionError(f"{name} is no JSON")


def test_the_outcome_is_told_in_words_and_as_a_table(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here("compare", "good", "bad") == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.startswith("2 runs on a split by ratio (seed 3, 20% validation, 20% test) of ")
    assert first.endswith(f"{root}, judged by 16 test photos")
    assert lines[:6] == [
        "",
        "- good labels 100.0% of 16 test photos rightly (80.6% to 100.0%), more than any other",
        "- good is better than bad on 16 photos (McNemar p < 0.001)",
        "- good is too short to judge: 2 epochs, and a trend shows in 5 or more",
        "- bad is too short to judge: 2 epochs, and a trend shows in 5 or more",
        "",
    ]
    assert [re.split(r"  +", line) for line in lines[6:]] == [
        ["run", "recipe", *TABLE_HEADINGS[2:]],
        ["good", "baseline", "100.0% (80.6% to 100.0%)", *SAME_CELLS],
        ["bad", "baseline", "0.0% (0.0% to 19.4%)", *SAME_CELLS],
    ]
    assert len({line.index("baseline") for line in lines[7:]}) == 1


def test_json_holds_everything(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here("compare", "good", "bad", "--json") == 0
    told = json.loads(capsys.readouterr().out, parse_constant=no_constant)
    assert told["dataset"] == str(root)
    assert told["split"]["method"] == "stratified"
    assert told["judged_on"] == "test"
    good, bad = told["runs"]
    assert (good["name"], good["correct"], good["photos"], good["accuracy"]) == ("good", 16, 16, 1)
    assert good["accuracy_low"] == wilson_interval(16, 16).low
    assert (bad["name"], bad["correct"]) == ("bad", 0)
    assert good["best_epoch"] == 2
    assert good["seconds"] == 23.5
    assert good["finding"] == "too short"
    assert set(good["gap"]) == {"best", "last", "best_loss", "last_loss"}
    assert [epoch["val_loss"] for epoch in good["epochs"]] == [0.625, 0.375]
    (pair,) = told["pairs"]
    assert (pair["first"], pair["second"], pair["better"]) == ("good", "bad", "good")
    assert (pair["both_right"], pair["only_first_right"], pair["neither_right"]) == (0, 16, 0)
    assert pair["p_value"] == pytest.approx(2 / 2**16)
    assert "good is better than bad on 16 photos (McNemar p < 0.001)" in told["verdicts"]
    assert len(told["disagreements"]) == 12
    assert set(told["disagreements"][0]["answers"]) == {"good", "bad"}


def test_a_loss_that_is_no_number_leaves_valid_json(
    home: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = [EpochEnded(1, 0.5, 0.5, float("nan"), 0.5, 1.0)]
    make_racer(home, "broken", root, epochs=broken)
    assert run_here("compare", "good", "broken", "--json") == 0
    told = json.loads(capsys.readouterr().out, parse_constant=no_constant)
    assert told["runs"][1]["finding"] == "broke down"
    assert told["runs"][1]["epochs"][0]["val_loss"] is None


@pytest.mark.usefixtures("root")
def test_a_report_is_written_beside_either_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "reports" / "race.html"
    assert run_here("compare", "good", "bad", "--report", target, "--json") == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["judged_on"] == "test"
    assert output.err == f"wrote {target}\n"
    page = target.read_text("utf-8")
    assert "good is better than bad on 16 photos" in page
    assert page.count("data:image/jpeg;base64,") == 12


@pytest.mark.usefixtures("root")
def test_a_file_that_is_no_report_is_refused_before_anything_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("judged before the target was looked at")

    monkeypatch.setattr(race, "judge", refuse)
    target = tmp_path / "mine.html"
    target.write_text("mine", "utf-8")
    assert run_here("compare", "good", "bad", "--report", target) == 1
    assert "no report of this program" in capsys.readouterr().err
    assert target.read_text("utf-8") == "mine"


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ((), "Missing argument"),
        (("good",), "two runs or more"),
        (("good", "bad", "good"), "'good' is named twice"),
    ],
)
@pytest.mark.usefixtures("root")
def test_too_few_runs_are_wrong_usage(
    names: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here("compare", *names) == 2
    assert told in capsys.readouterr().err


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(("name", "told"), [("none", "no run named 'none'"), ("a/b", "'a/b'")])
def test_a_run_that_does_not_exist_is_told(
    name: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here("compare", "good", name) == 1
    assert told in capsys.readouterr().err


def test_another_split_is_refused_in_one_sentence(
    home: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_racer(home, "other", root, split=SplitChoice(method=SplitMethod.STRATIFIED, seed=4))
    assert run_here("compare", "good", "other") == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("catdog: Run 'other' is on a split by ratio (seed 4")
    assert output.err.count("\n") == 1


def test_what_limits_the_comparison_is_told_on_stderr(
    home: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_racer(home, "dead", root, model=False, state=RunState.FAILED, reason="No memory.\nNone.")
    assert run_here("compare", "good", "dead") == 0
    err = capsys.readouterr().err
    assert err == (
        "note: dead failed: No memory.\\nNone.\nnote: dead could not be judged: it has no model.\n"
    )


@pytest.mark.usefixtures("root")
def test_ctrl_c_is_heeded_between_photos_and_leaves_no_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*arguments: object, should_stop: Callable[[], bool], **_: object) -> object:
        signal.raise_signal(signal.SIGINT)  # breaks into nothing
        asked.append(should_stop())
        return judge_truly(*arguments, should_stop=should_stop)

    asked: list[bool] = []
    judge_truly: Callable[..., object] = judge
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(race, "judge", interrupted)
    assert run_here("compare", "good", "bad", "--report", tmp_path / "race.html") == 130
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", "Interrupted.\n")
    assert asked == [True]
    assert not (tmp_path / "race.html").exists()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 s"), (59.6, "1 min"), (61, "1 min 1 s"), (3600, "1 h"), (7265, "2 h 1 min")],
)
def test_durations_are_told_in_units_that_suit_them(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words


@pytest.mark.parametrize(
    ("number", "text"), [(0.134, "+0.13"), (-0.05, "−0.05"), (0.004, "0.00"), (-0.004, "0.00")]
)
def test_gaps_are_written_with_their_sign(number: float, text: str) -> None:
    assert signed(number) == text
