"""Work in a thread of its own, with finished, stopped and failed told apart."""

import logging
from collections.abc import Callable
from threading import Event

from PySide6.QtCore import QObject, QThread, Signal, Slot

from training.errors import CatDogError, WorkStopped

log = logging.getLogger(__name__)


class BackgroundTask(QThread):
    """A thread that does one thing; subclasses say what in `work`."""

    succeeded = Signal(object)
    """The work is done; carries what `work` returned."""
    stopped = Signal()
    """The work was stopped before it was done."""
    failed = Signal(str)
    """The work cannot be done; carries one sentence for the user."""

    def __init__(self, parent: QObject | None = None) -> None:
        """Wait to be started."""
        super().__init__(parent)
        self._stop = Event()

    def stop(self) -> None:
        """Ask the work to stop; it does so at its next opportunity."""
        self._stop.set()

    def should_stop(self) -> bool:
        """Tell the work whether it was asked to stop."""
        return self._stop.is_set()

    def run(self) -> None:
        """Do the work and tell how it ended."""
        try:
            value = self.work()
        except WorkStopped:
            self.stopped.emit()
        except CatDogError as error:
            self.failed.emit(str(error))
        except Exception:
            # A thread's last door: what is not foreseen is logged and told, and the window lives.
            log.exception("%s failed", type(self).__name__)
            self.failed.emit("Something unexpected went wrong; the details are in the log file.")
        else:
            if self.should_stop():
                self.stopped.emit()
            else:
                self.succeeded.emit(value)

    def work(self) -> object:
        """Do the work and return its outcome; runs in the thread."""
        raise TypeError(f"{type(self).__name__} does not say what its work is")


class FunctionTask(BackgroundTask):
    """A thread that calls a function of no arguments."""

    def __init__(self, function: Callable[[], object], parent: QObject | None = None) -> None:
        """Call `function` once started; `succeeded` carries what it returns."""
        super().__init__(parent)
        self._function = function

    def work(self) -> object:
        """Call the function."""
        return self._function()


class TaskRunner(QObject):
    """Keeps tasks alive while they run, and ends them all when the window closes."""

    def __init__(self, parent: QObject | None = None) -> None:
        """Run nothing yet."""
        super().__init__(parent)
        self._running: set[BackgroundTask] = set()

    def start(self, task: BackgroundTask) -> None:
        """Start a task and keep it until its thread has ended."""
        self._running.add(task)
        task.finished.connect(self._forget)
        task.start()

    def stop_all(self) -> None:
        """Stop every task and wait for its thread."""
        for task in list(self._running):
            task.stop()
        for task in list(self._running):
            task.wait()
        self._running.clear()

    @Slot()
    def _forget(self) -> None:
        ended = {task for task in self._running if task.isFinished()}
        self._running -= ended
        for task in ended:
            task.deleteLater()
