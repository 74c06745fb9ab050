from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

class ExportArchive:
    def track(self, resource: keras.Model) -> None: ...
    def add_endpoint(
        self, name: str, fn: Callable[[Any], Any], *, input_signature: Sequence[tf.TensorSpec]
    ) -> object: ...
    def write_out(self, filepath: str, *, verbose: bool = True) -> None: ...
