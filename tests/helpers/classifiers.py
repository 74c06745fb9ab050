"""Classifiers for tests: real ones made without training, and one that answers as it is told."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catdog_gui.classify.classifier import Classifier
from tests.classify.remaking import remake
from tests.helpers.models import origin, write_colour_model
from training.configuration import SplitChoice
from training.dataset import open_dataset
from training.model_file import IMPORTED, read_model_file
from training.splits import SplitMethod


def stranger(tmp_path: Path, class_names: tuple[str, ...] = ("blue", "red")) -> Classifier:
    """Return a classifier that was trained on other photos."""
    return Classifier.open(write_colour_model(tmp_path / "colours.catdog", class_names))


def trained_on(root: Path, test_share: float = 0.2) -> Classifier:
    """Return a classifier that says that it was trained on a dataset."""
    path = root.with_name("own.catdog")
    choice = SplitChoice(method=SplitMethod.STRATIFIED, seed=3, test_share=test_share)
    own = replace(origin(open_dataset(root).fingerprint), split=choice)
    return Classifier.open(remake(write_colour_model(path), {"trained_on": own}))


def imported(tmp_path: Path) -> Classifier:
    """Return a classifier of which nobody knows what it was trained on."""
    unknown = {"recipe": IMPORTED, "trained_on": None, "metrics": None}
    return Classifier.open(remake(write_colour_model(tmp_path / "foreign.catdog"), unknown))


class Parrot(Classifier):
    """Answers the same, whatever it is shown."""

    def __init__(self, tmp_path: Path, answer: Sequence[float]) -> None:
        """Answer with these probabilities of blue and red."""
        super().__init__(read_model_file(write_colour_model(tmp_path / "parrot.catdog")))
        self._answer = answer

    def probabilities(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the same row for every photo."""
        return np.tile(np.array(self._answer, dtype=np.float32), (len(photos), 1))
