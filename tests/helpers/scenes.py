"""Generated pictures with large shapes, as photos have, so that they can be told apart by these."""

import io
from pathlib import Path

import numpy as np
from PIL import Image


def scene(seed: int, size: tuple[int, int] = (200, 160)) -> Image.Image:
    """Return a picture of soft blotches.

    Args:
        seed: Decides the blotches.
        size: Width and height in pixels.
    """
    blotches = np.random.default_rng(seed).integers(0, 256, (7, 9, 3)).astype(np.uint8)
    return Image.fromarray(blotches).resize(size, Image.Resampling.BICUBIC)


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    """Return a picture as a JPEG file."""
    content = io.BytesIO()
    image.save(content, "JPEG", quality=quality)
    return content.getvalue()


def write_scene(path: Path, seed: int) -> Path:
    """Write a picture and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(jpeg(scene(seed)))
    return path


def write_scenes(root: Path, photos: int = 10, classes: tuple[str, ...] = ("cat", "dog")) -> Path:
    """Write a folder of class folders in which no picture is like another, and return it."""
    for index, name in enumerate(classes):
        for number in range(photos):
            write_scene(root / name / f"{number}.jpg", index * 1000 + number)
    return root
