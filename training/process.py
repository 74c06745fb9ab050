"""The training process, seen from outside: started, told to stop, listened to, survived."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from signal import Signals
from threading import Lock, Timer
from types import MappingProxyType

from training import TRAINING_ARGUMENT
from training.configuration import TrainingConfig
from training.errors import CatDogError, TrainingError
from training.events import Event, Failed, Outcome, Stopped, from_line
from training.runs import Run, RunState

STOP = "stop"
PAUSE = "pause"
GO_ON = "go on"
GRACE_SECONDS = 60.0
"""How long a training process that was told to stop may take before it is killed: a slow batch, and
a large network to be saved."""


def training_command() -> list[str]:
    """Return the command that starts this very program as a training process."""
    if getattr(sys, "frozen", False):
        return [sys.executable, TRAINING_ARGUMENT]
    return [sys.executable, "-m", "catdog_gui", TRAINING_ARGUMENT]


def command_line(command: str) -> str:
    """Write a command to the training process as one line of JSON, with the line's end."""
    return json.dumps({"command": command}) + "\n"


def parse_command(line: str) -> str | None:
    """Return the command in a line, which may be anything."""
    try:
        command = json.loads(line)["command"]
    except (ValueError, KeyError, TypeError):
        return None
    return command if isinstance(command, str) else None


class TrainingProcess:
    """One training run in a process of its own.

    `events` runs in one thread; `stop` and `kill` may be called from any.
    """

    def __init__(
        self,
        config: TrainingConfig,
        command: Sequence[str] | None = None,
        *,
        resume: bool = False,
    ) -> None:
        """Make the run's folder, or take up its run again, and start the process.

        Args:
            config: What to train.
            command: What to start; this program's own training process if left out.
            resume: Whether the run exists, and goes on from its checkpoint.

        Raises:
            RunError: A run of that name exists; or, to resume, it cannot go on.
            TrainingError: The process cannot be started.
        """
        self._config = config
        self._run = Run(Path(config.run_folder))
        if resume:
            self._run.reopen()
        else:
            self._run.create(config)
        self._stop_requested = False
        self._writing = Lock()
        self._killer = Timer(GRACE_SECONDS, self.kill)
        self._killer.daemon = True
        self._had_model = not resume and Path(config.model_file).exists()
        self._killed = False
        self._nonsense: str | None = None
        try:
            with self._run.log.open("ab") as log:
                self._process = start_process(command or training_command(), log.fileno())
        except TrainingError as error:
            self._record(Failed(str(error), None), RunState.FAILED)
            raise
        self._send(config.to_json() + "\n")

    @property
    def pid(self) -> int:
        """The number of the training process."""
        return self._process.pid

    def events(self) -> Iterator[Event]:
        """Yield what the process tells; the last event is always an outcome."""
        outcome: Outcome | None = None
        try:
            for event in self._told():
                yield event
                if isinstance(event, Outcome):
                    outcome = event
                    break  # whatever hangs afterwards is not waited for
        finally:
            self._end()
        if outcome is None:
            yield self._conclude()

    def pause(self) -> None:
        """Ask the process to wait after its next batch."""
        self._send(command_line(PAUSE))

    def go_on(self) -> None:
        """Ask a paused process to go on."""
        self._send(command_line(GO_ON))

    def stop(self) -> None:
        """Ask the process to stop and keep its best model; kill it if it does not obey."""
        with self._writing:
            if self._stop_requested:
                return
            self._stop_requested = True
        self._send(command_line(STOP))
        self._killer.start()

    def kill(self) -> None:
        """End the process at once."""
        self._killed = True
        self._process.kill()

    def _send(self, line: str) -> None:
        pipe = self._process.stdin
        try:
            with self._writing:
                if pipe is not None:
                    pipe.write(line.encode())
                    pipe.flush()
        except (BrokenPipeError, ValueError, OSError):
            return  # it has ended by itself, which `events` tells

    def _told(self) -> Iterator[Event]:
        if self._process.stdout is None:
            return
        for line in self._process.stdout:
            try:
                yield from_line(line.decode("utf-8", "replace"))
            except TrainingError as error:
                if line.endswith(b"\n"):
                    self._nonsense = str(error)
                    self.kill()
                return  # a line cut short: the process died while it wrote

    def _end(self) -> None:
        """Wait for the process and close its pipes, whoever stopped listening and why."""
        self._killer.cancel()
        if self._process.stdin is not None:
            self._close_input()
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _close_input(self) -> None:
        try:
            with self._writing:
                if self._process.stdin is not None:
                    self._process.stdin.close()
        except OSError:
            return  # what was still unwritten has no reader left

    def _conclude(self) -> Outcome:
        """Say what became of a process that ended without a word, and write it down."""
        saved = not self._had_model and Path(self._config.model_file).exists()
        model = self._config.model_file if saved else None
        if self._stop_requested:
            outcome: Outcome = Stopped(model)
            state = RunState.STOPPED
        else:
            outcome = Failed(self._reason(), model)
            state = RunState.FAILED
        self._record(outcome, state)
        return outcome

    def _reason(self) -> str:
        if self._nonsense is not None:
            return self._nonsense
        if self._killed:
            return "The training process was ended."
        return exit_reason(self._process.returncode, self._run.log)

    def _record(self, outcome: Outcome, state: RunState) -> None:
        reason = outcome.reason if isinstance(outcome, Failed) else None
        try:
            record = self._run.read()
            if record.state is RunState.FINISHED:
                return  # it came to its end, and only its last word was not heard
            self._run.write(replace(record, state=state, model=outcome.model, reason=reason))
        except (CatDogError, OSError):
            return  # the run's folder is gone; the outcome still reaches the user


def exit_reason(code: int, log: Path) -> str:
    """Say in one sentence why a process ended, from its exit status.

    Args:
        code: As `subprocess` gives it: negative for a signal.
        log: Where its own words are.
    """
    if code == -9:  # SIGKILL, by number since Windows has no such signal
        return (
            "The training process was killed by the system, most often because memory ran out: "
            "try a smaller batch size or image size."
        )
    if code < 0:
        try:
            name = Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"The training process crashed ({name}); its last words are in {log}."
    return f"The training process ended unexpectedly (exit code {code}); see {log}."


def start_process(
    command: Sequence[str], log: int, more: Mapping[str, str] = MappingProxyType({})
) -> subprocess.Popen[bytes]:
    """Start a training process with pipes to its stdin and from its stdout.

    Args:
        command: What to start.
        log: The descriptor of the file that its stderr goes to.
        more: Variables to add to its environment.

    Raises:
        TrainingError: It cannot be started.
    """
    environment = {**os.environ, "PYTHONUTF8": "1", "TF_CPP_MIN_LOG_LEVEL": "2", **more}
    try:
        if sys.platform == "win32":
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                creationflags=subprocess.CREATE_NO_WINDOW,
            )
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            # Ctrl+C in a terminal reaches a whole process group; this one is told to stop instead.
            process_group=0,
        )
    except OSError as error:
        raise TrainingError(f"The training process cannot be started: {error}.") from error
