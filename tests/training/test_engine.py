"""Real, tiny trainings in real training processes."""

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest

from catdog_gui.classify.classifier import Classifier
from catdog_gui.classify.model_library import ModelLibrary, NetworkFile
from tests.helpers.photos import photo_bytes, write_dataset, write_photo
from tests.helpers.training_configs import TINY, small_config
from training.configuration import Hyperparameters, Optimizer, SplitChoice, TrainingConfig
from training.dataset import open_dataset
from training.events import (
    BatchEnded,
    EpochEnded,
    Event,
    Failed,
    Finished,
    Noticed,
    PhotoSkipped,
    Progressed,
    Saved,
    Started,
    Stopped,
    ValidationEnded,
)
from training.images import read_photo
from training.model_file import HISTORY, read_description, read_model_file
from training.process import TrainingProcess
from training.runs import Run, RunState, format_history
from training.splits import SplitMethod

pytestmark = pytest.mark.trains

LONG = replace(TINY, epochs=500, steps_per_epoch=50)
STOP_SECONDS = 1.5
"""A stop takes a batch, which is done in milliseconds; the rest is leeway for a busy computer."""


@dataclass
class Training:
    """A training that has ended: what it was asked to do and what it told."""

    config: TrainingConfig
    events: list[Event]

    @property
    def run(self) -> Run:
        """Its folder."""
        return Run(Path(self.config.run_folder))

    @property
    def model(self) -> Path:
        """Its model file, which need not be there."""
        return Path(self.config.model_file)

    @property
    def outcome(self) -> Event:
        """The last event."""
        return self.events[-1]

    def told(self, *kinds: type[Event]) -> list[Event]:
        """Return the events of some kinds."""
        return [event for event in self.events if isinstance(event, kinds)]


