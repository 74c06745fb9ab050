"""Grad-CAM of networks of which it is known what they look at, and the pictures made of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.commands.programs import run_here
from tests.helpers.networks_made import explain_networks, square_photo
from tests.helpers.photos import write_photo
from training.configuration import STUDY_AUGMENTATION, Augmentation

pytestmark = pytest.mark.trains

UPPER_LEFT, LOWER_LEFT, LOWER_RIGHT = (0, 0), (3, 0), (3, 3)
PLACES = {
    "red": UPPER_LEFT,
    "blue": LOWER_RIGHT,
    "red, nested": UPPER_LEFT,
    "blue, nested": LOWER_RIGHT,
    "red, certainly": LOWER_LEFT,
    "red of three": UPPER_LEFT,
    "blue of three": LOWER_RIGHT,
    "blue of three, apart": LOWER_RIGHT,
    "corner": LOWER_LEFT,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the heat of every case and the models."""
    return explain_networks(tmp_path_factory.mktemp("explained"))


def heat_of(folder: Path, name: str) -> NDArray[np.float32]:
    heat: NDArray[np.float32] = np.load(folder / f"{name}.npy")
    return heat


def share_in_cell(heat: NDArray[np.float32], place: tuple[int, int]) -> float:
    """Return how much of the heat is in one cell of a grid of four by four."""
    cell = len(heat) // 4
    row, column = (index * cell for index in place)
    return float(heat[row : row + cell, column : column + cell].sum() / heat.sum())


@pytest.mark.parametrize(("name", "place"), PLACES.items())
def test_heat_lies_where_the_class_is_seen(folder: Path, name: str, place: tuple[int, int]) -> None:
    (heat,) = heat_of(folder, name)
    assert heat.shape == (8, 8)  # of the last convolution, not of the pooling after it
    assert (heat.min(), heat.max()) == (0, 1)
    assert share_in_cell(heat, place) > 0.99


@pytest.mark.parametrize("name", ["green of three"])
def test_where_nothing_speaks_for_a_class_there_is_no_heat(folder: Path, name: str) -> None:
    assert not heat_of(folder, name).any()


def test_each_photo_is_explained_by_itself(folder: Path) -> None:
    blue, red, grey = heat_of(folder, "several")
    assert share_in_cell(blue, LOWER_RIGHT) > 0.99
    assert share_in_cell(red, LOWER_LEFT) > 0.99
    assert (blue.max(), red.max()) == (1, 1)
    assert not grey.any()


def test_an_explained_network_answers_as_before(folder: Path) -> None:
    assert not heat_of(folder, "unchanged").any()


@pytest.fixture
def squares(tmp_path: Path) -> Path:
    """Return a folder with a photo of a red and a blue square, and one that cannot be read."""
    photos = tmp_path / "photos"
    photos.mkdir()
    pixels = square_photo({"red": UPPER_LEFT, "blue": LOWER_RIGHT}, side=200)
    Image.fromarray(pixels).resize((300, 200)).save(photos / "zwei größer.png")
    (photos / "broken.jpg").touch()
    return photos


