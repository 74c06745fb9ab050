"""Runs that are interrupted in every way, and go on as if they had not been."""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.photos import photo_bytes, write_dataset, write_photo
from tests.helpers.training_configs import TINY, small_config
from training.configuration import (
    STUDY_AUGMENTATION,
    Hyperparameters,
    Optimizer,
    Schedule,
    TrainingConfig,
)
from training.errors import RunError
from training.events import (
    BatchEnded,
    Continued,
    EpochEnded,
    Event,
    Failed,
    Finished,
    Paused,
    Started,
    Stopped,
)
from training.model_file import OPENVINO_BIN, read_model_file
from training.process import TrainingProcess
from training.runs import Run, RunState

pytestmark = pytest.mark.trains

NUMBERS = replace(
    TINY,
    epochs=3,
    steps_per_epoch=4,
    dropout=0.5,
    augmentation=STUDY_AUGMENTATION,
    schedule=Schedule.COSINE,
    validation_steps=0,
)
"""With all that is drawn at random, and a learning rate that changes."""

OnEvent = Callable[[TrainingProcess, Event], None]


def nothing(process: TrainingProcess, event: Event) -> None:
    """Let training go on."""


def train(
    config: TrainingConfig, on_event: OnEvent = nothing, *, resume: bool = False
) -> list[Event]:
    process = TrainingProcess(config, resume=resume)
    events = []
    for event in process.events():
        events.append(event)
        on_event(process, event)
    return events


def at_batch(epoch: int, batch: int, act: Callable[[TrainingProcess], None]) -> OnEvent:
    def look(process: TrainingProcess, event: Event) -> None:
        if isinstance(event, BatchEnded) and (event.epoch, event.batch) == (epoch, batch):
            act(process)

    return look


def kill(process: TrainingProcess) -> None:
    os.kill(process.pid, signal.SIGKILL)


