"""Generated photos: reddish ones and bluish ones, which even a tiny network tells apart."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"red": (200, 60, 60), "blue": (60, 60, 200), "green": (60, 180, 60)}


def photo_bytes(colour: str, seed: int = 0, size: tuple[int, int] = (48, 40)) -> bytes:
    """Return a JPEG of a colour with some grain.

    Args:
        colour: A key of `COLOURS`.
        seed: Decides the grain.
        size: Width and height in pixels.
    """
    grain = np.random.default_rng(seed).integers(-40, 41, (size[1], size[0], 3))
    pixels = np.clip(np.array(COLOURS[colour]) + grain, 0, 255).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", quality=90)
    return content.getvalue()


def write_photo(path: Path, colour: str = "red", seed: int = 0) -> Path:
    """Write a photo and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(photo_bytes(colour, seed))
    return path


def write_dataset(root: Path, photos: int = 10, colours: tuple[str, ...] = ("blue", "red")) -> Path:
    """Write a folder with one folder of photos for each colour and return it."""
    for colour in colours:
        for number in range(photos):
            write_photo(root / colour / f"photo {number}.jpg", colour, number)
    return root
