"""Opening model files and asking them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino
import pytest
from openvino import opset13

from catdog_gui.classify.classifier import Classifier
from tests.classify.remaking import remake
from tests.helpers.models import SIZE, array_bytes, expected_probabilities, write_colour_model
from training.errors import ModelFileError
from training.images import ImageSize
from training.model_file import (
    GOLDEN_INPUTS,
    GOLDEN_PROBABILITIES,
    OPENVINO_BIN,
    OPENVINO_XML,
    read_model_file,
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_colour_model(tmp_path / "colours.catdog")


@pytest.mark.parametrize("class_names", [("blue", "red"), ("blue", "green", "red")])
def test_probabilities_are_those_of_the_network(
    tmp_path: Path, class_names: tuple[str, ...]
) -> None:
    classifier = Classifier.open(write_colour_model(tmp_path / "c.catdog", class_names))
    photos = np.random.default_rng(1).integers(0, 256, (5, *SIZE, 3)).astype(np.uint8)
    expected = expected_probabilities(photos, class_names)
    assert np.abs(classifier.probabilities(photos) - expected).max() < 1e-5


@pytest.mark.parametrize("class_names", [("blue", "red"), ("blue", "green", "red")])
def test_probabilities_of_a_photo_add_up_to_one(
    tmp_path: Path, class_names: tuple[str, ...]
) -> None:
    classifier = Classifier.open(write_colour_model(tmp_path / "c.catdog", class_names))
    photos = np.random.default_rng(2).integers(0, 256, (3, *SIZE, 3)).astype(np.uint8)
    assert classifier.probabilities(photos).sum(axis=1) == pytest.approx(np.ones(3))


def test_a_classifier_is_named_as_its_file(model: Path) -> None:
    classifier = Classifier.open(model)
    assert classifier.name == "colours"
    assert classifier.description.class_names == ("blue", "red")


def with_golden_off_by(model: Path, shift: float) -> Path:
    probabilities = read_model_file(model).golden().probabilities.copy()
    probabilities[0] += np.array([shift, -shift], np.float32)
    return remake(model, members={GOLDEN_PROBABILITIES: array_bytes(probabilities)})


@pytest.mark.parametrize("shift", [0.011, -0.011, 0.5])
def test_golden_probabilities_off_by_more_than_a_hundredth_are_refused(
    model: Path, shift: float
) -> None:
    with pytest.raises(ModelFileError, match="golden probabilities are off"):
        Classifier.open(with_golden_off_by(model, shift))


@pytest.mark.parametrize("shift", [0.009, -0.009])
def test_golden_probabilities_off_by_less_are_accepted(model: Path, shift: float) -> None:
    assert Classifier.open(with_golden_off_by(model, shift)).name == "colours"


def test_golden_probabilities_that_are_no_numbers_are_refused(model: Path) -> None:
    nothing = array_bytes(np.full((2, 2), np.nan, np.float32))
    with pytest.raises(ModelFileError, match="golden probabilities are off"):
        Classifier.open(remake(model, members={GOLDEN_PROBABILITIES: nothing}))


def test_class_names_in_another_order_are_refused(tmp_path: Path) -> None:
    three = write_colour_model(tmp_path / "c.catdog", ("blue", "green", "red"))
    probabilities = read_model_file(three).golden().probabilities[:, ::-1].copy()
    with pytest.raises(ModelFileError, match="golden probabilities are off"):
        Classifier.open(remake(three, members={GOLDEN_PROBABILITIES: array_bytes(probabilities)}))


def test_a_network_that_takes_photos_of_another_size_is_refused(model: Path) -> None:
    inputs = np.zeros((2, 40, 40, 3), np.uint8)
    remake(model, {"image_size": ImageSize(40, 40)}, {GOLDEN_INPUTS: array_bytes(inputs)})
    with pytest.raises(ModelFileError, match="does not fit its description"):
        Classifier.open(model)


def test_an_image_size_that_golden_photos_do_not_have_is_refused(model: Path) -> None:
    with pytest.raises(ModelFileError, match="do not fit its description"):
        Classifier.open(remake(model, {"image_size": ImageSize(40, 40)}))


def test_more_classes_than_the_network_tells_apart_are_refused(model: Path) -> None:
    thirds = array_bytes(np.full((2, 3), 1 / 3, np.float32))
    description = {"class_names": ("blue", "green", "red")}
    with pytest.raises(ModelFileError, match="2 numbers for 3 classes"):
        Classifier.open(remake(model, description, {GOLDEN_PROBABILITIES: thirds}))


def test_fewer_classes_than_the_network_tells_apart_are_refused(tmp_path: Path) -> None:
    three = write_colour_model(tmp_path / "c.catdog", ("blue", "green", "red"))
    halves = array_bytes(np.full((2, 2), 1 / 2, np.float32))
    with pytest.raises(ModelFileError, match="3 numbers for 2 classes"):
        Classifier.open(
            remake(three, {"class_names": ("blue", "red")}, {GOLDEN_PROBABILITIES: halves})
        )


def test_the_wrong_kind_of_output_is_refused(model: Path) -> None:
    with pytest.raises(ModelFileError, match="refused"):
        Classifier.open(remake(model, {"output": "softmax"}))


@pytest.mark.parametrize("member", [OPENVINO_XML, OPENVINO_BIN])
@pytest.mark.parametrize("content", [b"", b"<net", b"not a network"])
def test_a_network_that_cannot_be_read_is_refused(model: Path, member: str, content: bytes) -> None:
    with pytest.raises(ModelFileError, match="refused"):
        Classifier.open(remake(model, members={member: content}))


def scalar_output(photos: "opset13.Node") -> "opset13.Node":
    return opset13.reduce_mean(photos, opset13.constant([0, 1, 2, 3]), keep_dims=False)


def flat_output(photos: "opset13.Node") -> "opset13.Node":
    return opset13.reduce_mean(photos, opset13.constant([1, 2, 3]), keep_dims=False)


def picture_output(photos: "opset13.Node") -> "opset13.Node":
    return photos


@pytest.mark.parametrize("network", [scalar_output, flat_output, picture_output])
@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_a_network_whose_output_is_no_table_is_refused(
    model: Path, network: Callable[["opset13.Node"], "opset13.Node"], output: str
) -> None:
    photos = opset13.parameter([-1, *SIZE, 3], np.float32, name="photos")
    xml = model.with_name("network.xml")
    openvino.serialize(openvino.Model([network(photos)], [photos], "odd"), xml)
    members = {
        OPENVINO_XML: xml.read_bytes(),
        OPENVINO_BIN: xml.with_suffix(".bin").read_bytes(),
    }
    with pytest.raises(ModelFileError, match="refused"):
        Classifier.open(remake(model, {"output": output}, members))


def test_a_network_with_a_second_input_is_refused(model: Path) -> None:
    photos = opset13.parameter([-1, *SIZE, 3], np.float32, name="photos")
    more = opset13.parameter([3, 1], np.float32, name="more")
    means = opset13.reduce_mean(photos, opset13.constant([1, 2]), keep_dims=False)
    output = opset13.sigmoid(opset13.matmul(means, more, False, False))
    xml = model.with_name("network.xml")
    openvino.serialize(openvino.Model([output], [photos, more], "two"), xml)
    members = {
        OPENVINO_XML: xml.read_bytes(),
        OPENVINO_BIN: xml.with_suffix(".bin").read_bytes(),
    }
    with pytest.raises(ModelFileError, match="refused"):
        Classifier.open(remake(model, members=members))


def test_a_missing_file_is_told_as_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="There is no model file"):
        Classifier.open(tmp_path / "nowhere.catdog")
