"""Keras callbacks that tell what happens and heed a stop or a pause."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import isfinite
from time import perf_counter

import keras

from training.engine.checkpoint import EpochSoFar
from training.errors import TrainingError, WorkStopped
from training.events import BatchEnded, Event

Logs = Mapping[str, float]


class TrainingStopped(WorkStopped):
    """Training was asked to stop; raised out of `fit`, since it is no error."""


def loss_is_no_number(loss: float, where: str) -> TrainingError:
    """Return what is told once a loss is infinite or no number at all."""
    return TrainingError(f"The loss became {loss} {where}: train again with a lower learning rate.")


class StopWatcher(keras.callbacks.Callback):
    """Leaves training or evaluation after the batch in which a stop was asked for."""

    def __init__(self, heed: Callable[[], None]) -> None:
        """Call `heed` after every batch; what it raises ends training."""
        super().__init__()
        self._heed = heed

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Leave if asked to."""
        self._heed()

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Leave if asked to."""
        self._heed()


class EventReporter(keras.callbacks.Callback):
    """Tells of every batch, and adds up the epoch; fails when the loss is no number any more."""

    def __init__(self, emit: Callable[[Event], None], clock: Callable[[], float]) -> None:
        """Tell `emit`, and measure time by `clock`, in seconds."""
        super().__init__()
        self._emit = emit
        self._clock = clock
        self._epoch = 0
        self._before = EpochSoFar()
        self._now = EpochSoFar()
        self._began = 0.0

    def begin(self, before: EpochSoFar) -> None:
        """Begin an epoch, of which a part may be trained already."""
        self._before = self._now = before
        self._began = self._clock() - before.seconds

    def so_far(self) -> EpochSoFar:
        """Return what is trained of the epoch."""
        return replace(self._now, seconds=self._clock() - self._began)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Note which epoch it is."""
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Tell of the batch.

        Raises:
            TrainingError: The loss is not finite.
        """
        values = logs or {}
        batches = self._before.batches + batch + 1
        loss = self._average(self._before.loss, float(values["loss"]), batch + 1)
        if not isfinite(loss):
            raise loss_is_no_number(loss, f"in epoch {self._epoch}, batch {batches}")
        accuracy = self._average(self._before.accuracy, float(values["accuracy"]), batch + 1)
        self._now = EpochSoFar(batches, loss, accuracy)
        self._emit(BatchEnded(self._epoch, batches, loss, accuracy))

    def _average(self, before: float, since: float, batches: int) -> float:
        """Join an average over the batches before an interruption with that over those since."""
        earlier = self._before.batches
        return (before * earlier + since * batches) / (earlier + batches)


class Checkpointer(keras.callbacks.Callback):
    """Has a checkpoint written every so many batches."""

    def __init__(self, every: int, save: Callable[[], None]) -> None:
        """Call `save`; 0 for `every` never does."""
        super().__init__()
        self._every = every
        self._save = save

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Write one if it is time to."""
        if self._every and (batch + 1) % self._every == 0:
            self._save()


class Clock:
    """Measures time that can be stopped for a pause."""

    def __init__(self) -> None:
        """Run from now on."""
        self._paused = 0.0

    def __call__(self) -> float:
        """Return the seconds that went by outside of pauses, from any beginning."""
        return perf_counter() - self._paused

    def leave_out(self, seconds: float) -> None:
        """Take a pause out of the time measured."""
        self._paused += seconds
