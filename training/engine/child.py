"""The training process: reads a configuration and commands from stdin, writes events to stdout.

The first line of stdin is a `TrainingConfig`; every later one a command. When stdin ends, whoever
started the process is gone, and training stops as if told to. Whatever libraries print goes to
stderr, which the starter keeps in the run's log.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from errno import ENOSPC
from io import RawIOBase
from pathlib import Path
from threading import Event as Flag
from threading import Lock, Thread
from typing import TextIO

from training.configuration import TrainingConfig
from training.errors import CatDogError
from training.events import Event, Failed, Finished, Outcome, Progressed, Stopped, to_line
from training.process import is_stop
from training.runs import ProcessMark, Run, RunState


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
            if isinstance(event, Outcome):
                self._concluded = True
                self._record(event)
            try:
                self._stream.write(to_line(event) + "\n")
                self._stream.flush()
            except OSError:
                return  # no one listens any more; the end of stdin stops training

    def _record(self, outcome: Outcome) -> None:
        states = {
            Finished: RunState.FINISHED,
            Stopped: RunState.STOPPED,
            Failed: RunState.FAILED,
        }
        reason = outcome.reason if isinstance(outcome, Failed) else None
        try:
            record = replace(
                self._run.read(), state=states[type(outcome)], model=outcome.model, reason=reason
            )
            self._run.write(record)
        except (CatDogError, OSError):
            traceback.print_exc()  # a full disk must not keep the outcome from being told


class StopRequest:
    """Whether training shall stop, and who heeds it.

    Until training heeds stops itself there is nothing to keep, and the process just ends.
    """

    def __init__(self, end_now: Callable[[], None]) -> None:
        """End the process by `end_now` while nobody else heeds a stop."""
        self._end_now = end_now
        self._requested = Flag()
        self._heeded = Flag()

    def requested(self) -> bool:
        """Tell whether training shall stop."""
        return self._requested.is_set()

    def request(self) -> None:
        """Stop training."""
        self._requested.set()
        if not self._heeded.is_set():
            self._end_now()

    def heed(self) -> None:
        """From now on leave stopping to whoever asks `requested`."""
        self._heeded.set()


def main() -> int:
    """Run the training process and return its exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it says when to stop
    stream = _private_stdout()
    # Unbuffered, since a thread that waits in a buffered stdin cannot be left behind at exit.
    commands = os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0)
    try:
        config = TrainingConfig.from_json(commands.readline().decode())
    except CatDogError as error:
        stream.write(to_line(Failed(str(error), None)) + "\n")
        return 1
    run = Run(Path(config.run_folder))
    reporter = Reporter(stream, run)
    stop = StopRequest(lambda: _end_stopped(reporter))
    Thread(target=_listen, args=(commands, stop), daemon=True).start()
    reporter.emit(_train(config, run, reporter, stop))
    sys.stderr.flush()
    os._exit(0)  # TensorFlow would take seconds to take itself apart


def _train(config: TrainingConfig, run: Run, reporter: Reporter, stop: StopRequest) -> Outcome:
    try:
        run.write(replace(run.read(), process=ProcessMark.of_this_process()))
        reporter.emit(Progressed("Starting TensorFlow", 0, 0))
        from training.engine.trainer import Supervision, Trainer

        supervision = Supervision(reporter.emit, stop.requested, stop.heed)
        try:
            return Trainer(config, supervision).train()
        finally:
            run.forget_weights()
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
    if type(error).__name__ == "ResourceExhaustedError":
        return "Memory ran out: try a smaller batch size or image size."
    if isinstance(error, OSError) and (error.errno == ENOSPC or f"errno = {ENOSPC}" in str(error)):
        return "The disk is full: free some space, then train again."
    if isinstance(error, OSError):
        return f"A file cannot be read or written: {error}."
    return f"Training broke off ({type(error).__name__}); the details are in {run.log}."


def _model_so_far(config: TrainingConfig) -> str | None:
    return config.model_file if Path(config.model_file).exists() else None


def _listen(commands: RawIOBase, stop: StopRequest) -> None:
    """Heed commands until stdin ends."""
    for line in commands:
        if is_stop(line.decode("utf-8", "replace")):
            stop.request()
    stop.request()


def _end_stopped(reporter: Reporter) -> None:
    reporter.emit(Stopped(None))
    os._exit(0)  # TensorFlow may be half imported in the main thread, which nothing interrupts


def _private_stdout() -> TextIO:
    """Keep stdout for events and send what libraries print there to stderr."""
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return stream
