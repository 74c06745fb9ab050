"""Photo files: which there are, and opening one safely, whatever it turns out to be."""

import io
import logging
import os
import re
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, NamedTuple, Self

from PIL import Image, UnidentifiedImageError

from training.errors import PhotoError

if TYPE_CHECKING:
    from pillow_heif import HeifFile

# Damaged metadata makes Pillow warn and read on; whatever stops it becomes a PhotoError.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
# Between one and two times its limit of pixels Pillow only warns, too.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

# What is wrong with a photo reaches the user as a `PhotoError`, not as Pillow's own words.
logging.getLogger("PIL").setLevel(logging.CRITICAL)

_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
"""What Pillow opens, whatever a file is called; it would hand PostScript to Ghostscript. MPO
comes with JPEG, and HEIF has a library of its own."""

PHOTO_SUFFIXES = frozenset(
    {
        ".apng", ".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".hif", ".jfif", ".jpe",
        ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp",
    }
)  # fmt: skip
"""Endings of the photo files that a folder is searched for, in lower case."""

COARSE_NANOSECONDS = 1_000_000_000
COARSE_SETTLED = 3_000_000_000
"""How old a change must be on a file system whose clock counts seconds; FAT counts every other."""
FINE_SETTLED = 50_000_000
"""How old it must be elsewhere."""

MOST_BYTES = 300_000_000
"""Larger files are refused unread: one photo must not take the memory of all others."""

MOST_PIXELS = 2 * 89_478_485
"""More are taken for an attack, as by Pillow, which refuses twice what takes a quarter of a GB."""

HEAD_BYTES = 16
"""How much of a file's beginning tells what it is."""

_HEADS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*")
_ISO_MEDIA = b"ftyp"
_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
_HEIF_BRANDS_LATER = frozenset({b"mif2", b"mif3", b"unci", b"miaf", b"jpeg", b"avci", b"j2ki"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})

# What damaged files ask for is beyond libheif's own limits, whatever memory there is.
_NO_MEMORY = re.compile(r"Out of memory|Memory allocation error(?!: Security limit exceeded)")
_UNCLEAR = re.compile(r"did not give a decompressed image|unexpected C\+\+ exception")
"""What libheif says of damaged photos, and of those that the codec got no memory for."""
_HEIF_BYTES = 6
"""How many at least are needed for a pixel while HEIF is decoded."""


def begins_like_photo(head: bytes) -> bool:
    """Tell whether a file is a photo by its first `HEAD_BYTES`, however it is called."""
    if head[4:8] == _ISO_MEDIA:
        return head[8:12] in _HEIF_BRANDS | _HEIF_BRANDS_LATER | _AVIF_BRANDS
    if head.startswith(b"RIFF"):
        return head[8:12] == b"WEBP"
    if head.startswith(b"BM"):
        return head[6:10] == bytes(4)  # else any text that begins so would be taken for a bitmap
    return head.startswith(_HEADS)


@contextmanager
def opened_photo(source: Path | bytes) -> Iterator[Image.Image]:
    """Open a photo, by its content and not by its name, for the block to decode.

    Args:
        source: A file, or the bytes of one.

    Raises:
        PhotoError: It is no photo; or whatever the block meets while it decodes.
    """
    with reasons():
        content = read_file(source) if isinstance(source, Path) else source
        if not content:
            raise PhotoError("the file is empty")
        with _opened(content) as image:
            yield image


class Stamp(NamedTuple):
    """What is another whenever a file was changed."""

    size: int
    """In bytes."""
    modified: int
    """When its content was changed, in nanoseconds."""
    changed: int
    """When anything of it was changed, in nanoseconds."""

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """Take a file's stamp."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def is_settled(self) -> bool:
        """Tell whether whatever changes the file from now on will change its stamp.

        A second change within the same tick of the file system's clock leaves no trace.
        """
        age = time_ns() - max(self.modified, self.changed)
        coarse = self.modified % COARSE_NANOSECONDS == 0
        return age > (COARSE_SETTLED if coarse else FINE_SETTLED)


UNSETTLED = Stamp(-1, -1, -1)


def read_file(path: Path) -> bytes:
    """Return a photo file's bytes, refusing what is no ordinary file before it is opened.

    Raises:
        PhotoError: It cannot be read, or is larger than any photo.
    """
    return read_stamped(path)[0]


def read_stamped(path: Path) -> tuple[bytes, Stamp]:
    """Return a photo file's bytes and its stamp, which was the same before and after.

    The stamp of a file that was changed just now is `UNSETTLED`, as no file's is.

    Raises:
        PhotoError: It cannot be read, is larger than any photo, or was changed meanwhile.
    """
    with reasons():
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise PhotoError("it is a folder, not a photo")
        if not stat.S_ISREG(status.st_mode):
            raise PhotoError("it is not an ordinary file")
        if status.st_size > MOST_BYTES:
            raise PhotoError(f"it is larger than {MOST_BYTES // 1_000_000} MB")
        content = path.read_bytes()
        stamp, after = Stamp.of(status), Stamp.of(path.stat())
        settled = stamp.is_settled()
        if len(content) != stamp.size or after.modified != stamp.modified:
            raise PhotoError("it was changed while it was read")
        return content, stamp if settled else UNSETTLED


@contextmanager
def reasons() -> Iterator[None]:
    """Turn whatever a decoder raises into a `PhotoError` that says why in a few words."""
    try:
        yield
    except PhotoError:
        raise
    except Exception as error:
        # Decoders meet hostile bytes; what they raise is as varied as the bytes.
        raise PhotoError(_reason(error)) from error


def _opened(content: bytes) -> Image.Image:
    if content[4:8] == _ISO_MEDIA and content[8:12] not in _AVIF_BRANDS:
        return _opened_heif(content)
    return Image.open(io.BytesIO(content), formats=_FORMATS)


def _opened_heif(content: bytes) -> Image.Image:
    """Open HEIF without Pillow's plugin for it, which refuses the newest kinds by their brand."""
    import pillow_heif  # only once it is needed, since it takes time

    try:
        return _decoded(pillow_heif.open_heif(content))
    except RuntimeError as error:
        if _NO_MEMORY.match(str(error)):
            raise MemoryError from error
        raise


def _decoded(photos: "HeifFile") -> Image.Image:
    if not len(photos):
        raise UnidentifiedImageError
    width, height = photos.size
    if width * height > MOST_PIXELS:
        raise Image.DecompressionBombError
    try:
        image: Image.Image = photos.to_pillow()
    except ValueError as error:
        if _UNCLEAR.search(str(error)):
            bytes(width * height * _HEIF_BYTES)  # a MemoryError if they cannot be had
        raise
    return image


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
