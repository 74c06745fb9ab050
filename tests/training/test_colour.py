"""Embedded colour profiles are heeded, and broken ones are not."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from training.colour import in_srgb
from training.images import ImageSize, read_photo, read_thumbnail

RED, BLUE = (200, 40, 30), (30, 40, 200)


def srgb_profile() -> bytes:
    return bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())


def swapped_profile() -> bytes:
    """Return a profile in which red is what blue is in sRGB, and the other way round."""
    profile = srgb_profile().replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))
    return profile.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")


def photo(kind: str, profile: bytes, mode: str = "RGB") -> bytes:
    content = io.BytesIO()
    image = Image.new("RGB", (64, 48), RED).convert(mode)
    image.save(content, kind, icc_profile=profile, **({"quality": 95} if kind == "JPEG" else {}))
    return content.getvalue()


def colour_of(content: bytes) -> tuple[int, int, int]:
    red, green, blue = read_photo(content, ImageSize(8, 8)).mean(axis=(0, 1)).round()
    return int(red), int(green), int(blue)


def is_near(colour: tuple[int, int, int], expected: tuple[int, int, int]) -> bool:
    return bool(np.abs(np.subtract(colour, expected)).max() <= 6)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_a_profile_decides_what_the_numbers_mean(kind: str) -> None:
    assert is_near(colour_of(photo(kind, swapped_profile())), BLUE)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_srgb_is_left_as_it_is(kind: str) -> None:
    assert colour_of(photo(kind, srgb_profile())) == colour_of(photo(kind, b""))


@pytest.mark.parametrize(
    "profile", [b"nonsense", b"\0" * 128, swapped_profile()[:200], swapped_profile()[::-1]]
)
def test_a_broken_profile_says_nothing(profile: bytes) -> None:
    assert is_near(colour_of(photo("PNG", profile)), RED)


def test_a_profile_of_other_colours_than_the_photo_says_nothing() -> None:
    content = io.BytesIO()
    Image.new("L", (9, 9), 100).save(content, "PNG", icc_profile=swapped_profile())
    assert colour_of(content.getvalue()) == (100, 100, 100)


def test_thumbnails_have_the_same_colours() -> None:
    thumbnail = read_thumbnail(photo("PNG", swapped_profile()), 32)
    red, green, blue = (int(level) for level in thumbnail[0, 0])
    assert is_near((red, green, blue), BLUE)


def test_lab_becomes_rgb_without_a_profile() -> None:
    lab = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    ).apply(Image.new("RGB", (4, 4), RED))
    pixel = in_srgb(lab, None).getpixel((0, 0))
    assert isinstance(pixel, tuple)
    assert np.abs(np.subtract(pixel, RED)).max() <= 6
