# The part of Keras that this project uses; Keras itself ships no types.

from collections.abc import Sequence
from os import PathLike
from typing import Any, Literal, overload

import numpy as np
import tensorflow as tf
from keras import applications as applications
from keras import backend as backend
from keras import callbacks as callbacks
from keras import config as config
from keras import export as export
from keras import layers as layers
from keras import metrics as metrics
from keras import ops as ops
from keras import optimizers as optimizers
from keras import saving as saving
from keras import utils as utils
from numpy.typing import NDArray

__version__: str

class Variable:
    name: str
    dtype: str
    shape: tuple[int, ...]
    def assign(self, value: object) -> None: ...
    def assign_add(self, value: object) -> None: ...
    def __array__(self) -> NDArray[np.generic]: ...

class KerasTensor:
    shape: tuple[int | None, ...]

def Input(shape: tuple[int | None, ...], name: str | None = None) -> KerasTensor: ...

class Model:
    name: str
    inputs: list[KerasTensor]
    outputs: list[KerasTensor]
    layers: list[layers.Layer]
    variables: list[Variable]
    weights: list[Variable]
    trainable_variables: list[Variable]
    optimizer: optimizers.Optimizer
    stop_training: bool
    jit_compile: bool
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    def __init__(
        self,
        inputs: KerasTensor | list[KerasTensor],
        outputs: KerasTensor | list[KerasTensor],
        name: str | None = None,
    ) -> None: ...
    def get_layer(self, name: str) -> layers.Layer: ...
    def get_weights(self) -> list[NDArray[np.float32]]: ...
    def set_weights(self, weights: Sequence[NDArray[np.float32]]) -> None: ...
    def __call__(self, inputs: object, *, training: bool | None = None) -> Any: ...
    def compile(
        self,
        *,
        optimizer: optimizers.Optimizer | None = None,
        loss: str,
        metrics: Sequence[str | metrics.Metric],
        jit_compile: bool,
    ) -> None: ...
    @overload
    def fit(
        self,
        x: NDArray[np.float32],
        y: NDArray[np.float32],
        *,
        epochs: int,
        verbose: int,
    ) -> object: ...
    @overload
    def fit(
        self,
        x: utils.PyDataset,
        *,
        initial_epoch: int,
        epochs: int,
        callbacks: Sequence[callbacks.Callback],
        shuffle: bool,
        verbose: int,
    ) -> object: ...
    @overload
    def fit(
        self, x: utils.PyDataset | tf.data.Dataset, *, epochs: int, shuffle: bool, verbose: int
    ) -> object: ...
    def evaluate(
        self,
        x: utils.PyDataset,
        *,
        callbacks: Sequence[callbacks.Callback],
        verbose: int,
        return_dict: Literal[True],
    ) -> dict[str, float]: ...
    def train_on_batch(
        self, x: NDArray[np.float32], y: NDArray[np.float32]
    ) -> tuple[float, float]: ...
    def test_on_batch(
        self, x: NDArray[np.float32], y: NDArray[np.float32]
    ) -> tuple[float, float]: ...
    def predict_on_batch(self, x: NDArray[np.float32]) -> NDArray[np.float32]: ...
    def reset_metrics(self) -> None: ...
    def get_metrics_result(self) -> dict[str, Any]: ...
    def compute_metrics(self, x: Any, y: Any, y_pred: Any) -> dict[str, Any]: ...
    def compute_loss(
        self, *, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool
    ) -> Any: ...
    def count_params(self) -> int: ...
    def save(self, filepath: PathLike[str]) -> None: ...
    def save_weights(self, filepath: PathLike[str]) -> None: ...
    def load_weights(self, filepath: PathLike[str]) -> None: ...

class Sequential(Model):
    def __init__(self, *, name: str | None = None) -> None: ...
    def add(self, layer: layers.Layer | Model | KerasTensor) -> None: ...
