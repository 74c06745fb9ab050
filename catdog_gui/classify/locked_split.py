"""The one split that runs have to share before they can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training.configuration import SplitChoice
from training.dataset import Dataset, open_dataset
from training.errors import DatasetError, RunError
from training.splits import SplitMethod


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a run was trained on."""

    run: str
    dataset: Path
    split: SplitChoice
    fingerprint: str | None
    """Of the dataset when it was trained on; a run without a model does not know it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedSplit:
    """The dataset and split that all runs share."""

    dataset: Path
    split: SplitChoice
    fingerprint: str | None
    opened: Dataset | None
    """The dataset, if it is still there as it was."""
    trouble: str | None
    """Why it is not, in one sentence."""

    @property
    def words(self) -> str:
        """The split in words."""
        return split_words(self.split)


def lock_split(grounds: Sequence[Ground]) -> LockedSplit:
    """Make sure that runs share one dataset and one split, and open it.

    Args:
        grounds: One for each run, the first being what the others are compared with.

    Raises:
        RunError: They do not, or it cannot be told.
    """
    first = grounds[0]
    for other in grounds[1:]:
        if same_split(first.split) != same_split(other.split):
            raise RunError(
                f"Run {other.run!r} is on {split_words(other.split)}, but {first.run!r} on "
                f"{split_words(first.split)}: compare runs on one split, training one of them "
                "again with the other's --split, shares and --seed."
            )
    known = next((ground for ground in grounds if ground.fingerprint), None)
    _check_datasets(grounds, known)
    fingerprint = known.fingerprint if known else None
    opened, trouble = _open(grounds, fingerprint)
    return LockedSplit(
        dataset=opened.path if opened else first.dataset,
        split=same_split(first.split),
        fingerprint=fingerprint,
        opened=opened,
        trouble=trouble,
    )


def same_split(choice: SplitChoice) -> SplitChoice:
    """Return a split without the seed and shares that only a split by ratio goes by."""
    if choice.method is SplitMethod.STRATIFIED:
        return choice
    plain = SplitChoice(method=choice.method)
    return replace(plain, seed=0)


def split_words(choice: SplitChoice) -> str:
    """Say in words how a dataset is divided."""
    if choice.method is SplitMethod.STUDY:
        return "the study's split"
    if choice.method is SplitMethod.FOLDERS:
        return "the split by folders"
    return (
        f"a split by ratio (seed {choice.seed}, {choice.validation_share:.0%} validation, "
        f"{choice.test_share:.0%} test)"
    )


def _check_datasets(grounds: Sequence[Ground], known: Ground | None) -> None:
    """Compare fingerprints; of runs that know none, the path or what lies there now."""
    reference = known or grounds[0]
    for other in grounds:
        if other.dataset.resolve() == reference.dataset.resolve() and not other.fingerprint:
            continue
        if _fingerprint(other) != _fingerprint(reference):
            raise RunError(
                f"Run {other.run!r} was trained on other photos ({other.dataset}) than "
                f"{reference.run!r} ({reference.dataset}): compare runs on one dataset, training "
                "one of them again."
            )


def _fingerprint(ground: Ground) -> str:
    if ground.fingerprint:
        return ground.fingerprint
    try:
        return open_dataset(ground.dataset).fingerprint
    except DatasetError as error:
        raise RunError(
            f"It cannot be told whether run {ground.run!r} is on the same photos, since it has no "
            f"model and its dataset {ground.dataset} cannot be opened: leave the run out."
        ) from error


def _open(grounds: Sequence[Ground], fingerprint: str | None) -> tuple[Dataset | None, str | None]:
    """Open the dataset wherever one of the runs found it, or say why that cannot be done."""
    if fingerprint is None:
        return None, None  # there is no model to judge with it
    troubles = []
    for path in dict.fromkeys(ground.dataset for ground in grounds):
        try:
            dataset = open_dataset(path)
        except DatasetError as error:
            troubles.append(str(error))
            continue
        if dataset.fingerprint == fingerprint:
            return dataset, None
        troubles.append(
            f"The photos of {path} are not those of the training any more: put back what was "
            "added, changed or taken away."
        )
    return None, troubles[0]
