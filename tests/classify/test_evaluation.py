"""Judging classifiers on labelled photos."""

import zipfile
from pathlib import Path

import pytest

from catdog_gui.classify.evaluation import Accuracy, Mistake, assess, evaluate, worst_mistakes
from tests.helpers.classifiers import imported, stranger, trained_on
from tests.helpers.judged import drawn, judged, judged_pairs
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
    assert outcome.judged.class_names == ("blue", "red")
    assert outcome.scores.confusion.tolist() == [[10, 2], [1, 10]]
    assert outcome.accuracy == Accuracy(20, 23)
    assert outcome.accuracy.share == 20 / 23
    assert outcome.accuracy.interval == wilson_interval(20, 23)


def test_the_model_own_order_of_classes_counts(tmp_path: Path, root: Path) -> None:
    write_photo(root / "blue" / "in truth red.jpg", "red")
    outcome = evaluate(stranger(tmp_path, ("red", "blue")), open_dataset(root))
    assert outcome.judged.class_names == ("red", "blue")
    assert outcome.scores.confusion.tolist() == [[10, 0], [1, 10]]


def test_a_model_may_know_more_classes_than_the_dataset(tmp_path: Path, root: Path) -> None:
    outcome = evaluate(stranger(tmp_path, ("red", "green", "blue")), open_dataset(root))
    assert outcome.scores.confusion.tolist() == [[10, 0, 0], [0, 0, 0], [0, 0, 10]]


def test_a_model_is_judged_by_the_test_photos_of_its_own_dataset(root: Path) -> None:
    outcome = evaluate(trained_on(root), open_dataset(root))
    assert outcome.judged.split == "test"
    assert outcome.accuracy.photos == 4


def test_a_model_is_judged_by_all_photos_of_another_dataset(tmp_path: Path, root: Path) -> None:
    outcome = evaluate(stranger(tmp_path), open_dataset(root))
    assert (outcome.judged.split, outcome.accuracy.photos) == ("all", 20)


def test_a_copy_of_its_own_dataset_is_no_other_dataset(tmp_path: Path, root: Path) -> None:
    classifier = trained_on(root)
    moved = root.rename(tmp_path / "moved elsewhere")
    assert evaluate(classifier, open_dataset(moved)).judged.split == "test"


def test_all_photos_of_its_own_dataset_are_judged_on_request(root: Path) -> None:
    outcome = evaluate(trained_on(root), open_dataset(root), "all")
    assert (outcome.judged.split, outcome.accuracy.photos) == ("all", 20)


def test_the_test_photos_of_another_dataset_are_judged_on_request(
    tmp_path: Path, root: Path
) -> None:
    outcome = evaluate(stranger(tmp_path), open_dataset(root), "test")
    assert (outcome.judged.split, outcome.accuracy.photos) == ("test", 4)


def test_without_test_photos_a_model_is_judged_by_the_validation_photos(root: Path) -> None:
    outcome = evaluate(trained_on(root, test_share=0), open_dataset(root))
    assert (outcome.judged.split, outcome.accuracy.photos) == ("validation", 4)


def test_test_photos_that_do_not_exist_are_refused(root: Path) -> None:
    with pytest.raises(DatasetError, match="has no test photos"):
        evaluate(trained_on(root, test_share=0), open_dataset(root), "test")


