"""Writing a model as a network of another runtime, and asking that runtime right away.

Whatever the format, the network takes `photos`, float32 of shape (batch, height, width, 3), 0 to
255, any number of them, and gives `probabilities` as the Keras network does.
"""

import json
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.engine.conversion import load_network
from training.engine_requests import Answered, Reply
from training.errors import TrainingError
from training.events import Progressed
from training.model_file import ModelFile, read_model_file
from training.openvino_runtime import run_file
from training.request_kinds import ExportModel

TOLERANCE = 1e-4
"""How far any probability may be off in another runtime, computed in float32."""

ONNX_OPSET = 17
"""Old enough for every ONNX Runtime since 1.12 (2022), and all that our networks need."""

PHOTOS = "photos"
PROBABILITIES = "probabilities"


def export_model(request: ExportModel, tell: Callable[[Reply], None]) -> Answered:
    """Carry out a request to export a model.

    Raises:
        ModelFileError: The model file is refused.
        TrainingError: The other runtime gives other probabilities.
    """
    target = Path(request.target)
    file = read_model_file(Path(request.model))
    inputs = file.golden().inputs.astype(np.float32)
    tell(Progressed("Converting", 0, 0))
    network = load_network(file)
    _WRITERS[request.export_format](network, file, target)
    tell(Progressed("Checking", 0, 0))
    expected = np.asarray(network(inputs, training=False))
    found = _RUNTIMES[request.export_format](target, inputs)
    worst = float(np.abs(found - expected).max())
    if not worst <= TOLERANCE:
        raise TrainingError(
            f"The model cannot be exported: its probabilities as {request.export_format} are off "
            f"by {worst:.4f}. Choose another format."
        )
    return Answered((str(target),))


def _signature(network: keras.Model) -> tf.TensorSpec:
    return tf.TensorSpec((None, *network.inputs[0].shape[1:]), tf.float32, name=PHOTOS)


def _write_savedmodel(network: keras.Model, _file: ModelFile, target: Path) -> None:
    archive = keras.export.ExportArchive()
    archive.track(network)
    archive.add_endpoint(
        "serve",
        lambda photos: {PROBABILITIES: network(photos, training=False)},
        input_signature=[_signature(network)],
    )
    archive.write_out(str(target), verbose=False)


def _write_litert(network: keras.Model, file: ModelFile, target: Path) -> None:
    # Given a function, LiteRT's converter loses the weights that Keras made.
    with tempfile.TemporaryDirectory(prefix="catdog-") as folder:
        saved = Path(folder, "saved")
        _write_savedmodel(network, file, saved)
        target.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(saved)).convert())


def _write_onnx(network: keras.Model, file: ModelFile, target: Path) -> None:
    import onnx
    import tf2onnx

    signature = [_signature(network)]
    graph = tf.function(
        lambda photos: {PROBABILITIES: network(photos, training=False)}, input_signature=signature
    )
    converted, _ = tf2onnx.convert.from_function(graph, signature, opset=ONNX_OPSET)
    for value in (converted.graph.input[0], converted.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.helper.set_model_props(converted, _properties(file))
    onnx.checker.check_model(converted, full_check=True)
    onnx.save(converted, str(target))


def _properties(file: ModelFile) -> dict[str, str]:
    """Return what an ONNX file can carry beside the network."""
    return {
        "class_names": json.dumps(file.description.class_names, ensure_ascii=False),
        "output": file.description.output,
        **file.description.preprocessing,
    }


def _run_savedmodel(target: Path, photos: NDArray[np.float32]) -> NDArray[np.float32]:
    serve = tf.saved_model.load(str(target)).signatures["serving_default"]
    return np.asarray(serve(**{PHOTOS: tf.constant(photos)})[PROBABILITIES])


def _run_litert(target: Path, photos: NDArray[np.float32]) -> NDArray[np.float32]:
    with warnings.catch_warnings():
        # It is to move to a package of its own; the one that comes with TensorFlow does here.
        warnings.filterwarnings("ignore", message=r"\s*Warning: tf\.lite\.Interpreter")
        interpreter = tf.lite.Interpreter(model_content=target.read_bytes())
    outputs = interpreter.get_signature_runner()(**{PHOTOS: photos})
    return np.asarray(outputs[PROBABILITIES])


def _run_onnx(target: Path, photos: NDArray[np.float32]) -> NDArray[np.float32]:
    return run_file(target, photos)


_WRITERS: Mapping[str, Callable[[keras.Model, ModelFile, Path], None]] = {
    "onnx": _write_onnx,
    "litert": _write_litert,
    "savedmodel": _write_savedmodel,
}
_RUNTIMES: Mapping[str, Callable[[Path, NDArray[np.float32]], NDArray[np.float32]]] = {
    "onnx": _run_onnx,
    "litert": _run_litert,
    "savedmodel": _run_savedmodel,
}
