"""Heat laid over photos."""

import numpy as np
from numpy.typing import NDArray

from training.heat_overlay import COLOURS, DIMMED, lay_heat_over


def a_photo() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (30, 50, 3)).astype(np.uint8)


def test_without_heat_a_photo_is_grey_and_dimmed() -> None:
    picture = lay_heat_over(a_photo(), np.zeros((4, 4), np.float32))
    assert picture.shape == (30, 50, 3)
    assert (picture == picture[..., :1]).all()
    white = lay_heat_over(np.full((8, 8, 3), 255, np.uint8), np.zeros((2, 2), np.float32))
    assert (white == round(255 * DIMMED)).all()


def test_heat_lies_where_it_is_however_coarse() -> None:
    heat = np.zeros((3, 5), np.float32)
    heat[0, 4] = 1
    picture = lay_heat_over(np.full((30, 50, 3), 100, np.uint8), heat).astype(int)
    coloured = np.abs(picture - picture.mean(axis=2, keepdims=True)).max(axis=2) > 20
    rows, columns = np.nonzero(coloured)
    assert coloured[2, 47]
    assert rows.max() < 15
    assert columns.min() > 35


def test_hotter_places_are_lighter_whatever_the_colours() -> None:
    import matplotlib as mpl

    colours = mpl.colormaps[COLOURS](np.linspace(0, 1, 32))[:, :3]
    lightness = colours @ [0.2126, 0.7152, 0.0722]  # of red, green and blue, ITU-R BT.709
    assert (np.diff(lightness) > 0).all()
