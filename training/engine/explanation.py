"""Where in a photo a network sees a class: Grad-CAM.

Source: R. R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization", IEEE International Conference on Computer Vision (2017), 618-626.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from training.engine.conversion import load_network, probabilities
from training.engine.layer_walk import flat_layers
from training.engine_requests import Answered, Reply
from training.errors import ConfigurationError, ModelFileError, PhotoError
from training.events import PhotoSkipped, Progressed
from training.files import as_file_name
from training.heat_overlay import lay_heat_over, write_picture
from training.images import read_photo, read_thumbnail
from training.model_file import ModelFile, read_model_file
from training.request_kinds import ExplainPhotos

BATCH_SIZE = 8
PICTURE_SIDE = 800
"""The longest side of the pictures that are written, in pixels."""

_FILE_NAME_BYTES = 60
# These only pass on, coarser or with gaps, what the layer before them found.
_PASSING_ON = ("Pooling2D", "Dropout", "Dropout2D", "Padding2D", "Cropping2D", "Sampling2D")


def explain_photos(request: ExplainPhotos, tell: Callable[[Reply], None]) -> Answered:
    """Carry out a request to explain photos.

    Raises:
        ModelFileError: The model file is refused, or its network has no convolution.
        ConfigurationError: The model knows no such class.
    """
    file = read_model_file(Path(request.model))
    names = file.description.class_names
    chosen = None if request.class_name is None else _class_index(names, request.class_name)
    network = load_network(file)
    if find_feature_layer(network) is None:
        raise ModelFileError(
            f"The network of {file.name} has no convolution, so that no place in a photo can be "
            "shown: choose another model."
        )
    written: list[str] = []
    for first in range(0, len(request.photos), BATCH_SIZE):
        tell(Progressed("Explaining", first, len(request.photos)))
        batch = [Path(photo) for photo in request.photos[first : first + BATCH_SIZE]]
        readable, pixels = _read(batch, file, tell)
        if readable:
            answers = probabilities(network, pixels, len(names))
            indices = answers.argmax(axis=1) if chosen is None else np.full(len(pixels), chosen)
            heats = grad_cam(network, pixels, indices)
            for photo, answer, index, heat in zip(readable, answers, indices, heats, strict=True):
                title = f"{photo.stem} {names[index]} {answer[index]:.0%}"
                target = _free_file(Path(request.folder), title)
                picture = lay_heat_over(read_thumbnail(photo, PICTURE_SIDE), heat)
                write_picture(target, picture)
                written.append(str(target))
    return Answered(tuple(written))


def grad_cam(
    network: keras.Model, photos: NDArray[np.uint8], class_indices: NDArray[np.integer] | int
) -> NDArray[np.float32]:
    """Return where in photos a network sees a class.

    The last convolution's feature maps are added up, each weighted by the mean of the gradient of
    the class's score with respect to it, and what speaks against the class is cut off. The score is
    the number before the output's sigmoid or softmax; where a single one tells two classes apart,
    the first class's score is its negative.

    Args:
        network: A classifier that takes photos from 0 to 255; it may hold other networks.
        photos: Shape (photos, height, width, 3).
        class_indices: The class to look for, one for all photos or one for each.

    Returns:
        Shape (photos, rows, columns), as coarse as the feature maps; each photo's highest is 1, or
        all are 0 where nothing speaks for the class.

    Raises:
        ValueError: The network has no convolution.
    """
    layer = find_feature_layer(network)
    if layer is None:
        raise ValueError(f"{network.name} has no convolution")
    last = list(flat_layers(network))[-1]
    with tf.GradientTape(watch_accessed_variables=False) as tape, ExitStack() as taps:
        features = taps.enter_context(_tapped(layer, lambda _inputs, outputs: outputs, tape))
        before = taps.enter_context(_tapped(last, lambda inputs, _outputs: inputs))
        outputs = network(tf.constant(photos.astype(np.float32)), training=False)
        scores = _scores(last, before[-1], outputs)
        chosen = tf.reduce_sum(scores * tf.constant(_one_hot(scores, photos, class_indices)))
    gradients = np.asarray(tape.gradient(chosen, features[-1]), dtype=np.float32)
    weights = gradients.mean(axis=(1, 2), keepdims=True)
    heat = np.maximum((weights * np.asarray(features[-1])).sum(axis=-1), 0)
    highest = heat.max(axis=(1, 2), keepdims=True)
    shares: NDArray[np.float32] = heat / np.where(highest > 0, highest, 1)
    return shares


def find_feature_layer(network: keras.Model) -> layers.Layer | None:
    """Return the last layer whose output still shows where in a photo things are.

    That is the last convolution, or what follows it without making its map coarser: activation,
    normalisation, the sum with a shortcut.
    """
    found: layers.Layer | None = None
    convolved = False
    for layer in flat_layers(network):
        kind = type(layer).__name__
        convolved = convolved or "Conv2D" in kind
        shape = getattr(layer.output, "shape", ())
        is_map = len(shape) == 4 and tuple(shape[1:3]) != (1, 1)
        if convolved and is_map and not kind.endswith(_PASSING_ON):
            found = layer
    return found


@contextmanager
def _tapped(
    layer: layers.Layer,
    choose: Callable[[Any, Any], Any],
    tape: tf.GradientTape | None = None,
) -> Iterator[list[Any]]:
    """Collect what a layer is given or gives, wherever it lies, each time it is called.

    A network of its inputs and outputs cannot be cut out where it lies within another network.
    """
    collected: list[Any] = []
    call = layer.call

    def call_and_collect(inputs: Any, *arguments: Any, **options: Any) -> Any:
        outputs = call(inputs, *arguments, **options)
        chosen = choose(inputs, outputs)
        if tape is not None:
            tape.watch(chosen)
        collected.append(chosen)
        return outputs

    layer.call = call_and_collect
    try:
        yield collected
    finally:
        del layer.call


def _scores(last: layers.Layer, before: Any, outputs: Any) -> Any:
    """Return the numbers before the output's sigmoid or softmax, where they can be had."""
    if isinstance(last, layers.Dense):
        kernel, *bias = last.weights
        scores = tf.matmul(before, tf.convert_to_tensor(kernel))
        return scores + tf.convert_to_tensor(bias[0]) if bias else scores
    return before if isinstance(last, layers.Activation | layers.Softmax) else outputs


