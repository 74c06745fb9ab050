from collections.abc import Sequence

import keras
import numpy as np
from keras import KerasTensor
from numpy.typing import NDArray

class Layer:
    name: str
    trainable: bool
    output: KerasTensor
    weights: list[keras.Variable]
    trainable_weights: list[object]
    def __call__(self, inputs: KerasTensor) -> KerasTensor: ...
    def get_weights(self) -> list[NDArray[np.float32]]: ...

class Rescaling(Layer):
    def __init__(
        self,
        scale: float,
        offset: float | Sequence[float] = 0.0,
        *,
        dtype: str | None = None,
        name: str | None = None,
    ) -> None: ...

class BatchNormalization(Layer):
    momentum: float

class Conv2D(Layer):
    def __init__(self, filters: int, kernel_size: int, *, activation: str) -> None: ...

class MaxPooling2D(Layer): ...

class Flatten(Layer):
    def __init__(self, *, name: str | None = None) -> None: ...

class GlobalAveragePooling2D(Layer):
    def __init__(self, *, name: str | None = None) -> None: ...

class Dropout(Layer):
    def __init__(self, rate: float, *, seed: int) -> None: ...

class Dense(Layer):
    def __init__(
        self, units: int, *, activation: str, dtype: str | None = None, name: str | None = None
    ) -> None: ...
