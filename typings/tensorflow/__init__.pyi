# The part of TensorFlow that this project uses; TensorFlow itself ships no types.

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorflow import config as config
from tensorflow import raw_ops as raw_ops

__version__: str

class DType: ...

float32: DType

class TensorSpec:
    def __init__(
        self, shape: tuple[int | None, ...], dtype: DType, name: str | None = None
    ) -> None: ...

class Function:
    def get_concrete_function(self, signature: TensorSpec) -> object: ...

def function(function: Callable[[Any], Any]) -> Function: ...

class Tensor:
    def __array__(self) -> NDArray[np.generic]: ...
