"""Networks in files of other programs, made and imported in a process of its own."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catdog_gui.classify.classifier import Classifier
from tests.commands.programs import run_here
from tests.helpers.networks_made import CODE_RAN, IMPORTS, PEAK, SIDES, import_networks
from training.errors import ConfigurationError
from training.model_file import HISTORY, IMPORTED, read_model_file
from training.request_kinds import ImportModel
from training.runs import parse_history

pytestmark = pytest.mark.trains

LONGEST_REASON = 400
GIGABYTES = 1_000_000_000
IMPORTED_ONES = [
    "study.h5",
    "study before 2.2.3.h5",
    "nested.h5",
    "three.keras",
    "two of softmax.keras",
    "scores.keras",
    "any size.keras",
    "vgg19.keras",
]
REFUSALS = {
    "no size": "name one, as in --image-size",
    "other size": "of 20x24 pixels and of no other",
    "three of one": "name 2 with --classes",
    "two of three": "name 3 with --classes",
    "grey.keras": "grey",
    "channels first.keras": "channels first",
    "infrared.keras": "4 channels",
    "two inputs.keras": "more than one input",
    "many labels.keras": "from sigmoid",
    "counts.keras": "from relu",
    "large.keras": "too large",
    "head.keras": "without its backbone",
    "picture.keras": "not a number for each class",
    "lambda.keras": "runs code from the file",
    "lambda.h5": "runs code from the file",
    "cut.keras": "cut short",
    "cut.h5": "cut short",
    "text.h5": "not an HDF5 file",
    "empty.keras": "not a Keras file",
    "folder.keras": "check the path",
    "missing.keras": "check the path",
    "pickle.keras": "not a Keras file",
    "pickle.h5": "not an HDF5 file",
    "zip.keras": "without a Keras network",
    "nonsense.keras": "Keras cannot load it",
    "deep.keras": "nested without end",
    "own code.keras": "not Keras's own",
    "huge.keras": "weights are not those",
    "huge.h5": "weights are not those",
    "few weights.h5": "weights are not those",
    "weights.h5": "only weights",
    "theano.h5": "Theano",
    "old.h5": "Keras 1.2.2",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with all files, and the models made of those that can be imported."""
    folder = tmp_path_factory.mktemp("foreign")
    import_networks(folder)
    return folder


@pytest.fixture(scope="module")
def outcomes(folder: Path) -> Mapping[str, Any]:
    """Return what came of each import."""
    found: Mapping[str, Any] = json.loads((folder / "outcomes.json").read_text("utf-8"))
    return found


def test_every_import_is_judged_here() -> None:
    assert {*IMPORTED_ONES, *REFUSALS} == set(IMPORTS)


@pytest.mark.parametrize("name", IMPORTED_ONES)
def test_an_imported_network_answers_as_it_did_before(
    folder: Path, outcomes: Mapping[str, Any], name: str
) -> None:
    assert outcomes[name].get("reason") is None
    stem = Path(name).stem
    truth = np.load(folder / f"{stem}.npz")
    expected = truth["probabilities"]
    assert np.ptp(expected, axis=0).max() > 0.05  # or else any answer would do
    classifier = Classifier.open(folder / f"{stem}.catdog")
    found = classifier.probabilities(truth["photos"])
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-4


def test_an_imported_model_is_described_as_such(folder: Path) -> None:
    file = read_model_file(folder / "three.catdog")
    description = file.description
    assert (description.class_names, description.output) == (("cat", "dog", "owl"), "softmax")
    assert (description.recipe, description.trained_on, description.metrics) == (
        IMPORTED,
        None,
        None,
    )
    assert description.image_size == SIDES
    assert parse_history(file.members[HISTORY].decode()) == []


def test_what_is_assumed_is_said(outcomes: Mapping[str, Any]) -> None:
    assert "from 0 to 1 (--scale 1/255)" in outcomes["study.h5"]["notes"][0]
    assert outcomes["study.h5"]["notes"][1] == "Its output is taken for the probability of dog."
    assert "scales pixels itself (Rescaling)" in outcomes["three.keras"]["notes"][0]
    assert outcomes["scores.keras"]["notes"][:2] == [
        "Pixels are scaled as asked for (-1..1).",
        "Its output has no activation, so that a sigmoid was added.",
    ]


@pytest.mark.parametrize(("name", "words"), REFUSALS.items())
def test_what_cannot_be_imported_is_refused_in_one_sentence(
    folder: Path, outcomes: Mapping[str, Any], name: str, words: str
) -> None:
    reason = outcomes[name]["reason"]
    assert words in reason
    assert str(folder) in reason
    assert reason.endswith(".")
    assert reason.isprintable()
    assert len(reason) < LONGEST_REASON


def test_nothing_is_left_of_what_was_refused(folder: Path) -> None:
    made = {path.stem for path in folder.glob("*.catdog")}
    assert made == {Path(name).stem for name in IMPORTED_ONES}


def test_no_code_from_a_file_ran(folder: Path, outcomes: Mapping[str, Any]) -> None:
    assert "lambda.keras" in outcomes
    assert not (folder / CODE_RAN).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say what was taken")
def test_declared_sizes_take_no_memory(outcomes: Mapping[str, Any]) -> None:
    assert 0 < outcomes[PEAK]["bytes"] < 2 * GIGABYTES  # the .h5 declares 3 and the .keras 24


@pytest.mark.parametrize(
    "values",
    [
        {"class_names": ("cat",)},
        {"class_names": ("cat", "CAT")},
        {"class_names": ("cat", "unsure")},
        {"scale": "1/256"},
        {"image_size": (0, 5)},
        {"image_size": (5, 100_000)},
    ],
)
def test_a_request_that_makes_no_sense_cannot_be_made(values: Mapping[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        ImportModel(**{"file": "f", "target": "t", "class_names": ("cat", "dog"), **values})


def test_a_network_is_imported_by_a_command_and_classifies(
    folder: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (folder / "study.h5", "--classes", "cat, dog", "--name", "größer 1")
    assert run_here("models", "import", *arguments) == 0
    target = home / "models" / "größer 1.catdog"
    told = capsys.readouterr().out.splitlines()
    assert told[:2] == [
        f"imported größer 1: {target}",
        "It tells cat, dog apart in photos of 20x24 pixels.",
    ]
    assert told[-1].endswith("try `catdog evaluate größer 1 DATASET`.")
    assert list(target.parent.iterdir()) == [target]
    assert Classifier.open(target).description.class_names == ("cat", "dog")


def test_a_refused_network_leaves_the_library_as_it_was(
    folder: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here("models", "import", folder / "cut.keras", "--classes", "cat,dog") == 1
    err = capsys.readouterr().err
    assert err.startswith("catdog: ")
    assert "is cut short" in err
    assert len(err.splitlines()) == 1
    assert list((home / "models").iterdir()) == []
