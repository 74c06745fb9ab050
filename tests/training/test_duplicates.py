"""Photos that are there more than once, and leaks between the parts of a split."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from tests.helpers.scenes import jpeg, scene, write_scenes
from training import duplicates
from training.configuration import SplitChoice
from training.dataset import Dataset, open_dataset
from training.duplicates import (
    LARGEST_GROUP,
    Duplicates,
    Group,
    find_duplicates,
    find_groups,
    find_leaks,
    leaked_photos,
)
from training.errors import DatasetError, WorkStopped
from training.hashes import Hashes, perceptual_hashes
from training.images import ImageSize
from training.splits import Split, SplitMethod

REAL_PAIRS = {
    frozenset(pair)
    for pair in (
        ("cat.6143", "cat.6204"),
        ("dog.2027", "dog.3082"),
        ("cat.2565", "cat.3565"),
        ("cat.2580", "cat.4726"),
        ("cat.4126", "cat.4575"),
        ("dog.74", "dog.180"),
        ("dog.10", "dog.6058"),
        ("cat.4852", "cat.6442"),
        ("cat.3411", "cat.4435"),
        ("dog.6421", "dog.6902"),
        ("dog.5163", "dog.6026"),
        ("dog.3832", "dog.6700"),
        ("dog.980", "dog.1273"),
    )
}
"""The same photos twice among the study's, every one of them looked at."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a dataset of twenty photos, none of them like another."""
    return write_scenes(tmp_path / "photos")


def duplicates_in(folder: Path) -> Duplicates:
    return find_duplicates(perceptual_hashes(open_dataset(folder)))


def made_up(phash: list[int], thumbnails: int = 1) -> Hashes:
    """Return the hashes of photos that differ in pHash, and in `thumbnails` ways beyond that."""
    count = len(phash)
    random = np.random.default_rng(0)
    kinds = random.integers(0, 256, (thumbnails, 16, 16)).astype(np.uint8)
    appearance = np.zeros((count, 3), np.uint64)
    appearance[:, 0] = phash
    return Hashes(
        names=tuple(f"{number}.jpg" for number in range(count)),
        labels=np.zeros(count, np.int64),
        digests=tuple(str(number).encode() for number in range(count)),
        sizes=(ImageSize(100, 100),) * count,
        appearance=appearance,
        mirrored=~appearance,
        thumbnails=kinds[np.arange(count) % thumbnails],
        colours=np.full((count, 3), 100, np.float32),
        unreadable=(),
    )


def chain(length: int, bits: int) -> list[int]:
    """Return hashes each of which differs from the one before by some bits."""
    random = np.random.default_rng(1)
    hashes = [int(random.integers(2**63))]
    for _ in range(length - 1):
        flips = random.choice(64, bits, replace=False)
        hashes.append(hashes[-1] ^ sum(1 << int(bit) for bit in flips))
    return hashes


def part_of(dataset: Dataset, **parts: set[str]) -> Split:
    chosen = {
        part: tuple(photo for photo in dataset.photos if photo.name in parts.get(part, ()))
        for part in ("train", "validation", "test")
    }
    return Split(**chosen)


def turned(image: Image.Image) -> Image.Image:
    return image.rotate(1, resample=Image.Resampling.BICUBIC)


SEEN_AGAIN: dict[str, Callable[[Image.Image], bytes]] = {
    "saved anew": lambda image: jpeg(image, 40),
    "smaller": lambda image: jpeg(image.resize((90, 70))),
    "larger": lambda image: jpeg(image.resize((420, 330))),
    "brighter": lambda image: jpeg(ImageEnhance.Brightness(image).enhance(1.2)),
    "darker": lambda image: jpeg(ImageEnhance.Brightness(image).enhance(0.7)),
    "less colourful": lambda image: jpeg(ImageEnhance.Color(image).enhance(0.6)),
    "mirrored": lambda image: jpeg(ImageOps.mirror(image)),
    "mirrored and smaller": lambda image: jpeg(ImageOps.mirror(image).resize((90, 70))),
    "cropped": lambda image: jpeg(ImageOps.crop(image, 2)),
    "turned": lambda image: jpeg(turned(image)),
}


