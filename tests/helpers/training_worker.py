"""A small training as a program: on one device, several, or as one worker of TF_CONFIG.

`python -m tests.helpers.training_worker FOLDER EPOCHS DEVICES [EPOCH]` trains a tiny network on
generated photos. After every epoch the chief writes FOLDER/checkpoint.npz, from which it goes on if
it finds it; the others get everything from the chief. In the end every worker writes the curve that
it saw and its weights, under its own number. In the middle of EPOCH it kills itself, unless it has
done so before. It ends with `LOST` if another worker is gone, and is then to be started again.
"""

import json
import os
import signal
import sys
from math import ceil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.engine.collective import Collective
from training.engine.mistakes import Mistakes
from training.engine.replicas import Replicas
from training.engine.strategies import (
    Cluster,
    WorkerLostError,
    choose_strategy,
    is_chief,
    losses_of_workers_told,
    read_cluster,
)
from training.files import replacing

LOST = 75
SECONDS_TO_MEET = 120
_PHOTOS = 45
_BATCH = 8
_SIZE = 32


class Photos(keras.utils.PyDataset):
    """Generated photos that are lighter above than below, or not; the last batch is an odd one."""

    def __init__(self, seed: int) -> None:
        """Draw them."""
        super().__init__(workers=2, max_queue_size=3)
        generator = np.random.default_rng(seed)
        self._photos = generator.integers(0, 256, (_PHOTOS, _SIZE, _SIZE, 3), dtype=np.uint8)
        lighter_above = generator.random(_PHOTOS) < 0.5
        self._photos[lighter_above, : _SIZE // 2] //= 2
        self._labels = lighter_above.astype(np.float32)[:, np.newaxis]
        self._weights = np.where(lighter_above, 1.5, 0.75).astype(np.float32)

    def __len__(self) -> int:
        """Return the number of batches."""
        return ceil(_PHOTOS / _BATCH)

    def __getitem__(self, index: int) -> tuple[NDArray[Any], ...]:
        """Return a whole batch."""
        rows = slice(index * _BATCH, (index + 1) * _BATCH)
        return self._photos[rows], self._labels[rows], self._weights[rows]


class KillItself(keras.callbacks.Callback):
    """Kills this process after the first batch of an epoch, once in the life of a folder."""

    def __init__(self, epoch: int, mark: Path) -> None:
        """Kill in `epoch`, counted from 1, and leave a mark."""
        super().__init__()
        self._kills_in = epoch - 1
        self._mark = mark
        self._now = False

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        """See whether this is the epoch."""
        self._now = epoch == self._kills_in and not self._mark.exists()

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Kill."""
        if self._now:
            self._mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def main(folder: Path, epochs: int, devices: int, dies_in: int) -> int:
    """Train and return the exit status."""
    cluster = read_cluster(os.environ)
    try:
        with losses_of_workers_told(cluster):
            _train(cluster, folder, epochs, devices, dies_in)
    except WorkerLostError as error:
        sys.stderr.write(f"{error}\n")
        return LOST
    return 0


def _train(cluster: Cluster | None, folder: Path, epochs: int, devices: int, dies_in: int) -> None:
    strategy = _strategy(cluster, devices)
    keras.utils.set_random_seed(5)
    with strategy.scope():
        mistakes = Mistakes()
        network = _network(mistakes)
    collective = Collective(strategy)
    replicas = Replicas(network, strategy, collective)
    number = 0 if cluster is None else cluster.index
    curve = _resume(folder, network) if is_chief(cluster) else []
    replicas.broadcast()
    training, validation = Photos(1), Photos(2)
    killer = KillItself(dies_in, folder / f"killed {number}")
    for epoch in range(collective.number_of_chief(len(curve)), epochs):
        measured = replicas.fit(training, initial_epoch=epoch, callbacks=[killer])
        judged = replicas.evaluate(validation)
        counted = float(replicas.added_up(mistakes.counts).sum())
        row = [measured["loss"], measured["accuracy"], judged["loss"], judged["accuracy"]]
        curve.append([*row, counted])
        if is_chief(cluster):
            _save(folder / "checkpoint.npz", network, curve)
    _save(folder / f"worker {number}.npz", network, curve)
    (folder / f"worker {number}.json").write_text(json.dumps(curve), encoding="utf-8")


def _strategy(cluster: Cluster | None, devices: int) -> tf.distribute.Strategy:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    if devices > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration() for _ in range(devices)]
        tf.config.set_logical_device_configuration(cpu, parts)
        return tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(devices)])
    return choose_strategy(cluster, seconds=SECONDS_TO_MEET)


def _network(mistakes: Mistakes) -> keras.Model:
    network = keras.Sequential()
    network.add(keras.Input((_SIZE, _SIZE, 3)))
    network.add(keras.layers.Rescaling(1 / 255))
    network.add(keras.layers.Conv2D(4, 3, activation="relu"))
    network.add(keras.layers.MaxPooling2D(4))
    network.add(keras.layers.Flatten())
    network.add(keras.layers.Dense(1, activation="sigmoid"))
    network.compile(
        optimizer=keras.optimizers.RMSprop(0.01, epsilon=1e-7),
        loss="binary_crossentropy",
        metrics=["accuracy", mistakes],
        jit_compile=False,
    )
    return network


def _save(file: Path, network: keras.Model, curve: list[list[float]]) -> None:
    variables = [*network.variables, *network.optimizer.variables]
    arrays: dict[str, Any] = {f"variable {n}": np.asarray(v) for n, v in enumerate(variables)}
    with replacing(file) as opened:
        np.savez(opened, curve=np.array(curve), **arrays)


def _resume(folder: Path, network: keras.Model) -> list[list[float]]:
    file = folder / "checkpoint.npz"
    if not file.exists():
        return []
    with np.load(file, allow_pickle=False) as arrays:
        for number, variable in enumerate([*network.variables, *network.optimizer.variables]):
            variable.assign(arrays[f"variable {number}"])
        curve: list[list[float]] = arrays["curve"].tolist()
        return curve


if __name__ == "__main__":
    folder_, epochs_, devices_, *dies_ = sys.argv[1:]
    status = main(Path(folder_), int(epochs_), int(devices_), int(dies_[0]) if dies_ else 0)
    sys.stderr.flush()
    os._exit(status)  # TensorFlow would wait for workers that have gone home
