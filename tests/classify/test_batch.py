"""Classifying many photos, some of them broken."""

import hashlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from catdog_gui.classify.batch import (
    BATCH_SIZE,
    FIRST_BATCH,
    Answer,
    ask,
    classify_photos,
)
from catdog_gui.classify.classifier import Classifier
from catdog_gui.classify.prediction import Prediction
from tests.helpers.models import expected_probabilities, write_colour_model
from tests.helpers.photos import photo_bytes, write_photo
from training.errors import PhotoError
from training.images import read_photo

CLASSES = ("blue", "red")


@pytest.fixture
def classifier(tmp_path: Path) -> Classifier:
    return Classifier.open(write_colour_model(tmp_path / "colours.catdog", CLASSES))


def predictions_of(photos: Sequence[Path], classifier: Classifier) -> list[Prediction]:
    return [prediction for batch in classify_photos(photos, classifier) for prediction in batch]


def labels_of(predictions: Sequence[Prediction]) -> list[str]:
    return [prediction.label(CLASSES, 0.0) for prediction in predictions]


def make_fifo(path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("Windows has no FIFOs in folders")
    os.mkfifo(path)


BREAKAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "the file is empty"),
    "truncated": (
        lambda path: path.write_bytes(photo_bytes("red", size=(200, 200))[:3000]),
        "the file is cut short",
    ),
    "text": (
        lambda path: path.write_text("not a photo", encoding="utf-8"),
        "it is not a photo in a format that can be read",
    ),
    "zeros": (
        lambda path: path.write_bytes(bytes(1000)),
        "it is not a photo in a format that can be read",
    ),
    "folder": (lambda path: path.mkdir(), "it is a folder, not a photo"),
    "fifo": (make_fifo, "it is not an ordinary file"),
    "dangling": (lambda path: path.symlink_to("nowhere.jpg"), "the file is not there"),
    "loop": (lambda path: path.symlink_to(path), "it cannot be read"),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_broken_photo_gets_its_reason(
    tmp_path: Path, classifier: Classifier, breakage: str
) -> None:
    path = tmp_path / "y.jpg"
    make, reason = BREAKAGES[breakage]
    make(path)
    (prediction,) = predictions_of([path], classifier)
    assert not prediction.readable
    assert prediction.reason.startswith(reason)


def test_a_file_that_vanished_gets_its_reason(tmp_path: Path, classifier: Classifier) -> None:
    (prediction,) = predictions_of([tmp_path / "vanished.jpg"], classifier)
    assert prediction.reason == "the file is not there"


