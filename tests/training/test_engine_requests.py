"""Asking a process with TensorFlow, acted by small scripts."""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from training.configuration import STUDY_AUGMENTATION, Augmentation
from training.engine_requests import (
    Answered,
    ask_engine,
    is_request,
    parse_reply,
    parse_request,
    reply_line,
    request_line,
)
from training.errors import ConfigurationError, TrainingError
from training.events import Failed, PhotoSkipped, Progressed
from training.request_kinds import (
    EngineRequest,
    ExplainPhotos,
    ExportModel,
    ImportModel,
    PreviewAugmentation,
)

REQUEST = ExportModel(model="/größer 1.catdog", export_format="onnx", target="/out.onnx")
Command = Callable[[str], list[str]]

# What every acted process begins with.
PROLOGUE = """
import json, os, signal, sys, tempfile
from training.engine_requests import *
from training.events import *
line = sys.stdin.readline()
def say(reply):
    print(reply_line(reply), flush=True)
"""
GO_ON_FOR_EVER = "\nwhile True: signal.pause()"
TELL_PID = "say(Progressed(str(os.getpid()), 0, 0))" + GO_ON_FOR_EVER


@pytest.fixture
def acted(tmp_path: Path) -> Command:
    """Return a function that returns the command of an acted process."""

    def command(body: str) -> list[str]:
        script = tmp_path / "acted.py"
        script.write_text(PROLOGUE + body, encoding="utf-8")
        return [sys.executable, str(script)]

    return command


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where temporary files go during the test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize(
    "request_made",
    [
        REQUEST,
        ImportModel(file="/a.h5", target="/a.catdog", class_names=("cat", "Käuzchen")),
        ImportModel(
            file="/a.h5", target="/b", class_names=("a", "b"), image_size=(3, 4), scale="vgg19"
        ),
        ExplainPhotos(model="/m", photos=("/a.jpg", "/b\n.jpg"), folder="/f", class_name="cat"),
        PreviewAugmentation(
            photo="/a.jpg", target="/b.png", augmentation=STUDY_AUGMENTATION, image_size=(3, 4),
            count=9,
        ),
    ],
)  # fmt: skip
def test_a_request_survives_its_way_as_a_line(request_made: EngineRequest) -> None:
    line = request_line(request_made)
    assert "\n" not in line
    assert parse_request(line) == request_made


def test_numbers_of_a_request_that_make_no_sense_are_refused() -> None:
    def preview(count: int = 1, side: int = 9) -> PreviewAugmentation:
        return PreviewAugmentation(
            photo="p", target="t", augmentation=Augmentation(), image_size=(side, 9), count=count
        )

    assert preview().count == 1
    for wrong in ({"count": 0}, {"count": 101}, {"side": 0}, {"side": 5000}):
        with pytest.raises(ConfigurationError):
            preview(**wrong)
    with pytest.raises(ConfigurationError, match="no photo"):
        ExplainPhotos(model="m", photos=(), folder="f")


@pytest.mark.parametrize(
    "line", ["", "3", "[]", "{}", '{"request": "Sing"}', '{"request": "ExportModel"}', "\0", "null"]
)
def test_a_line_that_is_no_request_is_refused(line: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_request(line)


def test_requests_are_told_from_configurations() -> None:
    assert is_request(request_line(REQUEST))
    assert not is_request('{"run": "request", "dataset": "d"}')
    assert not is_request("request")
    assert not is_request('["request"]')


@pytest.mark.parametrize(
    "reply",
    [
        Progressed("Converting", 1, 2),
        PhotoSkipped("ü猫.jpg", "empty"),
        Answered(("a", "b"), ("It takes photos.",)),
        Failed("No.", None),
    ],
)
def test_replies_survive_their_way_as_lines(
    reply: Progressed | PhotoSkipped | Answered | Failed,
) -> None:
    assert parse_reply(reply_line(reply)) == reply


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{}",
        "3",
        '{"event": "Answered"}',
        '{"event": "Answered", "files": [3], "notes": []}',
        '{"event": "Answered", "files": 3, "notes": []}',
        '{"event": "Stopped", "model": null}',
    ],
)
def test_a_line_that_is_no_reply_is_refused(line: str) -> None:
    with pytest.raises(TrainingError):
        parse_reply(line)


def test_an_unknown_export_format_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="onnx, litert, savedmodel"):
        ExportModel(model="m", export_format="gif", target="t")


def test_the_process_is_given_the_request_and_its_answer_is_returned(acted: Command) -> None:
    answer = ask_engine(REQUEST, command=acted("say(Answered((line,)))"))
    assert answer is not None
    assert parse_request(answer.files[0]) == REQUEST


