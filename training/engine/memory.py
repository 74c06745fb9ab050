"""Whether a network fits into memory, said before the system has to kill the process."""

from math import prod

import keras
import psutil

from training.configuration import Hyperparameters
from training.errors import ConfigurationError

BYTES = 4
COPIES_OF_ACTIVATIONS = 2
"""What every layer puts out is kept until its gradient is computed, which takes as much again."""
COPIES_OF_WEIGHTS = 4
"""Weights, gradients, and up to two averages of the optimizer."""


def check_memory(
    network: keras.Model, numbers: Hyperparameters, available: int | None = None
) -> None:
    """Refuse a network whose training needs more memory than there is.

    Args:
        network: The whole network, all of which is taken to be trained.
        numbers: Its hyperparameters.
        available: Bytes; by default what the system says.

    Raises:
        ConfigurationError: It would not fit.
    """
    needed = bytes_to_train(network, numbers.batch_size)
    free = psutil.virtual_memory().available if available is None else available
    if needed > free:
        raise ConfigurationError(
            f"Training with an image side of {numbers.image_side} and a batch size of "
            f"{numbers.batch_size:,} needs about {needed / 1e9:,.0f} GB of memory, but "
            f"{free / 1e9:,.1f} GB are free: choose a smaller batch size or image side."
        )


def bytes_to_train(network: keras.Model, batch_size: int) -> int:
    """Estimate the bytes that a training step takes."""
    outputs = sum(
        prod(side for side in layer.output.shape[1:] if side is not None)
        for layer in network.layers
    )
    activations = outputs * batch_size * COPIES_OF_ACTIVATIONS
    return BYTES * (activations + network.count_params() * COPIES_OF_WEIGHTS)
