"""The recipes: declared values that say how a classifier is trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from training.configuration import Hyperparameters
from training.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A way to train a classifier: the network, and the hyperparameters to start from."""

    name: str
    title: str
    summary: str
    """One sentence for someone who has to choose."""
    network: str
    """The name of the function in `training.engine.networks` that builds it."""
    defaults: Hyperparameters


_RECIPES = (
    Recipe(
        name="baseline",
        title="Baseline CNN",
        summary=(
            "Four convolutions and a dense layer, trained from nothing: quick, and it overfits, "
            "which is what it is there to show."
        ),
        network="study_convnet",
        # The published study's own: batch 20, 100 steps, 30 epochs, RMSprop at 1e-4, 150 px.
        defaults=Hyperparameters(
            epochs=30,
            steps_per_epoch=100,
            batch_size=20,
            validation_steps=50,
            learning_rate=1e-4,
            image_side=150,
        ),
    ),
)

RECIPES: Mapping[str, Recipe] = MappingProxyType({recipe.name: recipe for recipe in _RECIPES})


def find_recipe(name: str) -> Recipe:
    """Return the recipe of that name.

    Raises:
        ConfigurationError: There is none.
    """
    try:
        return RECIPES[name]
    except KeyError:
        known = ", ".join(RECIPES)
        raise ConfigurationError(f"There is no recipe {name!r}: choose one of {known}.") from None
