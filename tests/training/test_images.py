"""Reading photos: upright, in RGB, squeezed to size, and whatever cannot be read says why."""

import io
import os
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tests.helpers.photos import photo_bytes
from training.errors import PhotoError
from training.images import ImageSize, read_photo, read_thumbnail

SIZE = ImageSize(30, 40)
LONGEST_REASON = 80
ORIENTATION = 0x0112
# What was done to an upright photo before it was stored, so that its orientation turns it back.
STORED_AS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}

# The program lets Pillow warn of damaged metadata; pytest's settings take that back.
pillow_may_warn = pytest.mark.filterwarnings(
    "ignore::UserWarning:PIL", "ignore::PIL.Image.DecompressionBombWarning"
)


def unlike_in_every_corner() -> Image.Image:
    """Return an image of 40x30 pixels that looks different however it is turned."""
    pixels = np.zeros((*SIZE, 3), np.uint8)
    pixels[:15, :20] = (250, 10, 10)
    pixels[:15, 20:] = (10, 250, 10)
    pixels[15:, :20] = (10, 10, 250)
    pixels[15:, 20:] = (240, 240, 240)
    return Image.fromarray(pixels)


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def turned(orientation: int, kind: str) -> bytes:
    image = unlike_in_every_corner()
    if orientation in STORED_AS:
        image = image.transpose(STORED_AS[orientation])
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return saved(image, kind, exif=exif)


def only_colour(photo: NDArray[np.uint8]) -> tuple[int, int, int]:
    colours = {tuple(int(level) for level in pixel) for pixel in photo.reshape(-1, 3)}
    assert len(colours) == 1
    red, green, blue = colours.pop()
    return red, green, blue


def reason(source: Path | bytes) -> str:
    with pytest.raises(PhotoError) as refused:
        read_photo(source, SIZE)
    return str(refused.value)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_turned_by_exif_is_read_upright(orientation: int, kind: str) -> None:
    if kind == "WEBP":
        difference = np.abs(
            read_photo(turned(orientation, kind), SIZE).astype(int)
            - np.asarray(unlike_in_every_corner(), dtype=int)
        )
        assert difference.mean() < 10
        return
    photo = read_photo(turned(orientation, kind), SIZE)
    assert np.array_equal(photo, np.asarray(unlike_in_every_corner()))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_turned_by_exif_is_read_upright(orientation: int) -> None:
    photo = read_photo(turned(orientation, "JPEG"), SIZE).astype(int)
    assert np.abs(photo - np.asarray(unlike_in_every_corner(), dtype=int)).mean() < 10


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_thumbnail_is_upright_at_its_own_proportions(orientation: int) -> None:
    thumbnail = read_thumbnail(turned(orientation, "PNG"), 20)
    expected = unlike_in_every_corner().resize((20, 15), Image.Resampling.BILINEAR)
    assert thumbnail.shape == (15, 20, 3)
    assert np.abs(thumbnail.astype(int) - np.asarray(expected, dtype=int)).mean() < 5


def test_a_small_photo_is_not_enlarged_as_a_thumbnail() -> None:
    assert read_thumbnail(photo_bytes("red", size=(48, 40)), 100).shape == (40, 48, 3)


DAMAGED_EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\xff rubbish"


@pillow_may_warn
def test_damaged_exif_says_nothing() -> None:
    content = saved(unlike_in_every_corner(), exif=DAMAGED_EXIF)
    assert np.array_equal(read_photo(content, SIZE), np.asarray(unlike_in_every_corner()))


def test_warnings_of_damaged_metadata_stop_nothing_even_where_warnings_are_errors() -> None:
    script = (
        "import sys; from training.images import ImageSize, read_photo; "
        "print(read_photo(sys.stdin.buffer.read(), ImageSize(3, 4)).shape)"
    )
    content = saved(unlike_in_every_corner(), exif=DAMAGED_EXIF)
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, input=content, capture_output=True, check=False)
    assert done.stdout.strip() == b"(3, 4, 3)", done.stderr


