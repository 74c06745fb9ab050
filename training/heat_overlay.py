"""Pictures of heat laid over a photo."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

COLOURS = "inferno"
"""Matplotlib's map from black over red to yellow, whose lightness rises evenly, so that it is read
rightly whatever colours someone sees."""

STRONGEST = 0.7
"""How much of the photo the hottest place hides."""

DIMMED = 0.7
"""How light the photo stays, so that heat is seen on white as well."""


def lay_heat_over(photo: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return a photo in grey and dimmed, with heat over it where it is not cold.

    Args:
        photo: Shape (height, width, 3).
        heat: Shape (rows, columns), 0 to 1, of any size.

    Returns:
        An array of the photo's shape.
    """
    import matplotlib as mpl

    height, width = photo.shape[:2]
    smooth = Image.fromarray(heat.astype(np.float32)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    levels = np.clip(np.asarray(smooth), 0, 1)
    colours = mpl.colormaps[COLOURS](levels)[..., :3] * 255
    grey = np.asarray(Image.fromarray(photo).convert("L").convert("RGB"), dtype=np.float64)
    share = levels[..., np.newaxis] * STRONGEST
    mixed = grey * DIMMED * (1 - share) + colours * share
    pixels: NDArray[np.uint8] = np.rint(mixed).astype(np.uint8)
    return pixels


def write_picture(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write a PNG of shape (height, width, 3)."""
    Image.fromarray(pixels).save(path, "PNG")
