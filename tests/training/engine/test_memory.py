"""Networks that cannot be trained in the memory there is are refused in a sentence."""

from collections.abc import Mapping
from dataclasses import replace

import keras
import pytest

from training.configuration import STUDY_AUGMENTATION, Hyperparameters
from training.engine.memory import bytes_to_train, check_memory
from training.engine.networks import Blueprint, build_network
from training.errors import ConfigurationError
from training.recipes import RECIPES, Recipe

GB = 10**9


@pytest.fixture(scope="module")
def networks() -> Mapping[str, keras.Model]:
    """Return every recipe's network with its defaults."""
    return {
        name: build_network(Blueprint(recipe, recipe.defaults, 2))
        for name, recipe in RECIPES.items()
    }


def refusal(
    network: keras.Model, recipe: Recipe, numbers: Hyperparameters, available: int
) -> str | None:
    try:
        check_memory(network, recipe, numbers, available)
    except ConfigurationError as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_as_it_is_trains_on_a_small_laptop(
    networks: Mapping[str, keras.Model], name: str
) -> None:
    # Of 8 GB the system, the window and a browser leave perhaps half.
    assert refusal(networks[name], RECIPES[name], RECIPES[name].defaults, 4 * GB) is None
    check_memory(networks[name], RECIPES[name], RECIPES[name].defaults)


@pytest.mark.parametrize("name", RECIPES)
def test_no_recipe_trains_in_next_to_nothing(
    networks: Mapping[str, keras.Model], name: str
) -> None:
    assert refusal(networks[name], RECIPES[name], RECIPES[name].defaults, GB // 200) is not None


def test_an_absurd_size_is_refused_with_what_to_change() -> None:
    recipe = RECIPES["baseline"]
    numbers = replace(recipe.defaults, image_side=512, batch_size=1024)
    network = build_network(Blueprint(recipe, numbers, 2))
    message = refusal(network, recipe, numbers, 8 * GB)
    assert message is not None
    assert "an image side of 512 and a batch size of 1,024" in message
    assert "8.0 GB are free: choose a smaller batch size or image side." in message


def test_a_frozen_network_that_every_photo_passes_in_every_step_counts() -> None:
    recipe = RECIPES["mobilenetv2-features"]
    numbers = replace(recipe.defaults, image_side=512, batch_size=1024)
    network = build_network(Blueprint(recipe, numbers, 2))
    assert refusal(network, recipe, numbers, 8 * GB) is None
    augmented = replace(numbers, augmentation=STUDY_AUGMENTATION)
    assert refusal(network, recipe, augmented, 8 * GB) is not None


def test_the_estimate_is_what_a_network_of_one_layer_takes() -> None:
    recipe = RECIPES["baseline"]
    numbers = replace(recipe.defaults, batch_size=10)
    photos = keras.Input((2, 2, 3))
    network = keras.Model(photos, keras.layers.Flatten()(photos))
    values = 2 * 12  # the photo, and the same flat
    assert bytes_to_train(network, recipe, numbers) == 4 * 10 * 2 * values
    dense = keras.layers.Dense(5, activation="relu")(network.outputs[0])
    with_weights = keras.Model(photos, dense)
    expected = 4 * (10 * 2 * (values + 5) + 4 * (12 * 5 + 5))
    assert bytes_to_train(with_weights, recipe, numbers) == expected


def test_memory_grows_with_batches_and_with_what_learns(
    networks: Mapping[str, keras.Model],
) -> None:
    def needed(name: str, batch_size: int) -> int:
        numbers = replace(RECIPES[name].defaults, batch_size=batch_size)
        return bytes_to_train(networks[name], RECIPES[name], numbers)

    assert needed("baseline", 40) > 1.8 * needed("baseline", 20)
    assert needed("vgg19-finetune", 20) > 2 * needed("vgg19-features", 20)
    assert needed("mobilenetv2-finetune", 32) > 20 * needed("mobilenetv2-features", 32)
