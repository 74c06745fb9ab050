"""Supervising a training process, acted by small scripts."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.helpers.training_configs import small_config
from training import process as process_module
from training.configuration import TrainingConfig
from training.errors import RunError, TrainingError
from training.events import (
    BatchEnded,
    Event,
    Failed,
    Finished,
    Outcome,
    PhotoSkipped,
    Progressed,
    Stopped,
    to_line,
)
from training.process import STOP, TrainingProcess, command_line, exit_reason
from training.runs import Run, RunState

Start = Callable[[str], TrainingProcess]
SHORT_GRACE = 0.5

# What every acted training process begins with.
PROLOGUE = """
import json, os, signal, sys, time
from training.events import *
config = json.loads(sys.stdin.readline())
def say(event):
    print(to_line(event), flush=True)
"""
GO_ON_FOR_EVER = "\nwhile True: signal.pause()"
TAKES_NO_STOP = "say(Progressed('deaf', 0, 0))" + GO_ON_FOR_EVER


@pytest.fixture
def config(tmp_path: Path) -> TrainingConfig:
    return small_config(tmp_path)


@pytest.fixture
def start(tmp_path: Path, config: TrainingConfig) -> Iterator[Start]:
    """Start an acted training process; whatever is left of it is killed when the test ends."""
    started: list[TrainingProcess] = []

    def start_script(body: str) -> TrainingProcess:
        script = tmp_path / "acted.py"
        script.write_text(PROLOGUE + body, encoding="utf-8")
        started.append(TrainingProcess(config, [sys.executable, str(script)]))
        return started[-1]

    yield start_script
    for process in started:
        if psutil.pid_exists(process.pid):  # no one has listened to its end
            process.kill()
            list(process.events())


@pytest.fixture
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_module, "GRACE_SECONDS", SHORT_GRACE)


def save_model(config: TrainingConfig) -> str:
    model = Path(config.model_file)
    model.parent.mkdir(parents=True)
    model.write_bytes(b"a model")
    return str(model)


def outcome_of(events: list[Event]) -> Outcome:
    """Return the last event, having checked that it is the only outcome."""
    outcomes = [event for event in events if isinstance(event, Outcome)]
    assert outcomes == events[-1:]
    return outcomes[0]


def failure_of(process: TrainingProcess) -> Failed:
    outcome = outcome_of(list(process.events()))
    assert isinstance(outcome, Failed)
    return outcome


def state_of(config: TrainingConfig) -> RunState:
    return Run(Path(config.run_folder)).read().state


def test_events_arrive_in_order_and_end_with_the_outcome(start: Start) -> None:
    process = start(
        "say(Progressed('Opening', 1, 2)); say(PhotoSkipped('ü猫.jpg', 'empty'))\n"
        "say(BatchEnded(1, 1, 0.5, 0.25)); say(Finished('m', 1, 0.5, 10))"
    )
    assert list(process.events()) == [
        Progressed("Opening", 1, 2),
        PhotoSkipped("ü猫.jpg", "empty"),
        BatchEnded(1, 1, 0.5, 0.25),
        Finished("m", 1, 0.5, 10),
    ]
    assert not psutil.pid_exists(process.pid)


def test_the_process_is_given_its_configuration(start: Start, config: TrainingConfig) -> None:
    process = start("say(Progressed(json.dumps(config), 0, 0)); say(Stopped(None))")
    told = next(event for event in process.events() if isinstance(event, Progressed))
    assert TrainingConfig.from_json(told.stage) == config


def test_what_the_process_prints_to_stderr_is_in_the_log(
    start: Start, config: TrainingConfig
) -> None:
    list(start("print('last words', file=sys.stderr); say(Stopped(None))").events())
    assert "last words" in Run(Path(config.run_folder)).log.read_text("utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_a_process_killed_by_the_system_failed_for_want_of_memory(
    start: Start, config: TrainingConfig
) -> None:
    process = start("say(Progressed('Training', 0, 0)); os.kill(os.getpid(), signal.SIGKILL)")
    failure = failure_of(process)
    record = Run(Path(config.run_folder)).read()
    assert "memory" in failure.reason
    assert failure.model is None
    assert (record.state, record.reason) == (RunState.FAILED, failure.reason)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_a_crash_is_called_by_its_signal(start: Start) -> None:
    reason = failure_of(start("os.kill(os.getpid(), signal.SIGSEGV)")).reason
    assert "SIGSEGV" in reason
    assert "training.log" in reason


def test_an_exit_without_an_outcome_tells_the_exit_code(
    start: Start, config: TrainingConfig
) -> None:
    failure = failure_of(start("say(Progressed('Training', 0, 0)); sys.exit(3)"))
    assert "exit code 3" in failure.reason
    assert state_of(config) is RunState.FAILED


def test_an_exit_without_a_word_at_all_is_a_failure(start: Start) -> None:
    assert "exit code 0" in failure_of(start("")).reason


def test_a_failure_keeps_the_model_that_was_saved(start: Start, config: TrainingConfig) -> None:
    process = start(
        "os.makedirs(os.path.dirname(config['model_file']))\n"
        "open(config['model_file'], 'w').close(); sys.exit(3)"
    )
    assert failure_of(process).model == config.model_file
    assert Run(Path(config.run_folder)).read().model == config.model_file


def test_a_failure_does_not_claim_a_model_that_was_there_before(
    start: Start, config: TrainingConfig
) -> None:
    save_model(config)
    assert failure_of(start("sys.exit(3)")).model is None


@pytest.mark.timeout(10)
def test_a_line_that_is_no_event_ends_the_process_and_is_quoted(
    start: Start, config: TrainingConfig
) -> None:
    failure = failure_of(start("print('Hello from a library', flush=True)" + GO_ON_FOR_EVER))
    assert "Hello from a library" in failure.reason
    assert "memory" not in failure.reason
    assert state_of(config) is RunState.FAILED


def test_a_line_cut_short_by_the_end_of_the_process_is_left_out(start: Start) -> None:
    process = start(
        "say(Progressed('Training', 0, 0)); sys.stdout.write('{\"event\": \"Batch')\n"
        "sys.stdout.flush(); os._exit(4)"
    )
    events = list(process.events())
    assert events[:-1] == [Progressed("Training", 0, 0)]
    assert "exit code 4" in str(events[-1])


def test_a_process_that_obeys_a_stop_tells_so_itself(start: Start, config: TrainingConfig) -> None:
    process = start(
        "say(Progressed('Training', 0, 0)); command = json.loads(sys.stdin.readline())\n"
        "say(Progressed(command['command'], 1, 1)); say(Stopped('m.catdog'))"
    )
    events = []
    for event in process.events():
        events.append(event)
        process.stop()
    assert events[1:] == [Progressed("stop", 1, 1), Stopped("m.catdog")]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_stop_is_said_once_however_often_it_is_asked_for(start: Start) -> None:
    process = start(
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
        "say(Progressed('Training', 0, 0)); signal.sigwait([signal.SIGTERM])\n"
        "say(Stopped(os.read(0, 1000).decode()))"
    )
    events = process.events()
    next(events)
    process.stop()
    process.stop()
    os.kill(process.pid, signal.SIGTERM)
    assert list(events) == [Stopped(command_line(STOP))]


@pytest.mark.timeout(10)
@pytest.mark.usefixtures("short_grace")
def test_a_process_deaf_to_a_stop_is_killed_after_a_grace(
    start: Start, config: TrainingConfig
) -> None:
    process = start(TAKES_NO_STOP)
    events = []
    for event in process.events():
        events.append(event)
        process.stop()
    assert events == [Progressed("deaf", 0, 0), Stopped(None)]
    assert state_of(config) is RunState.STOPPED


@pytest.mark.timeout(10)
@pytest.mark.usefixtures("short_grace")
def test_a_process_that_must_be_killed_keeps_the_model_that_it_saved(
    start: Start, config: TrainingConfig
) -> None:
    process = start(
        "os.makedirs(os.path.dirname(config['model_file']))\n"
        "open(config['model_file'], 'w').close()\n" + TAKES_NO_STOP
    )
    events = process.events()
    next(events)
    process.stop()
    assert outcome_of(list(events)) == Stopped(config.model_file)


@pytest.mark.timeout(10)
@pytest.mark.usefixtures("short_grace")
def test_a_stop_before_the_process_has_begun_is_a_stop(
    start: Start, config: TrainingConfig
) -> None:
    process = start(GO_ON_FOR_EVER)
    process.stop()
    assert list(process.events()) == [Stopped(None)]
    assert state_of(config) is RunState.STOPPED


@pytest.mark.timeout(10)
@pytest.mark.usefixtures("short_grace")
def test_a_process_that_hangs_after_its_outcome_is_ended(start: Start) -> None:
    process = start("say(Finished('m', 1, 0.5, 10))" + GO_ON_FOR_EVER)
    assert list(process.events()) == [Finished("m", 1, 0.5, 10)]
    assert not psutil.pid_exists(process.pid)


@pytest.mark.timeout(10)
@pytest.mark.usefixtures("short_grace")
def test_listening_no_more_ends_the_process(start: Start) -> None:
    process = start(TAKES_NO_STOP)
    events = process.events()
    assert next(events) == Progressed("deaf", 0, 0)
    assert isinstance(events, Iterator)
    del events
    assert not psutil.pid_exists(process.pid)


def test_listening_no_more_closes_the_commands_upon_which_training_stops(start: Start) -> None:
    process = start(
        "say(Progressed('Training', 0, 0)); rest = sys.stdin.read()\n"
        "open(config['dataset'] + '.stopped', 'w').close()"
    )
    events = process.events()
    next(events)
    del events
    assert not psutil.pid_exists(process.pid)


def test_a_stop_after_the_end_changes_nothing(start: Start, config: TrainingConfig) -> None:
    process = start("say(Finished('m', 1, 0.5, 10))")
    events = list(process.events())
    process.stop()
    process.kill()
    assert outcome_of(events) == Finished("m", 1, 0.5, 10)


@pytest.mark.timeout(10)
def test_a_killed_process_is_not_said_to_have_run_out_of_memory(start: Start) -> None:
    process = start(TAKES_NO_STOP)
    events = process.events()
    next(events)
    process.kill()
    assert "memory" not in str(outcome_of(list(events)))


def test_a_run_of_that_name_is_refused_and_left_as_it_is(
    start: Start, config: TrainingConfig
) -> None:
    list(start("say(Finished('m', 1, 0.5, 10))").events())
    record = (Path(config.run_folder) / "run.json").read_bytes()
    with pytest.raises(RunError, match="a run named 'run' already"):
        start("say(Finished('m', 1, 0.5, 10))")
    assert (Path(config.run_folder) / "run.json").read_bytes() == record


def test_a_process_that_cannot_be_started_is_a_training_error(
    tmp_path: Path, config: TrainingConfig
) -> None:
    with pytest.raises(TrainingError, match="cannot be started"):
        TrainingProcess(config, [str(tmp_path / "no such program")])


def test_a_process_that_cannot_be_started_leaves_no_run_that_seems_to_go_on(
    tmp_path: Path, config: TrainingConfig
) -> None:
    with pytest.raises(TrainingError):
        TrainingProcess(config, [str(tmp_path / "no such program")])
    run = Run(Path(config.run_folder))
    assert not run.folder.exists() or run.read().state is RunState.FAILED


def test_a_run_folder_that_vanishes_does_not_hide_the_outcome(
    start: Start, config: TrainingConfig
) -> None:
    process = start("import shutil; shutil.rmtree(config['run_folder']); sys.exit(3)")
    assert "exit code 3" in failure_of(process).reason


def test_more_output_than_a_pipe_holds_arrives_whole(start: Start) -> None:
    process = start(
        "for number in range(3000): say(BatchEnded(1, number, 0.5, 0.5))\n"
        "say(Finished('m' * 100_000, 1, 0.5, 10))"
    )
    events = list(process.events())
    assert len(events) == 3001
    assert outcome_of(events) == Finished("m" * 100_000, 1, 0.5, 10)


def test_a_long_log_does_not_block_the_process(start: Start) -> None:
    process = start("sys.stderr.write('x' * 1_000_000); say(Stopped(None))")
    assert outcome_of(list(process.events())) == Stopped(None)


@pytest.mark.parametrize(
    ("code", "words"),
    [(-9, "memory"), (-11, "SIGSEGV"), (-200, "signal 200"), (1, "exit code 1")],
)
def test_every_way_to_end_has_words(code: int, words: str) -> None:
    reason = exit_reason(code, Path("training.log"))
    assert words in reason
    assert reason.endswith(".")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups")
def test_ctrl_c_in_the_terminal_does_not_reach_the_process(start: Start) -> None:
    process = start("say(Progressed('group', os.getpgrp(), 0)); say(Stopped(None))")
    group = next(event for event in process.events() if isinstance(event, Progressed)).done
    assert group == process.pid
    assert group != os.getpgrp()


def test_an_event_with_a_broken_character_is_still_read(start: Start) -> None:
    line = to_line(Stopped("x")).encode().replace(b"x", b"\xff")
    process = start(f"sys.stdout.buffer.write({line!r} + b'\\n'); sys.stdout.flush()")
    assert outcome_of(list(process.events())) == Stopped("\ufffd")


def test_the_configuration_is_one_line_whatever_the_paths_hold(
    tmp_path: Path, config: TrainingConfig
) -> None:
    odd = replace(config, dataset=str(tmp_path / "new\nline ü 猫 \u2028"))
    assert json.loads(odd.to_json())["dataset"] == odd.dataset
    assert odd.to_json().isascii()
