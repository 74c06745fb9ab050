"""Runs on disk."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.helpers.training_configs import small_config
from training.errors import ConfigurationError, RunError
from training.events import EpochEnded
from training.runs import (
    ProcessMark,
    Run,
    RunRecord,
    RunState,
    format_history,
    free_name,
    list_runs,
    parse_history,
)

EPOCHS = tuple(
    EpochEnded(number, 0.7 / number, 1 - 0.5 / number, 0.1 + 0.2, 1 / 3, 12.345)
    for number in range(1, 4)
)


def new_run(root: Path, name: str = "run") -> Run:
    config = small_config(root, name)
    run = Run(Path(config.run_folder))
    run.create(config)
    return run


def dead_process() -> ProcessMark:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mark = ProcessMark(process.pid, ProcessMark.of_this_process().started)
    process.communicate(b"\n")
    return mark


def damage(run: Run, content: str) -> None:
    (run.folder / "run.json").write_text(content, encoding="utf-8")


def test_a_new_run_is_running_in_the_process_that_made_it(tmp_path: Path) -> None:
    record = new_run(tmp_path).read()
    assert record.state is RunState.RUNNING
    assert record.config == small_config(tmp_path)
    assert record.process == ProcessMark.of_this_process()
    assert record.model is None


def test_a_run_cannot_be_made_twice(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    before = (run.folder / "run.json").read_bytes()
    with pytest.raises(RunError, match="a run named 'run' already"):
        new_run(tmp_path)
    assert (run.folder / "run.json").read_bytes() == before


def test_a_folder_that_cannot_be_made_is_a_run_error(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file in the way")
    with pytest.raises(RunError, match="cannot be made"):
        new_run(tmp_path)


@pytest.mark.parametrize("name", ["run", "Kätzchen 猫"])
def test_a_record_survives_writing(tmp_path: Path, name: str) -> None:
    run = new_run(tmp_path, name)
    record = replace(run.read(), state=RunState.FAILED, model="m.catdog", reason='"no" ü\n')
    run.write(record)
    assert run.name == name
    assert Run(run.folder).read() == record


def test_a_run_that_is_not_there_is_a_run_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run named 'none'"):
        Run(tmp_path / "none").read()


@pytest.mark.parametrize(
    "content", ["", "{", "null", "[]", "5", "{}", '{"state": "running"}', '{"config": {}}']
)
def test_a_damaged_record_is_a_run_error(tmp_path: Path, content: str) -> None:
    run = new_run(tmp_path)
    damage(run, content)
    with pytest.raises(RunError, match="'run'"):
        run.read()


@pytest.mark.parametrize(
    ("key", "value"),
    [("state", "dreaming"), ("process", 5), ("process", {"pid": 1}), ("config", None)],
)
def test_a_record_with_a_damaged_value_is_a_run_error(
    tmp_path: Path, key: str, value: object
) -> None:
    run = new_run(tmp_path)
    values = json.loads((run.folder / "run.json").read_text("utf-8"))
    damage(run, json.dumps({**values, key: value}))
    with pytest.raises(RunError, match="'run'"):
        run.read()


def test_a_record_with_an_impossible_configuration_is_a_run_error(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    values = json.loads((run.folder / "run.json").read_text("utf-8"))
    values["config"]["hyperparameters"]["epochs"] = 0
    damage(run, json.dumps(values))
    with pytest.raises(RunError, match="'run'"):
        run.read()


def test_a_running_run_whose_process_is_dead_has_failed(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    run.write(replace(run.read(), process=dead_process()))
    record = run.read()
    assert record.state is RunState.FAILED
    assert "without a word" in str(record.reason)
    assert record.model is None


def test_a_run_cut_off_after_it_saved_keeps_its_model(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    model = Path(run.read().config.model_file)
    model.parent.mkdir()
    model.write_bytes(b"a model")
    run.write(replace(run.read(), process=dead_process()))
    assert run.read().model == str(model)


@pytest.mark.parametrize("state", [RunState.FINISHED, RunState.STOPPED])
def test_a_run_that_ended_stays_as_it_ended(tmp_path: Path, state: RunState) -> None:
    run = new_run(tmp_path)
    record: RunRecord = replace(run.read(), state=state, process=dead_process(), model="m.catdog")
    run.write(record)
    assert run.read() == record


def test_a_process_is_told_apart_from_a_later_one_of_the_same_number() -> None:
    mark = ProcessMark.of_this_process()
    assert mark.is_alive()
    assert not replace(mark, started=mark.started - 60).is_alive()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such processes")
def test_a_process_that_ended_but_was_not_waited_for_is_not_alive() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        mark = ProcessMark(process.pid, psutil.Process(process.pid).create_time())
        assert mark.is_alive()
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
        assert not mark.is_alive()
    finally:
        process.communicate()


def test_a_run_without_epochs_has_no_history(tmp_path: Path) -> None:
    assert new_run(tmp_path).history() == ()


def test_the_history_grows_by_an_epoch_at_a_time(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    for number, epoch in enumerate(EPOCHS, 1):
        run.append_history(epoch)
        assert run.history() == EPOCHS[:number]


def test_a_history_survives_its_csv() -> None:
    text = format_history(EPOCHS)
    assert text.splitlines()[0] == "epoch,loss,accuracy,val_loss,val_accuracy,seconds"
    assert tuple(parse_history(text)) == EPOCHS


def test_a_history_without_numbers_survives_its_csv() -> None:
    (epoch,) = parse_history(format_history([replace(EPOCHS[0], val_loss=float("inf"))]))
    assert epoch.val_loss == float("inf")


def test_a_line_of_history_cut_short_is_left_out(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    for epoch in EPOCHS:
        run.append_history(epoch)
    whole = (run.folder / "history.csv").read_text("utf-8")
    begin_of_last_line = whole.rindex("\n", 0, -1) + 1
    last_comma = whole.rindex(",")
    for end in range(begin_of_last_line, last_comma + 1):
        (run.folder / "history.csv").write_text(whole[:end], encoding="utf-8")
        assert run.history() == EPOCHS[:2], whole[:end]


def test_runs_are_listed_oldest_first_whichever_ended_last(tmp_path: Path) -> None:
    for name, created in (("b", "2026-01-01"), ("c", "2026-01-02"), ("a", "2026-01-03")):
        run = new_run(tmp_path, name)
        run.write(replace(run.read(), created=f"{created}T12:00:00+00:00"))
    first = Run(tmp_path / "runs" / "b")
    first.write(replace(first.read(), state=RunState.FINISHED))
    os.utime(first.folder / "run.json", (4e9, 4e9))
    assert [run.name for run in list_runs(tmp_path / "runs")] == ["b", "c", "a"]


def test_a_damaged_run_does_not_keep_the_others_from_being_listed(tmp_path: Path) -> None:
    new_run(tmp_path, "good")
    damage(new_run(tmp_path, "bad"), "{")
    (tmp_path / "runs" / "no run").mkdir()
    assert {run.name for run in list_runs(tmp_path / "runs")} == {"good", "bad"}


def test_no_folder_of_runs_holds_no_runs(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "none") == []


def test_the_first_name_that_neither_a_run_nor_a_model_bears_is_free(tmp_path: Path) -> None:
    runs, models = tmp_path / "runs", tmp_path / "models"
    assert free_name("baseline", runs, models) == "baseline-1"
    (runs / "baseline-1").mkdir(parents=True)
    models.mkdir()
    (models / "baseline-2.catdog").touch()
    (runs / "baseline-4").mkdir()
    assert free_name("baseline", runs, models) == "baseline-3"


def test_a_free_name_can_be_a_file_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        free_name("a/b", tmp_path, tmp_path)