@pytest.mark.parametrize("change", SEEN_AGAIN)
def test_a_photo_seen_again_is_a_near_duplicate(folder: Path, change: str) -> None:
    (folder / "dog" / "again.jpg").write_bytes(SEEN_AGAIN[change](scene(3)))
    found = duplicates_in(folder)
    assert found.groups == found.near == (("cat/3.jpg", "dog/again.jpg"),)
    assert found.exact == ()


def test_different_photos_are_no_duplicates(tmp_path: Path) -> None:
    assert duplicates_in(write_scenes(tmp_path, 100)).groups == ()


def test_files_of_the_same_bytes_are_exact_duplicates(folder: Path) -> None:
    (folder / "dog" / "copy.jpg").write_bytes((folder / "cat" / "3.jpg").read_bytes())
    found = duplicates_in(folder)
    assert found.groups == found.exact == (("cat/3.jpg", "dog/copy.jpg"),)
    assert found.near == ()


def test_copies_and_near_duplicates_of_them_are_one_group(folder: Path) -> None:
    (folder / "dog" / "copy.jpg").write_bytes((folder / "cat" / "3.jpg").read_bytes())
    (folder / "dog" / "near.jpg").write_bytes(jpeg(scene(3), 40))
    found = duplicates_in(folder)
    assert found.exact == (("cat/3.jpg", "dog/copy.jpg"),)
    assert found.groups == found.near == (("cat/3.jpg", "dog/copy.jpg", "dog/near.jpg"),)


def test_the_same_thing_in_another_colour_is_another_thing(folder: Path) -> None:
    grey = ImageOps.grayscale(scene(500))
    for name, colour in (("red", "#ff4040"), ("pink", "#ff6060"), ("blue", "#4040ff")):
        image = ImageOps.colorize(grey, "black", colour)
        (folder / "cat" / f"{name}.jpg").write_bytes(jpeg(image))
    assert duplicates_in(folder).groups == (("cat/pink.jpg", "cat/red.jpg"),)


def test_pictures_without_any_detail_are_no_near_duplicates(folder: Path) -> None:
    for name, colour in (("white", "white"), ("grey", "#f0f0f0"), ("black", "black")):
        Image.new("RGB", (100, 80), colour).save(folder / "cat" / f"{name}.png")
    assert duplicates_in(folder).groups == ()


def test_what_cannot_be_read_is_told_of_and_left_out(folder: Path) -> None:
    (folder / "cat" / "empty.jpg").write_bytes(b"")
    (folder / "dog" / "empty.jpg").write_bytes(b"")
    (folder / "dog" / "text.jpg").write_text("no photo", encoding="utf-8")
    hashes = perceptual_hashes(open_dataset(folder))
    assert dict(hashes.unreadable) == {
        "cat/empty.jpg": "the file is empty",
        "dog/empty.jpg": "the file is empty",
        "dog/text.jpg": "it is not a photo in a format that can be read",
    }
    assert len(hashes.names) == 20
    assert find_duplicates(hashes).groups == ()


