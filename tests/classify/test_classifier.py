"""Opening model files and asking them."""

from pathlib import Path

import numpy as np
import pytest

from catdog_gui.classify.classifier import Classifier
from tests.helpers.models import SIZE, expected_probabilities, write_colour_model


@pytest.mark.parametrize("class_names", [("blue", "red"), ("blue", "green", "red")])
def test_probabilities_are_those_of_the_network(
    tmp_path: Path, class_names: tuple[str, ...]
) -> None:
    classifier = Classifier.open(write_colour_model(tmp_path / "c.catdog", class_names))
    photos = np.random.default_rng(1).integers(0, 256, (5, *SIZE, 3)).astype(np.uint8)
    expected = expected_probabilities(photos, class_names)
    assert np.abs(classifier.probabilities(photos) - expected).max() < 1e-5