def test_unreadable_photos_are_named_and_not_counted(tmp_path: Path, root: Path) -> None:
    (root / "blue" / "photo 3.jpg").write_bytes(b"")
    (root / "red" / "broken.jpg").write_text("no photo", encoding="utf-8")
    outcome = evaluate(stranger(tmp_path), open_dataset(root))
    assert outcome.scores.confusion.tolist() == [[9, 0], [0, 10]]
    assert outcome.judged.unreadable == (
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
    assert packed.scores.confusion.tolist() == plain.scores.confusion.tolist() == [[10, 1], [0, 10]]


def test_progress_is_told_to_its_end(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "dataset", 20)
    told: list[tuple[int, int]] = []
    evaluate(
        stranger(tmp_path),
        open_dataset(root),
        on_progress=lambda done, total: told.append((done, total)),
    )
    assert told[-1] == (40, 40)
    assert [done for done, _total in told] == sorted({done for done, _total in told})


def test_progress_counts_the_validation_photos_that_are_asked_about_as_well(root: Path) -> None:
    told: list[tuple[int, int]] = []
    evaluate(
        trained_on(root),
        open_dataset(root),
        on_progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(4, 8), (8, 8)]


def test_judged_by_test_photos_it_is_fitted_on_validation_photos(root: Path) -> None:
    outcome = evaluate(trained_on(root), open_dataset(root))
    scaling, unsure = outcome.calibration.scaling, outcome.unsure
    assert (scaling.fitted_on, unsure.fitted_on) == ("validation", "validation")
    assert (scaling.fitted_photos, unsure.fitted_photos) == (4, 4)


@pytest.mark.parametrize("split", [None, "all"])
def test_judged_by_all_there_is_it_is_fitted_on_halves(root: Path, split: str | None) -> None:
    outcome = evaluate(trained_on(root, test_share=0), open_dataset(root), split)
    scaling, unsure = outcome.calibration.scaling, outcome.unsure
    assert (scaling.fitted_on, unsure.fitted_on) == ("halves", "halves")
    assert scaling.fitted_photos == outcome.accuracy.photos


def test_it_is_told_when_training_photos_are_among_the_judged(tmp_path: Path, root: Path) -> None:
    dataset, own = open_dataset(root), trained_on(root)
    assert evaluate(own, dataset, "all").includes_training_photos
    assert not evaluate(own, dataset, "test").includes_training_photos
    assert evaluate(stranger(tmp_path), dataset, "all").includes_training_photos is None
    assert evaluate(imported(tmp_path), dataset, "all").includes_training_photos is None


def test_the_most_confident_mistakes_are_told_first() -> None:
    answers = judged_pairs([0, 1, 0, 1, 1], [0.6, 0.9, 0.95, 0.2, 0.4])
    assert worst_mistakes(answers) == (
        Mistake("2.jpg", "cat", "dog", 0.95),
        Mistake("3.jpg", "dog", "cat", 0.8),
        Mistake("0.jpg", "cat", "dog", 0.6),
        Mistake("4.jpg", "dog", "cat", 0.6),
    )


def test_ten_mistakes_are_told_unless_asked_for_more() -> None:
    answers = judged_pairs([0] * 30, [0.9] * 30)
    assert [each.name for each in worst_mistakes(answers)] == [f"{n}.jpg" for n in range(10)]
    assert len(worst_mistakes(answers, 25)) == 25


def test_without_mistakes_none_are_told() -> None:
    assert worst_mistakes(judged_pairs([0, 1], [0.1, 0.9])) == ()


def test_the_accuracy_is_told_without_leaks_as_well(tmp_path: Path, root: Path) -> None:
    write_photo(root / "blue" / "in truth red.jpg", "red")
    leaked = {"blue/photo 0.jpg", "blue/in truth red.jpg", "red/photo 1.jpg", "not judged.jpg"}
    outcome = evaluate(stranger(tmp_path), open_dataset(root), leaked=leaked)
    assert outcome.accuracy == Accuracy(20, 21)
    assert outcome.without_leaks is not None
    assert outcome.without_leaks.left_out == 3
    assert outcome.without_leaks.accuracy == Accuracy(18, 18)


def test_where_all_photos_are_leaks_there_is_no_accuracy_without_them() -> None:
    answers = judged_pairs([0, 1], [0.1, 0.9])
    without = assess(answers, leaked=set(answers.names)).without_leaks
    assert without is not None
    assert (without.left_out, without.accuracy) == (2, None)


def test_leaks_that_were_not_looked_for_are_not_told_as_none() -> None:
    answers = judged_pairs([0, 1], [0.1, 0.9])
    assert assess(answers).without_leaks is None
    found_none = assess(answers, leaked=set()).without_leaks
    assert found_none is not None
    assert (found_none.left_out, found_none.accuracy) == (0, Accuracy(2, 2))


ODD = {
    "all right": judged_pairs([0, 0, 1, 1], [0.1, 0.2, 0.7, 0.9]),
    "all wrong": judged_pairs([1, 1, 0, 0], [0.1, 0.2, 0.7, 0.9]),
    "one photo": judged_pairs([1], [0.7]),
    "one photo, wrong": judged_pairs([1], [0.3]),
    "one photo of three classes": judged([2], [(0.2, 0.3, 0.5)]),
    "a class never predicted": judged_pairs([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4]),
    "a class without photos": judged([0, 1, 0], [(0.8, 0.1, 0.1), (0.2, 0.3, 0.5), (1, 0, 0)]),
    "exactly 0 and 1": judged_pairs([0, 1, 1, 0], [0, 1, 0, 1]),
    "no preference": judged_pairs([0, 1, 1, 0], [0.5] * 4),
    "four classes": drawn(60, 4),
}


@pytest.mark.parametrize("validated", [False, True], ids=["halves", "validation"])
@pytest.mark.parametrize("name", ODD)
def test_whatever_was_answered_is_judged_without_a_warning(name: str, validated: bool) -> None:
    answers = ODD[name]
    outcome = assess(answers, validation=answers if validated else None, leaked={"0.jpg"})
    assert outcome.scores.confusion.sum() == len(answers.names)
    assert outcome.accuracy.correct == outcome.scores.confusion.trace()
    assert 0 <= outcome.scores.log_loss < 16
    assert 0 <= outcome.calibration.ece <= 1
    assert len(outcome.worst_mistakes) == min(10, (~answers.correct).sum())
