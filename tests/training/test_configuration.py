"""What a run is asked to do, its limits, and its way to the training process."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.training_configs import TINY, small_config
from training.configuration import (
    LIMITS,
    MOST_HELD_OUT,
    Hyperparameters,
    SplitChoice,
    TrainingConfig,
)
from training.errors import ConfigurationError
from training.images import ImageSize
from training.splits import SplitMethod


def changed(name: str, value: Any) -> Hyperparameters:
    return replace(TINY, **{name: value})


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
