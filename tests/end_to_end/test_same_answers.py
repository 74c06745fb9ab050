"""A photo gets the same probabilities wherever they are asked for."""

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot

from catdog_gui.workers.classify_worker import ClassifyWorker
from tests.helpers.photos import write_dataset
from training.model_file import KERAS, read_model_file

if TYPE_CHECKING:
    from catdog_gui.classify.prediction import Prediction

MOST_DIFFERENCE = 0.01

# Runs in a process of its own, since tests stay free of TensorFlow.
ENGINE = """
import json, pathlib, sys
import keras, numpy as np
from training.engine.conversion import probabilities
from training.images import ImageSize, read_photo
network = keras.models.load_model(sys.argv[1])
photos = [read_photo(pathlib.Path(p), ImageSize(64, 64)) for p in sys.argv[2:]]
print(json.dumps(probabilities(network, np.stack(photos), 2).tolist()))
"""


def catdog(*arguments: object) -> str:
    """Run a command and return what it prints."""
    command = [sys.executable, "-m", "catdog_gui", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def engine_answers(model: Path, photos: list[Path], folder: Path) -> NDArray[np.float64]:
    """Return the probabilities that the training engine's own network gives."""
    network = folder / "network.keras"
    network.write_bytes(read_model_file(model).members[KERAS])
    command = [sys.executable, "-c", ENGINE, str(network), *map(str, photos)]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    return np.array(json.loads(ended.stdout.splitlines()[-1]))


def window_answers(
    model: Path, photos: list[Path], catalog: Path, qtbot: QtBot
) -> NDArray[np.float64]:
    """Return the probabilities that the window's worker gives."""
    worker = ClassifyWorker(model, photos, catalog)
    predictions: list[Prediction] = []
    worker.predicted.connect(predictions.extend)
    with qtbot.waitSignal(worker.finished, timeout=20_000):
        worker.start()
    worker.wait()
    qtbot.waitUntil(lambda: len(predictions) == len(photos))
    return np.array([prediction.probabilities for prediction in predictions])


@pytest.mark.trains
def test_engine_command_line_evaluation_and_window_agree(
    tmp_path: Path, home: Path, qtbot: QtBot
) -> None:
    dataset = write_dataset(tmp_path / "colours", photos=12)
    numbers = "--epochs 1 --steps-per-epoch 3 --batch-size 4 --validation-steps 1 --image-side 64"
    catdog("train", dataset, "--recipe", "baseline", "--name", "m", *numbers.split())
    model = home / "models" / "m.catdog"
    answers = json.loads(catdog("classify", dataset, "--json"))["photos"]
    photos = [Path(answer["path"]) for answer in answers]
    told = np.array([[answer["probabilities"][n] for n in ("blue", "red")] for answer in answers])
    for others in (
        engine_answers(model, photos, tmp_path),
        window_answers(model, photos, tmp_path / "catalog", qtbot),
    ):
        assert np.abs(told - others).max() < MOST_DIFFERENCE
    judged = json.loads(catdog("evaluate", "m", dataset, "--split", "all", "--json"))
    for row, name in enumerate(("blue", "red")):
        labels = [a["label"] for a, p in zip(answers, photos, strict=True) if p.parent.name == name]
        assert judged["confusion"][row] == [labels.count("blue"), labels.count("red")]