def read_picture(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def warmth(picture: Path, place: tuple[int, int]) -> float:
    """Return how much redder than blue one cell of a picture is; a grey one is not at all."""
    pixels = read_picture(picture).astype(np.float64)
    height, width = (side // 4 for side in pixels.shape[:2])
    row, column = place[0] * height, place[1] * width
    cell = pixels[row : row + height, column : column + width]
    return float((cell[..., 0] - cell[..., 2]).mean())


def test_a_command_draws_the_heat_over_each_photo(
    folder: Path, squares: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_photo(squares / "small.jpg", "blue")
    out = tmp_path / "out" / "deep"
    arguments = (folder / "squares.catdog", squares, "--output", out, "--class", "blue")
    assert run_here("explain", *arguments) == 0
    told = capsys.readouterr()
    names = sorted(path.name for path in out.iterdir())
    assert [name.rsplit(" ", 1)[0] for name in names] == ["small blue", "zwei größer blue"]
    assert sorted(told.out.splitlines()) == [f"wrote {out / name}" for name in names]
    assert told.err == f"left out {squares / 'broken.jpg'}: the file is empty\n"
    picture = out / names[1]
    assert read_picture(picture).shape == (200, 300, 3)
    assert warmth(picture, LOWER_RIGHT) > 50
    assert abs(warmth(picture, UPPER_LEFT)) < 5


def test_one_photo_can_be_drawn_to_a_file(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = write_photo(tmp_path / "red.jpg", "red")
    out = tmp_path / "out" / "größer.png"
    assert run_here("explain", folder / "squares.catdog", photo, "--output", out) == 0
    assert capsys.readouterr().out == f"wrote {out}\n"
    assert list(out.parent.iterdir()) == [out]
    before = out.read_bytes()
    assert run_here("explain", folder / "squares.catdog", photo, "--output", out) == 1
    assert "exists already" in capsys.readouterr().err
    assert out.read_bytes() == before


def test_a_model_without_convolutions_is_refused(folder: Path) -> None:
    reason = (folder / "refusal.txt").read_text("utf-8")
    assert reason.startswith("The network of flat has no convolution")


def test_wrong_usage_is_told_before_anything_starts(
    folder: Path, squares: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = folder / "squares.catdog"
    to = ("--output", tmp_path / "out")
    assert run_here("explain", model, squares, *to, "--class", "cat") == 2
    assert "choose one of blue, red" in capsys.readouterr().err
    assert run_here("explain", model, squares, "--output", tmp_path / "one.png") == 1
    assert "name a folder" in capsys.readouterr().err
    assert run_here("explain", model, tmp_path / "nowhere", *to) == 1
    assert "no photo or folder" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "home") == ["photos"]


def test_a_preview_shows_as_many_versions_as_asked_for(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = tmp_path / "squares.png"
    Image.fromarray(square_photo({"red": UPPER_LEFT, "blue": LOWER_RIGHT}, side=150)).save(photo)
    out = tmp_path / "out" / "preview.png"
    arguments = (photo, "--recipe=augmentation", "--count=5", "--output", out)
    assert run_here("preview", *arguments) == 0
    assert capsys.readouterr().out == f"wrote {out}\n"
    assert list(out.parent.iterdir()) == [out]
    assert not home.exists()
    sheet = read_picture(out)
    assert sheet.shape == (2 * 150 + 4, 3 * 150 + 8, 3)
    cells = [sheet[y : y + 150, x : x + 150] for y in (0, 154) for x in (0, 154, 308)]
    assert (cells[5] == 255).all()
    original = read_picture(photo).astype(int)
    for number, cell in enumerate(cells[:5]):
        assert np.abs(cell - original).mean() > 5
        assert all((cell != other).any() for other in cells[:number])
    assert run_here("preview", *arguments) == 1
    assert "exists already" in capsys.readouterr().err


def test_a_recipe_that_changes_nothing_has_no_preview(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "preview.png"
    photo = write_photo(tmp_path / "red.jpg", "red")
    assert run_here("preview", photo, "--recipe=baseline", "--output", out) == 1
    assert "choose one of augmentation" in capsys.readouterr().err
    assert run_here("preview", photo, "--recipe=augmentation", "--count=0", "--output", out) == 2
    assert not out.exists()


def test_a_photo_that_cannot_be_read_has_no_preview(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.jpg").touch()
    out = tmp_path / "preview.png"
    arguments = (tmp_path / "broken.jpg", "--recipe=augmentation", "--output", out)
    assert run_here("preview", *arguments) == 1
    assert "the file is empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["broken.jpg"]


def test_a_preview_shows_other_numbers_than_the_recipes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Augmentation] = []

    def note(photo: Path, augmentation: Augmentation, *_: object, **__: object) -> None:
        asked.append(augmentation)

    monkeypatch.setattr("catdog_gui.commands.explain.preview_augmentation", note)
    arguments = ("preview", tmp_path / "photo.jpg", "--output", tmp_path / "out.png")
    assert run_here(*arguments, "--recipe=baseline", "--zoom=0.5") == 0
    assert run_here(*arguments, "--recipe=augmentation", "--rotation=5", "--no-flip") == 0
    nothing = ("--rotation=0", "--shift=0", "--shear=0", "--zoom=0", "--no-flip")
    assert run_here(*arguments, "--recipe=augmentation", *nothing) == 1
    assert "leave one of them out" in capsys.readouterr().err
    assert asked == [
        Augmentation(zoom=0.5),
        replace(STUDY_AUGMENTATION, rotation=5, flip=False),
    ]
