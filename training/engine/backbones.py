"""Networks trained on ImageNet, as a part of ours: built, frozen, and cut in two.

A backbone is built flat: its layers are the network's own. So a network can be cut at a layer, and
what its frozen part puts out be computed once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import keras
import numpy as np
from keras import KerasTensor, layers

from training.errors import ConfigurationError, WeightsError
from training.files import is_ordinary_file
from training.pretrained import PUBLISHED_WEIGHTS

VGG19_MEANS = (103.939, 116.779, 123.68)
"""What `keras.applications.vgg19.preprocess_input` subtracts from blue, green and red."""


@dataclass(frozen=True, slots=True)
class Backbone:
    """How a backbone is built, and how its layers are called."""

    build: Callable[..., keras.Model]
    prepare: Callable[[KerasTensor], KerasTensor]
    last_layer: str


def build_backbone(name: str, photos: KerasTensor, weights: Path | None) -> KerasTensor:
    """Put a backbone behind a network's input, and return what it puts out.

    Its batch normalisation is frozen, here and by `freeze`, also while the layers around it are
    fine-tuned: it was trained on ImageNet's batches, and ours are too small and too much alike.

    Args:
        name: A key of `BACKBONES`.
        photos: The input, shape (batch, height, width, 3), RGB, 0 to 255.
        weights: Its ImageNet weights, or None for random ones, to be replaced by a run's own.

    Returns:
        Its features, shape (batch, rows, columns, channels).

    Raises:
        WeightsError: The file does not fit the network.
    """
    backbone = BACKBONES[name]
    prepared = backbone.prepare(photos)
    if weights is None:
        network = backbone.build(weights=None, include_top=False, input_tensor=prepared)
    else:
        network = _build_with_weights(name, prepared, weights)
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    return network.outputs[0]


def freeze(network: keras.Model, trainable_from: str | None) -> None:
    """Freeze a network's backbone, or its layers before the first one whose name begins so.

    The layers behind the backbone stay as they are. To be called before `compile`.

    Args:
        network: A network that holds one of `BACKBONES`.
        trainable_from: How a layer's name begins, such as `block5`; None freezes all of it.

    Raises:
        ConfigurationError: The backbone has no such layer.
    """
    backbone = _backbone_layers(network)
    first = len(backbone) if trainable_from is None else _first_layer(backbone, trainable_from)
    for place, layer in enumerate(backbone):
        normalises = isinstance(layer, layers.BatchNormalization)
        layer.trainable = place >= first and not normalises


def cut(network: keras.Model, layer_name: str) -> tuple[keras.Model, keras.Model]:
    """Cut a network behind a layer into a lower and an upper network that share its layers.

    The upper one takes what the lower one puts out; training it trains `network`.

    Raises:
        ConfigurationError: There is no such layer, or more than its output is passed on there, as
            inside a block whose input is added to its output.
    """
    if layer_name not in {layer.name for layer in network.layers}:
        raise ConfigurationError(f"The network {network.name} has no layer {layer_name!r}.")
    parts = _parts(network, layer_name)
    if parts is None:
        raise ConfigurationError(
            f"The network {network.name} cannot be cut behind {layer_name!r}, since more than that "
            "layer's output is passed on there: cut it where a block ends."
        )
    return parts


def between(network: keras.Model, below: str, layer_name: str) -> keras.Model:
    """Return the part of a network behind the layer `below` up to another, which it shares.

    Raises:
        ConfigurationError: More than the output of `below` is passed on there.
    """
    cut(network, below)  # says so if it cannot be cut there
    first, last = (network.get_layer(name).output for name in (below, layer_name))
    return keras.Model(first, last, name=f"{network.name}_between")


def _parts(network: keras.Model, layer_name: str) -> tuple[keras.Model, keras.Model] | None:
    crossing = network.get_layer(layer_name).output
    try:
        upper = keras.Model(crossing, network.outputs[0], name=f"{network.name}_upper")
    except ValueError:  # its outputs need more than this
        return None
    return keras.Model(network.inputs[0], crossing, name=f"{network.name}_lower"), upper


def _build_with_weights(name: str, prepared: KerasTensor, weights: Path) -> keras.Model:
    """Have Keras build a backbone and load its weights, whatever the file holds."""
    if not is_ordinary_file(weights):
        raise _refusal(name, weights, "there is no such file")
    try:
        network = BACKBONES[name].build(
            weights=str(weights), include_top=False, input_tensor=prepared
        )
    except OSError as error:
        raise _refusal(name, weights, "it is cut short, damaged or no HDF5 file") from error
    except MemoryError:
        raise
    except Exception as error:  # a file may hold anything
        reason = f"its layers are not those of {PUBLISHED_WEIGHTS[name].title} without its top"
        raise _refusal(name, weights, reason) from error
    if not all(np.isfinite(values).all() for values in network.get_weights()):
        raise _refusal(name, weights, "it holds weights that are no numbers")
    return network


def _refusal(name: str, weights: Path, reason: str) -> WeightsError:
    published = PUBLISHED_WEIGHTS[name]
    return WeightsError(
        f"The weights file {weights} cannot be used for {published.title}: {reason}. Use "
        f"{published.file} from {published.url()}."
    )


def _backbone_layers(network: keras.Model) -> Sequence[layers.Layer]:
    """Return a network's layers, in order, to the backbone's last."""
    last_layers = {backbone.last_layer for backbone in BACKBONES.values()}
    for place, layer in enumerate(network.layers):
        if layer.name in last_layers:
            return network.layers[: place + 1]
    raise ConfigurationError(f"The network {network.name} has no backbone.")


def _first_layer(backbone: Sequence[layers.Layer], beginning: str) -> int:
    for place, layer in enumerate(backbone):
        if layer.name.startswith(beginning):
            return place
    raise ConfigurationError(
        f"The backbone has no layer whose name begins with {beginning!r}: name another one to "
        "train from."
    )


def _prepare_for_vgg19(photos: KerasTensor) -> KerasTensor:
    """Turn RGB into BGR around ImageNet's means, as `vgg19.preprocess_input` does.

    That function itself takes photos apart in a way that cannot be converted to ONNX.
    """
    blue_first = keras.ops.take(photos, [2, 1, 0], axis=-1)
    offset = [-mean for mean in VGG19_MEANS]
    # In float32 also where layers compute in bfloat16, which has no room for the means.
    return layers.Rescaling(1.0, offset=offset, dtype="float32", name="around_means")(blue_first)


def _prepare_for_mobilenet(photos: KerasTensor) -> KerasTensor:
    """Scale 0 to 255 to -1 to 1, as `mobilenet_v2.preprocess_input` does."""
    return layers.Rescaling(1 / 127.5, offset=-1.0, dtype="float32", name="scaled")(photos)


BACKBONES: Mapping[str, Backbone] = MappingProxyType(
    {
        "vgg19": Backbone(keras.applications.VGG19, _prepare_for_vgg19, "block5_pool"),
        "mobilenetv2": Backbone(keras.applications.MobileNetV2, _prepare_for_mobilenet, "out_relu"),
    }
)
