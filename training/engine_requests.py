"""What is asked of the process that has TensorFlow, apart from training: one request, one answer.

    ExportModel   write a model in another runtime's format
    ImportModel   make a model file of a Keras network in a file

The request is the process's first line of stdin: `{"request": "ExportModel", …}`, where training
gives a configuration. It tells `Progressed` and `PhotoSkipped`, and in the end `Answered` or
`Failed`, one JSON object a line. All that it writes lies in a folder that the asker made for it, so
that nothing is left of it wherever it ends.
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
from training.dataset import check_class_names
from training.errors import ConfigurationError, TrainingError
from training.events import Failed, PhotoSkipped, Progressed
from training.process import exit_reason, start_process, training_command

EXPORT_FORMATS = ("onnx", "litert", "savedmodel")
"""What `ExportModel` can write."""

SCALES = ("1/255", "-1..1", "none", "vgg19")
"""What an imported network's pixels can be scaled to: 0 to 1, -1 to 1, not at all (0 to 255), or
as `keras.applications.vgg19.preprocess_input` does (blue first, less ImageNet's mean colour)."""

MOST_SIDE = 1024
"""The most pixels a side that an imported network may take."""

KERAS_SUFFIX = ".keras"
H5_SUFFIXES = (".h5", ".hdf5")
NETWORK_SUFFIXES = (KERAS_SUFFIX, *H5_SUFFIXES)
"""The endings of files that `ImportModel` reads, in lower case."""

_POLL_SECONDS = 0.1
_LAST_WORDS = 300
_KILLED = -9


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportModel:
    """Write a model as a network of another runtime; paths are absolute."""

    model: str
    """The model file."""
    export_format: str
    """One of `EXPORT_FORMATS`."""
    target: str
    """The file, or for `savedmodel` the folder, to write; there must be none yet."""

    def __post_init__(self) -> None:
        """Check the format.

        Raises:
            ConfigurationError: It is not known.
        """
        if self.export_format not in EXPORT_FORMATS:
            known = ", ".join(EXPORT_FORMATS)
            raise ConfigurationError(
                f"There is no export format {self.export_format!r}: choose one of {known}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportModel:
    """Make a model file of a Keras network in a file; paths are absolute."""

    file: str
    """A `.keras` file, or the `.h5` of Keras 2."""
    target: str
    """The model file to write."""
    class_names: tuple[str, ...]
    """In the order of the network's output; of a single number it is the second's probability."""
    image_size: tuple[int, int] | None = None
    """Height and width, needed where the network takes photos of any size."""
    scale: str | None = None
    """What to do to pixels from 0 to 255, one of `SCALES`; without it the network decides."""

    def __post_init__(self) -> None:
        """Check the names, size and scale.

        Raises:
            ConfigurationError: One of them cannot be.
        """
        try:
            check_class_names(self.class_names)
        except ValueError as error:
            raise ConfigurationError(f"The model cannot be imported so: {error}.") from error
        if self.scale is not None and self.scale not in SCALES:
            known = ", ".join(SCALES)
            raise ConfigurationError(f"There is no scale {self.scale!r}: choose one of {known}.")
        if self.image_size is not None and not all(1 <= s <= MOST_SIDE for s in self.image_size):
            raise ConfigurationError(f"Photos can have 1 to {MOST_SIDE:,} pixels a side.")


EngineRequest: TypeAlias = ExportModel | ImportModel
_KINDS: Mapping[str, type[EngineRequest]] = {
    kind.__name__: kind for kind in (ExportModel, ImportModel)
}


@dataclass(frozen=True, slots=True)
class Answered:
    """A request was carried out."""

    files: tuple[str, ...]
    """What was written, absolute paths."""
    notes: tuple[str, ...] = ()
    """Sentences for the person who asked."""


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
