"""One training run, from a configuration to an outcome."""

import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from training.configuration import TrainingConfig
from training.dataset import LabelledPhoto, open_dataset
from training.engine.callbacks import (
    BestEpochsKeeper,
    EventReporter,
    StopWatcher,
    TrainingStopped,
    ValidationTurner,
)
from training.engine.conversion import network_members
from training.engine.input_pipeline import (
    PhotoBatches,
    PhotoReader,
    TrainingBatches,
    ValidationBatches,
)
from training.engine.networks import build_network, output_kind
from training.errors import TrainingError
from training.events import (
    EpochEnded,
    Event,
    Finished,
    Outcome,
    PhotoSkipped,
    Progressed,
    Saved,
    Started,
    Stopped,
)
from training.model_file import (
    HISTORY,
    Metrics,
    ModelDescription,
    TrainedOn,
    write_model_file,
)
from training.openvino_runtime import openvino_version
from training.recipes import find_recipe
from training.runs import Run, format_history

JUDGING_BATCH = 64
EPOCHS_JUDGED = 3
"""How many of the best epochs are judged on all validation photos in the end."""


@dataclass(frozen=True)
class Supervision:
    """What the training process gives to a trainer: a voice and an ear."""

    emit: Callable[[Event], None]
    stop_requested: Callable[[], bool]
    heed_stops: Callable[[], None]
    """Told once a stop is looked for after every batch, so that no one need end the process."""


