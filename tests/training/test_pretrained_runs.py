"""Whole runs of recipes with a backbone: weights fetched or named, features kept, and resumed."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest

from tests.helpers.file_server import FileServer, serving
from tests.helpers.photos import write_dataset
from tests.helpers.training_configs import TINY, small_config
from training.configuration import STUDY_AUGMENTATION, Optimizer, TrainingConfig
from training.events import (
    BatchEnded,
    EpochEnded,
    Event,
    Failed,
    Finished,
    Noticed,
    Progressed,
    Stopped,
)
from training.model_file import OPENVINO_BIN, read_model_file
from training.pretrained import PUBLISHED_WEIGHTS
from training.process import TrainingProcess
from training.runs import Run

pytestmark = pytest.mark.trains

DRAWN = """
import sys, keras
keras.utils.set_random_seed(0)
network = getattr(keras.applications, sys.argv[1])(weights=None, include_top=False)
network.save(sys.argv[2])
"""
"""Writes weights drawn at random, in the shapes and the format of the published ones."""
FINE_TUNING = replace(
    TINY, head_epochs=2, head_learning_rate=1e-3, optimizer=Optimizer.ADAMW, dropout=0.2
)


def drawn_weights(folder: Path, network: str) -> Path:
    file = folder / f"{network}.h5"
    subprocess.run([sys.executable, "-c", DRAWN, network, str(file)], check=True)
    return file


@pytest.fixture(scope="module")
def mobilenetv2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn_weights(tmp_path_factory.mktemp("mobilenetv2"), "MobileNetV2")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("photos"))


@pytest.fixture(autouse=True)
def keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep weights in a folder of the test's own, and have no one to fetch them from."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setenv("CATDOG_WEIGHTS_URL", f"http://127.0.0.1:{port}")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "keras"


def config_of(root: Path, photos: Path, recipe: str, weights: Path | None) -> TrainingConfig:
    numbers = FINE_TUNING if recipe.endswith("finetune") else TINY
    config = small_config(root, dataset=photos, numbers=numbers)
    return replace(config, recipe=recipe, weights_file=str(weights) if weights else None)


def train(
    config: TrainingConfig,
    on_event: Callable[[TrainingProcess, Event], None] = lambda process, event: None,
    *,
    resume: bool = False,
) -> list[Event]:
    process = TrainingProcess(config, resume=resume)
    events = []
    for event in process.events():
        events.append(event)
        on_event(process, event)
    return events


def stages(events: list[Event]) -> list[str]:
    """Name what a run did before and between its epochs, in order."""
    told = [event.stage for event in events if isinstance(event, Progressed)]
    return list(dict.fromkeys(told))


def final_weights(config: TrainingConfig) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    content = read_model_file(Path(config.model_file)).members[OPENVINO_BIN]
    return np.frombuffer(content[: len(content) // 4 * 4], np.float32)


def test_weights_are_fetched_once_and_features_computed_once(
    tmp_path: Path,
    photos: Path,
    mobilenetv2: Path,
    keras_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    computing = "Computing features up to features"
    config = config_of(tmp_path, photos, "mobilenetv2-features", None)
    with serving(FileServer(mobilenetv2.read_bytes())) as server:
        monkeypatch.setenv("CATDOG_WEIGHTS_URL", server.url)
        first = train(config)
    assert isinstance(first[-1], Finished)
    assert {"Downloading the weights of mobilenetv2", computing} <= {*stages(first)}
    fetched = keras_home / "models" / PUBLISHED_WEIGHTS["mobilenetv2"].file
    assert fetched.read_bytes() == mobilenetv2.read_bytes()

    again = replace(
        config,
        run="again",
        run_folder=str(tmp_path / "runs" / "again"),
        model_file=str(tmp_path / "models" / "again.catdog"),
    )
    second = train(again)
    assert isinstance(second[-1], Finished)
    assert computing not in stages(second)
    assert len(server.asked_ranges) == 1
    epochs = [
        [replace(event, seconds=0) for event in events if isinstance(event, EpochEnded)]
        for events in (first, second)
    ]
    assert epochs[0] == epochs[1]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
@pytest.mark.parametrize("epoch", [2, 4], ids=["while the head learns", "while a block does"])
def test_a_fine_tuned_run_that_was_killed_ends_as_one_that_never_was(
    tmp_path: Path, photos: Path, mobilenetv2: Path, epoch: int
) -> None:
    whole = config_of(tmp_path / "whole", photos, "mobilenetv2-finetune", mobilenetv2)
    killed = config_of(tmp_path / "killed", photos, "mobilenetv2-finetune", mobilenetv2)

    def kill(process: TrainingProcess, event: Event) -> None:
        if isinstance(event, BatchEnded) and (event.epoch, event.batch) == (epoch, 2):
            os.kill(process.pid, signal.SIGKILL)

    assert isinstance(train(whole)[-1], Finished)
    assert isinstance(train(killed, kill)[-1], Failed)
    assert len(Run(Path(killed.run_folder)).history()) == epoch - 1
    assert isinstance(train(killed, resume=True)[-1], Finished)
    curves = [
        [(e.loss, e.accuracy, e.val_loss, e.val_accuracy) for e in Run(folder).history()]
        for folder in (Path(whole.run_folder), Path(killed.run_folder))
    ]
    assert len(curves[0]) == 4
    np.testing.assert_allclose(curves[1], curves[0], atol=1e-5)
    np.testing.assert_allclose(final_weights(killed), final_weights(whole), atol=1e-5)


def test_a_run_goes_on_without_room_for_features(
    tmp_path: Path, photos: Path, mobilenetv2: Path
) -> None:
    config = config_of(tmp_path, photos, "mobilenetv2-finetune", mobilenetv2)

    def stop(process: TrainingProcess, event: Event) -> None:
        if isinstance(event, EpochEnded):
            process.stop()

    assert isinstance(train(config, stop)[-1], Stopped)
    for folder in Path(config.cache_folder).glob("features-*"):
        shutil.rmtree(folder)
        folder.touch()  # a folder cannot be made there, as on a disk that is full
    events = train(config, resume=True)
    assert isinstance(events[-1], Finished)
    assert any("do not fit" in event.text for event in events if isinstance(event, Noticed))
    assert [epoch.epoch for epoch in Run(Path(config.run_folder)).history()] == [1, 2, 3, 4]


def test_a_run_does_not_go_on_with_other_weights(
    tmp_path: Path, photos: Path, mobilenetv2: Path
) -> None:
    mine = tmp_path / "mine.h5"
    mine.write_bytes(mobilenetv2.read_bytes())
    config = config_of(tmp_path, photos, "mobilenetv2-features", mine)

    def stop(process: TrainingProcess, event: Event) -> None:
        if isinstance(event, EpochEnded):
            process.stop()

    assert isinstance(train(config, stop)[-1], Stopped)
    mine.write_bytes(mobilenetv2.read_bytes() + b"other")
    outcome = train(config, resume=True)[-1]
    assert isinstance(outcome, Failed)
    assert f"{mine} is not the file of weights that the run began with" in outcome.reason


def test_vgg19_trains_from_a_file_of_ones_own_and_says_that_it_is_another(
    tmp_path: Path, photos: Path
) -> None:
    mine = drawn_weights(tmp_path, "VGG19")
    config = config_of(tmp_path, photos, "vgg19-finetune", mine)
    augmented = replace(config.hyperparameters, augmentation=STUDY_AUGMENTATION, views=2)
    events = train(replace(config, hyperparameters=augmented))
    assert isinstance(events[-1], Finished)
    remarks = [event.text for event in events if isinstance(event, Noticed)]
    assert any(f"{mine} is not the file that Keras publishes" in text for text in remarks)
    assert [event.epoch for event in events if isinstance(event, EpochEnded)] == [1, 2, 3, 4]


def test_without_a_network_the_way_out_is_told_at_once(tmp_path: Path, photos: Path) -> None:
    began = perf_counter()
    outcome = train(config_of(tmp_path, photos, "vgg19-features", None))[-1]
    assert perf_counter() - began < 60
    assert isinstance(outcome, Failed)
    assert "The ImageNet weights of VGG19 could not be downloaded" in outcome.reason
    assert "--weights FILE" in outcome.reason
    assert "\n" not in outcome.reason


def test_weights_of_another_network_are_refused(
    tmp_path: Path, photos: Path, mobilenetv2: Path
) -> None:
    outcome = train(config_of(tmp_path, photos, "vgg19-features", mobilenetv2))[-1]
    assert isinstance(outcome, Failed)
    assert str(mobilenetv2) in outcome.reason
    assert "\n" not in outcome.reason
