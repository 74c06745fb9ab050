"""Training runs on disk: a folder for each, with its configuration, state and history.

    RUN/run.json            configuration, state, process, model, reason
    RUN/split.json          the names of the photos that train, validate and test
    RUN/history.csv         one line an epoch
    RUN/checkpoint.npz      all that is needed to go on, until the run is finished
    RUN/epoch-N.npz         the weights of the best epochs, as long
    RUN/training.log        what the training process printed

All but the log is replaced as a whole, so that a run can be read while it is written.
"""

import csv
import io
import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import psutil

from training.configuration import TrainingConfig
from training.errors import CatDogError, RunError
from training.events import EpochEnded
from training.files import check_name, write_bytes

# What reading a file of nonsense raises, be it deeply nested or of infinite numbers.
_NONSENSE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


class RunState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ProcessMark:
    """A process told apart from later ones that get the same number."""

    pid: int
    started: float

    @classmethod
    def of_this_process(cls) -> Self:
        """Mark the process that asks."""
        process = psutil.Process()
        return cls(process.pid, process.create_time())

    def is_alive(self) -> bool:
        """Tell whether that very process still runs."""
        try:
            process = psutil.Process(self.pid)
            # One process's start is read from the kernel's clock ticks, always the same.
            return (
                process.status() != psutil.STATUS_ZOMBIE
                and abs(process.create_time() - self.started) < 1
            )
        except (psutil.Error, ValueError, OverflowError):
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What `run.json` says."""

    config: TrainingConfig
    state: RunState
    created: str
    """When the run was made, ISO 8601 in UTC."""
    process: ProcessMark | None = None
    model: str | None = None
    """The model file it has written, if any."""
    reason: str | None = None
    """Why it failed, if it did."""
    device: str | None = None
    """What it computes on, once it has begun."""
    precision: str | None = None
    """What numbers its network computes with."""
    best_epoch: int | None = None
    """The epoch whose network the model is, once the run is finished."""


class Run:
    """One training run's folder."""

    def __init__(self, folder: Path) -> None:
        """Refer to a run's folder, which need not exist yet."""
        self.folder = folder

    @property
    def name(self) -> str:
        """The run's name, which its folder bears."""
        return self.folder.name

    @property
    def checkpoint(self) -> Path:
        """All that is needed to go on where it was interrupted."""
        return self.folder / "checkpoint.npz"

    def weights(self, epoch: int) -> Path:
        """Return where the weights of one of the best epochs are."""
        return self.folder / f"epoch-{epoch}.npz"

    def kept_weights(self) -> list[Path]:
        """Return the files of the best epochs' weights."""
        return list(self.folder.glob("epoch-*.npz"))

    @property
    def split(self) -> Path:
        """The manifest of its split: the names of every part's photos, as JSON."""
        return self.folder / "split.json"

    @property
    def log(self) -> Path:
        """What the training process printed."""
        return self.folder / "training.log"

    def forget_checkpoint(self) -> None:
        """Delete what only a run that goes on would need."""
        for file in (self.checkpoint, *self.kept_weights()):
            with suppress(OSError):  # it does no harm where it is
                file.unlink(missing_ok=True)

    def create(self, config: TrainingConfig) -> RunRecord:
        """Make the folder and write the first record.

        Raises:
            RunError: A run of that name exists, or its folder cannot be made.
        """
        self._make_way()
        try:
            self.folder.mkdir(parents=True)
        except FileExistsError as error:
            raise RunError(
                f"There is a run named {self.name!r} already: choose another name."
            ) from error
        except OSError as error:
            raise RunError(f"The folder {self.folder} cannot be made: {error.strerror}.") from error
        created = datetime.now(UTC).isoformat(timespec="microseconds")
        record = RunRecord(
            config=config,
            state=RunState.RUNNING,
            created=created,
            process=ProcessMark.of_this_process(),
        )
        try:
            self.write(record)
            self.log.touch()
        except OSError as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise RunError(
                f"The run cannot be written to {self.folder}: {error.strerror or error}."
            ) from error
        return record

    def _make_way(self) -> None:
        """Remove a run of this name that failed or was stopped before it had learnt anything."""
        try:
            record = self.read()
            nothing = not (self.history() or self.checkpoint.exists() or record.model)
        except RunError:
            return
        if nothing and record.state in {RunState.FAILED, RunState.STOPPED}:
            shutil.rmtree(self.folder, ignore_errors=True)

    def reopen(self) -> RunRecord:
        """Mark a run that was interrupted as running again.

        Raises:
            RunError: There is no such run, it is still running, or it is finished.
        """
        record = self.read()
        if record.state in {RunState.RUNNING, RunState.PAUSED}:
            raise RunError(f"The run {self.name!r} is {record.state}: it cannot be resumed twice.")
        if record.state is RunState.FINISHED:
            raise RunError(
                f"The run {self.name!r} is finished: train under another name, for more epochs."
            )
        reopened = replace(
            record,
            state=RunState.RUNNING,
            process=ProcessMark.of_this_process(),
            reason=None,
        )
        try:
            self.write(reopened)
        except OSError as error:
            raise RunError(
                f"The run cannot be written to {self.folder}: {error.strerror or error}."
            ) from error
        return reopened

    def write(self, record: RunRecord) -> None:
        """Replace `run.json`."""
        values = {**asdict(record), "config": json.loads(record.config.to_json())}
        write_bytes(self.folder / "run.json", json.dumps(values, indent=1).encode())

    def read(self) -> RunRecord:
        """Read `run.json`; a run whose process is gone without a word has failed.

        Raises:
            RunError: It is missing or damaged.
        """
        try:
            values: dict[str, Any] = json.loads((self.folder / "run.json").read_text("utf-8"))
            process = values.get("process")
            record = RunRecord(
                config=TrainingConfig.from_json(json.dumps(values["config"])),
                state=RunState(values["state"]),
                created=str(values["created"]),
                process=ProcessMark(int(process["pid"]), float(process["started"]))
                if process
                else None,
                model=_text_or_none(values.get("model")),
                reason=_text_or_none(values.get("reason")),
                device=_text_or_none(values.get("device")),
                precision=_text_or_none(values.get("precision")),
                best_epoch=_whole_or_none(values.get("best_epoch")),
            )
        except FileNotFoundError as error:
            raise RunError(
                f"There is no run named {self.name!r}: `catdog runs list` shows them all."
            ) from error
        except (*_NONSENSE, OSError, CatDogError) as error:
            raise RunError(
                f"The record of run {self.name!r} cannot be read ({_words_of(error)}): put "
                f"{self.folder / 'run.json'} back, or delete the run's folder."
            ) from error
        return _with_true_state(record)

    def identity(self) -> str:
        """Return what tells this run from all others, also from later ones of its name."""
        return f"{self.name}, {self.created()}"

    def created(self) -> str:
        """Return when the run was made, or nothing if its record cannot be read."""
        try:
            return self.read().created
        except RunError:
            return ""

    def history(self) -> tuple[EpochEnded, ...]:
        """Return the epochs trained so far, first to last; a line cut short is left out."""
        try:
            text = (self.folder / "history.csv").read_text("utf-8")
            return tuple(parse_history(text))
        except FileNotFoundError:
            return ()
        except (*_NONSENSE, OSError, csv.Error) as error:
            raise RunError(
                f"The history of run {self.name!r} cannot be read ({_words_of(error)}): put "
                f"{self.folder / 'history.csv'} back, or delete the run's folder."
            ) from error

    def append_history(self, epoch: EpochEnded) -> None:
        """Add an epoch to the history."""
        epochs = (*self.history(), epoch)
        write_bytes(self.folder / "history.csv", format_history(epochs).encode())

    def cut_history(self, epochs: int) -> None:
        """Leave only so many epochs in the history: those that a run goes on from."""
        history = self.history()
        if len(history) > epochs:
            kept = format_history(history[:epochs]).encode()
            write_bytes(self.folder / "history.csv", kept)


