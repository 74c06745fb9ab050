"""Making a model file of a network that another program trained."""

import platform
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from training import model_file
from training.engine.conversion import golden_inputs, network_members, probabilities
from training.engine.foreign_files import load_foreign_network, refusal
from training.engine.layer_walk import flat_layers
from training.engine_requests import Answered, Reply
from training.events import Progressed
from training.images import ImageSize
from training.model_file import IMPORTED, ModelDescription, write_model_file
from training.openvino_runtime import openvino_version
from training.request_kinds import MOST_SIDE, ImportModel
from training.runs import format_history

SCALING_LAYERS = frozenset({"Rescaling", "Normalization", "TrueDivide", "Divide", "Subtract"})
"""Kinds of layers at a network's beginning that show that it scales pixels itself."""

_FIRST_LAYERS = 6
_COLOURS = 3
# What `keras.applications.vgg19.preprocess_input` takes from blue, green and red.
_IMAGENET_MEAN = (103.939, 116.779, 123.68)


@dataclass(frozen=True, slots=True)
class _Found:
    """An imported network, and what had to be assumed about it."""

    network: keras.Model
    size: ImageSize
    output: str
    notes: tuple[str, ...]


def import_model(request: ImportModel, tell: Callable[[Reply], None]) -> Answered:
    """Carry out a request to import a network.

    Raises:
        ModelFileError: The file is refused, or does not hold a photo classifier of these classes.
    """
    path = Path(request.file)
    tell(Progressed("Reading", 0, 0))
    with tempfile.TemporaryDirectory(prefix="catdog-") as scratch:
        foreign = load_foreign_network(path, Path(scratch))
    tell(Progressed("Converting", 0, 0))
    found = _as_classifier(foreign, request)
    _check_answers(path, found, len(request.class_names))
    members = network_members(found.network, len(request.class_names), found.size)
    history = format_history(()).encode()
    description = _description(request, found)
    write_model_file(Path(request.target), description, {**members, model_file.HISTORY: history})
    return Answered((request.target,), found.notes)


def _as_classifier(foreign: keras.Model, request: ImportModel) -> _Found:
    """Return a network that takes photos from 0 to 255 and gives probabilities."""
    path = Path(request.file)
    size = _image_size(path, foreign, request.image_size)
    scale, scale_note = _scale(foreign, request.scale)
    photos = keras.Input((*size, _COLOURS), name="photos")
    output = _output_kind(path, foreign, len(request.class_names))
    answer = foreign(_scaled(photos, scale))
    scores = answer[0] if isinstance(answer, list) else answer
    activation = _activation(foreign)
    notes = [scale_note]
    if activation == "linear":
        scores = layers.Activation(output, name="probabilities")(scores)
        notes.append(f"Its output has no activation, so that a {output} was added.")
    if output == "sigmoid":
        notes.append(f"Its output is taken for the probability of {request.class_names[1]}.")
    network = keras.Model([photos], [scores], name="imported")
    return _Found(network, size, output, tuple(notes))


def _image_size(path: Path, network: keras.Model, asked: tuple[int, int] | None) -> ImageSize:
    """Return the size of the photos that a network takes.

    Raises:
        ModelFileError: It takes no photos, or none of the size asked for.
    """
    shape = _photo_shape(path, network)
    declared = shape[1], shape[2]
    if asked is None and None in declared:
        raise refusal(path, "it takes photos of any size: name one, as in --image-size 150x150")
    height, width = (own or side for own, side in zip(declared, asked or (0, 0), strict=True))
    if asked is not None and (height, width) != asked:
        raise refusal(path, f"it takes photos of {height}x{width} pixels and of no other size")
    if max(height, width) > MOST_SIDE:
        raise refusal(path, f"it takes photos of {height}x{width} pixels, which is too large")
    return ImageSize(height, width)


def _photo_shape(path: Path, network: keras.Model) -> tuple[int | None, ...]:
    """Return the shape of a network's input if that is a batch of colour photos."""
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        raise refusal(path, "it has more than one input or output, and a classifier has one each")
    shape = network.inputs[0].shape
    if len(shape) == 2:
        raise refusal(
            path, f"it takes {shape[1]} numbers, not photos, as a head does without its backbone"
        )
    if len(shape) != 4:
        raise refusal(path, f"it takes arrays of shape {shape}, not photos")
    if shape[3] == _COLOURS:
        return shape
    if shape[1] == _COLOURS:
        raise refusal(path, "it takes photos with the channels first, and here they come last")
    if shape[3] == 1:
        raise refusal(path, "it takes grey photos, and here they are in colour")
    raise refusal(path, f"it takes photos of {shape[3]} channels, and here they have 3")


