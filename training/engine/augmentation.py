"""Augmentation: photos turned, shifted, sheared, zoomed and mirrored at random."""

from collections.abc import Sequence
from math import cos, radians, sin, tan

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.configuration import Augmentation
from training.images import ImageSize


def augment(
    photos: NDArray[np.uint8], augmentation: Augmentation, seeds: Sequence[tuple[int, ...]]
) -> NDArray[np.uint8]:
    """Change photos at random; what comes into view at an edge repeats the nearest pixel.

    Rotation, shift, shear and zoom make one affine map about the centre, read with bilinear
    interpolation, as in the image generator of Keras 2 that the published study used.

    Args:
        photos: Shape (photos, height, width, 3).
        augmentation: The most that they are changed.
        seeds: For each photo the numbers that decide how it is changed.

    Returns:
        An array of the same shape.
    """
    if augmentation.changes_nothing:
        return photos
    size = ImageSize(*photos.shape[1:3])
    maps = [_draw_map(augmentation, size, np.random.default_rng(seed)) for seed in seeds]
    changed = tf.raw_ops.ImageProjectiveTransformV3(
        images=photos,
        transforms=np.asarray(maps, dtype=np.float32),
        output_shape=np.asarray(size, dtype=np.int32),
        interpolation="BILINEAR",
        fill_mode="NEAREST",
        fill_value=0.0,
    )
    return np.asarray(changed, dtype=np.uint8)


def _draw_map(
    augmentation: Augmentation, size: ImageSize, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Draw a map from a place in the changed photo to the place that its pixel is read from.

    Returns:
        Its first eight coefficients, row by row, for x and y in pixels.
    """

    def either_side(most: float) -> float:
        return float(generator.uniform(-most, most))

    angle = radians(either_side(augmentation.rotation))
    shift_y, shift_x = (either_side(augmentation.shift) * side for side in size)
    lean = radians(either_side(augmentation.shear))
    zoom_y, zoom_x = (1 + either_side(augmentation.zoom) for _ in range(2))
    mirrored = augmentation.flip and generator.random() < 0.5
    turn = _matrix((cos(angle), -sin(angle)), (sin(angle), cos(angle)))
    shift = _matrix((1, 0, shift_x), (0, 1, shift_y))
    shear = _matrix((1, tan(lean)), (0, 1))
    zoom = _matrix((-zoom_x if mirrored else zoom_x, 0), (0, zoom_y))
    middle_x, middle_y = (size.width - 1) / 2, (size.height - 1) / 2
    to_middle = _matrix((1, 0, -middle_x), (0, 1, -middle_y))
    back = _matrix((1, 0, middle_x), (0, 1, middle_y))
    whole: NDArray[np.float64] = back @ turn @ shift @ shear @ zoom @ to_middle
    return whole.ravel()[:8]


def _matrix(top: tuple[float, ...], bottom: tuple[float, ...]) -> NDArray[np.float64]:
    """Return a map of the plane from the rows of its upper part, shape (3, 3)."""
    whole = np.eye(3)
    whole[0, : len(top)] = top
    whole[1, : len(bottom)] = bottom
    return whole