def _one_hot(
    scores: Any, photos: NDArray[np.uint8], class_indices: NDArray[np.integer] | int
) -> NDArray[np.float32]:
    """Return what to multiply the scores by so that each photo's class is left."""
    indices = np.broadcast_to(np.asarray(class_indices), len(photos))
    if scores.shape[1] == 1:
        return np.where(indices == 1, 1, -1).astype(np.float32)[:, np.newaxis]
    chosen: NDArray[np.float32] = np.eye(scores.shape[1], dtype=np.float32)[indices]
    return chosen


def _class_index(names: Sequence[str], name: str) -> int:
    if name not in names:
        raise ConfigurationError(
            f"The model knows no class {name!r}: choose one of {', '.join(names)}."
        )
    return names.index(name)


def _read(
    photos: Sequence[Path], file: ModelFile, tell: Callable[[Reply], None]
) -> tuple[list[Path], NDArray[np.uint8]]:
    """Return the photos that can be read, and their pixels; tell of the others."""
    readable, pixels = [], []
    for photo in photos:
        try:
            pixels.append(read_photo(photo, file.description.image_size))
            readable.append(photo)
        except PhotoError as error:
            tell(PhotoSkipped(str(photo), str(error)))
    return readable, np.array(pixels, dtype=np.uint8)


def _free_file(folder: Path, title: str) -> Path:
    """Return a file in a folder that is named after a title and is not there yet."""
    name = as_file_name(title, _FILE_NAME_BYTES)
    number, target = 1, folder / f"{name}.png"
    while target.exists():
        number += 1
        target = folder / f"{name} ({number}).png"
    return target
