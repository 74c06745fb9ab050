"""The declared recipes."""

from dataclasses import replace

import pytest

from training.configuration import STUDY_AUGMENTATION, Optimizer, Schedule
from training.errors import ConfigurationError
from training.pretrained import PUBLISHED_WEIGHTS
from training.recipes import RECIPES, find_recipe, why_idle


def test_the_baseline_starts_from_the_numbers_of_the_study() -> None:
    numbers = find_recipe("baseline").defaults
    assert (numbers.epochs, numbers.steps_per_epoch, numbers.batch_size) == (30, 100, 20)
    assert (numbers.validation_steps, numbers.learning_rate, numbers.image_side) == (50, 1e-4, 150)


def test_there_are_the_studys_five_recipes_and_the_quick_ones() -> None:
    assert list(RECIPES) == [
        "baseline",
        "augmentation",
        "dropout",
        "vgg19-features",
        "vgg19-finetune",
        "mobilenetv2-features",
        "mobilenetv2-finetune",
    ]


@pytest.mark.parametrize("name", ["augmentation", "dropout"])
def test_augmented_recipes_have_the_budget_of_the_study(name: str) -> None:
    numbers = find_recipe(name).defaults
    assert (numbers.epochs, numbers.steps_per_epoch, numbers.batch_size) == (100, 100, 32)
    assert (numbers.validation_steps, numbers.image_side) == (50, 150)
    assert numbers.augmentation == STUDY_AUGMENTATION
    assert numbers.dropout == (0.5 if name == "dropout" else 0)


@pytest.mark.parametrize("name", ["vgg19-features", "vgg19-finetune"])
def test_vgg19_has_the_numbers_of_the_study(name: str) -> None:
    recipe = find_recipe(name)
    numbers = recipe.defaults
    assert (numbers.steps_per_epoch, numbers.batch_size, numbers.image_side) == (100, 20, 150)
    assert numbers.learning_rate == 2e-5
    assert numbers.epochs == (10 if recipe.fine_tunes else 30)


def test_the_studys_recipes_use_its_optimizer() -> None:
    studys = [recipe for recipe in RECIPES.values() if "mobilenet" not in recipe.name]
    assert {recipe.defaults.optimizer for recipe in studys} == {Optimizer.RMSPROP}
    assert len(studys) == 5


def test_only_recipes_that_the_study_trained_further_have_a_rate_of_their_own() -> None:
    constant = {
        recipe.name for recipe in RECIPES.values() if recipe.defaults.schedule is Schedule.CONSTANT
    }
    assert constant == {"baseline", "vgg19-features", "vgg19-finetune"}


def test_fine_tuning_trains_the_head_first_and_faster() -> None:
    fine_tuning = [recipe for recipe in RECIPES.values() if recipe.fine_tunes]
    assert [recipe.released_from for recipe in fine_tuning] == ["block5", "block_13"]
    for recipe in fine_tuning:
        assert recipe.defaults.head_epochs > 0
        assert recipe.defaults.head_learning_rate > recipe.defaults.learning_rate


def test_every_backbone_has_published_weights_and_is_needed_to_fine_tune() -> None:
    for recipe in RECIPES.values():
        assert recipe.backbone is None or recipe.backbone in PUBLISHED_WEIGHTS
        assert recipe.backbone is not None or not recipe.fine_tunes


def test_no_recipe_has_numbers_that_its_phases_would_pass_over() -> None:
    for recipe in RECIPES.values():
        assert recipe.fine_tunes or recipe.defaults.head_epochs == 0
        assert recipe.backbone is not None or recipe.defaults.views == 1


def test_a_recipe_is_found_by_the_name_it_bears() -> None:
    assert RECIPES
    assert all(find_recipe(name).name == name for name in RECIPES)


def test_every_recipe_has_words_for_someone_who_has_to_choose() -> None:
    assert all(recipe.title and recipe.summary.endswith(".") for recipe in RECIPES.values())


def test_an_unknown_recipe_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"no recipe 'magic'.*baseline"):
        find_recipe("magic")


@pytest.mark.parametrize(
    ("name", "option", "idle"),
    [
        ("baseline", "views", True),
        ("baseline", "weights", True),
        ("baseline", "head_epochs", True),
        ("baseline", "dropout", False),
        ("augmentation", "views", True),
        ("vgg19-features", "views", True),
        ("vgg19-features", "weights", False),
        ("vgg19-features", "head_learning_rate", True),
        ("vgg19-finetune", "head_learning_rate", False),
        ("mobilenetv2-finetune", "views", False),
    ],
)
def test_options_that_would_change_nothing_are_known(name: str, option: str, idle: bool) -> None:
    recipe = find_recipe(name)
    assert (why_idle(recipe, recipe.defaults, option) is not None) == idle


def test_what_one_number_makes_idle_another_does_not() -> None:
    recipe = find_recipe("vgg19-finetune")
    headless = replace(recipe.defaults, head_epochs=0)
    assert why_idle(recipe, headless, "head_learning_rate") is not None
    augmented = replace(recipe.defaults, augmentation=STUDY_AUGMENTATION)
    assert why_idle(recipe, recipe.defaults, "views") is not None
    assert why_idle(recipe, augmented, "views") is None
