"""Augmented photos: changed as asked for, within the limits asked for, and by nothing but seeds."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from keras.src.legacy.preprocessing.image import apply_affine_transform
from numpy.typing import NDArray

from training.configuration import STUDY_AUGMENTATION, Augmentation
from training.engine.augmentation import Change, augment, change

SIDE = 40
NOTHING = Change()
DRAWS = 400


def noise(photos: int = 3, height: int = SIDE, width: int = SIDE) -> NDArray[np.uint8]:
    """Return photos in which every pixel tells where it comes from."""
    generator = np.random.default_rng(5)
    return generator.integers(1, 256, (photos, height, width, 3)).astype(np.uint8)


def smooth(height: int = SIDE, width: int = SIDE) -> NDArray[np.uint8]:
    """Return one photo of soft waves, no edge in which hides a wrong place."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / 5 + y / 9), np.cos(x / 7 - y / 4), np.sin(x / 11) * np.cos(y / 6)]
    return np.stack([128 + 120 * wave for wave in waves], axis=-1)[np.newaxis].astype(np.uint8)


def seeds(count: int, first: int = 0) -> list[tuple[int, ...]]:
    return [(first, number) for number in range(count)]


def test_the_same_seeds_change_photos_the_same_way() -> None:
    photos = noise()
    once, again = (augment(photos, STUDY_AUGMENTATION, seeds(3)) for _ in range(2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, photos)


def test_other_seeds_change_the_same_photo_otherwise() -> None:
    photos = np.repeat(noise(1), 8, axis=0)
    changed = augment(photos, STUDY_AUGMENTATION, seeds(8))
    assert len({photo.tobytes() for photo in changed}) == 8


def test_a_photo_is_changed_the_same_whatever_is_beside_it() -> None:
    photos = noise(4)
    together = augment(photos, STUDY_AUGMENTATION, seeds(4))
    alone = augment(photos[2:3], STUDY_AUGMENTATION, [(0, 2)])
    assert np.array_equal(together[2], alone[0])


def test_no_augmentation_changes_nothing() -> None:
    photos = noise()
    assert np.array_equal(augment(photos, Augmentation(), seeds(3)), photos)
    assert np.array_equal(change(photos, [NOTHING] * 3), photos)


def test_the_photos_given_are_left_as_they_are() -> None:
    photos = noise()
    before = photos.copy()
    photos.flags.writeable = False  # as those of the cache
    augment(photos, STUDY_AUGMENTATION, seeds(3))
    assert np.array_equal(photos, before)


@pytest.mark.parametrize(("height", "width"), [(40, 40), (41, 41), (40, 57), (33, 20)])
def test_a_flip_mirrors_exactly(height: int, width: int) -> None:
    photos = noise(2, height, width)
    changed = change(photos, [Change(flip=True)] * 2)
    assert np.array_equal(changed, photos[:, :, ::-1])


def test_flips_alone_mirror_half_of_all_photos_and_leave_the_others() -> None:
    photos = np.repeat(noise(1, 12, 12), DRAWS, axis=0)
    changed = augment(photos, Augmentation(flip=True), seeds(DRAWS))
    mirrored = (changed == photos[:, :, ::-1]).all(axis=(1, 2, 3))
    unchanged = (changed == photos).all(axis=(1, 2, 3))
    assert (mirrored ^ unchanged).all()
    assert 0.4 < mirrored.mean() < 0.6


def test_half_a_turn_is_exact() -> None:
    photos = noise()
    changed = change(photos, [Change(rotation=180)] * 3)
    assert np.array_equal(changed, photos[:, ::-1, ::-1])


@pytest.mark.parametrize(("degrees", "turns"), [(90, 1), (-90, -1)])
def test_a_quarter_turn_is_exact(degrees: float, turns: int) -> None:
    photos = noise()
    changed = change(photos, [Change(rotation=degrees)] * 3)
    assert np.array_equal(changed, np.rot90(photos, turns, axes=(1, 2)))


@pytest.mark.parametrize(("down", "right"), [(3, 0), (0, 5), (-4, 2), (-1, -7)])
def test_a_shift_by_whole_pixels_moves_the_photo_and_repeats_its_edge(
    down: int, right: int
) -> None:
    photos = noise(1, 40, 50)
    rows = np.clip(np.arange(40) + down, 0, 39)
    columns = np.clip(np.arange(50) + right, 0, 49)
    (changed,) = change(photos, [Change(shift_y=down / 40, shift_x=right / 50)])
    assert np.array_equal(changed, photos[0][rows][:, columns])


def test_a_shift_by_half_a_pixel_reads_the_middle_between_two() -> None:
    photos = noise(1)
    (changed,) = change(photos, [Change(shift_x=0.5 / SIDE)])
    means = (photos[0, :, :-1].astype(float) + photos[0, :, 1:]) / 2
    assert np.abs(changed[:, :-1] - means).max() <= 0.5


def test_no_padding_is_ever_seen() -> None:
    extreme = Augmentation(rotation=180, shift=0.9, shear=60, zoom=0.9, flip=True)
    photos = np.full((DRAWS, 16, 16, 3), 200, np.uint8)
    assert (augment(photos, extreme, seeds(DRAWS)) == 200).all()


@pytest.mark.parametrize("level", [0, 1, 100, 254, 255])
def test_a_photo_of_one_colour_keeps_it(level: int) -> None:
    photos = np.full((50, 16, 16, 3), level, np.uint8)
    assert (augment(photos, STUDY_AUGMENTATION, seeds(50)) == level).all()


def test_photos_become_neither_darker_nor_lighter() -> None:
    photos = noise(1, 64, 64)
    changes = [Change(rotation=angle, zoom_x=0.7, zoom_y=0.7) for angle in range(5, 45, 2)]
    changed = change(np.repeat(photos, len(changes), axis=0), changes)
    assert abs(changed.mean() - photos[:, 16:48, 16:48].mean()) < 2
    exact = np.stack([by_keras(photos[0], each) for each in changes])
    assert abs(changed.mean() - exact.mean()) < 0.01


def by_keras(photo: NDArray[np.uint8], wanted: Change) -> NDArray[np.float32]:
    """Change a square photo with Keras's image generator."""
    side = photo.shape[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras calls SciPy by an old name
        changed = apply_affine_transform(
            photo.astype(np.float32),
            theta=wanted.rotation,
            tx=wanted.shift_x * side,
            ty=wanted.shift_y * side,
            shear=wanted.shear,
            zx=wanted.zoom_x,
            zy=wanted.zoom_y,
            row_axis=0,
            col_axis=1,
            channel_axis=2,
        )
    return changed[:, ::-1] if wanted.flip else changed


CHANGES = {
    "rotation": Change(rotation=33),
    "shift_y": Change(shift_y=0.13),
    "shift_x": Change(shift_x=-0.18),
    "shear": Change(shear=20),
    "zoom_y": Change(zoom_y=0.8),
    "zoom_x": Change(zoom_x=1.2),
    "flip": Change(flip=True),
    "all": Change(
        rotation=-25, shift_y=0.1, shift_x=0.15, shear=12, zoom_y=1.15, zoom_x=0.9, flip=True
    ),
}


@pytest.mark.parametrize("wanted", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("side", [40, 41])
def test_every_change_is_that_of_kerass_image_generator(wanted: Change, side: int) -> None:
    (changed,) = change(smooth(side, side), [wanted])
    assert np.abs(changed - by_keras(smooth(side, side)[0], wanted)).max() < 0.51


def test_all_the_studys_changes_are_those_of_kerass_image_generator() -> None:
    generator = np.random.default_rng(1)
    changes = [Change.draw(STUDY_AUGMENTATION, generator) for _ in range(50)]
    photos = np.repeat(smooth(), len(changes), axis=0)
    expected = [by_keras(photos[0], wanted) for wanted in changes]
    assert np.abs(change(photos, changes) - np.stack(expected)).max() < 0.52


LIMITS = Augmentation(rotation=40, shift=0.2, shear=15, zoom=0.3, flip=True)


def drawn(augmentation: Augmentation) -> dict[str, NDArray[np.float64]]:
    """Draw many changes and return what was drawn, name by name."""
    generator = np.random.default_rng(2)
    changes = [Change.draw(augmentation, generator) for _ in range(DRAWS)]
    return {
        name: np.array([getattr(each, name) for each in changes], dtype=float)
        for name in Change.__dataclass_fields__
    }


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("rotation", -40, 40),
        ("shift_y", -0.2, 0.2),
        ("shift_x", -0.2, 0.2),
        ("shear", -15, 15),
        ("zoom_y", 0.7, 1.3),
        ("zoom_x", 0.7, 1.3),
        ("flip", 0, 1),
    ],
)
def test_changes_fill_their_limits_and_stay_within(name: str, least: float, most: float) -> None:
    values = drawn(LIMITS)[name]
    assert least <= values.min() <= least + 0.02 * (most - least)
    assert most - 0.02 * (most - least) <= values.max() <= most
    assert abs(values.mean() - (least + most) / 2) < 0.1 * (most - least)


def test_changes_are_drawn_apart_from_each_other() -> None:
    together = np.corrcoef(list(drawn(LIMITS).values()))
    assert np.abs(together - np.eye(len(together))).max() < 0.2


@pytest.mark.parametrize(
    ("augmentation", "changed"),
    [
        (Augmentation(rotation=40), {"rotation"}),
        (Augmentation(shift=0.2), {"shift_y", "shift_x"}),
        (Augmentation(shear=15), {"shear"}),
        (Augmentation(zoom=0.3), {"zoom_y", "zoom_x"}),
        (Augmentation(flip=True), {"flip"}),
        (Augmentation(), set()),
    ],
)
def test_only_what_is_asked_for_is_changed(augmentation: Augmentation, changed: set[str]) -> None:
    assert {
        name
        for name, values in drawn(augmentation).items()
        if (values != getattr(NOTHING, name)).any()
    } == changed


def test_drawn_changes_are_those_that_photos_undergo() -> None:
    photos = noise(5)
    changes = [Change.draw(STUDY_AUGMENTATION, np.random.default_rng(seed)) for seed in seeds(5)]
    assert np.array_equal(augment(photos, STUDY_AUGMENTATION, seeds(5)), change(photos, changes))
    assert not np.array_equal(
        change(photos, changes), change(photos, [replace(each, flip=True) for each in changes])
    )