def train(
    config: TrainingConfig, on_event: Callable[[TrainingProcess, Event], None] | None = None
) -> Training:
    process = TrainingProcess(config)
    training = Training(config, [])
    for event in process.events():
        training.events.append(event)
        if on_event is not None:
            on_event(process, event)
    return training


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("photos of ü 猫"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Training:
    return train(small_config(tmp_path_factory.mktemp("finished"), "Erster Läufer", photos))


@dataclass
class StoppedTraining:
    """A training that was stopped after it had saved its first epoch."""

    training: Training
    seconds: float
    """From the stop to the outcome."""


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> StoppedTraining:
    asked: list[float] = []

    def stop_once_saved(process: TrainingProcess, event: Event) -> None:
        if isinstance(event, Saved) and not asked:
            asked.append(perf_counter())
            process.stop()
        elif isinstance(event, Stopped):
            asked.append(perf_counter())

    config = small_config(tmp_path_factory.mktemp("stopped"), dataset=photos, numbers=LONG)
    training = train(config, stop_once_saved)
    return StoppedTraining(training, asked[-1] - asked[0])


def test_events_come_in_the_documented_order(finished: Training) -> None:
    events = iter(finished.events)
    event = next(events)
    assert isinstance(event, Progressed)
    event = next(other for other in events if not isinstance(other, Progressed | Noticed))
    assert isinstance(event, Started)
    last = check_epochs(events, TINY)
    while isinstance(last, Progressed):
        last = next(events)
    assert isinstance(last, Finished)
    assert next(events, None) is None


def check_epochs(events: Iterator[Event], numbers: Hyperparameters) -> Event:
    """Check the events of all epochs and return the one that follows."""
    event = next(events)
    for epoch in range(1, numbers.epochs + 1):
        for batch in range(1, numbers.steps_per_epoch + 1):
            assert isinstance(event, BatchEnded)
            assert (event.epoch, event.batch) == (epoch, batch)
            event = next(events)
        validated, ended, event = event, next(events), next(events)
        assert isinstance(validated, ValidationEnded)
        assert isinstance(ended, EpochEnded)
        assert validated.epoch == ended.epoch == epoch
        assert (validated.loss, validated.accuracy) == (ended.val_loss, ended.val_accuracy)
        if isinstance(event, Saved):
            assert event.epoch == epoch
            event = next(events)
        else:
            assert epoch > 1
    return event


def test_the_start_tells_the_size_of_everything(finished: Training) -> None:
    (started,) = finished.told(Started)
    assert isinstance(started, Started)
    assert (started.run, started.epochs, started.steps_per_epoch) == ("Erster Läufer", 2, 3)
    assert (started.train_photos, started.validation_photos) == (12, 4)
    assert started.device
    assert started.parameters > 100_000


def test_the_history_is_what_was_told(finished: Training) -> None:
    assert list(finished.run.history()) == finished.told(EpochEnded)
    assert len(finished.run.history()) == TINY.epochs


def test_a_finished_run_says_so_and_names_its_model(finished: Training) -> None:
    record = finished.run.read()
    assert record.state is RunState.FINISHED
    assert record.model == str(finished.model)
    assert record.reason is None


def test_the_outcome_is_judged_on_all_validation_photos(finished: Training) -> None:
    outcome = finished.outcome
    assert isinstance(outcome, Finished)
    metrics = read_description(finished.model).metrics
    assert metrics is not None
    assert (outcome.photos, metrics.photos) == (4, 4)
    assert outcome.accuracy == metrics.accuracy
    best = max(finished.run.history(), key=lambda epoch: (epoch.val_accuracy, -epoch.val_loss))
    assert outcome.best_epoch == best.epoch


def test_the_model_opens_and_answers_for_both_classes(finished: Training, photos: Path) -> None:
    classifier = Classifier.open(finished.model)
    description = classifier.description
    photo = read_photo(photos / "red" / "photo 0.jpg", description.image_size)
    answer = classifier.probabilities(photo[np.newaxis])
    assert (description.class_names, description.output) == (("blue", "red"), "sigmoid")
    assert answer.shape == (1, 2)
    assert answer.sum() == pytest.approx(1, abs=1e-5)


def test_the_model_knows_its_dataset_and_its_history(finished: Training, photos: Path) -> None:
    file = read_model_file(finished.model)
    assert file.description.trained_on is not None
    assert file.description.trained_on.fingerprint == open_dataset(photos).fingerprint
    assert file.description.trained_on.split == finished.config.split
    assert file.members[HISTORY].decode() == format_history(finished.run.history())


def test_nothing_half_written_is_left_beside_model_and_run(finished: Training) -> None:
    assert [file.name for file in finished.model.parent.iterdir()] == [finished.model.name]
    assert {file.name for file in finished.run.folder.iterdir()} == {
        "run.json", "split.json", "history.csv", "training.log",
    }  # fmt: skip


def test_the_log_holds_no_traceback_and_no_warning(finished: Training) -> None:
    log = finished.run.log.read_text("utf-8", "replace")
    assert "Traceback" not in log
    assert "Warning" not in log


def test_the_same_seed_gives_the_same_history(
    finished: Training, tmp_path: Path, photos: Path
) -> None:
    again = train(small_config(tmp_path, dataset=photos))
    without_time = [
        [replace(epoch, seconds=0) for epoch in training.run.history()]
        for training in (finished, again)
    ]
    assert without_time[0] == without_time[1]


def folder_split(root: Path) -> Path:
    """Write photos of three classes, in folders for training and validation."""
    for part, count in (("train", 4), ("validation", 3)):
        for colour in ("blue", "green", "red"):
            for number in range(count):
                write_photo(root / part / colour / f"{number}.jpg", colour, number)
    return root


@pytest.fixture(scope="module")
def three_classes(tmp_path_factory: pytest.TempPathFactory) -> Training:
    """Train three classes; every epoch meets all training photos, one of which is corrupt."""
    root = tmp_path_factory.mktemp("three")
    corrupt = folder_split(root / "photos") / "train" / "red" / "2.jpg"
    corrupt.write_bytes(photo_bytes("red")[:100])
    config = small_config(root, dataset=root / "photos")
    return train(replace(config, split=SplitChoice(method=SplitMethod.FOLDERS)))


def test_three_classes_are_trained_with_softmax(three_classes: Training) -> None:
    classifier = Classifier.open(three_classes.model)
    size = classifier.description.image_size
    answer = classifier.probabilities(np.zeros((2, *size, 3), np.uint8))
    assert classifier.description.output == "softmax"
    assert classifier.description.class_names == ("blue", "green", "red")
    assert answer.shape == (2, 3)
    assert answer.sum(axis=1) == pytest.approx([1, 1], abs=1e-5)


def test_a_corrupt_photo_is_told_of_once_and_left_out(three_classes: Training) -> None:
    (skipped,) = three_classes.told(PhotoSkipped)
    assert isinstance(skipped, PhotoSkipped)
    assert skipped.photo == "train/red/2.jpg"
    assert skipped.reason
    assert isinstance(three_classes.outcome, Finished)
    assert len(three_classes.run.history()) == TINY.epochs


def test_a_dataset_that_vanishes_once_it_is_decoded_disturbs_nothing(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "photos")

    def remove_once_started(process: TrainingProcess, event: Event) -> None:
        if isinstance(event, Started):
            shutil.rmtree(dataset)

    training = train(small_config(tmp_path), remove_once_started)
    assert not dataset.exists()
    assert isinstance(training.outcome, Finished)
    assert len(training.run.history()) == TINY.epochs


def test_a_dataset_whose_photos_are_all_damaged_fails_and_names_it(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "photos")
    for photo in dataset.rglob("*.jpg"):
        photo.write_bytes(b"no photo")
    training = train(small_config(tmp_path))
    assert isinstance(training.outcome, Failed)
    assert str(dataset) in training.outcome.reason
    assert "can be read" in training.outcome.reason
    assert training.outcome.model is None
    assert training.run.read().state is RunState.FAILED


def test_a_loss_that_is_no_number_fails_and_never_becomes_a_model(
    tmp_path: Path, photos: Path
) -> None:
    # One step an epoch: the step that spoils the network is the last before its validation.
    numbers = replace(
        TINY, optimizer=Optimizer.SGD, learning_rate=1.0, epochs=60, steps_per_epoch=1
    )
    training = train(small_config(tmp_path, dataset=photos, numbers=numbers))
    assert isinstance(training.outcome, Failed)
    assert training.outcome.reason.startswith("The loss became ")
    assert "on validation photos after epoch" in training.outcome.reason
    assert "lower learning rate" in training.outcome.reason
    assert all(isfinite(epoch.val_loss) for epoch in training.run.history())
    metrics = read_description(training.model).metrics
    assert metrics is not None
    assert isfinite(metrics.loss)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_disk_without_room_for_the_model_fails_in_a_sentence(
    tmp_path: Path, photos: Path
) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, before[1]))  # processes inherit it
    try:
        training = train(small_config(tmp_path, dataset=photos))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert isinstance(training.outcome, Failed)
    assert "room" in training.outcome.reason
    assert str(tmp_path) in training.outcome.reason
    assert training.run.read().state is RunState.FAILED
    assert not [file for file in tmp_path.rglob("*.part") if file.is_file()]