def test_progress_and_skipped_photos_are_passed_on_in_order(acted: Command) -> None:
    told: list[object] = []
    body = (
        "say(Progressed('Reading', 1, 2)); say(PhotoSkipped('a.jpg', 'empty'))\n"
        "say(Progressed('Reading', 2, 2)); say(Answered(()))"
    )
    ask_engine(REQUEST, command=acted(body), on_progress=told.append, on_skipped=told.append)
    assert told == [
        Progressed("Reading", 1, 2),
        PhotoSkipped("a.jpg", "empty"),
        Progressed("Reading", 2, 2),
    ]


def test_a_failure_is_raised_in_its_own_words(acted: Command) -> None:
    with pytest.raises(TrainingError, match=r"^There is no such model\.$"):
        ask_engine(REQUEST, command=acted("say(Failed('There is no such model.', None))"))


def test_a_process_that_hangs_after_its_answer_is_not_waited_for(acted: Command) -> None:
    pids: list[int] = []
    body = "say(Progressed(str(os.getpid()), 0, 0)); say(Answered(()))" + GO_ON_FOR_EVER
    answer = ask_engine(
        REQUEST, command=acted(body), on_progress=lambda event: pids.append(int(event.stage))
    )
    assert answer == Answered(())
    assert not psutil.pid_exists(pids[0])


def test_a_stop_ends_the_process(acted: Command) -> None:
    pids: list[int] = []
    answer = ask_engine(
        REQUEST,
        command=acted(TELL_PID),
        on_progress=lambda event: pids.append(int(event.stage)),
        should_stop=lambda: bool(pids),
    )
    assert answer is None
    assert not psutil.pid_exists(pids[0])


def test_an_interruption_ends_the_process_and_goes_on(acted: Command) -> None:
    pids: list[int] = []

    def interrupt(event: Progressed) -> None:
        pids.append(int(event.stage))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask_engine(REQUEST, command=acted(TELL_PID), on_progress=interrupt)
    assert not psutil.pid_exists(pids[0])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_a_process_killed_by_the_system_wanted_memory(acted: Command) -> None:
    with pytest.raises(TrainingError, match="memory ran out"):
        ask_engine(REQUEST, command=acted("os.kill(os.getpid(), signal.SIGKILL)"))


def test_an_end_without_an_answer_tells_the_last_words_and_keeps_the_log(
    acted: Command, temporary: Path
) -> None:
    body = "print('first\\nlast words', file=sys.stderr); sys.exit(3)"
    with pytest.raises(TrainingError, match=r"exit code 3.*It said: last words$") as refused:
        ask_engine(REQUEST, command=acted(body))
    (log,) = temporary.iterdir()
    assert str(log) in str(refused.value)
    assert log.read_text("utf-8") == "first\nlast words"


@pytest.mark.timeout(20)
def test_nonsense_ends_the_process_and_is_quoted(acted: Command) -> None:
    with pytest.raises(TrainingError, match="Hello from a library"):
        ask_engine(
            REQUEST, command=acted("print('Hello from a library', flush=True)" + GO_ON_FOR_EVER)
        )


def test_a_reply_cut_short_by_the_end_of_the_process_is_left_out(acted: Command) -> None:
    body = 'sys.stdout.write(\'{"event": "Answ\'); sys.stdout.flush(); os._exit(4)'
    with pytest.raises(TrainingError, match="exit code 4"):
        ask_engine(REQUEST, command=acted(body))


def test_a_process_that_reads_nothing_and_ends_is_survived(acted: Command, tmp_path: Path) -> None:
    script = tmp_path / "deaf.py"
    script.write_text("import os; os.close(0); os._exit(5)", encoding="utf-8")
    with pytest.raises(TrainingError, match="exit code 5"):
        ask_engine(REQUEST, command=[sys.executable, str(script)])


def test_a_process_that_cannot_be_started_says_so(tmp_path: Path, temporary: Path) -> None:
    with pytest.raises(TrainingError, match="cannot be started"):
        ask_engine(REQUEST, command=[str(tmp_path / "nowhere")])
    assert list(temporary.iterdir()) == []


def test_temporary_files_of_the_process_are_gone_however_it_ends(
    acted: Command, temporary: Path
) -> None:
    body = (
        "_, name = tempfile.mkstemp(); say(Progressed(name, 0, 0))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    places: list[str] = []
    with pytest.raises(TrainingError):
        ask_engine(
            REQUEST, command=acted(body), on_progress=lambda event: places.append(event.stage)
        )
    assert Path(places[0]).is_relative_to(temporary)
    assert list(temporary.iterdir()) == []


@pytest.mark.trains
def test_a_real_process_refuses_what_it_cannot_do_in_one_sentence(tmp_path: Path) -> None:
    stages: list[str] = []
    request = ExportModel(
        model=str(tmp_path / "größer 1.catdog"), export_format="onnx", target=str(tmp_path / "o")
    )
    with pytest.raises(TrainingError, match=r"^There is no model file .*größer 1\.catdog: check"):
        ask_engine(request, on_progress=lambda event: stages.append(event.stage))
    assert stages[0] == "Starting TensorFlow"
    assert list(tmp_path.iterdir()) == []
