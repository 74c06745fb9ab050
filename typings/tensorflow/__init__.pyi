# The part of TensorFlow that this project uses; TensorFlow itself ships no types.

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tensorflow import config as config
from tensorflow import data as data
from tensorflow import distribute as distribute
from tensorflow import errors as errors
from tensorflow import lite as lite
from tensorflow import raw_ops as raw_ops
from tensorflow import saved_model as saved_model
from tensorflow import test as test

__version__: str

class DType: ...

float32: DType

class TensorSpec:
    def __init__(
        self, shape: tuple[int | None, ...], dtype: DType, name: str | None = None
    ) -> None: ...

class Function:
    def __call__(self, argument: Any) -> Any: ...
    def get_concrete_function(self, signature: TensorSpec) -> object: ...

def function(
    function: Callable[[Any], Any],
    *,
    input_signature: Sequence[TensorSpec] | None = None,
    reduce_retracing: bool = False,
) -> Function: ...

class Tensor:
    def __array__(self) -> NDArray[np.generic]: ...

def constant(value: ArrayLike) -> Tensor: ...

class GradientTape:
    def __init__(self, *, watch_accessed_variables: bool = True) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def watch(self, tensor: Tensor) -> None: ...
    def gradient(self, target: Any, sources: Any) -> Any: ...

def identity(value: Tensor) -> Tensor: ...
def convert_to_tensor(value: object) -> Any: ...
def matmul(a: Any, b: Any) -> Any: ...
def reduce_sum(input_tensor: Any) -> Tensor: ...

class Graph:
    def as_default(self) -> AbstractContextManager[Graph]: ...
