"""Whether a network fits into memory, said before the system has to kill the process."""

from collections.abc import Iterable
from math import prod

import keras
import psutil

from training.configuration import Hyperparameters
from training.engine.phases import learning_layers, learns_from_features
from training.errors import ConfigurationError
from training.recipes import Recipe

BYTES = 4
COPIES_OF_ACTIVATIONS = 2
"""What every layer puts out is kept until its gradient is computed, which takes as much again."""
COPIES_OF_WEIGHTS = 4
"""Weights, gradients, and up to two averages of the optimizer."""
FROZEN_AT_ONCE = 2
"""What frozen layers put out is kept only until the next one has read it."""


def check_memory(
    network: keras.Model,
    recipe: Recipe,
    numbers: Hyperparameters,
    available: int | None = None,
) -> None:
    """Refuse a network whose training needs more memory than there is.

    Args:
        network: The whole network.
        recipe: Says which part of it learns.
        numbers: Its hyperparameters.
        available: Bytes; by default what the system says.

    Raises:
        ConfigurationError: It would not fit.
    """
    needed = bytes_to_train(network, recipe, numbers)
    free = psutil.virtual_memory().available if available is None else available
    if needed > free:
        raise ConfigurationError(
            f"Training with an image side of {numbers.image_side} and a batch size of "
            f"{numbers.batch_size:,} needs about {needed / 1e9:,.1f} GB of memory, but "
            f"{free / 1e9:,.1f} GB are free: choose a smaller batch size or image side."
        )


def bytes_to_train(network: keras.Model, recipe: Recipe, numbers: Hyperparameters) -> int:
    """Estimate the bytes that a training step of a recipe's last phase takes."""
    learning = learning_layers(network, recipe)
    frozen = network.layers[: len(network.layers) - len(learning)]
    activations = sum(_outputs(learning)) * COPIES_OF_ACTIVATIONS
    if not learns_from_features(recipe, numbers):
        activations += max(_outputs(frozen), default=0) * FROZEN_AT_ONCE
    trained = sum(prod(weight.shape) for layer in learning for weight in layer.weights)
    weights = network.count_params() + trained * (COPIES_OF_WEIGHTS - 1)
    return BYTES * (activations * numbers.batch_size + weights)


def _outputs(layers: Iterable[keras.layers.Layer]) -> list[int]:
    """Return how many numbers each layer puts out for a photo."""
    return [prod(side for side in layer.output.shape[1:] if side is not None) for layer in layers]
