"""The training process: reads a configuration and commands from stdin, writes events to stdout.

The first line of stdin is a `TrainingConfig`, or a request (`training.engine_requests`), which is
answered instead; every later one a command. When stdin ends, whoever
started the process is gone, and training stops as if told to. Whatever libraries print goes to
stderr, which the starter keeps in the run's log.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from errno import EDQUOT, EFBIG, ENOSPC
from io import RawIOBase
from pathlib import Path
from threading import Event as Flag
from threading import Lock, Thread
from time import perf_counter
from typing import Any, TextIO

from training.configuration import TrainingConfig
from training.engine_requests import is_request
from training.errors import CatDogError, WorkStopped
from training.events import (
    Continued,
    Event,
    Failed,
    Finished,
    Outcome,
    Paused,
    Progressed,
    Started,
    Stopped,
    to_line,
)
from training.model_file import read_description
from training.process import GO_ON, PAUSE, STOP, parse_command
from training.runs import ProcessMark, Run, RunState

_NO_ROOM = {ENOSPC, EFBIG, EDQUOT}


class Reporter:
    """Writes events, one at a time; after an outcome nothing more is said."""

    def __init__(self, stream: TextIO, run: Run) -> None:
        """Write to `stream` and keep the record of `run` up to date."""
        self._stream = stream
        self._run = run
        self._lock = Lock()
        self._concluded = False

    def emit(self, event: Event) -> None:
        """Write an event, and an outcome to the run's record as well."""
        with self._lock:
            if self._concluded:
                return
            if isinstance(event, Started):
                self._update(device=event.device, precision=event.precision)
            if isinstance(event, Outcome):
                self._concluded = True
                self._record(event)
            try:
                self._stream.write(to_line(event) + "\n")
                self._stream.flush()
            except OSError:
                return  # no one listens any more; the end of stdin stops training

    def tell_paused(self, paused: bool) -> None:
        """Tell, and write down, that a pause began or ended."""
        self._update(state=RunState.PAUSED if paused else RunState.RUNNING)
        self.emit(Paused() if paused else Continued())

    def _record(self, outcome: Outcome) -> None:
        states = {
            Finished: RunState.FINISHED,
            Stopped: RunState.STOPPED,
            Failed: RunState.FAILED,
        }
        reason = outcome.reason if isinstance(outcome, Failed) else None
        self._update(state=states[type(outcome)], model=outcome.model, reason=reason)

    def _update(self, **changes: Any) -> None:
        try:
            self._run.write(replace(self._run.read(), **changes))
        except (CatDogError, OSError):
            traceback.print_exc()  # a full disk must not keep what happened from being told


class Orders:
    """What the training process was told to do, and who heeds it.

    Until training heeds a stop itself there is nothing to keep, and the process just ends.
    """

    def __init__(self, end_now: Callable[[], None], tell_paused: Callable[[bool], None]) -> None:
        """End by `end_now` while nobody else heeds a stop; tell when a pause begins and ends."""
        self._end_now = end_now
        self._tell_paused = tell_paused
        self._stop_requested = Flag()
        self._heeded = Flag()
        self._may_go_on = Flag()
        self._may_go_on.set()

    def stop_requested(self) -> bool:
        """Tell whether training shall stop."""
        return self._stop_requested.is_set()

    def stop(self) -> None:
        """Stop training, though it be paused."""
        self._stop_requested.set()
        self._may_go_on.set()
        if not self._heeded.is_set():
            self._end_now()

    def heed_stops(self) -> None:
        """From now on leave stopping to whoever asks `stop_requested`."""
        self._heeded.set()

    def pause(self) -> None:
        """Have training wait after its next batch."""
        if not self._stop_requested.is_set():
            self._may_go_on.clear()

    def go_on(self) -> None:
        """End a pause."""
        self._may_go_on.set()

    def wait_while_paused(self) -> float:
        """Wait for a pause to end, and return the seconds that took."""
        if self._may_go_on.is_set():
            return 0.0
        began = perf_counter()
        self._tell_paused(True)
        self._may_go_on.wait()
        self._tell_paused(False)
        return perf_counter() - began


def main() -> int:
    """Run the training process and return its exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it says when to stop
    stream = _private_stdout()
    # Unbuffered, since a thread that waits in a buffered stdin cannot be left behind at exit.
    commands = os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0)
    first = commands.readline().decode()
    if is_request(first):
        from training.engine.answering import answer

        return answer(first, stream, commands)
    try:
        config = TrainingConfig.from_json(first)
    except CatDogError as error:
        stream.write(to_line(Failed(str(error), None)) + "\n")
        return 1
    run = Run(Path(config.run_folder))
    reporter = Reporter(stream, run)
    orders = Orders(lambda: _end_stopped(config, reporter), reporter.tell_paused)
    Thread(target=_listen, args=(commands, orders), daemon=True).start()
    reporter.emit(_train(config, run, reporter, orders))
    sys.stderr.flush()
    os._exit(0)  # TensorFlow would take seconds to take itself apart


def _train(config: TrainingConfig, run: Run, reporter: Reporter, orders: Orders) -> Outcome:
    try:
        run.write(replace(run.read(), process=ProcessMark.of_this_process()))
        reporter.emit(Progressed("Starting TensorFlow", 0, 0))
        from training.engine.supervision import Supervision
        from training.engine.trainer import Trainer

        supervision = Supervision(
            reporter.emit, orders.stop_requested, orders.heed_stops, orders.wait_while_paused
        )
        return Trainer(config, supervision).train()
    except WorkStopped:
        return Stopped(_model_so_far(config))
    except CatDogError as error:
        return Failed(str(error), _model_so_far(config))
    except MemoryError:
        reason = "Memory ran out: try a smaller batch size or image size."
        return Failed(reason, _model_so_far(config))
    except Exception as error:
        # The last door before the process ends: the user gets one sentence, the log the rest.
        traceback.print_exc()
        return Failed(_unexpected(error, run), _model_so_far(config))


def _unexpected(error: Exception, run: Run) -> str:
    no_room = f"There is no room to write to {run.folder}: free some space on the disk."
    if type(error).__name__ == "ResourceExhaustedError":  # which TensorFlow raises for both
        if os.strerror(ENOSPC) in str(error):
            return no_room
        return "Memory ran out: try a smaller batch size or image size."
    if isinstance(error, OSError) and (
        error.errno in _NO_ROOM or f"errno = {ENOSPC}" in str(error)
    ):
        return no_room
    if isinstance(error, OSError):
        return f"A file cannot be read or written: {error}."
    return f"Training broke off ({type(error).__name__}); the details are in {run.log}."


def _model_so_far(config: TrainingConfig) -> str | None:
    """Return the model file, if it is this run's."""
    try:
        description = read_description(Path(config.model_file))
    except CatDogError:
        return None
    own = description.run == Run(Path(config.run_folder)).identity()
    return config.model_file if own else None


def _listen(commands: RawIOBase, orders: Orders) -> None:
    """Heed commands until stdin ends."""
    heeding = {STOP: orders.stop, PAUSE: orders.pause, GO_ON: orders.go_on}
    for line in commands:
        command = parse_command(line.decode("utf-8", "replace"))
        if command in heeding:
            heeding[command]()
    orders.stop()


def _end_stopped(config: TrainingConfig, reporter: Reporter) -> None:
    reporter.emit(Stopped(_model_so_far(config)))
    os._exit(0)  # TensorFlow may be half imported in the main thread, which nothing interrupts


def _private_stdout() -> TextIO:
    """Keep stdout for events and send what libraries print there to stderr."""
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return stream
