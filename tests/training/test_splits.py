"""Splits that keep photos together, and splits that are written down."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.datasets import write_files, write_zip
from tests.helpers.models import write_colour_model
from tests.helpers.training_configs import small_config
from training.configuration import SplitChoice, TrainingConfig
from training.dataset import Dataset, LabelledPhoto, open_dataset
from training.errors import ConfigurationError, DatasetError
from training.model_file import TrainedOn, read_model_file, write_model_file
from training.splits import Split, SplitMethod, default_split_method, split_dataset


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Return 100 cats and 60 dogs."""
    names = [f"{kind}/{n}.jpg" for kind, count in (("cat", 100), ("dog", 60)) for n in range(count)]
    return open_dataset(write_zip(tmp_path / "pets.zip", dict.fromkeys(names, b"photo")))


def photos_of(tmp_path: Path, counts: dict[str, int]) -> Dataset:
    names = [f"{kind}/{n}.jpg" for kind, count in counts.items() for n in range(count)]
    return open_dataset(write_files(tmp_path / "photos", names))


def part_of(split: Split) -> dict[str, str]:
    return {name: part for part, names in split.manifest().items() for name in names}


def counts(dataset: Dataset, photos: Sequence[LabelledPhoto]) -> dict[str, int]:
    return dict(Counter(dataset.class_names[photo.label] for photo in photos))


def kept(split: Split, groups: Sequence[Sequence[str]]) -> list[bool]:
    part = part_of(split)
    return [len({part[name] for name in group}) == 1 for group in groups]


PAIRS = [(f"cat/{n}.jpg", f"cat/{n + 1}.jpg") for n in range(0, 100, 2)]
MIXED = [("cat/0.jpg", "dog/0.jpg", "dog/1.jpg"), ("dog/2.jpg", "cat/7.jpg"), *PAIRS[10:15]]


@pytest.mark.parametrize("together", [PAIRS, MIXED], ids=["pairs", "across classes"])
@pytest.mark.parametrize("seed", range(5))
def test_groups_are_kept_in_one_part_and_the_classes_divided_as_without(
    dataset: Dataset, together: list[tuple[str, ...]], seed: int
) -> None:
    split = split_dataset(dataset, SplitMethod.STRATIFIED, seed=seed, together=together)
    without = split_dataset(dataset, SplitMethod.STRATIFIED, seed=seed)
    assert all(kept(split, together))
    assert not all(kept(without, together))
    for part in ("train", "validation", "test"):
        mine, theirs = getattr(split, part), getattr(without, part)
        assert counts(dataset, mine) == counts(dataset, theirs)


def test_groups_spread_over_all_parts_as_their_shares_are(dataset: Dataset) -> None:
    drawn = Counter[str]()
    for seed in range(20):
        split = split_dataset(dataset, SplitMethod.STRATIFIED, seed=seed, together=PAIRS[:5])
        drawn.update(part_of(split)[first] for first, _ in PAIRS[:5])
    assert drawn["train"] > drawn["validation"] > 5
    assert drawn["test"] > 5


def test_the_same_seed_keeps_groups_in_the_same_part(dataset: Dataset) -> None:
    splits = [
        split_dataset(dataset, SplitMethod.STRATIFIED, seed=3, together=MIXED) for _ in range(2)
    ]
    assert splits[0] == splits[1]
    assert splits[0] != split_dataset(dataset, SplitMethod.STRATIFIED, seed=4, together=MIXED)


def test_no_groups_leave_a_split_as_it_was(dataset: Dataset) -> None:
    plain = split_dataset(dataset, SplitMethod.STRATIFIED, seed=3)
    none_there = [("cat/900.jpg", "cat/901.jpg"), ("cat/5.jpg",), ()]
    assert split_dataset(dataset, SplitMethod.STRATIFIED, seed=3, together=none_there) == plain


