"""The same network trained by one process, on two devices, and by two workers."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from numpy.typing import NDArray

LOST = 75
"""How `tests.helpers.training_worker` ends when another worker is gone."""

EPOCHS = 4
VALIDATION_PHOTOS = 45
"""Of `tests.helpers.training_worker`, which imports TensorFlow."""
TOLERANCE = 1e-5
"""Sums of 32-bit numbers in another order; seen: 4e-7 for the curve, 1e-6 for the weights."""
MOST_STARTS = 4
"""How often a worker may be started before something must be wrong."""

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Trained:
    """What a worker left behind."""

    curve: NDArray[np.float64]
    """Loss, accuracy, the same of the validation, and its mistakes, one row an epoch."""
    weights: list[NDArray[np.float32]]
    starts: int


class WorkerProcess(Thread):
    """A worker that is started again whenever it, or another one, was lost."""

    def __init__(
        self, folder: Path, index: int, ports: Sequence[int], *, devices: int = 1, dies_in: int = 0
    ) -> None:
        """Be worker `index` of those at `ports`, or alone if there are none."""
        super().__init__()
        self._command = [sys.executable, "-m", "tests.helpers.training_worker", str(folder)]
        self._command += [str(EPOCHS), str(devices), str(dies_in)]
        self._folder = folder
        self._index = index
        self._environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
        self._environment.pop("TF_CONFIG", None)
        if ports:
            workers = [f"127.0.0.1:{port}" for port in ports]
            task = {"type": "worker", "index": index}
            self._environment["TF_CONFIG"] = json.dumps(
                {"cluster": {"worker": workers}, "task": task}
            )
        self.statuses: list[int] = []
        self.errors = ""

    def run(self) -> None:
        """Start it until it ends by itself."""
        while len(self.statuses) < MOST_STARTS:
            ended = subprocess.run(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                timeout=240,
                check=False,
            )
            self.statuses.append(ended.returncode)
            self.errors += ended.stderr
            if ended.returncode not in {LOST, -9}:
                return

    def trained(self) -> Trained:
        """Wait for its end."""
        self.join()
        assert self.statuses[-1] == 0, self.errors
        curve = json.loads((self._folder / f"worker {self._index}.json").read_text())
        with np.load(self._folder / f"worker {self._index}.npz", allow_pickle=False) as arrays:
            weights = [arrays[name] for name in arrays.files if name != "curve"]
        return Trained(np.array(curve), weights, len(self.statuses))


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def train_alone(folder: Path, devices: int = 1) -> Trained:
    worker = WorkerProcess(folder, 0, [], devices=devices)
    worker.start()
    return worker.trained()


def train_together(folder: Path, killed: Mapping[int, int] | None = None) -> list[Trained]:
    """Train by two workers; `killed` says which of them is killed in which epoch, from 1."""
    ports = free_ports(2)
    dies_in = killed or {}
    workers = [
        WorkerProcess(folder, index, ports, dies_in=dies_in.get(index, 0)) for index in range(2)
    ]
    for worker in workers:
        worker.start()
    return [worker.trained() for worker in workers]


def largest_difference(one: Trained, other: Trained) -> float:
    pairs = zip(one.weights, other.weights, strict=True)
    return float(max(np.abs(mine - yours).max() for mine, yours in pairs))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train_alone(tmp_path_factory.mktemp("alone"))


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> list[Trained]:
    return train_together(tmp_path_factory.mktemp("together"))


@pytest.mark.trains
def test_two_workers_see_the_curve_that_one_sees(alone: Trained, together: list[Trained]) -> None:
    assert alone.curve[-1, 0] < 0.8 * alone.curve[0, 0]  # it does learn
    for worker in together:
        np.testing.assert_allclose(worker.curve, alone.curve, atol=TOLERANCE)
        assert largest_difference(worker, alone) < TOLERANCE


@pytest.mark.trains
def test_every_mistake_is_counted_once_among_workers(together: list[Trained]) -> None:
    for worker in together:
        accuracy, mistakes = worker.curve[:, 3], worker.curve[:, 4]
        np.testing.assert_allclose(mistakes, (1 - accuracy) * VALIDATION_PHOTOS, atol=1e-3)
        assert mistakes.any()


@pytest.mark.trains
def test_two_devices_see_the_curve_that_one_sees(alone: Trained, tmp_path: Path) -> None:
    mirrored = train_alone(tmp_path, devices=2)
    np.testing.assert_allclose(mirrored.curve, alone.curve, atol=TOLERANCE)
    assert largest_difference(mirrored, alone) < TOLERANCE


@pytest.mark.trains
def test_workers_that_were_killed_and_started_again_go_on_as_if_nothing_had_been(
    together: list[Trained], tmp_path: Path
) -> None:
    chief, other = train_together(tmp_path, killed={1: 2, 0: EPOCHS})
    assert [(tmp_path / f"killed {index}").exists() for index in range(2)] == [True, True]
    assert (chief.starts, other.starts) == (3, 3)
    np.testing.assert_allclose(chief.curve, together[0].curve, atol=TOLERANCE)
    # The other one kept nothing, and saw only the epochs from the last loss on.
    np.testing.assert_allclose(other.curve, together[1].curve[EPOCHS - 1 :], atol=TOLERANCE)
    for resumed, uninterrupted in zip((chief, other), together, strict=True):
        assert largest_difference(resumed, uninterrupted) < TOLERANCE