def test_of_two_thousand_photos_each_gets_its_own_answer_in_order(
    tmp_path: Path, classifier: Classifier
) -> None:
    contents = {name: photo_bytes(name, size=(16, 12)) for name in CLASSES}
    photos, expected = [], []
    breakages = list(BREAKAGES)
    for number in range(2_000):
        path = tmp_path / "photos" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        colour = CLASSES[(number * number // 7) % 2]
        if number % 13 == 5:
            BREAKAGES[breakages[number // 13 % len(breakages)]][0](path)
            colour = ""
        else:
            path.write_bytes(contents[colour])
        photos.append(path)
        expected.append(colour)
    predictions = predictions_of(photos, classifier)
    assert [prediction.path for prediction in predictions] == photos
    assert labels_of(predictions) == expected
    assert all(bool(prediction.reason) != prediction.readable for prediction in predictions)


def test_a_batch_of_nothing_but_broken_photos_holds_nothing_up(
    tmp_path: Path, classifier: Classifier
) -> None:
    broken = [tmp_path / f"{number}.jpg" for number in range(BATCH_SIZE)]
    good = write_photo(tmp_path / "good.jpg", "blue")
    assert labels_of(predictions_of([*broken, good], classifier)) == [""] * BATCH_SIZE + ["blue"]


def test_no_photos_give_no_predictions(classifier: Classifier) -> None:
    assert predictions_of([], classifier) == []


def test_answers_do_not_depend_on_the_batch_a_photo_is_in(
    tmp_path: Path, classifier: Classifier
) -> None:
    photos = [
        write_photo(tmp_path / f"{number}.jpg", ("red", "blue", "green")[number % 3], number)
        for number in range(BATCH_SIZE + 8)
    ]
    together = {p.path: p.probabilities for p in predictions_of(photos, classifier)}
    backwards = {p.path: p.probabilities for p in predictions_of(photos[::-1], classifier)}
    for photo in photos[::9]:
        (alone,) = predictions_of([photo], classifier)
        assert together[photo] == pytest.approx(alone.probabilities, abs=1e-6)
    for photo in photos:
        assert backwards[photo] == pytest.approx(together[photo], abs=1e-6)


def test_answers_are_the_network_probabilities_in_the_model_order(
    tmp_path: Path, classifier: Classifier
) -> None:
    photo = write_photo(tmp_path / "1.jpg", "red")
    (prediction,) = predictions_of([photo], classifier)
    pixels = read_photo(photo, classifier.description.image_size)
    expected = expected_probabilities(pixels[np.newaxis], CLASSES)[0]
    assert prediction.probabilities == pytest.approx(expected, abs=1e-5)
    assert sum(prediction.probabilities) == pytest.approx(1)


def test_batches_come_while_later_ones_are_still_to_do(
    tmp_path: Path, classifier: Classifier
) -> None:
    photos = [write_photo(tmp_path / f"{number}.jpg") for number in range(BATCH_SIZE * 2 + 1)]
    batches = [len(batch) for batch in classify_photos(photos, classifier)]
    assert sum(batches) == len(photos)
    assert batches[0] == FIRST_BATCH
    assert max(batches) <= BATCH_SIZE


def test_a_stop_ends_it_before_the_next_batch(tmp_path: Path, classifier: Classifier) -> None:
    photos = [write_photo(tmp_path / f"{number}.jpg") for number in range(BATCH_SIZE * 3)]
    predictions: list[Prediction] = []
    for batch in classify_photos(photos, classifier, should_stop=lambda: len(predictions) > 0):
        predictions.extend(batch)
    assert [prediction.path for prediction in predictions] == photos[:FIRST_BATCH]


def test_a_stop_before_the_first_batch_gives_nothing(
    tmp_path: Path, classifier: Classifier
) -> None:
    photo = write_photo(tmp_path / "1.jpg")
    assert list(classify_photos([photo], classifier, should_stop=lambda: True)) == []


class Blank:
    """Gives the content of the same photo again and again, and counts."""

    def __init__(self) -> None:
        """Have given none yet."""
        self.given = 0
        self._content = photo_bytes("red", size=(16, 12))

    def __call__(self, _photo: int) -> bytes:
        """Return the content of any photo."""
        self.given += 1
        return self._content


def test_a_stop_leaves_most_photos_unread(classifier: Classifier) -> None:
    blank = Blank()
    assert list(ask(range(100_000), blank, classifier, should_stop=lambda: True)) == []
    assert blank.given < 100 * BATCH_SIZE


def test_whoever_stops_listening_leaves_most_photos_unread(classifier: Classifier) -> None:
    blank = Blank()
    answers = ask(range(100_000), blank, classifier)
    assert len(next(answers)) == FIRST_BATCH
    del answers
    assert blank.given < 100 * BATCH_SIZE


def test_photos_of_any_kind_can_be_asked_about(classifier: Classifier) -> None:
    def content(photo: int) -> bytes:
        if photo < 0:
            raise PhotoError("it is darker than black")
        return photo_bytes("red")

    ((red, impossible),) = ask([0, -1], content, classifier)
    assert red.photo == 0
    assert isinstance(red.answer, tuple)
    assert red.answer[1] > 0.5
    assert red.reading is not None
    assert red.reading.fingerprint == hashlib.sha256(photo_bytes("red")).digest()
    assert impossible.photo == -1
    assert str(impossible.answer) == "it is darker than black"


def test_an_answer_that_is_known_is_taken_as_it_is(classifier: Classifier) -> None:
    known: dict[int, Answer] = {1: (0.25, 0.75), 2: PhotoError("the file is empty")}
    ((first, second),) = ask([1, 2], known.__getitem__, classifier)
    assert (first.answer, second.answer) == (known[1], known[2])
    assert first.reading is second.reading is None


def test_known_answers_do_not_start_a_process(classifier: Classifier) -> None:
    answers = list(ask(range(5000), lambda _photo: (0.5, 0.5), classifier))
    assert multiprocessing.active_children() == []
    assert [each.photo for batch in answers for each in batch] == list(range(5000))


def test_a_content_that_is_known_is_not_asked_about(classifier: Classifier) -> None:
    red, blue = photo_bytes("red"), photo_bytes("blue")
    known: dict[bytes, Answer] = {hashlib.sha256(red).digest(): (0.9, 0.1)}
    contents = (red, blue)
    ((first, second),) = ask([0, 1], contents.__getitem__, classifier, recall=known.get)
    assert first.answer == (0.9, 0.1)
    assert isinstance(second.answer, tuple)
    assert second.answer[0] > 0.5


def test_known_and_unknown_answers_come_in_the_photos_order(classifier: Classifier) -> None:
    content = photo_bytes("red", size=(16, 12))
    answers = ask(range(700), lambda n: (0.5, 0.5) if n % 3 else content, classifier)
    assert [each.photo for batch in answers for each in batch] == list(range(700))


def test_an_error_that_is_no_photo_error_is_not_hidden(classifier: Classifier) -> None:
    def broken(_photo: int) -> bytes:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(ask([1], broken, classifier))


def test_no_process_is_left_behind(tmp_path: Path, classifier: Classifier) -> None:
    photo = write_photo(tmp_path / "1.jpg")
    answers = ask([photo] * 500, str, classifier)
    next(answers)
    assert multiprocessing.active_children() != []
    del answers
    assert multiprocessing.active_children() == []