def test_a_stop_after_the_first_saved_epoch_keeps_its_model(stopped: StoppedTraining) -> None:
    training = stopped.training
    assert training.outcome == Stopped(str(training.model))
    assert Classifier.open(training.model).description.class_names == ("blue", "red")
    record = training.run.read()
    assert (record.state, record.model) == (RunState.STOPPED, str(training.model))


def test_a_stop_is_obeyed_within_a_second(stopped: StoppedTraining) -> None:
    assert stopped.seconds < STOP_SECONDS


def test_a_stopped_run_has_the_history_that_was_told(stopped: StoppedTraining) -> None:
    training = stopped.training
    assert list(training.run.history()) == training.told(EpochEnded)
    assert 1 <= len(training.run.history()) < LONG.epochs


def test_a_stop_during_start_up_ends_quickly_without_a_model(tmp_path: Path, photos: Path) -> None:
    asked: list[float] = []

    def stop_at_once(process: TrainingProcess, event: Event) -> None:
        if isinstance(event, Progressed) and not asked:
            asked.append(perf_counter())
            process.stop()

    training = train(small_config(tmp_path, dataset=photos, numbers=LONG), stop_at_once)
    assert training.outcome == Stopped(None)
    assert perf_counter() - asked[0] < STOP_SECONDS
    assert not training.told(Started)
    assert not training.model.exists()
    assert training.run.read().state is RunState.STOPPED


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_a_killed_training_failed_and_leaves_its_saved_model_usable(
    tmp_path: Path, photos: Path
) -> None:
    def kill_once_saved(process: TrainingProcess, event: Event) -> None:
        if isinstance(event, Saved):
            os.kill(process.pid, signal.SIGKILL)

    training = train(small_config(tmp_path, dataset=photos, numbers=LONG), kill_once_saved)
    assert isinstance(training.outcome, Failed)
    assert training.outcome.model == str(training.model)
    assert training.run.read().state is RunState.FAILED
    assert training.run.history() == tuple(training.told(EpochEnded))
    assert Classifier.open(training.model).name == "run"


def test_a_trained_model_exported_for_keras_is_imported_and_answers_the_same(
    tmp_path: Path, finished: Training
) -> None:
    library = ModelLibrary(tmp_path / "library")
    library.add(finished.model, "own")
    (exported,) = library.export("own", "keras", tmp_path / "network.keras")
    added = library.add_network(NetworkFile(path=exported, class_names=("blue", "red")), "back")
    assert added is not None
    own, back = Classifier.open(finished.model), Classifier.open(added.path)
    photo = np.full((1, *own.description.image_size, 3), 90, np.uint8)
    assert back.probabilities(photo) == pytest.approx(own.probabilities(photo), abs=1e-4)


def test_a_model_judged_by_few_photos_calls_none_unsure(finished: Training) -> None:
    assert read_description(finished.model).unsure_below == 0


def test_the_tests_stay_free_of_tensorflow(finished: Training) -> None:
    assert finished.events
    assert "tensorflow" not in sys.modules