def list_runs(folder: Path) -> list[Run]:
    """Return all runs in a folder of runs, oldest first."""
    runs = [Run(record.parent) for record in folder.glob("*/run.json")]
    return sorted(runs, key=lambda run: (run.created(), run.name))


def free_name(recipe: str, runs: Path, models: Path) -> str:
    """Return the first of RECIPE-1, RECIPE-2, … that neither a run nor a model bears."""
    number = 1
    while (runs / f"{recipe}-{number}").exists() or (models / f"{recipe}-{number}.catdog").exists():
        number += 1
    return check_name(f"{recipe}-{number}", "The run name")


def format_history(epochs: Sequence[EpochEnded]) -> str:
    """Write epochs as CSV with a header line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(EpochEnded)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(epoch) for epoch in epochs)
    return text.getvalue()


def parse_history(text: str) -> list[EpochEnded]:
    """Read what `format_history` wrote."""
    rows = csv.DictReader(io.StringIO(text))
    return [
        EpochEnded(
            int(row["epoch"]),
            float(row["loss"]),
            float(row["accuracy"]),
            float(row["val_loss"]),
            float(row["val_accuracy"]),
            float(row["seconds"]),
        )
        for row in rows
        if row["seconds"]  # a line cut short lacks it
    ]


def _words_of(error: Exception) -> str:
    """Return what an error says, to be put in brackets."""
    if isinstance(error, CatDogError):
        return str(error).rstrip(".")
    return f"{type(error).__name__}: {error}".rstrip(".")


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)


def _whole_or_none(value: object) -> int | None:
    return value if type(value) is int else None


def _with_true_state(record: RunRecord) -> RunRecord:
    """Correct what a run that is still going on, or was cut off, could not write down itself."""
    if record.state not in {RunState.RUNNING, RunState.PAUSED}:
        return record
    saved = record.config.model_file if Path(record.config.model_file).exists() else None
    if record.process is None or record.process.is_alive():
        return replace(record, model=saved)
    reason = "The training process ended without a word, as when the system kills it."
    return replace(record, state=RunState.FAILED, model=saved, reason=reason)
