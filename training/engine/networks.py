"""The networks that recipes name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
from keras import layers

from training.configuration import Hyperparameters, Optimizer, Schedule
from training.engine.backbones import build_backbone
from training.recipes import Recipe

STUDY_FILTERS = (32, 64, 128, 128)
STUDY_DENSE_UNITS = 512
STUDY_HEAD_UNITS = 256
STUDY_EPSILON = 1e-14
"""What RMSprop adds to keep from dividing by zero.

The study's Keras 2 added 1e-7 to the root of the mean square, Keras 3 adds it under the root, where
it slows every weight whose gradient is below 3e-4. The root of 1e-14 is the study's number.
"""
SGD_MOMENTUM = 0.9
FEATURES = "features"
"""The name of the layer that makes one row of numbers of what a backbone puts out."""


@dataclass(frozen=True)
class Blueprint:
    """What decides a network's layers."""

    recipe: Recipe
    hyperparameters: Hyperparameters
    classes: int
    weights: Path | None = None
    """The file of the backbone's pretrained weights; without it they are drawn at random."""


def build_network(blueprint: Blueprint, dtype_policy: str = "float32") -> keras.Model:
    """Build a recipe's network, not compiled.

    Its input is a batch of photos of shape (batch, height, width, 3), 0 to 255. Its output is, for
    two classes, the second one's probability, shape (batch, 1); for more, the probability of each,
    shape (batch, classes). Layers compute by `dtype_policy`, the output is always 32-bit.

    Raises:
        WeightsError: The pretrained weights do not fit.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype_policy)
    try:
        photos = keras.Input((*blueprint.hyperparameters.image_size, 3), name="photos")
        features = _NETWORKS[blueprint.recipe.network](photos, blueprint)
        output = _output_layer(blueprint.classes)(features)
        return keras.Model(photos, output, name=blueprint.recipe.network)
    finally:
        keras.config.set_dtype_policy(before)


def compile_for_training(
    network: keras.Model,
    hyperparameters: Hyperparameters,
    classes: int,
    *,
    learning_rate: float,
    steps: int,
    metrics: Sequence[keras.metrics.Metric] = (),
) -> None:
    """Give a network its optimizer, loss and metrics.

    Args:
        network: What is trained.
        hyperparameters: Say which optimizer and schedule.
        classes: How many there are.
        learning_rate: To begin with.
        steps: All batches that it will be trained for, over which a schedule falls.
        metrics: Those to measure besides the accuracy.
    """
    network.compile(
        optimizer=_optimizer(hyperparameters, learning_rate, steps),
        loss=_loss(classes),
        metrics=["accuracy", *metrics],
        # Keras turns XLA on by itself; on processors it makes this kind of network slower.
        jit_compile=False,
    )


def compile_for_judging(
    network: keras.Model, classes: int, metrics: Sequence[keras.metrics.Metric] = ()
) -> None:
    """Give a network that is not trained its loss, the accuracy, and other metrics."""
    network.compile(loss=_loss(classes), metrics=["accuracy", *metrics], jit_compile=False)


def output_kind(classes: int) -> str:
    """Name the activation of a classifier's output layer."""
    return "sigmoid" if classes == 2 else "softmax"


def _loss(classes: int) -> str:
    return "binary_crossentropy" if classes == 2 else "sparse_categorical_crossentropy"


def _study_convnet(photos: keras.KerasTensor, blueprint: Blueprint) -> keras.KerasTensor:
    """The published study's own: four convolutions, each pooled, and a dense layer."""
    features = layers.Rescaling(1 / 255)(photos)
    for filters in STUDY_FILTERS:
        features = layers.Conv2D(filters, 3, activation="relu")(features)
        features = layers.MaxPooling2D()(features)
    features = _dropout(layers.Flatten()(features), blueprint)
    return layers.Dense(STUDY_DENSE_UNITS, activation="relu")(features)


def _study_vgg19(photos: keras.KerasTensor, blueprint: Blueprint) -> keras.KerasTensor:
    """VGG19 with the published study's head: a dense layer and dropout."""
    features = build_backbone("vgg19", photos, blueprint.weights)
    features = layers.Flatten(name=FEATURES)(features)
    features = layers.Dense(STUDY_HEAD_UNITS, activation="relu")(features)
    return _dropout(features, blueprint)


def _mobilenetv2_classifier(photos: keras.KerasTensor, blueprint: Blueprint) -> keras.KerasTensor:
    """MobileNetV2 with its features averaged over the photo."""
    features = build_backbone("mobilenetv2", photos, blueprint.weights)
    return _dropout(layers.GlobalAveragePooling2D(name=FEATURES)(features), blueprint)


def _dropout(features: keras.KerasTensor, blueprint: Blueprint) -> keras.KerasTensor:
    share = blueprint.hyperparameters.dropout
    if not share:
        return features
    return layers.Dropout(share, seed=blueprint.hyperparameters.seed)(features)


def _output_layer(classes: int) -> layers.Layer:
    units = 1 if classes == 2 else classes
    kind = output_kind(classes)
    return layers.Dense(units, activation=kind, dtype="float32", name="probabilities")


def _optimizer(
    hyperparameters: Hyperparameters, learning_rate: float, steps: int
) -> keras.optimizers.Optimizer:
    rate: float | keras.optimizers.schedules.LearningRateSchedule = learning_rate
    if hyperparameters.schedule is Schedule.COSINE:
        rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    decay = hyperparameters.weight_decay or None
    match hyperparameters.optimizer:
        case Optimizer.RMSPROP:
            return keras.optimizers.RMSprop(rate, epsilon=STUDY_EPSILON, weight_decay=decay)
        case Optimizer.ADAM:
            return keras.optimizers.Adam(rate, weight_decay=decay)
        case Optimizer.ADAMW:
            return keras.optimizers.AdamW(rate, weight_decay=decay or 0.0)
        case Optimizer.SGD:
            return keras.optimizers.SGD(rate, momentum=SGD_MOMENTUM, weight_decay=decay)


_NETWORKS: Mapping[str, Callable[[keras.KerasTensor, Blueprint], keras.KerasTensor]] = {
    "study_convnet": _study_convnet,
    "study_vgg19": _study_vgg19,
    "mobilenetv2_classifier": _mobilenetv2_classifier,
}
