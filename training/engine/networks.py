"""The networks that recipes name."""

from collections.abc import Callable, Mapping

import keras
from keras import layers

from training.configuration import Hyperparameters
from training.recipes import Recipe

STUDY_FILTERS = (32, 64, 128, 128)
STUDY_DENSE_UNITS = 512
STUDY_EPSILON = 1e-14
"""What RMSprop adds to keep from dividing by zero.

The study's Keras 2 added 1e-7 to the root of the mean square, Keras 3 adds it under the root, where
it slows every weight whose gradient is below 3e-4. The root of 1e-14 is the study's number.
"""


def build_network(recipe: Recipe, hyperparameters: Hyperparameters, classes: int) -> keras.Model:
    """Build and compile a recipe's network.

    Its input is a batch of photos of shape (batch, height, width, 3), 0 to 255. Its output is, for
    two classes, the second one's probability, shape (batch, 1); for more, the probability of each,
    shape (batch, classes).
    """
    network = _NETWORKS[recipe.network](hyperparameters, classes)
    loss = "binary_crossentropy" if classes == 2 else "sparse_categorical_crossentropy"
    network.compile(
        optimizer=keras.optimizers.RMSprop(hyperparameters.learning_rate, epsilon=STUDY_EPSILON),
        loss=loss,
        metrics=["accuracy"],
        # Keras turns XLA on by itself; on processors it makes this kind of network slower.
        jit_compile=False,
    )
    return network


def study_convnet(hyperparameters: Hyperparameters, classes: int) -> keras.Model:
    """Build the published study's baseline: four convolutions, each pooled, and a dense layer."""
    network = keras.Sequential(name="study_convnet")
    network.add(keras.Input((*hyperparameters.image_size, 3), name="photos"))
    network.add(layers.Rescaling(1 / 255))
    for filters in STUDY_FILTERS:
        network.add(layers.Conv2D(filters, 3, activation="relu"))
        network.add(layers.MaxPooling2D())
    network.add(layers.Flatten())
    network.add(layers.Dense(STUDY_DENSE_UNITS, activation="relu"))
    network.add(_output_layer(classes))
    return network


def output_kind(classes: int) -> str:
    """Name the activation of a classifier's output layer."""
    return "sigmoid" if classes == 2 else "softmax"


def _output_layer(classes: int) -> layers.Layer:
    units = 1 if classes == 2 else classes
    return layers.Dense(units, activation=output_kind(classes), name="probabilities")


_NETWORKS: Mapping[str, Callable[[Hyperparameters, int], keras.Model]] = {
    "study_convnet": study_convnet,
}
