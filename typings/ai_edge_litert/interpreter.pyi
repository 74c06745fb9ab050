# The part of LiteRT that this project's tests use; it ships no types.

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

class Interpreter:
    def __init__(self, *, model_path: str) -> None: ...
    def get_signature_runner(self) -> Callable[..., Mapping[str, NDArray[np.float32]]]: ...
