"""What a training process tells while it works: frozen values, one JSON object a line.

A run's events come in this order: `Progressed` while it prepares, `Started`; for every epoch
`BatchEnded` for each batch, `ValidationEnded`, `EpochEnded`, and `Saved` when the epoch is the best
so far (not after each if saving takes long); at the very end one of `Finished`, `Stopped` and
`Failed`. `Paused`, `Continued` and `Noticed` may come between any two.
"""

import json
from dataclasses import asdict, dataclass
from typing import TypeAlias

from training.errors import TrainingError


@dataclass(frozen=True, slots=True)
class Progressed:
    """A stage that is not counted in epochs went on; `total` is 0 while it is not known."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Started:
    """The network is built and the first batch is on its way."""

    run: str
    parameters: int
    device: str
    precision: str
    """What numbers the network computes with, a Keras dtype policy."""
    train_photos: int
    validation_photos: int
    epochs: int
    steps_per_epoch: int
    epochs_before: int = 0
    """Epochs that were trained before the run was interrupted and resumed."""


@dataclass(frozen=True, slots=True)
class Paused:
    """Training waits until it is told to go on."""


@dataclass(frozen=True, slots=True)
class Continued:
    """Training goes on after a pause."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something about the run that whoever reads its numbers ought to know, as one sentence."""

    text: str


@dataclass(frozen=True, slots=True)
class PhotoSkipped:
    """A photo could not be read and is left out."""

    photo: str
    reason: str


@dataclass(frozen=True, slots=True)
class BatchEnded:
    """A training batch ended; loss and accuracy are averages over the epoch so far.

    Epochs and batches count from 1.
    """

    epoch: int
    batch: int
    loss: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class ValidationEnded:
    """The validation photos of an epoch were judged."""

    epoch: int
    loss: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class EpochEnded:
    """An epoch ended: one line of the run's history. `seconds` includes validation."""

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Saved:
    """The epoch was the best so far, and its model is in the model file."""

    epoch: int
    model: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Every epoch was trained; accuracy is on all validation photos, of the best epoch's model."""

    model: str
    best_epoch: int
    accuracy: float
    photos: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """Training was stopped on request; the best model so far is kept, if there is one."""

    model: str | None


@dataclass(frozen=True, slots=True)
class Failed:
    """Training could not go on; the best model so far is kept, if there is one."""

    reason: str
    model: str | None


Outcome: TypeAlias = Finished | Stopped | Failed
Event: TypeAlias = (
    Progressed
    | Started
    | Paused
    | Continued
    | Noticed
    | PhotoSkipped
    | BatchEnded
    | ValidationEnded
    | EpochEnded
    | Saved
    | Outcome
)

_KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        Progressed,
        Started,
        Paused,
        Continued,
        Noticed,
        PhotoSkipped,
        BatchEnded,
        ValidationEnded,
        EpochEnded,
        Saved,
        Finished,
        Stopped,
        Failed,
    )
}


def to_line(event: Event) -> str:
    """Write an event as one line of JSON, without the line's end."""
    return json.dumps({"event": type(event).__name__, **asdict(event)})


def from_line(line: str) -> Event:
    """Read an event that `to_line` wrote.

    Raises:
        TrainingError: The line is no event.
    """
    try:
        values = json.loads(line)
        return _KINDS[values.pop("event")](**values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(
            f"The training process sent what is no event: {line.strip()[:200]}"
        ) from error
