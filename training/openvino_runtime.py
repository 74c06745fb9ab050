"""OpenVINO, used so that it stays silent.

On import OpenVINO's Python package reports its use to its maker's statistics service, unless the
package that does so, `openvino_telemetry`, cannot be imported. This program never calls home, so
everything that needs OpenVINO asks for it here.
"""

import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from types import ModuleType

    import openvino


_CORE_LOCK = Lock()


def convert_network(graph: object) -> tuple[bytes, bytes]:
    """Convert a TensorFlow concrete function to OpenVINO: its network in XML, and its weights."""
    silence()
    import openvino

    converted = openvino.convert_model(graph)
    with tempfile.TemporaryDirectory(prefix="catdog-") as folder:
        xml = Path(folder, "model.xml")
        openvino.serialize(converted, xml)
        return xml.read_bytes(), xml.with_suffix(".bin").read_bytes()


def compile_network(
    xml: bytes, weights: bytes, config: Mapping[str, str]
) -> "openvino.CompiledModel":
    """Compile a network for this computer's processor.

    Raises:
        RuntimeError: OpenVINO cannot read it.
    """
    core = _core()
    return core.compile_model(core.read_model(xml, weights), "CPU", config)


def compile_photo_network(xml: bytes, weights: bytes, precision: str) -> "openvino.CompiledModel":
    """Compile a network that takes photos as they are, in whole numbers from 0 to 255.

    Args:
        xml: The network.
        weights: Its weights.
        precision: `f32`, or `bf16` where `has_bfloat16` says so.

    Raises:
        RuntimeError: OpenVINO cannot read it.
    """
    silence()
    import openvino
    from openvino.preprocess import PrePostProcessor

    core = _core()
    steps = PrePostProcessor(core.read_model(xml, weights))
    steps.input().tensor().set_element_type(openvino.Type.u8)
    config = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
    return core.compile_model(steps.build(), "CPU", config)


def has_bfloat16() -> bool:
    """Tell whether the processor itself multiplies bfloat16."""
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def run_file(path: Path, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute the first output of a network in a file of any format that OpenVINO reads, as ONNX.

    Raises:
        RuntimeError: OpenVINO cannot read it.
    """
    config = {"INFERENCE_PRECISION_HINT": "f32"}
    network = _core().compile_model(path, "CPU", config)
    return np.array(network(inputs)[0])


def _core() -> "openvino.Core":
    """Return OpenVINO's root object, one for the whole process.

    Each gives the thread that made it a stack for signals, and when it is gone gives back the one
    before; of two that go in the order in which they came, the second one gives back memory that
    is no longer there, and the next Ctrl+C kills Python (seen with OpenVINO 2026.4).
    """
    with _CORE_LOCK:
        return _only_core()


@cache
def _only_core() -> "openvino.Core":
    silence()
    import openvino

    return openvino.Core()


def openvino_version() -> str:
    """Return OpenVINO's version."""
    silence()
    import openvino

    return openvino.__version__


def silence() -> None:
    """Make the reporting package fail to import, upon which OpenVINO uses a silent stand-in."""
    modules = cast("dict[str, ModuleType | None]", sys.modules)
    modules["openvino_telemetry"] = None
