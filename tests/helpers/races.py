"""Runs that can be compared, made without training: a record, a history, and a model of colours."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.classify.remaking import remake
from tests.helpers.models import write_colour_model
from training.configuration import SplitChoice, TrainingConfig
from training.dataset import open_dataset
from training.events import EpochEnded
from training.model_file import TrainedOn
from training.recipes import RECIPES
from training.runs import ProcessMark, Run, RunState
from training.splits import SplitMethod

SPLIT = SplitChoice(method=SplitMethod.STRATIFIED, seed=3)
EPOCHS = (
    EpochEnded(1, 0.75, 0.5, 0.625, 0.75, 12.5),
    EpochEnded(2, 0.5, 0.75, 0.375, 0.875, 11.0),
)


def make_racer(
    home: Path,
    name: str,
    dataset: Path,
    *,
    colour_blind: bool = False,
    model: bool = True,
    split: SplitChoice = SPLIT,
    epochs: Sequence[EpochEnded] = EPOCHS,
    state: RunState = RunState.FINISHED,
    reason: str | None = None,
) -> Run:
    """Write a run, and the model that it made of `dataset`; return the run.

    Args:
        home: Where the program keeps its files.
        name: The run's.
        dataset: What it says that it was trained on; it has to exist if there is to be a model.
        colour_blind: The model takes blue for red and red for blue.
        model: There is one.
        split: How the dataset was divided.
        epochs: The history.
        state: How it stands.
        reason: Why it failed.
    """
    run = Run(home / "runs" / name)
    model_file = home / "models" / f"{name}.catdog"
    config = TrainingConfig(
        run=name,
        dataset=str(dataset),
        recipe="baseline",
        hyperparameters=RECIPES["baseline"].defaults,
        split=split,
        run_folder=str(run.folder),
        model_file=str(model_file),
        cache_folder=str(home / "caches"),
    )
    record = replace(run.create(config), state=state, reason=reason)
    record = replace(record, process=ProcessMark.of_this_process())
    if model:
        write_racer_model(model_file, dataset, run.identity(), split, colour_blind=colour_blind)
        record = replace(record, model=str(model_file))
    run.write(record)
    for epoch in epochs:
        run.append_history(epoch)
    return run


def write_racer_model(
    path: Path, dataset: Path, run: str, split: SplitChoice = SPLIT, *, colour_blind: bool = False
) -> None:
    """Write a model file that says that a run made it of a dataset."""
    fingerprint = open_dataset(dataset).fingerprint
    origin = TrainedOn(name=dataset.name, fingerprint=fingerprint, split=split)
    names = ("red", "blue") if colour_blind else ("blue", "red")
    classes = ("blue", "red")
    changes = {"trained_on": origin, "class_names": classes, "run": run}
    remake(write_colour_model(path, names), changes)
