"""Model files with real Keras networks, made in a process of its own.

Tests stay free of TensorFlow, so they run this module: `python -m tests.helpers.networks FOLDER`
writes one model file for every network and exports it in every format that needs TensorFlow:

    FOLDER/NAME.catdog  FOLDER/NAME.onnx  FOLDER/NAME.litert  FOLDER/NAME.savedmodel/
"""

import sys
from dataclasses import replace
from math import prod, sqrt
from pathlib import Path

import keras
import numpy as np
from keras import layers

from tests.helpers.models import describe
from tests.helpers.networks_made import CONVNET, MOBILE
from training import model_file
from training.engine.conversion import network_members
from training.engine.exporting import export_model
from training.images import ImageSize
from training.model_file import ModelDescription, write_model_file
from training.request_kinds import EXPORT_FORMATS, ExportModel

SIZE = ImageSize(48, 64)


def convnet() -> keras.Model:
    """Return a network like the study's, which tells two classes apart."""
    network = keras.Sequential(name=CONVNET)
    network.add(keras.Input((*SIZE, 3), name="photos"))
    network.add(layers.Rescaling(1 / 255))
    for filters in (8, 16):
        network.add(layers.Conv2D(filters, 3, activation="relu"))
        network.add(layers.MaxPooling2D())
    network.add(layers.Flatten())
    network.add(layers.Dense(16, activation="relu"))
    network.add(layers.Dense(1, activation="sigmoid", name="probabilities"))
    return network


def mobile() -> keras.Model:
    """Return a small network of MobileNetV2's kind of blocks, which tells three classes apart."""
    photos = keras.Input((*SIZE, 3), name="photos")
    values = layers.Rescaling(1 / 127.5, offset=-1)(photos)
    for filters in (8, 16):
        values = layers.Conv2D(filters, 1, use_bias=False)(values)
        values = layers.ReLU(6.0)(layers.BatchNormalization()(values))
        values = layers.ZeroPadding2D(((0, 1), (0, 1)))(values)
        values = layers.DepthwiseConv2D(3, strides=2, use_bias=False)(values)
        values = layers.ReLU(6.0)(layers.BatchNormalization()(values))
        block = layers.BatchNormalization()(layers.Conv2D(filters, 1, use_bias=False)(values))
        values = layers.Add()([values, block])
    values = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(values))
    probabilities = layers.Dense(3, activation="softmax", name="probabilities")(values)
    return keras.Model([photos], [probabilities], name=MOBILE)


def stir(network: keras.Model) -> keras.Model:
    """Give every weight, moving averages as well, a value that makes a difference."""
    generator = np.random.default_rng(3)
    for weight in network.weights:
        spread = 2 / sqrt(prod(weight.shape[:-1]))
        noise = generator.normal(0, spread, weight.shape).astype(np.float32)
        if weight.name in {"gamma", "moving_variance"}:
            noise = (np.abs(noise) + 0.5).astype(np.float32)
        weight.assign(noise)
    return even_out(network)


def even_out(network: keras.Model) -> keras.Model:
    """Make scores of photos of different colours differ by about 1, so that none is certain."""
    head = network.layers[-1]
    photos = np.random.default_rng(4).integers(0, 256, (50, 1, 1, 3)) * np.ones((1, *SIZE, 1))
    features = np.asarray(keras.Model(network.inputs, [head.input])(photos.astype(np.float32)))
    kernel, bias = head.get_weights()
    scores = features @ kernel + bias
    spread = scores.std(axis=0)
    head.set_weights([kernel / spread, (bias - scores.mean(axis=0)) / spread])
    return network


def description(class_names: tuple[str, ...]) -> ModelDescription:
    """Describe a network of this module."""
    return replace(describe(class_names), image_size=SIZE)


def write(folder: Path) -> None:
    """Write all model files and their exports."""
    for network, class_names in ((convnet(), ("blue", "red")), (mobile(), ("a", "b", "c"))):
        path = folder / f"{network.name}.catdog"
        members = network_members(stir(network), len(class_names), SIZE)
        history = {model_file.HISTORY: b"epoch,loss,accuracy,val_loss,val_accuracy,seconds\n"}
        write_model_file(path, description(class_names), {**members, **history})
        for export_format in EXPORT_FORMATS:
            request = ExportModel(
                model=str(path),
                export_format=export_format,
                target=str(folder / f"{network.name}.{export_format}"),
            )
            export_model(request, lambda _reply: None)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
