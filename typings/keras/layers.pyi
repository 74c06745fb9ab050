from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import KerasTensor
from numpy.typing import NDArray

class Layer:
    name: str
    compute_dtype: str
    trainable: bool
    input: KerasTensor
    output: KerasTensor
    call: Callable[..., Any]
    weights: list[keras.Variable]
    trainable_weights: list[object]
    non_trainable_variables: list[keras.Variable]
    variables: list[keras.Variable]
    def __call__(self, inputs: KerasTensor | list[KerasTensor]) -> KerasTensor: ...
    def get_weights(self) -> list[NDArray[np.float32]]: ...
    def set_weights(self, weights: Sequence[NDArray[np.float32]]) -> None: ...

class Activation(Layer):
    def __init__(self, activation: str, *, name: str | None = None) -> None: ...

class Add(Layer): ...

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
    def __init__(
        self,
        filters: int,
        kernel_size: int,
        *,
        activation: str | None = None,
        use_bias: bool = True,
        name: str | None = None,
    ) -> None: ...

class DepthwiseConv2D(Layer):
    def __init__(
        self,
        kernel_size: int,
        strides: int = 1,
        *,
        activation: str | None = None,
        use_bias: bool = True,
    ) -> None: ...

class MaxPooling2D(Layer):
    def __init__(self, pool_size: int = 2) -> None: ...

class Flatten(Layer):
    def __init__(self, *, name: str | None = None) -> None: ...

class GlobalAveragePooling2D(Layer):
    def __init__(self, *, name: str | None = None) -> None: ...

class Dropout(Layer):
    rate: float
    def __init__(self, rate: float, *, seed: int | None = None) -> None: ...

class Lambda(Layer):
    def __init__(self, function: Callable[[Any], Any]) -> None: ...

class ReLU(Layer):
    def __init__(self, max_value: float | None = None) -> None: ...

class Softmax(Layer): ...

class ZeroPadding2D(Layer):
    def __init__(self, padding: tuple[tuple[int, int], tuple[int, int]]) -> None: ...

class Dense(Layer):
    def __init__(
        self,
        units: int,
        *,
        activation: str | None = None,
        dtype: str | None = None,
        name: str | None = None,
    ) -> None: ...
