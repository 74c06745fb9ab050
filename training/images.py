"""The one way from a photo file to a model's input.

Training, evaluation and classification all read photos here, so that a model gives a photo the
same answer wherever it is asked.
"""

import struct
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image, ImageOps

from training.colour import KEPT_MODES, in_srgb
from training.errors import PhotoError
from training.photo_files import opened_photo

UINT8_MAX = 255
UINT16_MAX = 65535

READER = f"1 Pillow {PIL.__version__}"
"""What reads photos; the number is another whenever a photo's pixels may be."""

DRAFT_SCALE = 2
"""How many times larger than asked for a JPEG is decoded, at least, before it is resized."""


class ImageSize(NamedTuple):
    """Height and width of a model's input, in pixels."""

    height: int
    width: int


def read_photo(source: Path | bytes, size: ImageSize) -> NDArray[np.uint8]:
    """Read a photo as a model's input.

    The photo is turned upright, converted to RGB and squeezed to the size asked for, as in the
    published study (no crop, no border).

    Args:
        source: A file, or the bytes of one.
        size: Height and width in pixels.

    Returns:
        An array of shape (height, width, 3), RGB, 0 to 255.

    Raises:
        PhotoError: The photo cannot be read.
    """
    with opened_photo(source) as image:
        profile = image.info.get("icc_profile")
        upright = _decode(image, ImageSize(size.height * DRAFT_SCALE, size.width * DRAFT_SCALE))
        resized = upright.resize((size.width, size.height), Image.Resampling.BILINEAR)
        # Few pixels are left by now, so that a profile costs little.
        return np.asarray(in_srgb(resized, profile), dtype=np.uint8)


def read_thumbnail(source: Path | bytes, longest_side: int) -> NDArray[np.uint8]:
    """Read a photo upright at its own proportions, no side longer than asked for.

    Args:
        source: A file, or the bytes of one.
        longest_side: The most pixels that width and height may have.

    Returns:
        An array of shape (height, width, 3), RGB, 0 to 255. Small photos are not enlarged.

    Raises:
        PhotoError: The photo cannot be read.
    """
    with opened_photo(source) as image:
        profile = image.info.get("icc_profile")
        upright = _decode(image, ImageSize(longest_side, longest_side))
        upright.thumbnail((longest_side, longest_side), Image.Resampling.BILINEAR)
        return np.asarray(in_srgb(upright, profile), dtype=np.uint8)


def read_size(source: Path | bytes) -> ImageSize:
    """Read how large a photo is as it is stored, without decoding it.

    Args:
        source: A file, or the bytes of one.

    Raises:
        PhotoError: The file is no photo.
    """
    with opened_photo(source) as image:
        return ImageSize(image.height, image.width)


def _decode(image: Image.Image, at_least: ImageSize) -> Image.Image:
    """Decode an image upright, no larger than is useful where that is quicker.

    Returns:
        An image of mode RGB, or one of `KEPT_MODES`.
    """
    if 0 in image.size:
        raise PhotoError("it has no pixels")
    longest = max(at_least)  # a photo may still have to be turned, which swaps its sides
    image.draft("RGB", (longest, longest))
    image.load()
    _turn_upright(image)
    return _opaque(image)


def _turn_upright(image: Image.Image) -> None:
    """Turn an image as its EXIF orientation says; metadata too damaged to read says nothing."""
    with suppress(OSError, SyntaxError, ValueError, TypeError, KeyError, struct.error):
        ImageOps.exif_transpose(image, in_place=True)


def _opaque(image: Image.Image) -> Image.Image:
    """Scale 16 bits to 8, lay transparency over white, and leave colours to their profile."""
    if image.mode.startswith(("I", "F")):
        image = _eight_bits(image)
    if image.has_transparency_data:
        opaque = Image.new("RGBA", image.size, "white")
        opaque.alpha_composite(image.convert("RGBA"))
        image = opaque
    return image if image.mode in ("RGB", *KEPT_MODES) else image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale a greyscale image of more than 8 bits to 8."""
    levels = np.nan_to_num(np.asarray(image, dtype=np.float32))
    brightest = float(levels.max())
    if image.mode.startswith("I;16") or brightest > UINT8_MAX:
        levels = levels * (UINT8_MAX / UINT16_MAX)
    elif image.mode == "F" and brightest <= 1:
        levels = levels * UINT8_MAX
    return Image.fromarray(np.clip(levels, 0, UINT8_MAX).astype(np.uint8))
