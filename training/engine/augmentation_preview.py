"""A picture of what a photo is changed to while training."""

from collections.abc import Callable
from math import ceil, sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.engine.augmentation import augment
from training.engine_requests import Answered, Reply
from training.events import Progressed
from training.heat_overlay import write_picture
from training.images import ImageSize, read_photo
from training.request_kinds import PreviewAugmentation

GAP = 4
"""Between two versions, in pixels."""
_WHITE = 255


def preview_augmentation(request: PreviewAugmentation, tell: Callable[[Reply], None]) -> Answered:
    """Carry out a request to preview an augmentation.

    Raises:
        PhotoError: The photo cannot be read.
    """
    tell(Progressed("Augmenting", 0, 0))
    photo = read_photo(Path(request.photo), ImageSize(*request.image_size))
    photos = np.repeat(photo[np.newaxis], request.count, axis=0)
    seeds = [(request.seed, number) for number in range(request.count)]
    write_picture(Path(request.target), contact_sheet(augment(photos, request.augmentation, seeds)))
    return Answered((request.target,))


def contact_sheet(photos: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay photos out in rows on white, about as many rows as columns.

    Args:
        photos: Shape (photos, height, width, 3).

    Returns:
        An array of shape (height, width, 3).
    """
    count, height, width, colours = photos.shape
    columns = ceil(sqrt(count))
    rows = ceil(count / columns)
    sheet = np.full(
        (rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, colours), _WHITE, np.uint8
    )
    for number, photo in enumerate(photos):
        top, left = (number // columns) * (height + GAP), (number % columns) * (width + GAP)
        sheet[top : top + height, left : left + width] = photo
    return sheet
