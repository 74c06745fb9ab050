"""Model files made without TensorFlow: a network that goes by a photo's mean colour."""

import io
from pathlib import Path

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13

from training import model_file
from training.configuration import SplitChoice
from training.images import ImageSize
from training.model_file import Metrics, ModelDescription, TrainedOn, write_model_file
from training.splits import SplitMethod

SIZE = ImageSize(24, 32)
SHARPNESS = 0.05


def write_colour_model(
    path: Path, class_names: tuple[str, ...] = ("blue", "red"), fingerprint: str = "other"
) -> Path:
    """Write a model file that tells blue from red (and green) photos apart and return its path.

    Two classes get a sigmoid output, more a softmax.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    xml, weights = _network_files(path.parent, class_names)
    inputs = np.random.default_rng(0).integers(0, 256, (2, *SIZE, 3)).astype(np.uint8)
    members = {
        model_file.OPENVINO_XML: xml,
        model_file.OPENVINO_BIN: weights,
        model_file.KERAS: b"not needed to classify",
        model_file.HISTORY: b"epoch,loss,accuracy,val_loss,val_accuracy,seconds\n",
        model_file.GOLDEN_INPUTS: array_bytes(inputs),
        model_file.GOLDEN_PROBABILITIES: array_bytes(expected_probabilities(inputs, class_names)),
    }
    write_model_file(path, describe(class_names, fingerprint), members)
    return path


def describe(
    class_names: tuple[str, ...] = ("blue", "red"), fingerprint: str = "other"
) -> ModelDescription:
    """Return the description that `write_colour_model` writes."""
    return ModelDescription(
        class_names=class_names,
        image_size=SIZE,
        output="sigmoid" if len(class_names) == 2 else "softmax",
        recipe="baseline",
        created="2026-11-23T12:00:00+00:00",
        trained_on=origin(fingerprint),
        metrics=Metrics(split="validation", photos=100, correct=90, loss=0.3),
    )


def origin(fingerprint: str = "other") -> TrainedOn:
    """Return what `describe` says that a model was trained on."""
    choice = SplitChoice(method=SplitMethod.STRATIFIED)
    return TrainedOn(name="colours", fingerprint=fingerprint, split=choice)


def expected_probabilities(
    photos: NDArray[np.uint8], class_names: tuple[str, ...]
) -> NDArray[np.float32]:
    """Return what the colour network answers, computed by NumPy; shape (photos, classes)."""
    means = photos.astype(np.float64).mean(axis=(1, 2))
    scores = means @ _channel_weights(class_names)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares.astype(np.float32)


def array_bytes(array: NDArray[np.generic]) -> bytes:
    """Return an array as the bytes of a .npy file."""
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    return content.getvalue()


def _channel_weights(class_names: tuple[str, ...]) -> NDArray[np.float64]:
    channel = {"red": 0, "green": 1, "blue": 2}
    weights = np.zeros((3, len(class_names)))
    for index, name in enumerate(class_names):
        weights[channel[name], index] = SHARPNESS
    return weights


def _network_files(folder: Path, class_names: tuple[str, ...]) -> tuple[bytes, bytes]:
    photos = opset13.parameter([-1, *SIZE, 3], np.float32, name="photos")
    means = opset13.reduce_mean(photos, opset13.constant([1, 2]), keep_dims=False)
    weights = _channel_weights(class_names)
    if len(class_names) == 2:
        difference = (weights[:, 1:] - weights[:, :1]).astype(np.float32)
        output = opset13.sigmoid(opset13.matmul(means, opset13.constant(difference), False, False))
    else:
        scores = opset13.constant(weights.astype(np.float32))
        output = opset13.softmax(opset13.matmul(means, scores, False, False), 1)
    xml = folder / "colour network.xml"
    openvino.serialize(openvino.Model([output], [photos], "colours"), xml)
    contents = xml.read_bytes(), xml.with_suffix(".bin").read_bytes()
    xml.unlink()
    xml.with_suffix(".bin").unlink()
    return contents
