"""From what a user chose to the configuration of a new run."""

from dataclasses import dataclass
from pathlib import Path

from catdog_gui.classify.model_library import ModelLibrary
from catdog_gui.paths import AppFolders
from training.configuration import Hyperparameters, SplitChoice, TrainingConfig
from training.errors import ConfigurationError
from training.runs import free_name


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChoices:
    """What a user chose for a run."""

    dataset: Path
    recipe: str
    hyperparameters: Hyperparameters
    split: SplitChoice
    name: str = ""
    """Of the run and its model; chosen if left out."""
    weights_file: Path | None = None
    """A file of the backbone's pretrained weights."""


def plan_run(choices: RunChoices, folders: AppFolders) -> TrainingConfig:
    """Return the configuration of a new run in a user's folders.

    Raises:
        ConfigurationError: The name cannot be used, or a model bears it already.
    """
    name = choices.name or free_name(choices.recipe, folders.runs, folders.models)
    model = ModelLibrary(folders.models).path_of(name)
    if model.exists():
        raise ConfigurationError(
            f"There is a model named {name!r} already: choose another name for the run."
        )
    weights = choices.weights_file
    return TrainingConfig(
        run=name,
        dataset=str(choices.dataset.absolute()),
        recipe=choices.recipe,
        hyperparameters=choices.hyperparameters,
        split=choices.split,
        run_folder=str(folders.runs / name),
        model_file=str(model),
        cache_folder=str(folders.caches),
        weights_file=str(weights.absolute()) if weights is not None else None,
    )
