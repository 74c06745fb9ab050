"""Checkpoints: all that a run needs to go on as if it had never been interrupted."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import keras
import numpy as np

from training.errors import RunError
from training.events import EpochEnded
from training.files import replacing

_STANDING = "standing"


@dataclass(frozen=True, slots=True)
class EpochSoFar:
    """The part of an epoch that is trained; loss and accuracy are averages over it."""

    batches: int = 0
    loss: float = 0.0
    accuracy: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a run is."""

    fingerprint: str
    """The dataset's, without which the run cannot go on as it began."""
    contents: str = ""
    """What stands for the contents of all photos shown; empty in older checkpoints."""
    weights: str = ""
    """The checksum of the backbone's pretrained weights; empty without any."""
    precision: str
    """What numbers the network computes with, a Keras dtype policy."""
    phase: int = 0
    """The phase that is going on, counted from 0."""
    phase_began: int = 0
    """Epochs that had ended when it began."""
    epoch: int = 0
    """Epochs that have ended."""
    so_far: EpochSoFar = EpochSoFar()
    """What is trained of the next epoch."""
    best: tuple[EpochEnded, ...] = ()
    """The epochs whose weights are kept, best first."""
    thresholds: Mapping[int, float] = field(default_factory=dict)
    """What was fitted when each of these was validated, by epoch; empty in older checkpoints."""
    saved_epoch: int = 0
    """The epoch whose model is in the model file; 0 while there is none."""

    def to_json(self) -> str:
        """Write it as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        values["best"] = tuple(EpochEnded(**epoch) for epoch in values["best"])
        values["so_far"] = EpochSoFar(**values["so_far"])
        # The keys of JSON's objects are text.
        fitted = values.get("thresholds", {}).items()
        values["thresholds"] = {int(epoch): below for epoch, below in fitted}
        return cls(**values)


def save_checkpoint(file: Path, standing: Standing, variables: Sequence[keras.Variable]) -> None:
    """Write a checkpoint whole or not at all.

    Args:
        file: Where to; a checkpoint there is replaced.
        standing: How far the run is.
        variables: Those of the network, its metrics and its optimizer, in an order that is the
            same when they are restored.
    """
    words = np.frombuffer(standing.to_json().encode(), np.uint8)
    arrays: dict[str, Any] = {_STANDING: words, **_named(variables)}
    with replacing(file) as opened:
        np.savez(opened, **arrays)


def read_standing(file: Path) -> Standing | None:
    """Return how far the run of a checkpoint is, or nothing if there is no checkpoint.

    Raises:
        RunError: It cannot be read.
    """
    if not file.exists():
        return None
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return Standing.from_json(arrays[_STANDING].tobytes().decode())
    except (OSError, ValueError, KeyError, TypeError, BadZipFile, EOFError) as error:
        raise _damaged(file) from error


def restore_variables(file: Path, variables: Sequence[keras.Variable]) -> None:
    """Give variables the values that `save_checkpoint` wrote.

    Raises:
        RunError: The checkpoint cannot be read, or is of another network.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            values = {name: arrays[name] for name in arrays.files if name != _STANDING}
    except (OSError, ValueError, KeyError, BadZipFile, EOFError) as error:
        raise _damaged(file) from error
    if {name: value.shape for name, value in values.items()} != {
        name: tuple(variable.shape) for name, variable in _numbered(variables)
    }:
        raise RunError(f"The checkpoint {file} is of another network: train anew.")
    for name, variable in _numbered(variables):
        variable.assign(values[name])


def save_weights(file: Path, variables: Sequence[keras.Variable]) -> None:
    """Write the values of variables whole or not at all."""
    with replacing(file) as opened:
        np.savez(opened, **_named(variables))


def can_be_restored(file: Path, variables: Sequence[keras.Variable]) -> bool:
    """Tell whether a file holds the values of these variables, and is whole."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            shapes = {name: arrays[name].shape for name in arrays.files}
    except (OSError, ValueError, KeyError, BadZipFile, EOFError):
        return False
    return shapes == {name: tuple(each.shape) for name, each in _numbered(variables)}


def _named(variables: Sequence[keras.Variable]) -> dict[str, Any]:
    return {name: np.asarray(variable) for name, variable in _numbered(variables)}


def _numbered(variables: Sequence[keras.Variable]) -> Iterable[tuple[str, keras.Variable]]:
    return ((f"variable {number}", variable) for number, variable in enumerate(variables))


def _damaged(file: Path) -> RunError:
    return RunError(f"{file} is damaged, so that the run cannot go on from it: train anew.")
