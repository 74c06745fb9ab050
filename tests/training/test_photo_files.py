"""Photo files are told by what they hold, and read as they were at one moment."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from tests.helpers.photos import photo_bytes, write_photo
from training import photo_files
from training.errors import PhotoError
from training.images import ImageSize, read_photo, read_size
from training.photo_files import (
    HEAD_BYTES,
    UNSETTLED,
    Stamp,
    begins_like_photo,
    read_stamped,
    reasons,
)

SIZE = ImageSize(30, 40)
NO_PIXELS = (
    "Decoder plugin generated an error: Unspecified: "
    "Decoding the input data did not give a decompressed image."
)
IN_LITTLE_MEMORY = """
import sys

import pillow_heif

from catdog_gui.classify import decoding
from training.errors import PhotoError
from training.photo_files import opened_photo

decoding.MOST_MEMORY = int(sys.argv[1]) * 1_000_000
content = sys.stdin.buffer.read()
decoding._limit_memory()
try:
    with opened_photo(content):
        pass
except PhotoError as error:
    sys.stdout.write(str(error))
"""


def heif(image: Image.Image, **options: object) -> bytes:
    content = io.BytesIO()
    pillow_heif.from_pillow(image).save(content, **{"quality": 95, **options})
    return content.getvalue()


def two_halves() -> Image.Image:
    image = Image.new("RGB", (128, 96), "white")
    image.paste((200, 30, 30), (0, 0, 64, 96))
    return image


@pytest.mark.parametrize(
    "kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "MPO", "HEIF"]
)
def test_a_photo_is_told_by_its_beginning_and_read_under_any_name(
    tmp_path: Path, kind: str
) -> None:
    content = io.BytesIO()
    if kind == "HEIF":
        content.write(heif(two_halves()))
    else:
        two_halves().save(content, kind)
    assert begins_like_photo(content.getvalue()[:HEAD_BYTES])
    file = tmp_path / "letter.txt"
    file.write_bytes(content.getvalue())
    photo = read_photo(file, SIZE).astype(int)
    assert np.abs(photo[:, :15].mean(axis=(0, 1)) - (200, 30, 30)).max() < 12
    assert photo[:, 25:].mean() > 240


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"BM",
        b"BMW, a letter to",
        b"%!PS-Adobe-3.0 EPSF",
        b"%PDF-1.7 something",
        b"\0\0\0\x18ftypmp42\0\0\0\0",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"PK\x03\x04 a zip file",
    ],
)
def test_other_files_are_no_photos(head: bytes) -> None:
    assert not begins_like_photo(head[:HEAD_BYTES])


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_heif_is_turned_once(orientation: int) -> None:
    turns = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90}
    turns[8] = Image.Transpose.ROTATE_270
    image = two_halves()
    stored = image.transpose(turns[orientation]) if orientation in turns else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = read_photo(heif(stored, exif=exif.tobytes()), SIZE).astype(int)
    assert np.abs(photo - np.asarray(image.resize((40, 30)), dtype=int)).mean() < 10


def test_heif_that_claims_too_many_pixels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = heif(two_halves())
    assert read_size(content) == (96, 128)
    monkeypatch.setattr(photo_files, "MOST_PIXELS", 1000)
    with pytest.raises(PhotoError, match="more pixels"):
        read_photo(content, SIZE)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("Out of memory"), "more memory than there is"),
        (
            RuntimeError("Memory allocation error: Unspecified: Allocating 121088015 bytes failed"),
            "more memory than there is",
        ),
        (MemoryError(), "more memory than there is"),
        (
            RuntimeError("Memory allocation error: Security limit exceeded: iinf box contains 9"),
            "the file is damaged",
        ),
        (RuntimeError("Encoder error"), "the file is damaged"),
        (ValueError(NO_PIXELS), "the file is damaged"),
    ],
)
def test_heif_that_gets_no_memory_says_so(
    monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def refuse(photos: pillow_heif.HeifFile) -> Image.Image:
        raise error

    content = heif(two_halves())
    monkeypatch.setattr(pillow_heif.HeifFile, "to_pillow", refuse)
    with pytest.raises(PhotoError, match=reason) as told:
        read_photo(content, SIZE)
    assert isinstance(told.value.__cause__, MemoryError) is (reason != "the file is damaged")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's data")
@pytest.mark.parametrize("megabytes", [5, 15, 30])
def test_large_heif_in_too_little_memory_is_not_called_damaged(megabytes: int) -> None:
    content = heif(Image.new("RGB", (3000, 3000), "white"), quality=1)
    finished = subprocess.run(
        [sys.executable, "-c", IN_LITTLE_MEMORY, str(megabytes)],
        input=content,
        capture_output=True,
        check=True,
    )
    assert finished.stdout == b"it needs more memory than there is"


def test_the_first_picture_of_an_animation_is_the_photo() -> None:
    red, blue = (Image.new("RGB", (20, 20), colour) for colour in ("red", "blue"))
    for kind in ("GIF", "PNG", "WEBP"):
        content = io.BytesIO()
        red.save(content, kind, save_all=True, append_images=[blue, blue])
        photo = read_photo(content.getvalue(), ImageSize(4, 4))
        assert photo[..., 0].min() > 240
        assert photo[..., 2].max() < 15


def test_a_stamp_is_another_once_anything_changed(tmp_path: Path) -> None:
    file = write_photo(tmp_path / "1.jpg")
    before = Stamp.of(file.stat())
    os.utime(file, (1_500_000_000, 1_500_000_000))
    assert Stamp.of(file.stat()) != before


def test_a_file_changed_just_now_is_not_believed_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_photo(tmp_path / "1.jpg")
    assert read_stamped(file) == (photo_bytes("red"), UNSETTLED)
    monkeypatch.setattr(photo_files, "time_ns", lambda: file.stat().st_ctime_ns + 10**10)
    assert read_stamped(file) == (photo_bytes("red"), Stamp.of(file.stat()))


@pytest.mark.parametrize(
    ("modified", "age", "settled"),
    [
        (7_000_000_000, 2_900_000_000, False),  # a clock that counts seconds
        (7_000_000_000, 3_100_000_000, True),
        (7_000_000_001, 40_000_000, False),
        (7_000_000_001, 60_000_000, True),
    ],
)
def test_how_old_a_change_must_be_depends_on_the_clock(
    monkeypatch: pytest.MonkeyPatch, modified: int, age: int, settled: bool
) -> None:
    monkeypatch.setattr(photo_files, "time_ns", lambda: modified + age)
    assert Stamp(1, modified, modified).is_settled() is settled


def test_a_file_that_changes_while_it_is_read_is_unreadable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_and_change(file: Path) -> bytes:
        with file.open("rb") as opened:
            content = opened.read()
        os.utime(file, (1_500_000_000, 1_500_000_000))
        return content

    file = write_photo(tmp_path / "1.jpg")
    monkeypatch.setattr(Path, "read_bytes", read_and_change)
    with pytest.raises(PhotoError, match="changed while it was read"):
        read_stamped(file)


def test_a_file_without_permission_says_so() -> None:
    with pytest.raises(PhotoError, match="there is no permission to read it"), reasons():
        raise PermissionError(13, "Permission denied")


def test_a_file_larger_than_any_photo_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "large.jpg"
    with file.open("wb") as content:
        content.truncate(photo_files.MOST_BYTES + 1)
    with pytest.raises(PhotoError, match="larger than 300 MB"):
        read_photo(file, SIZE)
