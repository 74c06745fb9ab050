"""Backbones answer as Keras's own do, stay frozen where they should, and can be cut in two."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from training.pretrained import PUBLISHED_WEIGHTS

BACKBONES = ["vgg19", "mobilenetv2"]


def facts_about(what: str, folder: Path, **environment: str) -> dict[str, Any]:
    """Gather facts in a process of its own, since tests stay free of TensorFlow."""
    command = [sys.executable, "-m", "tests.helpers.backbone_facts", what, str(folder)]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        cwd=root,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("generated weights")
    try:
        return facts_about("generated", folder, KERAS_HOME=str(folder / "empty"))
    finally:
        shutil.rmtree(folder)  # a hundred megabytes


@pytest.mark.parametrize("backbone", BACKBONES)
def test_photos_are_prepared_as_keras_prepares_them(facts: dict[str, Any], backbone: str) -> None:
    assert facts[backbone]["prepared"] < 1e-5


@pytest.mark.parametrize("backbone", BACKBONES)
def test_weights_from_a_file_answer_as_the_network_that_wrote_it(
    facts: dict[str, Any], backbone: str
) -> None:
    assert facts[backbone]["as_published"] < 1e-3


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("way", ["loaded", "whole_numbers", "converted"])
def test_a_network_answers_the_same_saved_and_converted(
    facts: dict[str, Any], backbone: str, way: str
) -> None:
    assert facts[backbone]["conversion"][way] < 1e-4


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_backbone_lies_flat_in_the_network(facts: dict[str, Any], backbone: str) -> None:
    fine_tuning = facts[backbone]["fine_tuning"]
    assert fine_tuning["nested"] == []
    assert len(fine_tuning["layers"]) > 20


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_network_cut_where_its_frozen_part_ends_answers_as_the_whole(
    facts: dict[str, Any], backbone: str
) -> None:
    assert facts[backbone]["fine_tuning"]["apart_before"] < 1e-5


@pytest.mark.parametrize("backbone", BACKBONES)
def test_training_the_upper_part_trains_the_whole(facts: dict[str, Any], backbone: str) -> None:
    fine_tuning = facts[backbone]["fine_tuning"]
    assert all(0.01 < answer < 0.99 for answer in fine_tuning["answers"])  # or all are alike
    assert fine_tuning["moved"] > 1e-3
    assert fine_tuning["apart_after"] < 1e-5


def test_fine_tuning_vgg19_changes_its_last_block_and_the_head(facts: dict[str, Any]) -> None:
    convolutions = [f"block5_conv{number}" for number in range(1, 5)]
    assert facts["vgg19"]["fine_tuning"]["changed"] == [*convolutions, "probabilities"]


@pytest.mark.parametrize("trained", ["fine_tuning", "whole"])
def test_fine_tuning_mobilenet_changes_all_from_a_block_on_but_batch_normalisation(
    facts: dict[str, Any], trained: str
) -> None:
    changed = set(facts["mobilenetv2"][trained]["changed"])
    parts = ("expand", "depthwise", "project")
    blocks = {f"block_{number}_{part}" for number in range(13, 17) for part in parts}
    assert changed == blocks | {"Conv_1", "probabilities"}


def test_a_cut_inside_a_block_is_refused(facts: dict[str, Any]) -> None:
    message = facts["mobilenetv2"]["cut_inside_a_block"]
    assert "cannot be cut behind 'block_14_expand', since more than that layer's output" in message


def test_layers_that_are_not_there_are_told(facts: dict[str, Any]) -> None:
    assert "has no layer 'block_99_add'" in facts["mobilenetv2"]["cut_nowhere"]
    assert "begins with 'block_99'" in facts["mobilenetv2"]["freeze_nowhere"]


@pytest.mark.parametrize(
    ("backbone", "case", "reason"),
    [
        ("vgg19", "cut_short", "it is cut short, damaged or no HDF5 file"),
        ("mobilenetv2", "text", "it is cut short, damaged or no HDF5 file"),
        ("mobilenetv2", "missing", "there is no such file"),
        ("mobilenetv2", "no_numbers", "it holds weights that are no numbers"),
        ("mobilenetv2", "of_another", "its layers are not those of MobileNetV2 without its top"),
    ],
)
def test_weights_that_do_not_fit_are_refused_in_a_sentence(
    facts: dict[str, Any], backbone: str, case: str, reason: str
) -> None:
    message = facts[backbone][case]
    published = PUBLISHED_WEIGHTS[backbone]
    assert f"cannot be used for {published.title}: {reason}. Use {published.file}" in message


@pytest.mark.real_photos
def test_imagenet_weights_tell_cats_from_dogs_before_any_training(real_photos: Path) -> None:
    folder = real_photos / "keras_home"
    facts = facts_about("real", real_photos / "native", KERAS_HOME=str(folder))
    assert facts["weights"].startswith(str(folder))
    assert facts["photos"] == 60
    assert facts["right"] >= 50  # by chance, less than once in ten million times