def final_weights(config: TrainingConfig) -> NDArray[np.float32]:
    content = read_model_file(Path(config.model_file)).members[OPENVINO_BIN]
    return np.frombuffer(content[: len(content) // 4 * 4], np.float32)


def curves(config: TrainingConfig) -> list[tuple[float, ...]]:
    epochs = Run(Path(config.run_folder)).history()
    return [(e.epoch, e.loss, e.accuracy, e.val_loss, e.val_accuracy) for e in epochs]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> TrainingConfig:
    config = small_config(tmp_path_factory.mktemp("whole"), dataset=photos, numbers=NUMBERS)
    assert isinstance(train(config)[-1], Finished)
    return config


def config_of(root: Path, photos: Path, numbers: Hyperparameters = NUMBERS) -> TrainingConfig:
    return small_config(root, dataset=photos, numbers=numbers)


def check_equal(config: TrainingConfig, expected: TrainingConfig) -> None:
    np.testing.assert_allclose(curves(config), curves(expected), atol=1e-5)
    np.testing.assert_allclose(final_weights(config), final_weights(expected), atol=1e-5)


def test_a_run_stopped_within_an_epoch_ends_as_one_that_never_was(
    tmp_path: Path, photos: Path, uninterrupted: TrainingConfig
) -> None:
    config = config_of(tmp_path, photos)
    assert isinstance(train(config, at_batch(2, 2, TrainingProcess.stop))[-1], Stopped)
    assert Run(tmp_path / "runs" / "run").checkpoint.exists()
    events = train(config, resume=True)
    assert isinstance(events[-1], Finished)
    first = next(event for event in events if isinstance(event, BatchEnded))
    # One more batch may have ended before the stop was heard.
    assert (first.epoch, first.batch) in {(2, 3), (2, 4), (3, 1)}
    check_equal(config, uninterrupted)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_a_killed_run_loses_at_most_the_epoch_it_was_in(
    tmp_path: Path, photos: Path, uninterrupted: TrainingConfig
) -> None:
    config = config_of(tmp_path, photos)
    assert isinstance(train(config, at_batch(3, 3, kill))[-1], Failed)
    events = train(config, resume=True)
    started = next(event for event in events if isinstance(event, Started))
    assert started.epochs_before == 2
    assert isinstance(events[-1], Finished)
    check_equal(config, uninterrupted)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_a_killed_run_with_checkpoints_between_epochs_loses_less(
    tmp_path: Path, photos: Path, uninterrupted: TrainingConfig
) -> None:
    config = config_of(tmp_path, photos, replace(NUMBERS, checkpoint_every=1))
    train(config, at_batch(1, 3, kill))
    events = train(config, resume=True)
    first = next(event for event in events if isinstance(event, BatchEnded))
    assert first.epoch == 1
    assert first.batch >= 3
    check_equal(config, uninterrupted)


def test_a_paused_run_waits_and_goes_on_as_if_nothing_had_been(
    tmp_path: Path, photos: Path, uninterrupted: TrainingConfig
) -> None:
    config = config_of(tmp_path, photos)
    states = []

    def pause_and_go_on(process: TrainingProcess, event: Event) -> None:
        if isinstance(event, BatchEnded) and (event.epoch, event.batch) == (1, 2):
            process.pause()
        elif isinstance(event, Paused):
            states.append(Run(Path(config.run_folder)).read().state)
            process.go_on()
        elif isinstance(event, Continued):
            states.append(Run(Path(config.run_folder)).read().state)

    assert isinstance(train(config, pause_and_go_on)[-1], Finished)
    assert states == [RunState.PAUSED, RunState.RUNNING]
    check_equal(config, uninterrupted)


def test_a_paused_run_can_be_stopped(tmp_path: Path, photos: Path) -> None:
    def stop_while_paused(process: TrainingProcess, event: Event) -> None:
        if isinstance(event, BatchEnded):
            process.pause()
        elif isinstance(event, Paused):
            process.stop()

    events = train(config_of(tmp_path, photos), stop_while_paused)
    assert isinstance(events[-1], Stopped)
    assert any(isinstance(event, Paused) for event in events)


def add_photo(dataset: Path) -> None:
    write_photo(dataset / "red" / "another.jpg", "red", 99)


def change_contents(dataset: Path) -> None:
    """Replace photos by others of the same names and sizes."""
    for file in (dataset / "red").iterdir():
        size = len(file.read_bytes())
        others = (photo_bytes("green", seed) for seed in range(100))
        file.write_bytes(next(other for other in others if len(other) <= size).ljust(size, b"\0"))


@pytest.mark.parametrize("change", [add_photo, change_contents])
def test_a_run_whose_dataset_changed_is_not_resumed(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    dataset = write_dataset(tmp_path / "photos")
    config = config_of(tmp_path, dataset)
    train(config, at_batch(2, 1, TrainingProcess.stop))
    change(dataset)
    outcome = train(config, resume=True)[-1]
    assert isinstance(outcome, Failed)
    assert str(dataset) in outcome.reason
    assert "changed" in outcome.reason
    assert Run(Path(config.run_folder)).checkpoint.exists()


def test_a_run_whose_split_is_nonsense_is_told_how_to_go_on(
    tmp_path: Path, photos: Path, uninterrupted: TrainingConfig
) -> None:
    config = config_of(tmp_path, photos)
    train(config, at_batch(2, 1, TrainingProcess.stop))
    split = Run(Path(config.run_folder)).split
    for nonsense in (b'{"train": ["nowhere.jpg"], "validation": [], "test": []}', b"[" * 200_000):
        split.write_bytes(nonsense)
        outcome = train(config, resume=True)[-1]
        assert isinstance(outcome, Failed)
        assert f"{split} does not say any more how" in outcome.reason
    split.unlink()
    assert isinstance(train(config, resume=True)[-1], Finished)
    check_equal(config, uninterrupted)


def test_a_run_whose_checkpoint_is_gone_is_not_begun_anew(tmp_path: Path, photos: Path) -> None:
    config = config_of(tmp_path, photos)
    train(config, at_batch(3, 1, TrainingProcess.stop))
    run = Run(Path(config.run_folder))
    history = run.history()
    assert len(history) >= 2
    run.checkpoint.unlink()
    outcome = train(config, resume=True)[-1]
    assert isinstance(outcome, Failed)
    assert f"its checkpoint {run.checkpoint} is gone" in outcome.reason
    assert run.history() == history


def test_a_finished_run_leaves_no_checkpoint_and_is_not_resumed(
    uninterrupted: TrainingConfig,
) -> None:
    run = Run(Path(uninterrupted.run_folder))
    assert not run.checkpoint.exists()
    assert run.kept_weights() == []
    with pytest.raises(RunError, match="is finished"):
        TrainingProcess(uninterrupted, resume=True)


def test_the_same_seed_gives_the_same_weights(
    tmp_path: Path, photos: Path, uninterrupted: TrainingConfig
) -> None:
    config = config_of(tmp_path, photos)
    assert isinstance(train(config)[-1], Finished)
    check_equal(config, uninterrupted)


def test_training_that_brings_nothing_better_ends_early_with_its_best_epoch(
    tmp_path: Path, photos: Path
) -> None:
    # Steps so large that the network soon knows nothing any more.
    numbers = replace(
        TINY,
        epochs=50,
        patience=2,
        optimizer=Optimizer.ADAM,
        learning_rate=0.3,
        validation_steps=0,
    )
    config = config_of(tmp_path, photos, numbers)
    events = train(config)
    history = [event for event in events if isinstance(event, EpochEnded)]
    outcome = events[-1]
    assert isinstance(outcome, Finished)
    best = max(history, key=lambda epoch: (epoch.val_accuracy, -epoch.val_loss))
    assert len(history) < 50
    assert outcome.accuracy == pytest.approx(best.val_accuracy)


def stopped_run(root: Path, photos: Path) -> TrainingConfig:
    config = config_of(root, photos)
    assert isinstance(train(config, at_batch(3, 1, TrainingProcess.stop))[-1], Stopped)
    return config


def test_a_resumed_run_leaves_another_model_of_its_name_as_it_is(
    tmp_path: Path, photos: Path, uninterrupted: TrainingConfig
) -> None:
    config = stopped_run(tmp_path, photos)
    other = Path(uninterrupted.model_file).read_bytes()
    Path(config.model_file).write_bytes(other)
    outcome = train(config, resume=True)[-1]
    assert isinstance(outcome, Failed)
    assert config.model_file in outcome.reason
    assert outcome.model is None
    assert Path(config.model_file).read_bytes() == other


def test_a_run_goes_on_without_the_weights_of_a_best_epoch_that_were_damaged(
    tmp_path: Path, photos: Path
) -> None:
    config = stopped_run(tmp_path, photos)
    damaged, *others = Run(Path(config.run_folder)).kept_weights()
    damaged.write_bytes(b"no weights")
    assert others
    assert isinstance(train(config, resume=True)[-1], Finished)
    assert len(curves(config)) == NUMBERS.epochs


def test_a_damaged_checkpoint_is_told_of_in_a_sentence(tmp_path: Path, photos: Path) -> None:
    config = stopped_run(tmp_path, photos)
    checkpoint = Run(Path(config.run_folder)).checkpoint
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    outcome = train(config, resume=True)[-1]
    assert isinstance(outcome, Failed)
    assert str(checkpoint) in outcome.reason
    assert "damaged" in outcome.reason


def test_a_run_says_what_it_was_trained_with(uninterrupted: TrainingConfig) -> None:
    record = Run(Path(uninterrupted.run_folder)).read()
    assert record.precision == "float32"
    assert record.device
