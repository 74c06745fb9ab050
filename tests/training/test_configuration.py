"""What a run is asked to do, its limits, and its way to the training process."""

import json
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.training_configs import TINY, small_config
from training.configuration import (
    AUGMENTATION_LIMITS,
    LIMITS,
    MOST_HELD_OUT,
    STUDY_AUGMENTATION,
    Augmentation,
    Hyperparameters,
    Optimizer,
    Precision,
    Schedule,
    SplitChoice,
    TrainingConfig,
)
from training.errors import ConfigurationError
from training.images import ImageSize
from training.splits import SplitMethod


def changed(name: str, value: Any) -> Hyperparameters:
    return replace(TINY, **{name: value})


def augmentation(name: str, value: Any) -> Augmentation:
    values = {name: value}
    return Augmentation(**values)


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_both_ends_of_a_limit_are_allowed(name: str) -> None:
    for value in (LIMITS[name].least, LIMITS[name].most):
        assert getattr(changed(name, value), name) == value


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_a_value_beyond_its_limits_is_refused_by_name(name: str) -> None:
    words = name.replace("_", " ").capitalize()
    for value in (LIMITS[name].least / 2 - 1, LIMITS[name].most * 2, float("nan"), float("inf")):
        with pytest.raises(ConfigurationError, match=words):
            changed(name, value)


NUMBERS = {field.name for field in fields(Hyperparameters)} - {
    "optimizer",
    "schedule",
    "augmentation",
    "precision",
}
SHARES = {"learning_rate", "head_learning_rate", "weight_decay", "dropout"}


def test_every_number_has_its_limits() -> None:
    assert LIMITS.keys() == NUMBERS
    assert AUGMENTATION_LIMITS.keys() == {field.name for field in fields(Augmentation)} - {"flip"}


@pytest.mark.parametrize("name", sorted(NUMBERS))
@pytest.mark.parametrize("value", ["5", None, True, [5], {"a": 5}, 5j])
def test_what_is_no_number_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=name.replace("_", " ").capitalize()):
        changed(name, value)


@pytest.mark.parametrize("name", sorted(NUMBERS - SHARES))
def test_half_a_photo_batch_or_epoch_is_refused(name: str) -> None:
    words = f"{name.replace('_', ' ').capitalize()} is .*whole number"
    with pytest.raises(ConfigurationError, match=words):
        changed(name, LIMITS[name].least + 0.5)
    with pytest.raises(ConfigurationError, match=words):
        changed(name, float(LIMITS[name].most))


@pytest.mark.parametrize("size", [0, -1, 10**9])
def test_no_batch_and_a_billion_photos_are_refused_with_what_may_be(size: int) -> None:
    with pytest.raises(ConfigurationError, match=rf"Batch size is {size:,}, .* from 1 to 1,024\."):
        changed("batch_size", size)


@pytest.mark.parametrize("name", sorted(AUGMENTATION_LIMITS))
def test_both_ends_of_an_augmentation_are_allowed_and_nothing_beyond(name: str) -> None:
    limits = AUGMENTATION_LIMITS[name]
    for value in (limits.least, limits.most):
        assert getattr(augmentation(name, value), name) == value
    for wrong in (limits.most * 1.01, -0.01, float("nan"), float("inf"), "1", None, True):
        with pytest.raises(ConfigurationError, match=name.capitalize()):
            augmentation(name, wrong)


@pytest.mark.parametrize("flip", ["no", 1, None, 0.5])
def test_a_flip_is_a_yes_or_a_no(flip: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"Flip is .* true or false"):
        Augmentation(flip=flip)


def test_an_augmentation_that_changes_nothing_knows_so() -> None:
    assert Augmentation().changes_nothing
    assert Augmentation(rotation=0, shift=0, shear=0, zoom=0, flip=False).changes_nothing
    for name in AUGMENTATION_LIMITS:
        assert not augmentation(name, 0.1).changes_nothing
    assert not Augmentation(flip=True).changes_nothing


def test_the_studys_augmentation_has_its_published_numbers() -> None:
    assert asdict(STUDY_AUGMENTATION) == {
        "rotation": 40, "shift": 0.2, "shear": 0.2, "zoom": 0.2, "flip": True,
    }  # fmt: skip


def test_every_choice_survives_as_plain_values() -> None:
    numbers = replace(
        TINY,
        optimizer=Optimizer.ADAMW,
        schedule=Schedule.COSINE,
        precision=Precision.MIXED_BFLOAT16,
        augmentation=STUDY_AUGMENTATION,
        views=3,
        dropout=0.5,
        weight_decay=1e-4,
    )
    read = Hyperparameters.from_values(json.loads(json.dumps(asdict(numbers))))
    assert read == numbers
    assert isinstance(read.optimizer, Optimizer)
    assert isinstance(read.schedule, Schedule)
    assert isinstance(read.precision, Precision)