def test_a_dataset_of_which_nothing_can_be_read_has_no_duplicates(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").write_bytes(b"")
    assert duplicates_in(tmp_path) == Duplicates((), ())


def test_photos_are_grouped_by_way_of_others() -> None:
    assert find_duplicates(made_up([0, 0xFFF, 0xFFFFFF])).groups == (("0.jpg", "1.jpg", "2.jpg"),)
    assert find_duplicates(made_up([0, 0xFFFFFF])).groups == ()


def test_the_same_groups_are_found_however_photos_are_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The comparison goes in blocks, whose edges must not show."""
    random = np.random.default_rng(5)
    phash = [int(value) for value in random.integers(0, 2**63, 60)]
    phash += [value ^ 5 for value in phash[::-1][:40]]
    whole = find_duplicates(made_up(phash)).groups
    assert len(whole) == 40
    for rows, columns in ((1, 1), (7, 3), (3, 7), (64, 10)):
        monkeypatch.setattr(duplicates, "_ROWS", rows)
        monkeypatch.setattr(duplicates, "_COLUMNS", columns)
        assert find_duplicates(made_up(phash)).groups == whole, (rows, columns)


def test_thumbnails_that_do_not_correlate_keep_photos_apart() -> None:
    assert find_duplicates(made_up([0, 0, 0, 0], thumbnails=2)).groups == (
        ("0.jpg", "2.jpg"),
        ("1.jpg", "3.jpg"),
    )


def test_a_long_chain_of_unlike_photos_is_cut() -> None:
    assert len(find_duplicates(made_up(chain(LARGEST_GROUP, 8))).groups) == 1
    assert find_duplicates(made_up(chain(LARGEST_GROUP + 20, 8))).groups == ()


def test_a_large_group_of_the_same_picture_stays_whole() -> None:
    (group,) = find_duplicates(made_up([7] * 3 * LARGEST_GROUP)).groups
    assert len(group) == 3 * LARGEST_GROUP


def test_looking_and_comparing_tell_their_progress_and_can_be_stopped(folder: Path) -> None:
    dataset = open_dataset(folder)
    told: list[tuple[int, int]] = []
    hashes = perceptual_hashes(dataset, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 20), (16, 20), (20, 20)]
    told.clear()
    find_duplicates(hashes, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 20), (20, 20)]
    for work in (perceptual_hashes, find_groups):
        with pytest.raises(WorkStopped):
            work(dataset, should_stop=lambda: True)
    with pytest.raises(WorkStopped):
        find_duplicates(hashes, should_stop=lambda: True)


def test_a_dataset_that_vanishes_is_no_dataset_of_damaged_photos(folder: Path) -> None:
    dataset = open_dataset(folder)
    shutil.rmtree(folder)
    with pytest.raises(DatasetError, match="can be read no more"):
        perceptual_hashes(dataset)


def test_some_of_the_photos_can_be_looked_at(folder: Path) -> None:
    dataset = open_dataset(folder)
    hashes = perceptual_hashes(dataset, dataset.photos[5:8])
    assert hashes.names == ("cat/5.jpg", "cat/6.jpg", "cat/7.jpg")


GROUPS: tuple[Group, ...] = (
    ("cat/0.jpg", "cat/1.jpg"),
    ("cat/2.jpg", "cat/3.jpg"),
    ("cat/4.jpg", "cat/5.jpg", "dog/0.jpg"),
    ("cat/6.jpg", "cat/7.jpg"),
    ("dog/1.jpg", "dog/2.jpg"),
)


def test_leaks_are_groups_in_more_than_one_part(folder: Path) -> None:
    split = part_of(
        open_dataset(folder),
        train={"cat/0.jpg", "cat/1.jpg", "cat/2.jpg", "cat/6.jpg"},
        validation={"cat/4.jpg", "cat/7.jpg"},
        test={"cat/3.jpg", "cat/5.jpg", "dog/0.jpg", "dog/1.jpg", "dog/2.jpg"},
    )
    assert find_leaks(GROUPS, split) == (GROUPS[1], GROUPS[2], GROUPS[3])
    assert leaked_photos(GROUPS, split) == {"cat/3.jpg", "cat/5.jpg", "dog/0.jpg"}
    assert leaked_photos(GROUPS, split, "validation") == {"cat/7.jpg"}


def test_a_split_that_keeps_duplicates_together_has_no_leaks(folder: Path) -> None:
    for number in range(8):
        (folder / "cat" / f"again {number}.jpg").write_bytes(jpeg(scene(number), 50))
    dataset = open_dataset(folder)
    groups = find_groups(dataset)
    assert len(groups) == 8
    apart = SplitChoice(method=SplitMethod.STRATIFIED)
    together = SplitChoice(method=SplitMethod.STRATIFIED, together=groups)
    assert find_leaks(groups, apart.divide(dataset))
    assert leaked_photos(groups, apart.divide(dataset))
    assert not find_leaks(groups, together.divide(dataset))
    assert not leaked_photos(groups, together.divide(dataset))


@pytest.mark.real_photos
def test_real_photos_that_are_there_twice_are_found_and_no_others(real_photos: Path) -> None:
    dataset = open_dataset(real_photos / "dogs-vs-cats.zip")
    twice = {name for pair in REAL_PAIRS for name in pair}
    photos = [
        photo
        for place, photo in enumerate(dataset.photos)
        if place % 25 == 0 or Path(photo.name).stem in twice
    ]
    found = find_duplicates(perceptual_hashes(dataset, photos))
    assert {frozenset(Path(name).stem for name in group) for group in found.groups} == REAL_PAIRS
    assert len(found.exact) == 2
