"""Photos that are known are not read or asked about again."""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from catdog_gui.classify.catalog import Catalog
from catdog_gui.classify.precision import AUTO, FLOAT32, Precision
from catdog_gui.classify.prediction import Prediction
from catdog_gui.classify.remembering import (
    ChosenModel,
    classify_with_catalog,
    with_corrections,
)
from tests.helpers.models import write_colour_model
from tests.helpers.photos import photo_bytes, write_photo
from training.errors import ModelFileError
from training.photo_files import Stamp

LONG_AGO = (1_500_000_000, 1_500_000_001.25)


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    return write_colour_model(tmp_path / "colours.catdog")


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Return five old photos, one of which is damaged."""
    paths = [
        write_photo(tmp_path / "photos" / f"{number}.jpg", ("red", "blue")[number % 2], number)
        for number in range(4)
    ]
    paths.append(tmp_path / "photos" / "4.jpg")
    paths[-1].write_bytes(b"no photo")
    for path in paths:
        os.utime(path, LONG_AGO)
    return paths


def classified(
    photos: Iterable[Path],
    model_file: Path,
    *,
    fresh: bool = False,
    precision: Precision = FLOAT32,
) -> tuple[list[Prediction], ChosenModel]:
    """Classify photos with the catalog that lies beside the model file."""
    model = ChosenModel(model_file, precision)
    with Catalog(model_file.parent / "catalog", "reader") as catalog:
        batches = classify_with_catalog(photos, model, catalog, fresh=fresh)
        return [prediction for batch in batches for prediction in batch], model


def test_the_second_time_nothing_is_read_and_all_is_the_same(
    photos: list[Path], model_file: Path
) -> None:
    first, model = classified(photos, model_file)
    assert (model.read, model.asked) == (5, 4)
    second, model = classified(photos, model_file)
    assert (model.read, model.asked, model.precision) == (0, 0, None)
    assert second == first


def test_a_changed_photo_is_read_again(photos: list[Path], model_file: Path) -> None:
    classified(photos, model_file)
    photos[0].write_bytes(photo_bytes("blue", 99))
    predictions, model = classified(photos, model_file)
    assert (model.read, model.asked) == (1, 1)
    assert predictions[0].label(("blue", "red"), 0) == "blue"


def test_a_moved_photo_is_recognised(photos: list[Path], model_file: Path) -> None:
    first, _model = classified(photos, model_file)
    elsewhere = photos[0].parent / "elsewhere"
    elsewhere.mkdir()
    moved = [photo.rename(elsewhere / f"new {photo.name}") for photo in photos]
    second, model = classified(moved, model_file)
    assert model.asked == 0
    assert [p.probabilities for p in second] == [p.probabilities for p in first]


def test_a_content_that_lies_in_many_places_is_asked_about_once(
    tmp_path: Path, model_file: Path
) -> None:
    first = write_photo(tmp_path / "0.jpg")
    photos = [first, *(tmp_path / f"{number}.jpg" for number in range(1, 200))]
    for photo in photos[1:]:
        photo.hardlink_to(first)
    predictions, model = classified(photos, model_file)
    assert len(predictions) == 200
    assert model.asked < 100


def test_fresh_answers_are_asked_for_on_request(photos: list[Path], model_file: Path) -> None:
    classified(photos, model_file)
    _predictions, model = classified(photos, model_file, fresh=True)
    assert (model.read, model.asked) == (5, 4)


def test_another_model_is_asked_itself(photos: list[Path], model_file: Path) -> None:
    classified(photos, model_file)
    other = write_colour_model(model_file.with_name("other.catdog"), ("green", "red"))
    (model_file.parent / "catalog").rename(other.parent / "catalog")
    _predictions, model = classified(photos, other)
    assert model.asked == 4


def test_a_copy_of_the_model_need_not_be_asked(photos: list[Path], model_file: Path) -> None:
    classified(photos, model_file)
    copy = model_file.with_name("copy.catdog")
    copy.write_bytes(model_file.read_bytes())
    _predictions, model = classified(photos, copy)
    assert model.asked == 0


def test_what_float32_said_will_do_for_auto_but_not_the_other_way_round(
    photos: list[Path], model_file: Path, tmp_path: Path
) -> None:
    classified(photos, model_file, precision=FLOAT32)
    _predictions, model = classified(photos, model_file, precision=AUTO)
    assert model.asked == 0
    for file in (tmp_path / "catalog").iterdir():
        file.unlink()
    classified(photos, model_file, precision=AUTO)
    _predictions, model = classified(photos, model_file, precision=FLOAT32)
    assert model.asked == 4


def test_corrections_come_with_the_photos_they_were_made_of(
    photos: list[Path], model_file: Path, tmp_path: Path
) -> None:
    first, _model = classified(photos, model_file)
    with Catalog(tmp_path / "catalog", "reader") as catalog:
        assert with_corrections(first, catalog) == first
        known = catalog.file(photos[1], Stamp.of(photos[1].stat()), (0, 0))
        assert known is not None
        catalog.correct(photos[1], known.fingerprint, "red")
        assert [each.correction for each in with_corrections(first, catalog)] == [
            "", "red", "", "", "",
        ]  # fmt: skip
    photos[1] = photos[1].rename(tmp_path / "moved.jpg")
    for fresh in (False, False, True):
        predictions, _model = classified(photos, model_file, fresh=fresh)
        assert [each.correction for each in predictions] == ["", "red", "", "", ""]
        assert predictions[1].label(("blue", "red"), 1.0) == "red"


def test_what_was_answered_before_a_stop_is_known(photos: list[Path], model_file: Path) -> None:
    model = ChosenModel(model_file, FLOAT32)
    with Catalog(model_file.parent / "catalog", "reader") as catalog:
        batches = classify_with_catalog(photos, model, catalog)
        done = next(batches)
        del batches
    _predictions, model = classified(photos, model_file)
    assert model.read == len(photos) - len(done)


def test_photos_that_cannot_be_looked_at_are_not_remembered(
    tmp_path: Path, model_file: Path
) -> None:
    for _ in range(2):
        ((prediction,), model) = classified([tmp_path / "none.jpg"], model_file)
        assert prediction.reason == "the file is not there"
        assert model.read == 1


def test_a_model_file_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "bad.catdog").write_bytes(b"nothing")
    with pytest.raises(ModelFileError):
        ChosenModel(tmp_path / "bad.catdog")