def test_a_photo_is_squeezed_to_the_size_asked_for() -> None:
    left_half_black = Image.new("RGB", (400, 100), "white")
    left_half_black.paste("black", (0, 0, 200, 100))
    photo = read_photo(saved(left_half_black), ImageSize(50, 20))
    assert photo.shape == (50, 20, 3)
    assert photo.dtype == np.uint8
    assert photo[:, :9].max() == 0
    assert photo[:, 11:].min() == 255


def test_bytes_and_file_give_the_same_photo(tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(photo_bytes("red"))
    assert np.array_equal(read_photo(file, SIZE), read_photo(photo_bytes("red"), SIZE))


def test_what_is_transparent_is_white() -> None:
    assert only_colour(read_photo(saved(Image.new("RGBA", (9, 9), (255, 0, 0, 0))), SIZE)) == (
        255,
        255,
        255,
    )


def test_what_is_half_transparent_is_mixed_with_white() -> None:
    colour = only_colour(read_photo(saved(Image.new("RGBA", (9, 9), (255, 0, 0, 128))), SIZE))
    assert colour == (255, 127, 127)


def test_a_transparent_palette_colour_is_white() -> None:
    image = Image.new("P", (9, 9), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    assert only_colour(read_photo(saved(image, transparency=1), SIZE)) == (255, 255, 255)


def test_a_palette_gives_its_colours() -> None:
    image = Image.new("P", (9, 9), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    assert only_colour(read_photo(saved(image), SIZE)) == (10, 20, 30)


def test_transparent_greyscale_is_mixed_with_white() -> None:
    assert only_colour(read_photo(saved(Image.new("LA", (9, 9), (0, 0))), SIZE)) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize(("level", "expected"), [(0, 0), (257, 1), (32896, 128), (65535, 255)])
def test_greyscale_of_16_bits_is_scaled_to_8(kind: str, level: int, expected: int) -> None:
    image = Image.fromarray(np.full((9, 9), level, np.uint16))
    assert only_colour(read_photo(saved(image, kind), SIZE)) == (expected,) * 3


def test_greyscale_of_floats_from_0_to_1_is_scaled() -> None:
    image = Image.fromarray(np.full((9, 9), 1.0, np.float32))
    assert only_colour(read_photo(saved(image, "TIFF"), SIZE)) == (255, 255, 255)


def test_greyscale_becomes_three_equal_channels() -> None:
    assert only_colour(read_photo(saved(Image.new("L", (9, 9), 77)), SIZE)) == (77, 77, 77)


def test_black_and_white_of_one_bit_is_read() -> None:
    assert only_colour(read_photo(saved(Image.new("1", (9, 9), 1)), SIZE)) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb(kind: str) -> None:
    photo = read_photo(saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), kind), SIZE)
    assert np.abs(photo.astype(int) - (255, 0, 0)).max() <= 3


def test_a_big_jpeg_is_read_almost_as_if_decoded_in_full() -> None:
    waves = np.sin(np.linspace(0, 20, 1600))[None, :] * np.cos(np.linspace(0, 15, 1200))[:, None]
    levels = np.stack([waves, -waves, np.abs(waves)], axis=2) * 100 + 120
    content = saved(Image.fromarray(levels.astype(np.uint8)), "JPEG", quality=90)
    full = Image.open(io.BytesIO(content)).resize((150, 150), Image.Resampling.BILINEAR)
    difference = np.abs(
        read_photo(content, ImageSize(150, 150)).astype(int) - np.asarray(full, dtype=int)
    )
    assert difference.mean() < 1
    assert difference.max() < 10


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    file = tmp_path / "empty.jpg"
    file.touch()
    assert reason(file) == "the file is empty"


def test_a_truncated_jpeg_is_said_to_be_cut_short() -> None:
    content = photo_bytes("red", size=(200, 200))
    assert reason(content[: len(content) // 2]) == "the file is cut short"


def test_a_truncated_png_is_said_to_be_cut_short() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 90, 3)).astype(np.uint8)
    content = saved(Image.fromarray(noise))
    assert reason(content[: len(content) // 2]) == "the file is cut short"


def test_what_is_no_photo_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "letter.jpg"
    file.write_text("Dear reader,")
    assert reason(file) == "it is not a photo in a format that can be read"


def test_a_folder_is_said_to_be_one(tmp_path: Path) -> None:
    assert reason(tmp_path) == "it is a folder, not a photo"


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    assert reason(tmp_path / "none.jpg") == "the file is not there"


@pytest.mark.timeout(20)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    assert reason(pipe) == "it is not an ordinary file"


def test_a_name_that_no_file_can_have_is_a_photo_error(tmp_path: Path) -> None:
    assert len(reason(tmp_path / ("a" * 300 + ".jpg"))) < LONGEST_REASON


def test_a_claim_of_too_many_pixels_is_refused() -> None:
    bomb = bytearray(saved(Image.new("1", (8, 8))))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    assert reason(bytes(bomb)) == "it claims more pixels than can be opened safely"


def test_postscript_is_no_photo_and_is_never_run() -> None:
    program = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"
    assert reason(program) == "it is not a photo in a format that can be read"


@pillow_may_warn
def test_any_damage_to_a_photo_gives_a_photo_or_a_photo_error() -> None:
    random = np.random.default_rng(3)
    outcomes = set()
    for kind in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF"):
        whole = saved(unlike_in_every_corner(), kind)
        for _ in range(40):
            damaged = bytearray(whole)
            for place in random.integers(0, len(damaged), 5):
                damaged[place] = random.integers(0, 256)
            try:
                outcomes.add(read_photo(bytes(damaged), SIZE).shape == (*SIZE, 3))
            except PhotoError as error:
                outcomes.add(len(str(error)) < LONGEST_REASON)
    assert outcomes == {True}


@pillow_may_warn
@pytest.mark.real_photos
@pytest.mark.parametrize("folder", ["odd", "formats"])
def test_every_strange_photo_is_read_in_shape_or_refused_with_a_short_reason(
    real_photos: Path, folder: str
) -> None:
    read, refused = 0, []
    for file in sorted((real_photos / folder).iterdir()):
        try:
            photo = read_photo(file, SIZE)
        except PhotoError as error:
            refused.append(str(error))
        else:
            assert photo.shape == (*SIZE, 3), file.name
            assert photo.dtype == np.uint8, file.name
            read += 1
    assert read > len(refused)
    assert all(0 < len(words) < LONGEST_REASON and "\n" not in words for words in refused)


@pillow_may_warn
@pytest.mark.real_photos
@pytest.mark.parametrize("picture", ["Landscape", "Portrait"])
def test_real_photos_of_all_orientations_show_the_same(real_photos: Path, picture: str) -> None:
    files = [real_photos / "formats" / f"exif_{picture}_{number}.jpg" for number in range(1, 9)]
    first, *others = [read_photo(file, SIZE).astype(int) for file in files]
    differences = [float(np.abs(photo - first).mean()) for photo in others]
    assert max(differences) < 8, differences


@pillow_may_warn
@pytest.mark.real_photos
def test_big_camera_photos_are_read_almost_as_if_decoded_in_full(real_photos: Path) -> None:
    differences = {}
    for file in sorted((real_photos / "formats").glob("metadata_extractor__*_*.jpg")):
        with Image.open(file) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
        full = upright.resize((SIZE.width, SIZE.height), Image.Resampling.BILINEAR)
        difference = read_photo(file, SIZE).astype(int) - np.asarray(full, dtype=int)
        differences[file.name] = float(np.abs(difference).mean())
    assert len(differences) >= 4
    assert max(differences.values()) < 3, differences
