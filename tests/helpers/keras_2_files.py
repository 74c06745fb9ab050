"""Files as Keras 2 wrote them, made by hand after files of Keras 2.2.4 and 2.15."""

import json
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np
from numpy.typing import NDArray

from tests.helpers.networks_made import SIDES

PHOTOS = (*SIDES, 3)
Weights: TypeAlias = Sequence[tuple[str, Sequence[tuple[str, NDArray[np.float32]]]]]
"""The names of layers, each with its weights' names and values."""


def layer_of_keras_2(kind: str, name: str, **values: object) -> dict[str, Any]:
    """Return a layer's description as Keras 2 wrote it."""
    return {"class_name": kind, "config": {"name": name, "trainable": True, **values}}


def convolution_of_keras_2(kind: str, name: str, **values: object) -> dict[str, Any]:
    """Return a convolution's description as Keras 2 wrote it."""
    return layer_of_keras_2(
        kind,
        name,
        kernel_size=[3, 3],
        strides=[1, 1],
        padding="valid",
        data_format="channels_last",
        dilation_rate=[1, 1],
        use_bias=True,
        bias_initializer={"class_name": "Zeros", "config": {}},
        activity_regularizer=None,
        bias_constraint=None,
        **values,
    )


def filters_of_keras_2() -> dict[str, object]:
    """Return what only a convolution over all channels is described with."""
    initializer = {
        "class_name": "VarianceScaling",
        "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None},
    }
    return {"filters": 8, "kernel_initializer": initializer, "kernel_regularizer": None}


def study_of_keras_2() -> list[dict[str, Any]]:
    """Return the layers of a network like the study's, as Keras 2.2.4 wrote them."""
    return [
        convolution_of_keras_2(
            "Conv2D",
            "conv2d_1",
            **filters_of_keras_2(),
            activation="relu",
            batch_input_shape=[None, *PHOTOS],
            dtype="float32",
        ),
        layer_of_keras_2(
            "MaxPooling2D",
            "max_pooling2d_1",
            pool_size=[2, 2],
            padding="valid",
            strides=[2, 2],
            data_format="channels_last",
        ),
        layer_of_keras_2("Flatten", "flatten_1", data_format="channels_last"),
        layer_of_keras_2("Dropout", "dropout_1", rate=0.5, noise_shape=None, seed=None),
        layer_of_keras_2("Dense", "dense_1", units=1, activation="sigmoid", use_bias=True),
    ]


def backbone_of_keras_2() -> dict[str, Any]:
    """Return a partly frozen network with layers like VGG19's and MobileNet's, to be nested."""
    beginning = layer_of_keras_2("InputLayer", "input_1")
    beginning["config"] = {
        "batch_input_shape": [None, *PHOTOS],
        "dtype": "float32",
        "sparse": False,
        "name": "input_1",
    }
    frozen = convolution_of_keras_2(
        "Conv2D", "block1_conv1", activation="relu", **filters_of_keras_2()
    )
    frozen["config"]["trainable"] = False
    middle = layer_of_keras_2("BatchNormalization", "bn_1", axis=[3], momentum=0.99, epsilon=1e-3)
    depthwise = convolution_of_keras_2(
        "DepthwiseConv2D", "depthwise_1", activation="relu", groups=1, depth_multiplier=1
    )
    members = [beginning, frozen, middle, depthwise]
    for index, member in enumerate(members):
        before = [[[members[index - 1]["config"]["name"], 0, 0, {}]]] if index else []
        member |= {"name": member["config"]["name"], "inbound_nodes": before}
    backbone = layer_of_keras_2("Model", "vgg19")
    backbone["config"] = {
        "name": "vgg19",
        "layers": members,
        "input_layers": [["input_1", 0, 0]],
        "output_layers": [["depthwise_1", 0, 0]],
    }
    return backbone


def write_keras_2(
    path: Path, layers_config: object, weights: Weights, **attributes: object
) -> None:
    """Write an `.h5` file as Keras 2 did."""
    with h5py.File(path, "w") as file:
        config = {"class_name": "Sequential", "config": layers_config}
        file.attrs["model_config"] = json.dumps(config).encode()
        file.attrs["keras_version"] = b"2.2.4"
        file.attrs["backend"] = b"tensorflow"
        for name, value in attributes.items():
            file.attrs[name] = value
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [name.encode() for name, _ in weights]
        for layer, arrays in weights:
            within = group.create_group(layer)
            within.attrs["weight_names"] = [name.encode() for name, _ in arrays]
            for name, array in arrays:
                within.create_dataset(name, data=array)


def random_array(*shape: int) -> NDArray[np.float32]:
    """Return weights that depend on nothing but their shape."""
    spread = 1.5 / np.sqrt(prod(shape[:-1]))
    array = np.random.default_rng(sum(shape)).normal(0, spread, shape).astype(np.float32)
    return np.asarray(array)


def study_weights() -> Weights:
    """Return weights for `study_of_keras_2`; the dropout and its like are named as well."""
    flat = (SIDES[0] - 2) // 2 * ((SIDES[1] - 2) // 2) * 8
    return [
        ("conv2d_1", convolution_weights("conv2d_1")),
        ("max_pooling2d_1", []),
        ("flatten_1", []),
        ("dropout_1", []),
        ("dense_1", dense_weights("dense_1", flat)),
    ]


def convolution_weights(name: str) -> list[tuple[str, NDArray[np.float32]]]:
    """Return the weights of a convolution from 3 to 8 channels."""
    return [(f"{name}/kernel:0", random_array(3, 3, 3, 8)), (f"{name}/bias:0", random_array(8))]


def dense_weights(name: str, inputs: int) -> list[tuple[str, NDArray[np.float32]]]:
    """Return the weights of a dense layer with one number as its output."""
    return [(f"{name}/kernel:0", random_array(inputs, 1)), (f"{name}/bias:0", random_array(1))]