def test_hyperparameters_from_before_there_were_choices_get_the_studys() -> None:
    old = {
        "epochs": 2, "steps_per_epoch": 3, "batch_size": 4, "validation_steps": 5,
        "learning_rate": 1e-4, "image_side": 150, "seed": 6,
    }  # fmt: skip
    numbers = Hyperparameters.from_values(old)
    assert (numbers.optimizer, numbers.schedule) == (Optimizer.RMSPROP, Schedule.CONSTANT)
    assert numbers.augmentation.changes_nothing
    assert (numbers.dropout, numbers.head_epochs, numbers.views, numbers.patience) == (0, 0, 1, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"optimizer": "magic"},
        {"schedule": "up and down"},
        {"precision": "int8"},
        {"augmentation": {"rotation": 200}},
        {"augmentation": {"turn": 1}},
        {"augmentation": None},
        {"augmentation": 5},
        {"luck": 1},
    ],
)
def test_choices_that_there_are_not_are_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    values = json.loads(small_config(tmp_path).to_json())
    values["hyperparameters"] |= wrong
    with pytest.raises(ConfigurationError):
        TrainingConfig.from_json(json.dumps(values))


def test_a_run_from_before_there_were_caches_has_its_own_beside_the_runs(tmp_path: Path) -> None:
    values = json.loads(small_config(tmp_path).to_json())
    del values["cache_folder"]
    del values["weights_file"]
    config = TrainingConfig.from_json(json.dumps(values))
    assert Path(config.cache_folder) == tmp_path / "caches"
    assert config.weights_file is None


def test_the_image_is_square() -> None:
    assert changed("image_side", 96).image_size == ImageSize(96, 96)


@pytest.mark.parametrize(
    ("validation", "test"),
    [
        (0, 0),
        (-0.1, 0.2),
        (0.2, -0.1),
        (0.5, 0.5),
        (0.95, 0),
        (float("nan"), 0),
        (0.1, float("nan")),
    ],
)
def test_shares_that_leave_nothing_to_train_or_validate_with_are_refused(
    validation: float, test: float
) -> None:
    with pytest.raises(ConfigurationError):
        SplitChoice(method=SplitMethod.STRATIFIED, validation_share=validation, test_share=test)


@pytest.mark.parametrize("percent", range(1, round(MOST_HELD_OUT * 100) + 1))
def test_whole_percents_that_add_up_to_the_most_are_allowed(percent: int) -> None:
    rest = round(MOST_HELD_OUT * 100) - percent
    choice = SplitChoice(
        method=SplitMethod.STRATIFIED, validation_share=percent / 100, test_share=rest / 100
    )
    assert choice.test_share == rest / 100


@pytest.mark.parametrize("run", ["run", "Kätzchen 猫 🐱"])
def test_a_configuration_survives_its_line(tmp_path: Path, run: str) -> None:
    config = small_config(tmp_path / 'a "folder"\nof ü', run)
    line = config.to_json()
    assert "\n" not in line
    assert TrainingConfig.from_json(line) == config


def test_a_run_name_that_is_no_file_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="The run name"):
        small_config(tmp_path, "../run")


@pytest.mark.parametrize("line", ["", "no json", "null", "5", "[]", '"text"', "{}"])
def test_a_line_that_is_no_configuration_is_refused(line: str) -> None:
    with pytest.raises(ConfigurationError):
        TrainingConfig.from_json(line)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("run", 5),
        ("run", None),
        ("run", ""),
        ("hyperparameters", None),
        ("hyperparameters", {"epochs": 1}),
        ("hyperparameters", {"epochs": "many"}),
        ("split", []),
        ("split", {"method": "by luck"}),
        ("split", {"method": "stratified", "seed": 0, "luck": 1}),
        ("surplus", 1),
        ("dataset", 5),
        ("dataset", None),
        ("recipe", ["baseline"]),
        ("weights_file", 5),
        ("weights_file", ["a"]),
    ],
)
def test_a_damaged_configuration_is_refused(tmp_path: Path, key: str, value: object) -> None:
    values = json.loads(small_config(tmp_path).to_json())
    values[key] = value
    with pytest.raises(ConfigurationError):
        TrainingConfig.from_json(json.dumps(values))


def test_a_configuration_from_outside_is_held_to_the_limits(tmp_path: Path) -> None:
    values = json.loads(small_config(tmp_path).to_json())
    values["hyperparameters"]["epochs"] = 0
    with pytest.raises(ConfigurationError, match="Epochs is 0"):
        TrainingConfig.from_json(json.dumps(values))
