"""The split that runs have to share."""

import shutil
from pathlib import Path

import pytest

from catdog_gui.classify.locked_split import Ground, lock_split
from tests.helpers.photos import write_dataset, write_photo
from training.configuration import SplitChoice
from training.dataset import open_dataset
from training.errors import RunError
from training.splits import SplitMethod

RATIO = SplitChoice(method=SplitMethod.STRATIFIED, seed=3)
STUDY = SplitChoice(method=SplitMethod.STUDY)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a dataset of four blue and four red photos."""
    return write_dataset(tmp_path / "dataset", 4)


def ground(run: str, dataset: Path, split: SplitChoice = RATIO, *, known: bool = True) -> Ground:
    fingerprint = open_dataset(dataset).fingerprint if known else None
    return Ground(run=run, dataset=dataset, split=split, fingerprint=fingerprint)


def test_one_dataset_and_one_split_are_locked_and_open(root: Path) -> None:
    locked = lock_split([ground("a", root), ground("b", root)])
    assert locked.split == RATIO
    assert locked.opened is not None
    assert locked.opened.fingerprint == locked.fingerprint
    assert locked.trouble is None


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (SplitChoice(method=SplitMethod.STRATIFIED, seed=4), "seed 4"),
        (SplitChoice(method=SplitMethod.STRATIFIED, seed=3, test_share=0.3), "30% test"),
        (STUDY, "the study's split"),
    ],
)
def test_another_split_is_refused_with_what_differs(
    root: Path, other: SplitChoice, told: str
) -> None:
    with pytest.raises(RunError, match=rf"Run 'b' is on .*{told}.* but 'a' on .*seed 3"):
        lock_split([ground("a", root), ground("b", root, other)])


def test_seeds_do_not_matter_where_the_split_goes_by_ids(root: Path) -> None:
    choices = [SplitChoice(method=SplitMethod.STUDY, seed=seed) for seed in (0, 9)]
    locked = lock_split([ground(str(n), root, choice) for n, choice in enumerate(choices)])
    assert locked.split == STUDY


def test_other_photos_are_refused_with_both_paths(root: Path, tmp_path: Path) -> None:
    other = write_dataset(tmp_path / "other", 5)
    with pytest.raises(RunError, match=r"'b' was trained on other photos .*other.* than 'a'"):
        lock_split([ground("a", root), ground("b", other)])


def test_photos_that_changed_between_the_runs_are_other_photos(root: Path) -> None:
    before = ground("a", root)
    write_photo(root / "red" / "new.jpg")
    with pytest.raises(RunError, match="'b' was trained on other photos"):
        lock_split([before, ground("b", root)])


def test_a_copy_elsewhere_is_the_same_dataset(root: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    assert lock_split([ground("a", root), ground("b", copy)]).trouble is None
    assert lock_split([ground("a", root), ground("b", copy, known=False)]).trouble is None


def test_where_one_copy_is_gone_the_other_is_used(root: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    grounds = [ground("a", copy), ground("b", root)]
    shutil.rmtree(copy)
    locked = lock_split(grounds)
    assert locked.dataset == root
    assert locked.trouble is None


def test_a_dataset_that_is_gone_is_told_with_its_path(root: Path) -> None:
    grounds = [ground("a", root), ground("b", root)]
    shutil.rmtree(root)
    locked = lock_split(grounds)
    assert locked.opened is None
    assert str(root) in (locked.trouble or "")


def test_a_dataset_that_changed_after_the_runs_is_told(root: Path) -> None:
    grounds = [ground("a", root), ground("b", root)]
    (root / "red" / "photo 0.jpg").unlink()
    locked = lock_split(grounds)
    assert locked.opened is None
    assert "not those of the training any more" in (locked.trouble or "")


def test_a_run_that_knows_no_photos_is_taken_by_its_path(root: Path) -> None:
    assert lock_split([ground("a", root), ground("b", root, known=False)]).opened is not None
    assert lock_split([ground("a", root, known=False), ground("b", root)]).opened is not None


def test_runs_without_any_model_need_no_dataset(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    locked = lock_split([ground("a", gone, known=False), ground("b", gone, known=False)])
    assert (locked.opened, locked.trouble) == (None, None)


def test_what_cannot_be_told_is_refused(root: Path, tmp_path: Path) -> None:
    gone = ground("b", tmp_path / "gone", known=False)
    with pytest.raises(RunError, match=r"cannot be told whether run 'b'.*gone.*leave the run out"):
        lock_split([ground("a", root), gone])
