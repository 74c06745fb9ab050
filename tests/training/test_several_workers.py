"""Two workers on this computer that train one run together, and one that is killed."""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.photos import write_dataset
from tests.helpers.training_configs import TINY, small_config
from training.configuration import STUDY_AUGMENTATION, Optimizer, TrainingConfig
from training.events import BatchEnded, Event, Failed, Finished
from training.model_file import OPENVINO_BIN, read_model_file
from training.process import TrainingProcess
from training.runs import Run

pytestmark = pytest.mark.trains

# Plain gradient descent: what it makes of a rounding error is as small as the error.
NUMBERS = replace(
    TINY,
    epochs=3,
    steps_per_epoch=4,
    batch_size=5,
    validation_steps=0,
    learning_rate=0.01,
    optimizer=Optimizer.SGD,
    augmentation=STUDY_AUGMENTATION,
)
TOLERANCE = 1e-5
"""How far curves and weights may be from those of one worker: sums in another order."""

OnEvent = Callable[[TrainingProcess, Event], None]


def nothing(process: TrainingProcess, event: Event) -> None:
    """Let training go on."""


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def train_together(
    configs: Sequence[TrainingConfig],
    patch: pytest.MonkeyPatch,
    on_event: Sequence[OnEvent] = (nothing, nothing),
    *,
    resume: bool = False,
) -> list[Event]:
    """Train with one worker for each configuration, and return their outcomes."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(len(configs))]
    processes = []
    for index, config in enumerate(configs):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        patch.setenv("TF_CONFIG", json.dumps(task))
        processes.append(TrainingProcess(config, resume=resume))
    patch.delenv("TF_CONFIG")

    def follow(process: TrainingProcess, heed: OnEvent) -> Event:
        last: Event | None = None
        for last in process.events():
            heed(process, last)
        assert last is not None
        return last

    with ThreadPoolExecutor(len(configs)) as threads:
        return list(threads.map(follow, processes, on_event))


def kill_in_second_epoch(process: TrainingProcess, event: Event) -> None:
    if isinstance(event, BatchEnded) and (event.epoch, event.batch) == (2, 2):
        os.kill(process.pid, signal.SIGKILL)


def check_equal(config: TrainingConfig, expected: TrainingConfig) -> None:
    curves, weights = [], []
    for each in (config, expected):
        epochs = Run(Path(each.run_folder)).history()
        curves.append([(e.loss, e.accuracy, e.val_loss, e.val_accuracy) for e in epochs])
        content = read_model_file(Path(each.model_file)).members[OPENVINO_BIN]
        weights.append(np.frombuffer(content[: len(content) // 4 * 4], np.float32))
    assert len(curves[0]) == NUMBERS.epochs
    np.testing.assert_allclose(curves[0], curves[1], atol=TOLERANCE)
    np.testing.assert_allclose(weights[0], weights[1], atol=TOLERANCE)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> TrainingConfig:
    config = small_config(tmp_path_factory.mktemp("alone"), dataset=photos, numbers=NUMBERS)
    assert isinstance(list(TrainingProcess(config).events())[-1], Finished)
    return config


def two_configs(root: Path, photos: Path) -> list[TrainingConfig]:
    return [
        small_config(root / f"worker {number}", dataset=photos, numbers=NUMBERS)
        for number in range(2)
    ]


def test_two_workers_train_as_one_does(
    tmp_path: Path, photos: Path, alone: TrainingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = two_configs(tmp_path, photos)
    for outcome in train_together(configs, monkeypatch):
        assert isinstance(outcome, Finished)
    for config in configs:
        check_equal(config, alone)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_a_killed_worker_is_told_of_and_the_run_goes_on_once_it_is_back(
    tmp_path: Path, photos: Path, alone: TrainingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = two_configs(tmp_path, photos)
    survivor, killed = train_together(configs, monkeypatch, (nothing, kill_in_second_epoch))
    assert isinstance(killed, Failed)
    assert isinstance(survivor, Failed)
    assert "can no longer be reached" in survivor.reason
    assert "--resume" in survivor.reason
    for outcome in train_together(configs, monkeypatch, resume=True):
        assert isinstance(outcome, Finished)
    for config in configs:
        check_equal(config, alone)
