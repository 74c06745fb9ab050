"""Augmentation: photos turned, shifted, sheared, zoomed and mirrored at random."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, radians, sin
from typing import Self

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.configuration import Augmentation
from training.images import ImageSize


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How one photo is changed; the defaults change nothing."""

    rotation: float = 0.0
    """Degrees."""
    shift_y: float = 0.0
    """How far below each pixel its colour is read, as a share of the height."""
    shift_x: float = 0.0
    """How far to the right of each pixel its colour is read, as a share of the width."""
    shear: float = 0.0
    """Degrees."""
    zoom_y: float = 1.0
    """How much of the height is in view: below 1 enlarges."""
    zoom_x: float = 1.0
    """How much of the width is in view."""
    flip: bool = False
    """Whether it is mirrored."""

    @classmethod
    def draw(cls, augmentation: Augmentation, generator: np.random.Generator) -> Self:
        """Draw a change, none of whose numbers is beyond those of an augmentation."""

        def either_side(most: float) -> float:
            return float(generator.uniform(-most, most))

        return cls(
            rotation=either_side(augmentation.rotation),
            shift_y=either_side(augmentation.shift),
            shift_x=either_side(augmentation.shift),
            shear=either_side(augmentation.shear),
            zoom_y=1 + either_side(augmentation.zoom),
            zoom_x=1 + either_side(augmentation.zoom),
            flip=augmentation.flip and bool(generator.random() < 0.5),
        )

    def coefficients(self, size: ImageSize) -> NDArray[np.float64]:
        """Return the map from a place in the changed photo to the place that it is read from.

        Source: `apply_affine_transform` of Keras's image generator, now among its legacy.

        Returns:
            Its first eight coefficients, row by row, for x and y in pixels.
        """
        angle, lean = radians(self.rotation), radians(self.shear)
        turn = _matrix((cos(angle), -sin(angle)), (sin(angle), cos(angle)))
        shift = _matrix((1, 0, self.shift_x * size.width), (0, 1, self.shift_y * size.height))
        shear = _matrix((1, -sin(lean)), (0, cos(lean)))
        zoom = _matrix((-self.zoom_x if self.flip else self.zoom_x, 0), (0, self.zoom_y))
        middle_x, middle_y = (size.width - 1) / 2, (size.height - 1) / 2
        to_middle = _matrix((1, 0, -middle_x), (0, 1, -middle_y))
        back = _matrix((1, 0, middle_x), (0, 1, middle_y))
        whole: NDArray[np.float64] = back @ turn @ shift @ shear @ zoom @ to_middle
        return whole.ravel()[:8]


def augment(
    photos: NDArray[np.uint8], augmentation: Augmentation, seeds: Sequence[tuple[int, ...]]
) -> NDArray[np.uint8]:
    """Change photos at random; what comes into view at an edge repeats the nearest pixel.

    Args:
        photos: Shape (photos, height, width, 3).
        augmentation: The most that they are changed.
        seeds: For each photo the numbers that decide how it is changed.

    Returns:
        An array of the same shape.
    """
    if augmentation.changes_nothing:
        return photos
    generators = [np.random.default_rng(seed) for seed in seeds]
    return change(photos, [Change.draw(augmentation, generator) for generator in generators])


def change(photos: NDArray[np.uint8], changes: Sequence[Change]) -> NDArray[np.uint8]:
    """Change each photo as said.

    Rotation, shift, shear and zoom make one affine map about the centre, read with bilinear
    interpolation, as in the image generator of Keras 2 that the published study used.

    Args:
        photos: Shape (photos, height, width, 3).
        changes: One for each photo.

    Returns:
        An array of the same shape.
    """
    size = ImageSize(*photos.shape[1:3])
    changed = tf.raw_ops.ImageProjectiveTransformV3(
        # Of whole numbers TensorFlow cuts off the fraction, which darkens every photo.
        images=photos.astype(np.float32),
        transforms=np.asarray([each.coefficients(size) for each in changes], dtype=np.float32),
        output_shape=np.asarray(size, dtype=np.int32),
        interpolation="BILINEAR",
        fill_mode="NEAREST",
        fill_value=0.0,
    )
    return (np.asarray(changed, dtype=np.float32) + np.float32(0.5)).astype(np.uint8)


def _matrix(top: tuple[float, ...], bottom: tuple[float, ...]) -> NDArray[np.float64]:
    """Return a map of the plane from the rows of its upper part, shape (3, 3)."""
    whole = np.eye(3)
    whole[0, : len(top)] = top
    whole[1, : len(bottom)] = bottom
    return whole
