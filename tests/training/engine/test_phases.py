"""In which phases a recipe trains, and what learns in each."""

from collections.abc import Mapping
from dataclasses import replace

import keras
import pytest

from training.configuration import STUDY_AUGMENTATION, Hyperparameters
from training.engine.backbones import BACKBONES, cut, freeze
from training.engine.networks import Blueprint, build_network
from training.engine.phases import (
    PhasePlan,
    cut_layer,
    learning_layers,
    learning_variables,
    learns_from_features,
    plan_phases,
    steps_per_epoch,
)
from training.recipes import RECIPES, Recipe

SIDE = 64
WITH_BACKBONE = [name for name, recipe in RECIPES.items() if recipe.backbone is not None]
FINE_TUNING = [name for name, recipe in RECIPES.items() if recipe.fine_tunes]


@pytest.fixture(scope="module")
def networks() -> Mapping[str, keras.Model]:
    """Return every recipe's network, small."""
    return {name: build_network(blueprint(recipe)) for name, recipe in RECIPES.items()}


def blueprint(recipe: Recipe) -> Blueprint:
    return Blueprint(recipe, replace(recipe.defaults, image_side=SIDE), 2)


def numbers_of(recipe: Recipe) -> Hyperparameters:
    """Return hyperparameters of which each has a number of its own."""
    return replace(
        recipe.defaults, epochs=7, learning_rate=1e-5, head_epochs=3, head_learning_rate=1e-3
    )


@pytest.mark.parametrize("name", ["baseline", "augmentation", "dropout"])
def test_a_network_without_backbone_trains_in_one_phase(name: str) -> None:
    recipe = RECIPES[name]
    assert plan_phases(recipe, numbers_of(recipe)) == [
        PhasePlan(title="Training", released_from=None, epochs=7, learning_rate=1e-5)
    ]


@pytest.mark.parametrize("name", ["vgg19-features", "mobilenetv2-features"])
def test_feature_extraction_trains_the_head_only(name: str) -> None:
    recipe = RECIPES[name]
    assert plan_phases(recipe, numbers_of(recipe)) == [
        PhasePlan(title="Training the head", released_from=None, epochs=7, learning_rate=1e-5)
    ]


@pytest.mark.parametrize("name", FINE_TUNING)
def test_fine_tuning_trains_the_head_before_it_releases_a_block(name: str) -> None:
    recipe = RECIPES[name]
    assert plan_phases(recipe, numbers_of(recipe)) == [
        PhasePlan(title="Training the head", released_from=None, epochs=3, learning_rate=1e-3),
        PhasePlan(
            title="Fine-tuning",
            released_from=recipe.released_from,
            epochs=7,
            learning_rate=1e-5,
        ),
    ]


@pytest.mark.parametrize("name", FINE_TUNING)
def test_a_head_without_epochs_of_its_own_has_no_phase(name: str) -> None:
    recipe = RECIPES[name]
    plans = plan_phases(recipe, replace(numbers_of(recipe), head_epochs=0))
    assert [plan.title for plan in plans] == ["Fine-tuning"]


@pytest.mark.parametrize(
    ("wanted", "batch_size", "photos", "steps"),
    [(100, 20, 5, 100), (0, 20, 100, 5), (0, 20, 101, 6), (0, 32, 1, 1), (1, 32, 10_000, 1)],
)
def test_an_epoch_is_a_pass_unless_it_is_said_otherwise(
    wanted: int, batch_size: int, photos: int, steps: int
) -> None:
    numbers = replace(RECIPES["baseline"].defaults, steps_per_epoch=wanted, batch_size=batch_size)
    assert steps_per_epoch(numbers, photos) == steps


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("augmented", [False, True])
@pytest.mark.parametrize("views", [1, 4])
def test_features_are_computed_once_unless_every_photo_is_ever_new(
    name: str, augmented: bool, views: int
) -> None:
    recipe = RECIPES[name]
    augmentation = STUDY_AUGMENTATION if augmented else type(STUDY_AUGMENTATION)()
    numbers = replace(recipe.defaults, augmentation=augmentation, views=views)
    expected = recipe.backbone is not None and (not augmented or views > 1)
    assert learns_from_features(recipe, numbers) is expected


def test_every_network_that_a_recipe_names_exists(networks: Mapping[str, keras.Model]) -> None:
    assert {name: network.name for name, network in networks.items()} == {
        name: recipe.network for name, recipe in RECIPES.items()
    }


@pytest.mark.parametrize("name", WITH_BACKBONE)
def test_every_backbone_that_a_recipe_names_is_in_its_network(
    networks: Mapping[str, keras.Model], name: str
) -> None:
    backbone = RECIPES[name].backbone
    assert backbone is not None
    assert BACKBONES[backbone].last_layer in [layer.name for layer in networks[name].layers]


@pytest.mark.parametrize(
    ("name", "cuts"),
    [
        ("vgg19-features", ["features"]),
        ("vgg19-finetune", ["features", "block4_pool"]),
        ("mobilenetv2-features", ["features"]),
        ("mobilenetv2-finetune", ["features", "block_12_add"]),
    ],
)
def test_a_network_is_cut_before_what_learns(
    networks: Mapping[str, keras.Model], name: str, cuts: list[str]
) -> None:
    recipe = RECIPES[name]
    plans = plan_phases(recipe, recipe.defaults)
    assert [cut_layer(networks[name], plan) for plan in plans] == cuts


@pytest.mark.parametrize("name", WITH_BACKBONE)
def test_a_cut_leaves_all_that_learns_above_and_nothing_that_learns_below(
    networks: Mapping[str, keras.Model], name: str
) -> None:
    recipe, network = RECIPES[name], networks[name]
    for plan in plan_phases(recipe, recipe.defaults):
        freeze(network, plan.released_from)
        lower, upper = cut(network, cut_layer(network, plan))
        assert not lower.trainable_variables
        assert len(upper.trainable_variables) == len(network.trainable_variables) > 0


@pytest.mark.parametrize("name", RECIPES)
def test_all_that_any_phase_changes_is_kept_with_the_best_epochs(
    networks: Mapping[str, keras.Model], name: str
) -> None:
    recipe, network = RECIPES[name], networks[name]
    kept = {id(variable) for variable in learning_variables(network, recipe)}
    for plan in plan_phases(recipe, recipe.defaults):
        if recipe.backbone is not None:
            freeze(network, plan.released_from)
        changed = {id(variable) for variable in network.trainable_variables}
        assert changed
        assert changed <= kept


def test_without_a_backbone_the_whole_network_learns(networks: Mapping[str, keras.Model]) -> None:
    network = networks["baseline"]
    assert learning_layers(network, RECIPES["baseline"]) == network.layers
    assert len(learning_variables(network, RECIPES["baseline"])) == len(network.variables) == 12


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("vgg19-finetune", "block5_conv1", "probabilities"),
        ("mobilenetv2-finetune", "block_13_expand", "probabilities"),
    ],
)
def test_fine_tuning_learns_from_its_block_to_the_end(
    networks: Mapping[str, keras.Model], name: str, first: str, last: str
) -> None:
    names = [layer.name for layer in learning_layers(networks[name], RECIPES[name])]
    assert (names[0], names[-1]) == (first, last)
    assert not [each for each in names if each.startswith(("block4", "block_12"))]
