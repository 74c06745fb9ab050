"""From a trained network to the members of a model file."""

import io
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training import model_file
from training.errors import ModelFileError
from training.images import ImageSize
from training.model_file import ModelFile
from training.openvino_runtime import convert_network

GOLDEN_COUNT = 4
_GOLDEN_CELLS = 8


def network_members(network: keras.Model, classes: int, size: ImageSize) -> dict[str, bytes]:
    """Return a network as the members of a model file, all but its history.

    The Keras file holds the weights without the optimizer's state.
    """
    xml, weights = openvino_form(network, size)
    inputs = golden_inputs(size)
    return {
        model_file.OPENVINO_XML: xml,
        model_file.OPENVINO_BIN: weights,
        model_file.KERAS: keras_form(network),
        model_file.GOLDEN_INPUTS: _array_bytes(inputs),
        model_file.GOLDEN_PROBABILITIES: _array_bytes(probabilities(network, inputs, classes)),
    }


def load_network(file: ModelFile) -> keras.Model:
    """Load a model file's Keras network, without the code that it may carry.

    Raises:
        ModelFileError: Keras refuses it.
    """
    with tempfile.TemporaryDirectory(prefix="catdog-") as folder:
        path = Path(folder, model_file.KERAS)
        path.write_bytes(file.members[model_file.KERAS])
        try:
            return keras.saving.load_model(path, compile=False, safe_mode=True)
        except Exception as error:  # whatever an unknown file makes Keras raise
            raise ModelFileError(
                f"The model file {file.path} is refused: Keras cannot load its network. "
                "Train it anew."
            ) from error


def openvino_form(network: keras.Model, size: ImageSize) -> tuple[bytes, bytes]:
    """Convert a network to OpenVINO: its description in XML, and its weights."""
    signature = tf.TensorSpec((None, *size, 3), tf.float32, name="photos")
    graph = tf.function(lambda photos: network(photos, training=False))
    return convert_network(graph.get_concrete_function(signature))


def keras_form(network: keras.Model) -> bytes:
    """Return a network's `.keras` file, without the optimizer's state."""
    plain = keras.Model(network.inputs, network.outputs[0], name=network.name)
    with tempfile.TemporaryDirectory(prefix="catdog-") as folder:
        path = Path(folder, model_file.KERAS)
        plain.save(path)
        return path.read_bytes()


def golden_inputs(size: ImageSize) -> NDArray[np.uint8]:
    """Generate inputs that look like blurred photos, always the same for a size.

    Returns:
        An array of shape (n, height, width, 3).
    """
    generator = np.random.default_rng(0)
    cells = generator.integers(0, 256, (GOLDEN_COUNT, _GOLDEN_CELLS, _GOLDEN_CELLS, 3))
    rows = np.arange(size.height) * _GOLDEN_CELLS // size.height
    columns = np.arange(size.width) * _GOLDEN_CELLS // size.width
    grain = generator.integers(-16, 17, (GOLDEN_COUNT, *size, 3))
    photos: NDArray[np.int64] = cells[:, rows][:, :, columns] + grain
    return np.clip(photos, 0, 255).astype(np.uint8)


def probabilities(
    network: keras.Model, photos: NDArray[np.uint8], classes: int
) -> NDArray[np.float32]:
    """Return every class's probability, shape (photos, classes), from a network's own output.

    Its output may be one number for two classes: the second one's probability.
    """
    output = np.asarray(network.predict_on_batch(photos.astype(np.float32)), dtype=np.float32)
    return np.hstack([1 - output, output]) if output.shape[1] < classes else output


def _array_bytes(array: NDArray[np.generic]) -> bytes:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    return content.getvalue()
