"""The declared recipes."""

import pytest

from training.errors import ConfigurationError
from training.recipes import RECIPES, find_recipe


def test_the_baseline_starts_from_the_numbers_of_the_study() -> None:
    numbers = find_recipe("baseline").defaults
    assert (numbers.epochs, numbers.steps_per_epoch, numbers.batch_size) == (30, 100, 20)
    assert (numbers.validation_steps, numbers.learning_rate, numbers.image_side) == (50, 1e-4, 150)


def test_a_recipe_is_found_by_the_name_it_bears() -> None:
    assert RECIPES
    assert all(find_recipe(name).name == name for name in RECIPES)


def test_every_recipe_has_words_for_someone_who_has_to_choose() -> None:
    assert all(recipe.title and recipe.summary.endswith(".") for recipe in RECIPES.values())


def test_an_unknown_recipe_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"no recipe 'magic'.*baseline"):
        find_recipe("magic")
