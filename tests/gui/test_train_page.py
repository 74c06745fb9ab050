"""Training from the window, with a process that tells what the test wants it to."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QLineEdit, QSpinBox
from pytestqt.qtbot import QtBot

from catdog_gui.views.curves_view import CurvesView
from catdog_gui.views.main_window import TRAIN, MainWindow
from catdog_gui.views.train_page import TrainPage
from tests.helpers.models import write_colour_model
from tests.helpers.photos import write_dataset, write_photo
from tests.helpers.training_process import script_command
from tests.helpers.window import button, click, find, message, model_picker
from training.events import (
    BatchEnded,
    EpochEnded,
    Event,
    Failed,
    Finished,
    PhotoSkipped,
    Saved,
    Started,
    Stopped,
    ValidationEnded,
)

EPOCHS = 3
STEPS = 20


def epoch_events(epoch: int, model: Path) -> list[Event]:
    """Return what a training process tells of one epoch."""
    accuracy = 0.5 + epoch / 10
    batches = [BatchEnded(epoch, batch, 0.7 / batch, accuracy) for batch in range(1, STEPS + 1)]
    return [
        *batches,
        ValidationEnded(epoch, 0.6, accuracy),
        EpochEnded(epoch, 0.5, accuracy, 0.6, accuracy, 1.5),
        Saved(epoch, str(model)),
    ]


@pytest.fixture
def page(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> TrainPage:
    """Return the training page with a dataset opened."""
    window.show_page(TRAIN)
    page = window.train_page()
    page.open_dataset(write_dataset(tmp_path / "colours", photos=8))
    qtbot.waitUntil(button(page, "train").isEnabled)
    return page


def started() -> Started:
    """Return the event that opens a run."""
    return Started("run", 3_453_121, "CPU", "float32", 10, 4, EPOCHS, STEPS)


def tells(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    events: Sequence[Event],
    ending: str = "exit",
    last: Event | None = None,
) -> None:
    """Let the next training process tell these events."""
    command = script_command(folder, events, ending, last)
    monkeypatch.setattr("training.process.training_command", lambda: command)


def ended(page: TrainPage, qtbot: QtBot) -> None:
    """Wait until the run is over."""
    qtbot.waitUntil(lambda: not page.training)


def test_a_run_draws_its_curves_and_says_what_it_reached(
    page: TrainPage,
    window: MainWindow,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    model = tmp_path / "model.catdog"
    epochs = [event for epoch in range(1, EPOCHS + 1) for event in epoch_events(epoch, model)]
    outcome = Finished(str(model), EPOCHS, 0.8, 100)
    tells(monkeypatch, tmp_path, [started(), *epochs, PhotoSkipped("a.jpg", "x"), outcome])
    click(page, "train")
    ended(page, qtbot)
    best = find_curves(page).best()
    assert best is not None
    assert (best.epoch, best.val_accuracy) == (EPOCHS, 0.8)
    assert "80.0% ± 7.8 of 100 validation photos" in message(window)
    assert "1 photos could not be read" in message(window)


def find_curves(page: TrainPage) -> CurvesView:
    """Return the curves."""
    curves = page.findChild(CurvesView)
    assert curves is not None
    return curves


def test_a_saved_model_can_be_chosen_on_the_photos_page(
    page: TrainPage,
    window: MainWindow,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    home: Path,
    tmp_path: Path,
) -> None:
    find(page, QLineEdit, "run_name").setText("übung 1")
    model = home / "models" / "übung 1.catdog"
    tells(
        monkeypatch,
        tmp_path,
        [started(), *epoch_events(1, model)],
        "wait_for_stop",
        Stopped(str(model)),
    )
    click(page, "train")
    qtbot.waitUntil(lambda: find_curves(page).best() is not None)
    write_colour_model(model)
    click(page, "stop_training")
    ended(page, qtbot)
    qtbot.waitUntil(lambda: model_picker(window).currentText() == "übung 1")
    assert message(window) == "Stopped; the best model so far is kept as übung 1."


def test_a_killed_training_process_leaves_the_window_alive_and_says_so(
    page: TrainPage,
    window: MainWindow,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    tells(monkeypatch, tmp_path, [started(), BatchEnded(1, 1, 0.7, 0.5)], "killed")
    click(page, "train")
    ended(page, qtbot)
    assert "killed by the system" in message(window)
    assert button(page, "train").isEnabled()


def test_a_failure_is_told_in_its_own_words(
    page: TrainPage,
    window: MainWindow,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    tells(monkeypatch, tmp_path, [started(), Failed("The disk is full.", None)])
    click(page, "train")
    ended(page, qtbot)
    assert message(window) == "The disk is full."


@pytest.mark.parametrize("name", ["a/b", "..", "x" * 200])
def test_a_name_that_no_file_can_bear_is_refused(
    page: TrainPage, window: MainWindow, name: str
) -> None:
    find(page, QLineEdit, "run_name").setText(name)
    click(page, "train")
    assert not page.training
    assert "name" in message(window)


def test_the_form_starts_with_the_numbers_of_the_study(page: TrainPage) -> None:
    numbers = {
        name: find(page, QSpinBox, name).value()
        for name in ("epochs", "steps_per_epoch", "batch_size", "image_side")
    }
    assert numbers == {"epochs": 30, "steps_per_epoch": 100, "batch_size": 20, "image_side": 150}


def test_a_dataset_of_one_class_gets_a_sentence(
    page: TrainPage, window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    write_photo(tmp_path / "lonely" / "cat" / "1.jpg")
    write_photo(tmp_path / "lonely" / "cat" / "deep" / "2.jpg")
    page.open_dataset(tmp_path / "lonely")
    qtbot.waitUntil(lambda: "at least two" in message(window))
    assert str(tmp_path / "lonely") in message(window)


def test_before_the_first_epoch_the_page_says_what_is_learned(
    page: TrainPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tells(monkeypatch, tmp_path, [started()], "wait_for_stop", Stopped(None))
    click(page, "train")
    reading = find(page, QLabel, "reading")
    qtbot.waitUntil(lambda: "3,453,121 parameters" in reading.text())
    click(page, "stop_training")
    ended(page, qtbot)
    assert "no model" in reading.text()
