# The part of ONNX Runtime that this project's tests use; it ships no types.

from collections.abc import Mapping, Sequence
from os import PathLike

import numpy as np
from numpy.typing import NDArray

class ModelMetadata:
    custom_metadata_map: Mapping[str, str]

class InferenceSession:
    def __init__(self, path_or_bytes: PathLike[str], *, providers: Sequence[str]) -> None: ...
    def get_modelmeta(self) -> ModelMetadata: ...
    def run(
        self, output_names: Sequence[str], input_feed: Mapping[str, NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]: ...
