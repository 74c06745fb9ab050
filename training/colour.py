"""Colours as a screen shows them: embedded profiles turned to sRGB."""

import io
from contextlib import suppress
from functools import lru_cache

from PIL import Image, ImageCms

KEPT_MODES = ("CMYK", "L", "LAB")
"""Modes besides RGB that profiles are made for, and that RGB had better be made of with one."""
_COLOUR_SPACES = {"RGB": "RGB", "CMYK": "CMYK", "L": "GRAY"}
"""What a profile calls the colours of each mode."""
_TRANSFORMS = 16
"""How many are kept: photos of one camera share theirs."""


def in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return an image in RGB as sRGB, as its embedded profile says; a broken one says nothing.

    Args:
        image: Of mode RGB or one of `KEPT_MODES`.
        profile: An ICC profile, if there is one.
    """
    if profile or image.mode == "LAB":
        # A broken profile is as good as none.
        with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
            transform = _to_srgb(profile, image.mode)
            if transform is not None:
                return transform.apply(image)
    return image if image.mode == "RGB" else image.convert("RGB")


@lru_cache(_TRANSFORMS)
def _to_srgb(profile: bytes | None, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return what turns a mode's colours to sRGB, or nothing if the profile needs or bears none."""
    srgb = ImageCms.createProfile("sRGB")
    if mode == "LAB":
        return ImageCms.buildTransform(ImageCms.createProfile("LAB"), srgb, mode, "RGB")
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile or b""))
    if source.profile.xcolor_space.strip() != _COLOUR_SPACES[mode]:
        return None
    if "sRGB" in ImageCms.getProfileDescription(source):
        return None
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC  # white stays white
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    return ImageCms.buildTransform(source, srgb, mode, "RGB", intent, flags)
