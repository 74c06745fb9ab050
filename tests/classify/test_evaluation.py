"""Judging classifiers on labelled photos."""

import zipfile
from pathlib import Path

import pytest

from catdog_gui.classify.evaluation import evaluate
from tests.helpers.classifiers import stranger, trained_on
from tests.helpers.photos import write_dataset, write_photo
from training.dataset import open_dataset
from training.errors import DatasetError
from training.metrics import wilson_interval


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a dataset of ten blue and ten red photos."""
    return write_dataset(tmp_path / "dataset")


def test_the_confusion_counts_labels_in_rows_and_answers_in_columns(
    tmp_path: Path, root: Path
) -> None:
    write_photo(root / "blue" / "in truth red 1.jpg", "red")
    write_photo(root / "blue" / "in truth red 2.jpg", "red")
    write_photo(root / "red" / "in truth blue.jpg", "blue")
    outcome = evaluate(stranger(tmp_path), open_dataset(root))
    assert outcome.class_names == ("blue", "red")
    assert outcome.confusion.tolist() == [[10, 2], [1, 10]]
    assert (outcome.photos, outcome.correct) == (23, 20)
    assert outcome.accuracy == 20 / 23
    assert outcome.interval == wilson_interval(20, 23)


def test_the_model_own_order_of_classes_counts(tmp_path: Path, root: Path) -> None:
    write_photo(root / "blue" / "in truth red.jpg", "red")
    outcome = evaluate(stranger(tmp_path, ("red", "blue")), open_dataset(root))
    assert outcome.class_names == ("red", "blue")
    assert outcome.confusion.tolist() == [[10, 0], [1, 10]]


def test_a_model_may_know_more_classes_than_the_dataset(tmp_path: Path, root: Path) -> None:
    outcome = evaluate(stranger(tmp_path, ("red", "green", "blue")), open_dataset(root))
    assert outcome.confusion.tolist() == [[10, 0, 0], [0, 0, 0], [0, 0, 10]]


def test_a_model_is_judged_by_the_test_photos_of_its_own_dataset(root: Path) -> None:
    outcome = evaluate(trained_on(root), open_dataset(root))
    assert outcome.split == "test"
    assert outcome.photos == 4


def test_a_model_is_judged_by_all_photos_of_another_dataset(tmp_path: Path, root: Path) -> None:
    outcome = evaluate(stranger(tmp_path), open_dataset(root))
    assert (outcome.split, outcome.photos) == ("all", 20)


def test_a_copy_of_its_own_dataset_is_no_other_dataset(tmp_path: Path, root: Path) -> None:
    classifier = trained_on(root)
    moved = root.rename(tmp_path / "moved elsewhere")
    assert evaluate(classifier, open_dataset(moved)).split == "test"


def test_all_photos_of_its_own_dataset_are_judged_on_request(root: Path) -> None:
    outcome = evaluate(trained_on(root), open_dataset(root), "all")
    assert (outcome.split, outcome.photos) == ("all", 20)


def test_the_test_photos_of_another_dataset_are_judged_on_request(
    tmp_path: Path, root: Path
) -> None:
    outcome = evaluate(stranger(tmp_path), open_dataset(root), "test")
    assert (outcome.split, outcome.photos) == ("test", 4)


def test_without_test_photos_a_model_is_judged_by_the_validation_photos(root: Path) -> None:
    outcome = evaluate(trained_on(root, test_share=0), open_dataset(root))
    assert (outcome.split, outcome.photos) == ("validation", 4)


def test_test_photos_that_do_not_exist_are_refused(root: Path) -> None:
    with pytest.raises(DatasetError, match="has no test photos"):
        evaluate(trained_on(root, test_share=0), open_dataset(root), "test")


def test_unreadable_photos_are_named_and_not_counted(tmp_path: Path, root: Path) -> None:
    (root / "blue" / "photo 3.jpg").write_bytes(b"")
    (root / "red" / "broken.jpg").write_text("no photo", encoding="utf-8")
    outcome = evaluate(stranger(tmp_path), open_dataset(root))
    assert outcome.confusion.tolist() == [[9, 0], [0, 10]]
    assert outcome.unreadable == (
        ("blue/photo 3.jpg", "the file is empty"),
        ("red/broken.jpg", "it is not a photo in a format that can be read"),
    )


def test_a_dataset_without_one_readable_photo_is_refused(tmp_path: Path) -> None:
    for name in ("blue/1.jpg", "red/1.jpg"):
        path = tmp_path / "dataset" / name
        path.parent.mkdir(parents=True)
        path.touch()
    with pytest.raises(DatasetError, match="Not one photo"):
        evaluate(stranger(tmp_path), open_dataset(tmp_path / "dataset"))


def test_a_zip_is_judged_as_the_folder_in_it(tmp_path: Path, root: Path) -> None:
    write_photo(root / "blue" / "in truth red.jpg", "red")
    with zipfile.ZipFile(tmp_path / "dataset.zip", "w") as archive:
        for file in root.rglob("*.jpg"):
            archive.write(file, file.relative_to(root))
    classifier = stranger(tmp_path)
    packed = evaluate(classifier, open_dataset(tmp_path / "dataset.zip"))
    plain = evaluate(classifier, open_dataset(root))
    assert packed.confusion.tolist() == plain.confusion.tolist() == [[10, 1], [0, 10]]


def test_progress_is_told_to_its_end(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "dataset", 20)
    told: list[tuple[int, int]] = []
    evaluate(
        stranger(tmp_path),
        open_dataset(root),
        on_progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(32, 40), (40, 40)]