@pytest.mark.parametrize("sizes", [(9,), (5, 5), (4, 4, 2), (3, 3, 3), (2, 2, 2, 2, 2), (7, 3)])
def test_large_groups_leave_photos_to_train_on_and_to_validate_with(
    tmp_path: Path, sizes: tuple[int, ...]
) -> None:
    dataset = photos_of(tmp_path, {"cat": 10, "dog": 10})
    names = iter([f"cat/{n}.jpg" for n in range(10)])
    groups = [tuple(next(names) for _ in range(size)) for size in sizes]
    for seed in range(5):
        split = split_dataset(dataset, SplitMethod.STRATIFIED, seed=seed, together=groups)
        assert all(kept(split, groups))
        assert counts(dataset, split.train)["cat"] > 0
        assert counts(dataset, split.validation)["cat"] > 0


def test_a_class_of_one_group_cannot_be_divided(tmp_path: Path) -> None:
    dataset = photos_of(tmp_path, {"cat": 5, "dog": 5})
    group = tuple(f"dog/{n}.jpg" for n in range(5))
    with pytest.raises(DatasetError, match=r"Class 'dog' .* near duplicates are kept together"):
        split_dataset(dataset, SplitMethod.STRATIFIED, together=[group])


@pytest.mark.parametrize("method", SplitMethod)
def test_a_class_with_one_photo_is_refused_by_name(tmp_path: Path, method: SplitMethod) -> None:
    dataset = photos_of(tmp_path, {"cat": 5, "dog": 1})
    match = "only one photo" if method is SplitMethod.STRATIFIED else "another split"
    with pytest.raises(DatasetError, match=match) as refused:
        split_dataset(dataset, method)
    assert str(dataset.path) in str(refused.value)


@pytest.mark.parametrize("shares", [(0.2, 0.2), (0.5, 0.4), (0.89, 0.01), (0.01, 0.89)])
def test_two_photos_of_a_class_are_enough(tmp_path: Path, shares: tuple[float, float]) -> None:
    dataset = photos_of(tmp_path, {"cat": 5, "dog": 2})
    split = split_dataset(
        dataset, SplitMethod.STRATIFIED, validation_share=shares[0], test_share=shares[1]
    )
    assert counts(dataset, split.train)["dog"] == counts(dataset, split.validation)["dog"] == 1


def test_a_split_written_down_is_found_again(dataset: Dataset) -> None:
    split = split_dataset(dataset, SplitMethod.STRATIFIED, seed=9)
    written = json.dumps(split.manifest())
    assert Split.from_manifest(dataset, json.loads(written)) == split


def test_a_folder_and_its_zip_are_divided_alike_also_where_photos_are_kept_together(
    tmp_path: Path,
) -> None:
    names = [f"{kind}/{n}.jpg" for kind in ("cat", "dog") for n in range(20)]
    folder = open_dataset(write_files(tmp_path / "pets", names))
    inside = {f"pets/{name}": name.encode() for name in names}
    packed = open_dataset(write_zip(tmp_path / "pets.zip", inside))
    groups = folder.without_root([("cat/0.jpg", "cat/1.jpg"), ("dog/3.jpg", "dog/8.jpg")])
    assert packed.with_root(groups)[0] == ("pets/cat/0.jpg", "pets/cat/1.jpg")
    assert packed.without_root(packed.with_root(groups)) == groups
    for seed in range(5):
        splits = [
            split_dataset(dataset, SplitMethod.STRATIFIED, seed=seed, together=groups)
            for dataset in (folder, packed)
        ]
        mine, theirs = (part_of(split) for split in splits)
        assert {f"pets/{name}": part for name, part in mine.items()} == theirs
        assert all(kept(splits[1], packed.with_root(groups)))


def test_numbers_beyond_the_studys_take_no_part_in_its_split(tmp_path: Path) -> None:
    numbers = (0, 4999, 5000, 7499, 7500, 9999, 10_000, 12_499)
    names = [f"{kind}.{n}.jpg" for kind in ("cat", "dog") for n in numbers]
    dataset = open_dataset(write_files(tmp_path / "photos", names))
    assert default_split_method(dataset) is SplitMethod.STUDY
    parts = part_of(split_dataset(dataset, SplitMethod.STUDY))
    assert [parts.get(f"cat.{n}.jpg") for n in numbers] == [
        *("train", "train", "validation", "validation", "test", "test", None, None)
    ]


