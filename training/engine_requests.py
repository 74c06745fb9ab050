"""What is asked of the process that has TensorFlow, apart from training: one request, one answer.

The request, one of those in `training.request_kinds`, is the process's first line of stdin:
`{"request": "ExportModel", …}`, where training gives a configuration. It tells `Progressed` and
`PhotoSkipped`, and in the end `Answered` or `Failed`, one JSON object a line. All that it writes
lies in a folder that the asker made for it, so that nothing is left of it wherever it ends.
"""

import json
import os
import queue
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Thread
from typing import Any, Self, TypeAlias

from training import events
from training.configuration import Augmentation
from training.errors import ConfigurationError, TrainingError
from training.events import Failed, PhotoSkipped, Progressed
from training.process import exit_reason, start_process, training_command
from training.request_kinds import (
    EngineRequest,
    ExplainPhotos,
    ExportModel,
    ImportModel,
    PreviewAugmentation,
)

_POLL_SECONDS = 0.1
_LAST_WORDS = 300
_KILLED = -9


@dataclass(frozen=True, slots=True)
class Answered:
    """A request was carried out."""

    files: tuple[str, ...]
    """What was written, absolute paths."""
    notes: tuple[str, ...] = ()
    """Sentences for the person who asked."""


_KINDS: Mapping[str, type[EngineRequest]] = {
    kind.__name__: kind for kind in (ExportModel, ImportModel, ExplainPhotos, PreviewAugmentation)
}
Reply: TypeAlias = Progressed | PhotoSkipped | Answered | Failed


def request_line(request: EngineRequest) -> str:
    """Write a request as one line of JSON, without the line's end."""
    return json.dumps({"request": type(request).__name__, **asdict(request)})


def is_request(line: str) -> bool:
    """Tell whether the first line that a process is given is a request, not a configuration."""
    try:
        values = json.loads(line)
    except ValueError:
        return False
    return isinstance(values, dict) and "request" in values


def parse_request(line: str) -> EngineRequest:
    """Read a request that `request_line` wrote.

    Raises:
        ConfigurationError: The line is no request.
    """
    try:
        values = json.loads(line)
        if "augmentation" in values:
            values["augmentation"] = Augmentation(**values["augmentation"])
        return _KINDS[values.pop("request")](**_with_tuples(values))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"A request cannot be read: {line.strip()[:200]}") from error


def reply_line(reply: Reply) -> str:
    """Write a reply as one line of JSON, without the line's end."""
    if isinstance(reply, Answered):
        return json.dumps({"event": "Answered", **asdict(reply)})
    return events.to_line(reply)


def parse_reply(line: str) -> Reply:
    """Read a reply that `reply_line` wrote.

    Raises:
        TrainingError: The line is no reply.
    """
    try:
        values = json.loads(line)
        if values["event"] == "Answered":
            return _answered(_with_tuples(values))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(_no_reply(line)) from error
    event = events.from_line(line)
    if isinstance(event, Progressed | PhotoSkipped | Failed):
        return event
    raise TrainingError(_no_reply(line))


def ask_engine(
    request: EngineRequest,
    *,
    on_progress: Callable[[Progressed], None] = lambda event: None,
    on_skipped: Callable[[PhotoSkipped], None] = lambda event: None,
    should_stop: Callable[[], bool] = lambda: False,
    command: Sequence[str] | None = None,
) -> Answered | None:
    """Have a process with TensorFlow carry out a request, and wait for its answer.

    Whatever ends the wait, the process is gone afterwards; after an exception, such as
    `KeyboardInterrupt`, as well.

    Args:
        request: What to do.
        on_progress: Told how far it is.
        on_skipped: Told of photos that cannot be read.
        should_stop: Asked ten times a second; the process is ended once it says so.
        command: What to start; this program's own training process if left out.

    Returns:
        The answer, or nothing if it was stopped.

    Raises:
        TrainingError: The process cannot be started, failed, or ended without an answer.
    """
    with _Asked(request, list(command or training_command())) as asked:
        while not should_stop():
            reply = asked.next_reply()
            match reply:
                case Progressed():
                    on_progress(reply)
                case PhotoSkipped():
                    on_skipped(reply)
                case Failed():
                    raise TrainingError(reply.reason)
                case Answered():
                    return reply
    return None


class _Asked:
    """A process at work on a request; leaving the context ends it and what it left behind."""

    def __init__(self, request: EngineRequest, command: Sequence[str]) -> None:
        self._replies: queue.SimpleQueue[Reply | TrainingError | None] = queue.SimpleQueue()
        self._folder = tempfile.TemporaryDirectory(prefix="catdog-", ignore_cleanup_errors=True)
        self._log = Path(self._folder.name, "engine.log")
        try:
            with self._log.open("wb") as log:
                # Temporary files of libraries go where they are deleted even after a kill.
                places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), self._folder.name)
                self._process = start_process(command, log.fileno(), places)
        except TrainingError:
            self._folder.cleanup()
            raise
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._send(request_line(request) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout):
            with _ignoring_broken_pipes():
                if pipe is not None:
                    pipe.close()
        self._folder.cleanup()

    def next_reply(self) -> Reply | None:
        """Return the next reply, or nothing if none has come for a short while.

        Raises:
            TrainingError: The process has ended, or talks nonsense.
        """
        try:
            reply = self._replies.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            return None
        if isinstance(reply, TrainingError):
            raise reply
        if reply is None:
            raise TrainingError(self._end_in_words(self._process.wait()))
        return reply

    def _send(self, line: str) -> None:
        with _ignoring_broken_pipes():  # it has ended already, which the listener tells
            if self._process.stdin is not None:
                self._process.stdin.write(line.encode())
                self._process.stdin.flush()

    def _listen(self) -> None:
        """Pass on what the process tells, and nothing when it has ended."""
        for line in self._process.stdout or ():
            try:
                self._replies.put(parse_reply(line.decode("utf-8", "replace")))
            except TrainingError as error:
                if line.endswith(b"\n"):  # or else it died while it wrote
                    self._replies.put(error)
                break
        self._replies.put(None)

    def _end_in_words(self, code: int) -> str:
        """Say why the process ended without an answer, and keep its log if that may help."""
        if code == _KILLED:
            return (
                "The training process was killed by the system, most often because memory ran "
                "out: close other programs, then try again."
            )
        words = self._log.read_text("utf-8", "replace").strip()
        descriptor, kept = tempfile.mkstemp(prefix="catdog-", suffix=".log")
        with os.fdopen(descriptor, "w", encoding="utf-8") as log:
            log.write(words)
        reason = exit_reason(code, Path(kept))
        return f"{reason} It said: {words.splitlines()[-1][-_LAST_WORDS:]}" if words else reason


@contextmanager
def _ignoring_broken_pipes() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError):
        return


def _answered(values: Mapping[str, Any]) -> Answered:
    files, notes = values["files"], values["notes"]
    if not all(isinstance(each, str) for each in (*files, *notes)):
        raise ValueError("an answer's files and notes are texts")
    return Answered(files, notes)


def _no_reply(line: str) -> str:
    return f"The training process sent what is no reply: {line.strip()[:200]}"


def _with_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with JSON's lists made the tuples that frozen values hold."""
    return {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
