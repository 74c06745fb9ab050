"""Supervises a training process from a thread and turns its events into signals."""

from PySide6.QtCore import QObject, Signal

from catdog_gui.workers.background_task import BackgroundTask
from training.configuration import TrainingConfig
from training.process import TrainingProcess


class TrainingWorker(BackgroundTask):
    """Starts a training process, passes its events on and survives its end, whatever it is.

    `succeeded` only says that the process ended; how it did is the last event.
    """

    told = Signal(object)
    """The process told something; carries an `Event`."""

    def __init__(self, config: TrainingConfig, parent: QObject | None = None) -> None:
        """Train what `config` says once started."""
        super().__init__(parent)
        self._config = config
        self._process: TrainingProcess | None = None

    def stop(self) -> None:
        """Ask the process to stop and keep its best model."""
        super().stop()
        if self._process is not None:
            self._process.stop()

    def work(self) -> None:
        """Pass on every event until the process has ended."""
        self._process = TrainingProcess(self._config)
        if self.should_stop():
            self._process.stop()
        for event in self._process.events():
            self.told.emit(event)
