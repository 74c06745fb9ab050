"""Threads that end in one of three ways."""

import logging
from threading import Event

import pytest
from pytestqt.qtbot import QtBot

from catdog_gui.workers.background_task import BackgroundTask, FunctionTask, TaskRunner
from training.errors import DatasetError


class WaitingTask(BackgroundTask):
    """Waits until it is told to stop."""

    def work(self) -> None:
        """Wait."""
        while not self.should_stop():
            Event().wait(0.001)


def refuse() -> None:
    """Fail with a sentence for the user."""
    raise DatasetError("There is no dataset.")


def break_down() -> None:
    """Fail as nobody foresaw."""
    raise ZeroDivisionError


def run(task: BackgroundTask, qtbot: QtBot, *, stop: bool = False) -> list[object]:
    """Run a task to its end and return what it told: the signal's name, then what it carried."""
    told: list[object] = []
    task.succeeded.connect(lambda value: told.extend(["succeeded", value]))
    task.stopped.connect(lambda: told.append("stopped"))
    task.failed.connect(lambda words: told.extend(["failed", words]))
    with qtbot.waitSignal(task.finished):
        task.start()
        if stop:
            task.stop()
    task.wait()
    qtbot.waitUntil(lambda: bool(told))
    return told


def test_success_carries_what_the_work_returned(qtbot: QtBot) -> None:
    assert run(FunctionTask(lambda: 42), qtbot) == ["succeeded", 42]


def test_a_failure_carries_its_sentence(qtbot: QtBot) -> None:
    assert run(FunctionTask(refuse), qtbot) == ["failed", "There is no dataset."]


def test_an_unforeseen_failure_is_logged_and_told_in_one_sentence(
    qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    told = run(FunctionTask(break_down), qtbot)
    assert told == [
        "failed",
        "Something unexpected went wrong; the details are in the log file.",
    ]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    caplog.clear()


def test_stopping_is_neither_success_nor_failure(qtbot: QtBot) -> None:
    assert run(WaitingTask(), qtbot, stop=True) == ["stopped"]


@pytest.mark.usefixtures("qapp")
def test_a_runner_ends_all_of_its_tasks() -> None:
    runner = TaskRunner()
    tasks = [WaitingTask(), WaitingTask()]
    for task in tasks:
        runner.start(task)
    runner.stop_all()
    assert all(task.isFinished() for task in tasks)