def test_without_a_folder_for_validation_a_share_of_the_training_photos_validates(
    tmp_path: Path,
) -> None:
    names = [
        f"{part}/{kind}/{n}.jpg"
        for part, count in (("train", 20), ("test", 5))
        for kind in ("cat", "dog")
        for n in range(count)
    ]
    dataset = open_dataset(write_files(tmp_path / "photos", names))
    split = split_dataset(dataset, SplitMethod.FOLDERS, seed=1)
    assert counts(dataset, split.train) == {"cat": 16, "dog": 16}
    assert counts(dataset, split.validation) == {"cat": 4, "dog": 4}
    assert {photo.folder for photo in split.validation} == {"train"}
    assert [photo.name for photo in split.test] == [n for n in sorted(names) if n[:4] == "test"]
    assert split_dataset(dataset, SplitMethod.FOLDERS, seed=2) == split


def test_validation_drawn_from_training_photos_keeps_duplicates_together(tmp_path: Path) -> None:
    names = [f"train/{kind}/{n}.jpg" for kind in ("cat", "dog") for n in range(40)]
    tests = [f"test/{kind}/{n}.jpg" for kind in ("cat", "dog") for n in range(4)]
    dataset = open_dataset(write_files(tmp_path / "photos", [*names, *tests]))
    pairs = [(f"train/cat/{n}.jpg", f"train/cat/{n + 1}.jpg") for n in range(0, 40, 2)]
    groups = [*pairs, ("train/dog/0.jpg", "test/dog/0.jpg")]
    together = split_dataset(dataset, SplitMethod.FOLDERS, together=groups)
    assert all(kept(together, pairs))
    assert not all(kept(split_dataset(dataset, SplitMethod.FOLDERS), pairs))
    assert counts(dataset, together.validation) == {"cat": 8, "dog": 8}
    assert len(together.test) == len(tests)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"test": ["cat/900.jpg"]}, "'cat/900.jpg', which is not in"),
        ({"test": ["cat/1.jpg"], "train": ["cat/1.jpg"]}, "twice"),
        ({"test": None}, "cannot be read"),
        ({"test": [["cat/1.jpg"]]}, "cannot be read"),
    ],
)
def test_a_damaged_manifest_is_refused(
    dataset: Dataset, change: dict[str, list[str]], words: str
) -> None:
    manifest = {"train": [], "validation": [], "test": [], **change}
    with pytest.raises(DatasetError, match=words):
        Split.from_manifest(dataset, manifest)
    with pytest.raises(DatasetError, match="'validation'"):
        Split.from_manifest(dataset, {"train": []})


def test_what_a_split_keeps_together_survives_a_configurations_line(tmp_path: Path) -> None:
    together = (("cat/1.jpg", "cat/2.jpg"), ("dog/1.jpg", 'dog/"ü" 猫.jpg'))
    split = SplitChoice(method=SplitMethod.STRATIFIED, together=together)
    config = replace(small_config(tmp_path), split=split)
    assert TrainingConfig.from_json(config.to_json()) == config
    assert TrainingConfig.from_json(config.to_json()).split.together == together


def test_what_a_split_keeps_together_survives_a_model_file(tmp_path: Path) -> None:
    together = (("cat/1.jpg", "cat/2.jpg"),)
    choice = SplitChoice(method=SplitMethod.STRATIFIED, together=together)
    model = read_model_file(write_colour_model(tmp_path / "m.catdog"))
    trained_on = TrainedOn(name="photos", fingerprint="any", split=choice)
    write_model_file(
        tmp_path / "n.catdog", replace(model.description, trained_on=trained_on), model.members
    )
    assert read_model_file(tmp_path / "n.catdog").description.trained_on == trained_on


def test_a_choice_divides_a_dataset_with_its_groups(dataset: Dataset) -> None:
    choice = SplitChoice(method=SplitMethod.STRATIFIED, together=tuple(PAIRS))
    assert all(kept(choice.divide(dataset), PAIRS))


@pytest.mark.parametrize(
    "together",
    [5, None, "cat", {"a": 1}, ["cat"], [[1, 2]], [["a", "b"], ["b", "c"]], [["a", "a"]]],
)
def test_groups_that_are_none_are_refused(tmp_path: Path, together: object) -> None:
    values = json.loads(small_config(tmp_path).to_json())
    values["split"]["together"] = together
    with pytest.raises(ConfigurationError):
        TrainingConfig.from_json(json.dumps(values))
