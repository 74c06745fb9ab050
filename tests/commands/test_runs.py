"""`catdog runs`."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from tests.commands.programs import run_here
from training.configuration import SplitChoice, TrainingConfig
from training.events import EpochEnded
from training.recipes import RECIPES
from training.runs import ProcessMark, Run, RunState
from training.splits import SplitMethod

EPOCHS = (
    EpochEnded(1, 0.75, 0.5, 0.625, 0.75, 12.5),
    EpochEnded(2, 0.5, 0.75, 0.375, 0.875, 11.0),
)


def make_run(
    home: Path, name: str, state: RunState, created: str = "2026-01-01T00:00:00+00:00"
) -> Run:
    run = Run(home / "runs" / name)
    config = TrainingConfig(
        run=name,
        dataset=str(home / "dataset"),
        recipe="baseline",
        hyperparameters=RECIPES["baseline"].defaults,
        split=SplitChoice(method=SplitMethod.STRATIFIED),
        run_folder=str(run.folder),
        model_file=str(home / "models" / f"{name}.catdog"),
        cache_folder=str(home / "caches"),
    )
    run.write(replace(run.create(config), state=state, created=created))
    for epoch in EPOCHS:
        run.append_history(epoch)
    return run


def no_constant(name: str) -> NoReturn:
    raise AssertionError(f"{name} is no JSON")


def test_a_run_is_shown_in_json_as_agreed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(home, "größer 1", RunState.FINISHED)
    run.write(replace(run.read(), model="/models/größer 1.catdog"))
    assert run_here("runs", "show", "größer 1", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown.pop("reason") is None
    assert (shown.pop("device"), shown.pop("precision")) == (None, None)
    assert shown == {
        "name": "größer 1",
        "recipe": "baseline",
        "state": "finished",
        "model": "/models/größer 1.catdog",
        "epochs": [
            {
                "epoch": 1,
                "loss": 0.75,
                "accuracy": 0.5,
                "val_loss": 0.625,
                "val_accuracy": 0.75,
                "seconds": 12.5,
            },
            {
                "epoch": 2,
                "loss": 0.5,
                "accuracy": 0.75,
                "val_loss": 0.375,
                "val_accuracy": 0.875,
                "seconds": 11.0,
            },
        ],
    }


@pytest.mark.parametrize("state", RunState)
def test_a_run_is_shown_in_its_state(
    home: Path, state: RunState, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(home, "first", state)
    assert run_here("runs", "show", "first") == 0
    assert capsys.readouterr().out == (
        f"first: baseline, {state}\n"
        "epoch 1: loss 0.7500 accuracy 0.5000 val_loss 0.6250 val_accuracy 0.7500 (12.5 s)\n"
        "epoch 2: loss 0.5000 accuracy 0.7500 val_loss 0.3750 val_accuracy 0.8750 (11.0 s)\n"
    )


def test_a_run_whose_process_is_gone_has_failed(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(home, "first", RunState.RUNNING)
    run.write(replace(run.read(), process=ProcessMark(os.getpid(), 1.0)))
    assert run_here("runs", "show", "first", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["state"] == "failed"
    assert "ended without a word" in shown["reason"]


def test_a_run_without_an_epoch_has_no_epochs(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(home, "first", RunState.FAILED)
    (run.folder / "history.csv").unlink()
    assert run_here("runs", "show", "first", "--json") == 0
    assert json.loads(capsys.readouterr().out)["epochs"] == []


def test_a_history_line_cut_short_is_left_out(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = make_run(home, "first", RunState.FAILED).folder / "history.csv"
    history.write_bytes(history.read_bytes()[:-20])
    assert run_here("runs", "show", "first", "--json") == 0
    assert [epoch["epoch"] for epoch in json.loads(capsys.readouterr().out)["epochs"]] == [1]


def test_a_loss_that_is_no_number_leaves_valid_json(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(home, "first", RunState.FAILED)
    run.append_history(EpochEnded(3, 0.5, 0.5, float("nan"), 0.5, 1.0))
    assert run_here("runs", "show", "first", "--json") == 0
    shown = json.loads(capsys.readouterr().out, parse_constant=no_constant)
    assert len(shown["epochs"]) == 3


def test_no_runs_are_listed_as_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here("runs", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"runs": []}
    assert run_here("runs", "list") == 0
    assert "no training run yet" in capsys.readouterr().out


def test_runs_are_listed_in_the_order_in_which_they_were_begun(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(home, "second", RunState.STOPPED, "2026-01-02T00:00:00+00:00")
    make_run(home, "first", RunState.FINISHED, "2026-01-01T00:00:00+00:00")
    assert run_here("runs", "list") == 0
    assert capsys.readouterr().out == (
        "first: baseline, finished, 2 epochs\nsecond: baseline, stopped, 2 epochs\n"
    )


@pytest.mark.parametrize(
    "record", ["", "not JSON", "[]", "{}", '{"config": 3}', "\xff", "[" * 200_000]
)
def test_a_damaged_record_is_told_and_does_not_break_the_listing(
    home: Path, record: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(home, "good", RunState.FINISHED)
    damaged = make_run(home, "damaged", RunState.FINISHED)
    (damaged.folder / "run.json").write_bytes(record.encode("latin-1"))
    assert run_here("runs", "show", "damaged") == 1
    assert "'damaged'" in capsys.readouterr().err
    assert run_here("runs", "list") == 0
    output = capsys.readouterr()
    assert output.out.startswith("good: ")
    assert "'damaged'" in output.err
    assert run_here("runs", "list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [run["name"] for run in listed["runs"]] == ["good"]
    assert [run["name"] for run in listed["damaged"]] == ["damaged"]


def test_a_run_of_an_impossible_process_is_told(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(home, "first", RunState.RUNNING)
    file = run.folder / "run.json"
    values = json.loads(file.read_text("utf-8"))
    values["process"] = {"pid": float("inf"), "started": 1}
    file.write_text(json.dumps(values), "utf-8")
    assert run_here("runs", "show", "first") == 1
    output = capsys.readouterr()
    assert f"put {file} back, or delete the run's folder." in output.err
    assert output.err.count("\n") == 1