def _output_kind(path: Path, network: keras.Model, classes: int) -> str:
    """Return `sigmoid` for one number and `softmax` for one for each class.

    Raises:
        ModelFileError: The output does not fit the number of classes, or is no classifier's.
    """
    shape, activation = network.outputs[0].shape, _activation(network)
    if len(shape) != 2 or shape[1] is None:
        raise refusal(path, f"it gives arrays of shape {shape}, not a number for each class")
    units = shape[1]
    output = "sigmoid" if units == 1 else "softmax"
    if activation not in {output, "linear"}:
        raise refusal(
            path, f"its output comes from {activation}, and a classifier's would from {output}"
        )
    expected = 2 if units == 1 else units
    if classes != expected:
        raise refusal(
            path,
            f"its output of {units} {'number' if units == 1 else 'numbers'} tells {expected} "
            f"classes apart, not {classes}: name {expected} with --classes",
        )
    return output


def _activation(network: keras.Model) -> str:
    """Name the function that a network's output comes from, or the layer if it has none."""
    last = list(flat_layers(network))[-1]
    kind = type(last).__name__
    if kind == "Softmax":
        return "softmax"
    function = getattr(last, "activation", None)
    return str(getattr(function, "__name__", kind))


def _scale(network: keras.Model, asked: str | None) -> tuple[str, str]:
    """Return how to scale pixels, and a sentence about it."""
    if asked is not None:
        return asked, f"Pixels are scaled as asked for ({asked})."
    first = [type(layer).__name__ for layer in flat_layers(network)][:_FIRST_LAYERS]
    own = next((kind for kind in first if kind in SCALING_LAYERS), None)
    if own is not None:
        return "none", f"It scales pixels itself ({own}), so that it is given 0 to 255."
    return "1/255", (
        "It does not scale pixels itself, so that it is assumed to have been trained on pixels "
        "from 0 to 1 (--scale 1/255): if its answers are poor, try another --scale."
    )


def _to_vgg19(photos: keras.KerasTensor) -> keras.KerasTensor:
    """Turn colours around and take ImageNet's mean away, by a convolution that any runtime knows.

    Source: `keras.applications.vgg19.preprocess_input`.
    """
    convolution = layers.Conv2D(_COLOURS, 1, name="vgg19_preprocessing")
    turned: keras.KerasTensor = convolution(photos)
    kernel = np.eye(_COLOURS, dtype=np.float32)[::-1].reshape(1, 1, _COLOURS, _COLOURS)
    convolution.set_weights([kernel, -np.array(_IMAGENET_MEAN, dtype=np.float32)])
    convolution.trainable = False
    return turned


def _scaled(photos: keras.KerasTensor, scale: str) -> keras.KerasTensor:
    """Scale pixels from 0 to 255 to what a network wants, one of `SCALES`."""
    if scale == "none":
        return photos
    if scale == "vgg19":
        return _to_vgg19(photos)
    rescaling = (
        layers.Rescaling(1 / 255) if scale == "1/255" else layers.Rescaling(1 / 127.5, offset=-1)
    )
    scaled: keras.KerasTensor = rescaling(photos)
    return scaled


def _check_answers(path: Path, found: _Found, classes: int) -> None:
    """Refuse a network whose numbers are no probabilities."""
    answers = probabilities(found.network, golden_inputs(found.size), classes)
    within = np.isfinite(answers).all() and answers.min() >= 0 and answers.max() <= 1
    if not within or np.abs(answers.sum(axis=1) - 1).max() > 1e-3:
        raise refusal(path, "the numbers that it gives are no probabilities")


def _description(request: ImportModel, found: _Found) -> ModelDescription:
    return ModelDescription(
        class_names=request.class_names,
        image_size=found.size,
        output=found.output,
        recipe=IMPORTED,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        trained_on=None,
        metrics=None,
        versions={
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "openvino": openvino_version(),
            "numpy": np.__version__,
        },
    )
