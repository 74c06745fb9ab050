"""The phases of a run, planned: which part of the network learns, and for how long."""

from dataclasses import dataclass
from math import ceil

import keras

from training.configuration import Hyperparameters
from training.engine.networks import FEATURES
from training.recipes import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasePlan:
    """What a phase does, known before anything is built."""

    title: str
    released_from: str | None
    """The backbone's first layer that learns, by how its name begins; only the head if left out."""
    epochs: int
    learning_rate: float


def plan_phases(recipe: Recipe, numbers: Hyperparameters) -> list[PhasePlan]:
    """Say in which phases a recipe trains.

    A backbone's last block is released only once the head has learnt, since a head drawn at random
    would spoil it; so the published study's text has it, though not its program.
    """
    title = "Training" if recipe.backbone is None else "Training the head"
    if not recipe.fine_tunes:
        return [_plan(title, None, numbers.epochs, numbers.learning_rate)]
    last = _plan("Fine-tuning", recipe.released_from, numbers.epochs, numbers.learning_rate)
    if not numbers.head_epochs:
        return [last]
    return [_plan(title, None, numbers.head_epochs, numbers.head_learning_rate), last]


def steps_per_epoch(numbers: Hyperparameters, photos: int) -> int:
    """Return how many batches an epoch has; where it is not said, those of one pass."""
    return numbers.steps_per_epoch or ceil(photos / numbers.batch_size)


def learns_from_features(recipe: Recipe, numbers: Hyperparameters) -> bool:
    """Tell whether the frozen part is computed once, and not anew in every step.

    Photos that are augmented anew each time they are shown would have new features each time.
    """
    return recipe.backbone is not None and (
        numbers.augmentation.changes_nothing or numbers.views > 1
    )


def cut_layer(network: keras.Model, plan: PhasePlan) -> str:
    """Return the name of the last layer of a network that a phase leaves as it is."""
    return network.layers[_first_learning(network, plan.released_from) - 1].name


def learning_layers(network: keras.Model, recipe: Recipe) -> list[keras.layers.Layer]:
    """Return the layers of a recipe's network that stand behind what none of its phases changes."""
    first = 0 if recipe.backbone is None else _first_learning(network, recipe.released_from)
    return network.layers[first:]


def learning_variables(network: keras.Model, recipe: Recipe) -> list[keras.Variable]:
    """Return the weights of a recipe's network that any of its phases may change."""
    return [weight for layer in learning_layers(network, recipe) for weight in layer.weights]


def frozen_variables(network: keras.Model, recipe: Recipe, plan: PhasePlan) -> list[keras.Variable]:
    """Return the variables of a recipe's network that a phase leaves as they are."""
    first = 0 if recipe.backbone is None else _first_learning(network, plan.released_from)
    return [variable for layer in network.layers[:first] for variable in layer.variables]


def _first_learning(network: keras.Model, released_from: str | None) -> int:
    """Return the index of the first layer that learns: of the block released, or of the head."""
    names = [layer.name for layer in network.layers]
    if released_from is None:
        return names.index(FEATURES) + 1
    return next(index for index, name in enumerate(names) if name.startswith(released_from))


def _plan(title: str, released_from: str | None, epochs: int, rate: float) -> PhasePlan:
    return PhasePlan(title=title, released_from=released_from, epochs=epochs, learning_rate=rate)
