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


def test_success_carries_what_the_work_returned(qtbot: QtBot) -> None:
    task = FunctionTask(lambda: 42)
    with qtbot.waitSignals([task.succeeded, task.finished]) as signals:
        task.start()
    assert signals.all_signals_and_args[0].args == (42,)


def test_a_failure_carries_its_sentence(qtbot: QtBot) -> None:
    task = FunctionTask(refuse)
    with qtbot.waitSignals([task.failed, task.finished]) as signals:
        task.start()
    assert signals.all_signals_and_args[0].args == ("There is no dataset.",)


def test_an_unforeseen_failure_is_logged_and_told_in_one_sentence(
    qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    task = FunctionTask(break_down)
    with qtbot.waitSignals([task.failed, task.finished]):
        task.start()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    caplog.clear()


def test_stopping_is_neither_success_nor_failure(qtbot: QtBot) -> None:
    task = WaitingTask()
    ends: list[str] = []
    task.succeeded.connect(lambda _: ends.append("succeeded"))
    task.failed.connect(lambda _: ends.append("failed"))
    with qtbot.waitSignals([task.stopped, task.finished]):
        task.start()
        task.stop()
    assert ends == []


def test_a_runner_ends_all_of_its_tasks(qtbot: QtBot) -> None:
    runner = TaskRunner()
    tasks = [WaitingTask(), WaitingTask()]
    for task in tasks:
        runner.start(task)
    runner.stop_all()
    assert all(task.isFinished() for task in tasks)
