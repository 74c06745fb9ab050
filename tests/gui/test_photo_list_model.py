"""The photos of a folder as a Qt model."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from catdog_gui.classify.prediction import Prediction
from catdog_gui.item_models.photo_list_model import LabelFilter, PhotoListModel, PhotoRole
from catdog_gui.workers.thumbnail_loader import ThumbnailLoader
from tests.helpers.photos import write_photo

CLASSES = ("cat", "dog")


@pytest.fixture
def loader(qapp: QCoreApplication) -> Iterator[ThumbnailLoader]:
    """Yield a loader and end its threads."""
    loader = ThumbnailLoader(64)
    yield loader
    loader.close()


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Return four photos, the last of them broken."""
    found = [write_photo(tmp_path / f"{n}.jpg", seed=n) for n in range(3)]
    (tmp_path / "3.jpg").write_bytes(b"broken")
    return [*found, tmp_path / "3.jpg"]


@pytest.fixture
def model(loader: ThumbnailLoader, photos: list[Path]) -> PhotoListModel:
    """Return a model of these photos with predictions for all of them."""
    model = PhotoListModel(loader)
    model.set_photos(photos)
    model.begin_predictions(CLASSES, 0.6)
    model.add_predictions([Prediction(photos[0], (0.9, 0.1)), Prediction(photos[1], (0.2, 0.8))])
    model.add_predictions([Prediction(photos[2], (0.55, 0.45)), Prediction(photos[3], (), "cut")])
    return model


def test_it_keeps_the_rules_of_qt_models(
    model: PhotoListModel, qtmodeltester: ModelTester, photos: list[Path]
) -> None:
    qtmodeltester.check(model)
    model.set_photos(photos[:2])
    assert model.rowCount() == 2


def test_labels_are_class_names_unsure_or_unreadable(model: PhotoListModel) -> None:
    labels = [model.index(row).data(PhotoRole.LABEL) for row in range(4)]
    assert labels == ["cat", "dog", "unsure", "unreadable"]
    assert model.counts() == {"cat": 1, "dog": 1, "unsure": 1, "unreadable": 1}


def test_a_photo_is_spoken_with_its_label(model: PhotoListModel) -> None:
    spoken = [model.index(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in (0, 3)]
    assert spoken == ["0.jpg, cat, 90%", "3.jpg, unreadable: cut"]


def test_a_filter_shows_exactly_one_label(model: PhotoListModel) -> None:
    shown = LabelFilter()
    shown.setSourceModel(model)
    shown.set_label("cat")
    assert [shown.index(row, 0).data() for row in range(shown.rowCount())] == ["0.jpg"]
    shown.set_label(None)
    assert shown.rowCount() == 4


def test_predictions_of_other_photos_are_not_awaited(
    model: PhotoListModel, photos: list[Path]
) -> None:
    model.set_photos(photos)
    assert model.awaits([Prediction(photos[0], (1.0, 0.0))])
    assert not model.awaits([Prediction(photos[1], (1.0, 0.0))])


def test_a_thumbnail_comes_once_it_is_decoded(
    model: PhotoListModel, loader: ThumbnailLoader, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(model.dataChanged):
        assert model.index(0).data(PhotoRole.THUMBNAIL) is None
    assert model.index(0).data(PhotoRole.THUMBNAIL).width() == 48


def test_a_broken_photo_has_an_empty_thumbnail(
    loader: ThumbnailLoader, photos: list[Path], qtbot: QtBot
) -> None:
    with qtbot.waitSignal(loader.loaded):
        loader.thumbnail(photos[3])
    image = loader.thumbnail(photos[3])
    assert image is not None
    assert image.isNull()
