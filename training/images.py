"""The one way from a photo file to a model's input.

Training, evaluation and classification all read photos here, so that a model gives a photo the
same answer wherever it is asked.
"""

import io
import logging
import stat
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from training.errors import PhotoError

# Damaged metadata makes Pillow warn and read on; whatever stops it becomes a PhotoError.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
# Between one and two times its limit of pixels Pillow only warns, too.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

# What is wrong with a photo reaches the user as a `PhotoError`, not as Pillow's own words.
logging.getLogger("PIL").setLevel(logging.CRITICAL)

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
"""What is opened, whatever a file is called; Pillow would hand PostScript to
Ghostscript. MPO comes with JPEG."""

PHOTO_SUFFIXES = frozenset(
    {
        ".avif", ".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".mpo", ".png", ".apng",
        ".tif", ".tiff", ".webp",
    }
)  # fmt: skip
"""Endings of the photo files that a folder is searched for, in lower case."""

MOST_BYTES = 1_000_000_000
"""Larger files are refused unread."""

UINT8_MAX = 255
UINT16_MAX = 65535

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
    with _reasons(), Image.open(_content(source), formats=FORMATS) as image:
        upright = _decode(image, ImageSize(size.height * DRAFT_SCALE, size.width * DRAFT_SCALE))
        resized = upright.resize((size.width, size.height), Image.Resampling.BILINEAR)
        return np.asarray(resized, dtype=np.uint8)


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
    with _reasons(), Image.open(_content(source), formats=FORMATS) as image:
        upright = _decode(image, ImageSize(longest_side, longest_side))
        upright.thumbnail((longest_side, longest_side), Image.Resampling.BILINEAR)
        return np.asarray(upright, dtype=np.uint8)


def read_size(source: Path | bytes) -> ImageSize:
    """Read how large a photo is as it is stored, without decoding it.

    Args:
        source: A file, or the bytes of one.

    Raises:
        PhotoError: The file is no photo.
    """
    with _reasons(), Image.open(_content(source), formats=FORMATS) as image:
        return ImageSize(image.height, image.width)


def read_file(path: Path) -> bytes:
    """Return a photo file's bytes, refusing what is no ordinary file before it is opened.

    Raises:
        PhotoError: It cannot be read, or is larger than any photo.
    """
    with _reasons():
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise PhotoError("it is a folder, not a photo")
        if not stat.S_ISREG(status.st_mode):
            raise PhotoError("it is not an ordinary file")
        if status.st_size > MOST_BYTES:
            raise PhotoError(f"it is larger than {MOST_BYTES // 1_000_000} MB")
        return path.read_bytes()


def _content(source: Path | bytes) -> io.BytesIO:
    content = read_file(source) if isinstance(source, Path) else source
    if not content:
        raise PhotoError("the file is empty")
    return io.BytesIO(content)


def _decode(image: Image.Image, at_least: ImageSize) -> Image.Image:
    """Decode an opened image upright and in RGB, no larger than is useful where that is quicker."""
    if 0 in image.size:
        raise PhotoError("it has no pixels")
    longest = max(at_least)  # a photo may still have to be turned, which swaps its sides
    image.draft("RGB", (longest, longest))
    image.load()
    return _to_rgb(_upright(image))


def _upright(image: Image.Image) -> Image.Image:
    """Turn an image as its EXIF orientation says; metadata too damaged to read says nothing."""
    try:
        return ImageOps.exif_transpose(image)
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, struct.error):
        return image


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert any mode to RGB: 16 bits scaled to 8, transparency laid over white."""
    if image.mode.startswith(("I", "F")):
        image = _eight_bits(image)
    if image.has_transparency_data:
        opaque = Image.new("RGBA", image.size, "white")
        opaque.alpha_composite(image.convert("RGBA"))
        image = opaque
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale a greyscale image of more than 8 bits to 8."""
    levels = np.nan_to_num(np.asarray(image, dtype=np.float32))
    brightest = float(levels.max())
    if image.mode.startswith("I;16") or brightest > UINT8_MAX:
        levels = levels * (UINT8_MAX / UINT16_MAX)
    elif image.mode == "F" and brightest <= 1:
        levels = levels * UINT8_MAX
    return Image.fromarray(np.clip(levels, 0, UINT8_MAX).astype(np.uint8))


@contextmanager
def _reasons() -> Iterator[None]:
    """Turn whatever a decoder raises into a `PhotoError` that says why in a few words."""
    try:
        yield
    except PhotoError:
        raise
    except Exception as error:
        # Decoders meet hostile bytes; what they raise is as varied as the bytes.
        raise PhotoError(_reason(error)) from error


def _reason(error: Exception) -> str:
    known: tuple[tuple[type[Exception], str], ...] = (
        (UnidentifiedImageError, "it is not a photo in a format that can be read"),
        (Image.DecompressionBombError, "it claims more pixels than can be opened safely"),
        (FileNotFoundError, "the file is not there"),
        (PermissionError, "there is no permission to read it"),
        (MemoryError, "it needs more memory than there is"),
    )
    for kind, reason in known:
        if isinstance(error, kind):
            return reason
    words = str(error)
    if "truncated" in words.lower():
        return "the file is cut short"
    if isinstance(error, OSError) and error.strerror:
        return f"it cannot be read ({error.strerror})"
    return "the file is damaged"
