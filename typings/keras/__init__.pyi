# The part of Keras that this project uses; Keras itself ships no types.

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np
from keras import callbacks as callbacks
from keras import layers as layers
from keras import optimizers as optimizers
from keras import utils as utils
from numpy.typing import NDArray

__version__: str

class KerasTensor: ...

def Input(shape: tuple[int, ...], name: str | None = None) -> KerasTensor: ...

class Model:
    name: str
    inputs: list[KerasTensor]
    outputs: list[KerasTensor]
    def __init__(
        self, inputs: list[KerasTensor], outputs: list[KerasTensor], name: str | None = None
    ) -> None: ...
    def __call__(self, inputs: object, *, training: bool | None = None) -> Any: ...
    def compile(
        self,
        *,
        optimizer: optimizers.Optimizer,
        loss: str,
        metrics: Sequence[str],
        jit_compile: bool,
    ) -> None: ...
    def fit(
        self,
        x: utils.PyDataset,
        *,
        epochs: int,
        validation_data: utils.PyDataset,
        callbacks: Sequence[callbacks.Callback],
        shuffle: bool,
        verbose: int,
    ) -> object: ...
    def evaluate(
        self, x: utils.PyDataset, *, callbacks: Sequence[callbacks.Callback], verbose: int
    ) -> tuple[float, float]: ...
    def predict_on_batch(self, x: NDArray[np.float32]) -> NDArray[np.float32]: ...
    def count_params(self) -> int: ...
    def save(self, filepath: PathLike[str]) -> None: ...
    def save_weights(self, filepath: PathLike[str]) -> None: ...
    def load_weights(self, filepath: PathLike[str]) -> None: ...

class Sequential(Model):
    def __init__(self, *, name: str | None = None) -> None: ...
    def add(self, layer: layers.Layer | KerasTensor) -> None: ...
