"""Asking classifiers about labelled photos."""

from itertools import count
from pathlib import Path

import numpy as np
import pytest

from catdog_gui.classify.judging import JudgedPhotos, judge, photos_to_judge
from tests.helpers.classifiers import Parrot, imported, stranger, trained_on
from tests.helpers.photos import write_dataset, write_photo
from training.dataset import open_dataset
from training.errors import DatasetError, ModelFileError
from training.splits import SplitMethod, split_dataset


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a dataset of ten blue and ten red photos."""
    return write_dataset(tmp_path / "dataset")


def test_every_photo_has_its_name_its_label_and_its_probabilities(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "dataset", 1)
    write_photo(root / "red" / "in truth blue.jpg", "blue")
    dataset = open_dataset(root)
    judged = judge(stranger(tmp_path, ("red", "green", "blue")), dataset, dataset.photos, "all")
    assert (judged.split, judged.class_names) == ("all", ("red", "green", "blue"))
    assert judged.names == ("blue/photo 0.jpg", "red/in truth blue.jpg", "red/photo 0.jpg")
    assert judged.labels.tolist() == [2, 0, 0]
    assert judged.predicted.tolist() == [2, 2, 0]
    assert judged.correct.tolist() == [True, False, True]
    assert judged.probabilities.shape == (3, 3)
    assert judged.confidence.tolist() == judged.probabilities.max(axis=1).tolist()
    assert judged.confidence.min() > 0.9


def test_photos_that_cannot_be_read_are_named_apart(tmp_path: Path, root: Path) -> None:
    (root / "blue" / "photo 0.jpg").write_bytes(b"")
    dataset = open_dataset(root)
    judged = judge(stranger(tmp_path), dataset, dataset.photos, "all")
    assert judged.unreadable == (("blue/photo 0.jpg", "the file is empty"),)
    assert len(judged.names) == len(judged.labels) == 19
    assert "blue/photo 0.jpg" not in judged.names


def test_a_stop_keeps_what_was_answered_before(tmp_path: Path) -> None:
    dataset = open_dataset(write_dataset(tmp_path / "dataset", 50))
    asked = count(1)
    judged = judge(
        stranger(tmp_path), dataset, dataset.photos, "all", should_stop=lambda: next(asked) > 2
    )
    assert 0 < len(judged.names) < len(dataset.photos)
    assert judged.names == tuple(photo.name for photo in dataset.photos[: len(judged.names)])


def test_a_stop_before_the_first_photo_is_no_error(tmp_path: Path, root: Path) -> None:
    dataset = open_dataset(root)
    judged = judge(stranger(tmp_path), dataset, dataset.photos, "all", should_stop=lambda: True)
    assert judged.names == ()
    assert judged.probabilities.shape == (0, 2)


@pytest.mark.parametrize(
    "answer", [(float("nan"), float("nan")), (-3.0, 4.0), (0.5, 0.6), (0.0, 0.0)]
)
def test_answers_that_are_no_probabilities_are_refused(
    tmp_path: Path, root: Path, answer: tuple[float, float]
) -> None:
    dataset = open_dataset(root)
    with pytest.raises(ModelFileError, match=r"'parrot' answers with numbers that are no prob"):
        judge(Parrot(tmp_path, answer), dataset, dataset.photos, "all")


def test_rounding_does_not_take_a_probability_out_of_its_range(tmp_path: Path, root: Path) -> None:
    dataset = open_dataset(root)
    judged = judge(Parrot(tmp_path, (-1e-7, 1 + 1e-7)), dataset, dataset.photos, "all")
    assert np.unique(judged.probabilities).tolist() == [0, 1]


def test_some_photos_can_be_chosen(tmp_path: Path, root: Path) -> None:
    dataset = open_dataset(root)
    judged = judge(stranger(tmp_path), dataset, dataset.photos, "all")
    red = judged.chosen(judged.labels == 1)
    assert len(red.names) == 10
    assert all(name.startswith("red/") for name in red.names)
    assert red.probabilities.tolist() == judged.probabilities[10:].tolist()


def test_what_does_not_fit_together_is_refused() -> None:
    labels, rows = np.zeros(2, dtype=np.int64), np.full((2, 2), 0.5)
    with pytest.raises(ValueError, match="labels of shape"):
        JudgedPhotos("all", ("a", "b"), ("1",), labels, rows)
    with pytest.raises(ValueError, match="probabilities of shape"):
        JudgedPhotos("all", ("a", "b", "c"), ("1", "2"), labels, rows)


def test_the_test_photos_are_those_that_training_left_out(root: Path) -> None:
    dataset = open_dataset(root)
    _, photos = photos_to_judge(trained_on(root), dataset, None)
    split = split_dataset(dataset, SplitMethod.STRATIFIED, seed=3)
    assert photos == split.test
    assert not set(photos) & {*split.train, *split.validation}


def test_of_an_imported_model_all_photos_are_judged(tmp_path: Path, root: Path) -> None:
    dataset = open_dataset(root)
    assert photos_to_judge(imported(tmp_path), dataset, None) == ("all", dataset.photos)


def test_an_imported_model_has_no_test_photos(tmp_path: Path, root: Path) -> None:
    with pytest.raises(DatasetError, match="was imported"):
        photos_to_judge(imported(tmp_path), open_dataset(root), "test")


def test_a_class_that_the_model_does_not_know_is_refused_by_name(tmp_path: Path) -> None:
    dataset = open_dataset(write_dataset(tmp_path / "dataset", 3, ("blue", "green", "red")))
    with pytest.raises(DatasetError, match=r"'green'.*'colours'.*blue, red"):
        judge(stranger(tmp_path), dataset, dataset.photos, "all")
