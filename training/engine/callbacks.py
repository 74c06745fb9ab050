"""Keras callbacks that tell what happens, heed a stop and keep the best epoch."""

from collections.abc import Callable, Mapping
from math import isfinite
from time import perf_counter

import keras

from training.errors import TrainingError
from training.events import BatchEnded, EpochEnded, Event, ValidationEnded
from training.runs import Run

Logs = Mapping[str, float]


class TrainingStopped(Exception):
    """Training was asked to stop; raised out of `fit`, since it is no error."""


class StopWatcher(keras.callbacks.Callback):
    """Leaves training or evaluation after the batch in which a stop was asked for."""

    def __init__(self, stop_requested: Callable[[], bool]) -> None:
        """Ask `stop_requested` after every batch."""
        super().__init__()
        self._stop_requested = stop_requested

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Leave if asked to."""
        self._heed()

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Leave if asked to."""
        self._heed()

    def _heed(self) -> None:
        if self._stop_requested():
            raise TrainingStopped


class EventReporter(keras.callbacks.Callback):
    """Tells of every batch, validation and epoch; fails when the loss is no number any more."""

    def __init__(self, emit: Callable[[Event], None]) -> None:
        """Tell `emit`."""
        super().__init__()
        self._emit = emit
        self._epoch = 0
        self._begun = 0.0
        self.latest: EpochEnded | None = None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Start the epoch's clock."""
        self._epoch = epoch + 1
        self._begun = perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Tell of the batch.

        Raises:
            TrainingError: The loss is not finite.
        """
        values = logs or {}
        loss = float(values["loss"])
        if not isfinite(loss):
            raise TrainingError(
                f"The loss became {loss} in epoch {self._epoch}, batch {batch + 1}: train again "
                "with a lower learning rate."
            )
        self._emit(BatchEnded(self._epoch, batch + 1, loss, float(values["accuracy"])))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Tell of the validation and the epoch."""
        values = logs or {}
        self.latest = EpochEnded(
            epoch=self._epoch,
            loss=float(values["loss"]),
            accuracy=float(values["accuracy"]),
            val_loss=float(values["val_loss"]),
            val_accuracy=float(values["val_accuracy"]),
            seconds=round(perf_counter() - self._begun, 3),
        )
        self._emit(ValidationEnded(self._epoch, self.latest.val_loss, self.latest.val_accuracy))
        self._emit(self.latest)


class ValidationTurner(keras.callbacks.Callback):
    """Has every epoch validated with the next photos."""

    def __init__(self, turn_to: Callable[[int], None]) -> None:
        """Call `turn_to` with the number of every epoch, from 0."""
        super().__init__()
        self._turn_to = turn_to

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Turn to the epoch's photos."""
        self._turn_to(epoch)


class BestEpochsKeeper(keras.callbacks.Callback):
    """Keeps the weights of the epochs that validated best, and saves the best of all at once.

    Better means a higher validation accuracy or, at the same accuracy, a lower loss.
    """

    def __init__(
        self, reporter: EventReporter, run: Run, count: int, save: Callable[[EpochEnded], None]
    ) -> None:
        """Compare what `reporter` measured, keep `count` epochs, call `save` for a new best."""
        super().__init__()
        self._reporter = reporter
        self._run = run
        self._count = count
        self._save = save
        self.best: list[EpochEnded] = []
        """Best first."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Keep the epoch's weights if it is among the best so far."""
        latest = self._reporter.latest
        if latest is None:
            return
        ranked = sorted([*self.best, latest], key=_rank, reverse=True)
        self.best, dropped = ranked[: self._count], ranked[self._count :]
        if latest in self.best:
            self.model.save_weights(self._run.weights(latest.epoch))
        for other in dropped:
            self._run.weights(other.epoch).unlink(missing_ok=True)
        if latest is self.best[0]:
            self._save(latest)


def _rank(epoch: EpochEnded) -> tuple[float, float]:
    return (epoch.val_accuracy, -epoch.val_loss)