class Trainer:
    """Trains one run."""

    def __init__(self, config: TrainingConfig, supervision: Supervision) -> None:
        """Prepare to train what `config` says.

        Raises:
            DatasetError: The dataset cannot be opened or divided so.
            ConfigurationError: There is no such recipe.
        """
        self._config = config
        self._supervision = supervision
        self._run = Run(Path(config.run_folder))
        self._model_file = Path(config.model_file)
        self._wrote_model = False
        self._recipe = find_recipe(config.recipe)
        self._numbers = config.hyperparameters
        self._emit(Progressed("Opening the dataset", 0, 0))
        self._dataset = open_dataset(Path(config.dataset))
        self._split = config.split.divide(self._dataset)
        self._reader = PhotoReader(self._dataset, self._numbers.image_size, self._tell_of_skipped)
        self._validation = ValidationBatches(
            self._reader,
            self._split.validation,
            batch_size=self._numbers.batch_size,
            steps=self._numbers.validation_steps,
            seed=self._numbers.seed,
        )
        keras.utils.set_random_seed(self._numbers.seed)
        self._network = build_network(self._recipe, self._numbers, len(self._dataset.class_names))

    def train(self) -> Outcome:
        """Train every epoch, keep the best, and judge it on all validation photos."""
        reporter = EventReporter(self._emit_and_record)
        keeper = BestEpochsKeeper(reporter, self._run, EPOCHS_JUDGED, self._save_best)
        watcher = StopWatcher(self._supervision.stop_requested)
        turner = ValidationTurner(self._validation.turn_to)
        self._announce()
        self._supervision.heed_stops()
        try:
            self._fit([turner, watcher, reporter, keeper])
            return self._finish(keeper, watcher)
        except TrainingStopped:
            return Stopped(str(self._model_file) if keeper.best else None)
        except Exception as error:  # Keras and TensorFlow wrap what a batch raises
            if self._reader.failure is not None:
                raise self._reader.failure from error
            raise

    def _fit(self, callbacks: list[keras.callbacks.Callback]) -> None:
        batches = TrainingBatches(
            self._reader,
            self._split.train,
            batch_size=self._numbers.batch_size,
            steps=self._numbers.steps_per_epoch,
            seed=self._numbers.seed,
        )
        self._network.fit(
            batches,
            epochs=self._numbers.epochs,
            validation_data=self._validation,
            callbacks=callbacks,
            shuffle=False,  # the batches come shuffled
            verbose=0,
        )

    def _finish(self, keeper: BestEpochsKeeper, watcher: StopWatcher) -> Outcome:
        """Judge the best epochs on all validation photos, and keep the best of them.

        The photos that an epoch is validated with are too few to tell neighbours apart.
        """
        judged = [(self._judge(epoch, watcher), epoch) for epoch in keeper.best]
        if not judged:
            raise TrainingError("No epoch ended, so that there is no model: train more epochs.")
        metrics, best = max(judged, key=lambda each: (each[0].accuracy, -each[0].loss))
        self._network.load_weights(self._run.weights(best.epoch))
        self._write_model(metrics)
        return Finished(str(self._model_file), best.epoch, metrics.accuracy, metrics.photos)

    def _judge(self, epoch: EpochEnded, watcher: StopWatcher) -> Metrics:
        """Judge the network of an epoch on all validation photos."""
        self._network.load_weights(self._run.weights(epoch.epoch))
        batches = PhotoBatches(self._reader, self._split.validation, JUDGING_BATCH)
        stage = f"Judging epoch {epoch.epoch} on all validation photos"
        progress = keras.callbacks.LambdaCallback(
            on_test_batch_end=lambda batch, logs: self._emit(
                Progressed(stage, batch + 1, len(batches))
            )
        )
        loss, accuracy = self._network.evaluate(batches, callbacks=[watcher, progress], verbose=0)
        return _metrics(batches.readable(), accuracy, loss)

    def _save_best(self, epoch: EpochEnded) -> None:
        readable = self._validation.readable()
        self._write_model(_metrics(readable, epoch.val_accuracy, epoch.val_loss))
        self._emit(Saved(epoch.epoch, str(self._model_file)))

    def _write_model(self, metrics: Metrics) -> None:
        members = network_members(
            self._network, len(self._dataset.class_names), self._numbers.image_size
        )
        if not self._wrote_model and self._model_file.exists():
            raise TrainingError(
                f"There is a model file {self._model_file} by now, which is left as it is: train "
                "again under another name."
            )
        self._wrote_model = True
        members[HISTORY] = format_history(self._run.history()).encode()
        write_model_file(self._model_file, self._description(metrics), members)

    def _description(self, metrics: Metrics) -> ModelDescription:
        return ModelDescription(
            class_names=self._dataset.class_names,
            image_size=self._numbers.image_size,
            output=output_kind(len(self._dataset.class_names)),
            recipe=self._recipe.name,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            trained_on=TrainedOn(
                name=self._dataset.path.name,
                fingerprint=self._dataset.fingerprint,
                split=self._config.split,
            ),
            metrics=metrics,
            versions={
                "python": platform.python_version(),
                "tensorflow": tf.__version__,
                "keras": keras.__version__,
                "openvino": openvino_version(),
                "numpy": np.__version__,
            },
        )

    def _announce(self) -> None:
        self._emit(
            Started(
                run=self._config.run,
                parameters=self._network.count_params(),
                device=device_in_use(),
                train_photos=len(self._split.train),
                validation_photos=len(self._validation.photos),
                epochs=self._numbers.epochs,
                steps_per_epoch=self._numbers.steps_per_epoch,
            )
        )

    def _emit(self, event: Event) -> None:
        self._supervision.emit(event)

    def _emit_and_record(self, event: Event) -> None:
        if isinstance(event, EpochEnded):
            self._run.append_history(event)
        self._emit(event)

    def _tell_of_skipped(self, photo: LabelledPhoto, reason: str) -> None:
        self._emit(PhotoSkipped(photo.name, reason))


def device_in_use() -> str:
    """Name what TensorFlow computes on."""
    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        return "CPU"
    return ", ".join(
        str(tf.config.experimental.get_device_details(device).get("device_name", "GPU"))
        for device in devices
    )


def _metrics(photos: int, accuracy: float, loss: float) -> Metrics:
    correct = round(accuracy * photos)
    return Metrics(split="validation", photos=photos, correct=correct, loss=float(loss))
