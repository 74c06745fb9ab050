# The part of OpenVINO that this project uses; OpenVINO itself ships no types.

from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray
from openvino import opset13 as opset13

__version__: str

class Model:
    def __init__(
        self, results: list[opset13.Node], parameters: list[opset13.Node], name: str
    ) -> None: ...

class Type:
    f32: Type
    u8: Type

class Tensor:
    def __init__(self, array: NDArray[Any]) -> None: ...

class CompiledModel:
    def __call__(self, inputs: NDArray[Any]) -> Mapping[int, NDArray[np.float32]]: ...

class Core:
    def read_model(self, model: bytes, weights: bytes) -> Model: ...
    def compile_model(
        self, model: Model | PathLike[str], device_name: str, config: Mapping[str, str]
    ) -> CompiledModel: ...
    def get_property(self, device_name: str, name: str) -> Any: ...

def convert_model(input_model: object) -> Model: ...
def serialize(model: Model, xml_path: PathLike[str]) -> None: ...
