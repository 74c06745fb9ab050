"""`catdog train`: train a model, with a line an epoch."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import Any

import click

from catdog_gui.classify.model_library import ModelLibrary
from catdog_gui.commands.options import FilePath, NumberRange
from catdog_gui.commands.output import Interrupted, accuracy_words
from catdog_gui.commands.progress import Progress, progress_bar
from catdog_gui.paths import AppFolders
from training.configuration import LIMITS, Hyperparameters, SplitChoice, TrainingConfig
from training.dataset import open_dataset
from training.errors import CatDogError, ConfigurationError
from training.events import (
    BatchEnded,
    EpochEnded,
    Event,
    Failed,
    Finished,
    PhotoSkipped,
    Progressed,
    Started,
    Stopped,
)
from training.files import check_name
from training.metrics import wilson_interval
from training.process import TrainingProcess
from training.recipes import RECIPES
from training.runs import free_name
from training.splits import SplitMethod, default_split_method


def _run_name(_context: click.Context, _option: click.Parameter, name: str | None) -> str | None:
    try:
        return None if name is None else check_name(name, "The run name")
    except ConfigurationError as error:
        raise click.BadParameter(str(error)) from error


def _whole(name: str) -> click.IntRange:
    return click.IntRange(int(LIMITS[name].least), int(LIMITS[name].most))


@click.command()
@click.argument("dataset", type=FilePath())
@click.option("--recipe", type=click.Choice(list(RECIPES)), required=True)
@click.option("--epochs", type=_whole("epochs"))
@click.option("--steps-per-epoch", type=_whole("steps_per_epoch"))
@click.option("--batch-size", type=_whole("batch_size"))
@click.option("--validation-steps", type=_whole("validation_steps"))
@click.option(
    "--learning-rate",
    type=NumberRange(LIMITS["learning_rate"].least, LIMITS["learning_rate"].most),
)
@click.option("--image-side", type=_whole("image_side"), help="Pixels.")
@click.option("--seed", type=_whole("seed"))
@click.option("--name", callback=_run_name, help="Of the run and its model.")
@click.option(
    "--split",
    type=click.Choice([method.value for method in SplitMethod]),
    help="By the study's ids, by ratio, or by folders; by default what the dataset suggests.",
)
def train(
    dataset: Path, recipe: str, name: str | None, split: str | None, **numbers: float | None
) -> None:
    """Train a model on DATASET: a folder of class folders, or of cat.N.jpg files, or a zip."""
    folders = AppFolders.of_this_user()
    hyperparameters = _with_choices(RECIPES[recipe].defaults, numbers)
    opened = open_dataset(dataset)
    method = SplitMethod(split) if split else default_split_method(opened)
    choice = SplitChoice(method=method, seed=hyperparameters.seed)
    choice.divide(opened)  # what cannot be divided must not use up the run's name
    run_name = name or free_name(recipe, folders.runs, folders.models)
    model = ModelLibrary(folders.models).path_of(run_name)
    if model.exists():
        raise CatDogError(f"There is a model named {run_name!r} already: choose another --name.")
    config = TrainingConfig(
        run=run_name,
        dataset=str(dataset.absolute()),
        recipe=recipe,
        hyperparameters=hyperparameters,
        split=choice,
        run_folder=str(folders.runs / run_name),
        model_file=str(model),
    )
    _follow(TrainingProcess(config))


def _with_choices(
    defaults: Hyperparameters, choices: Mapping[str, float | None]
) -> Hyperparameters:
    chosen: dict[str, Any] = {key: value for key, value in choices.items() if value is not None}
    return replace(defaults, **chosen)


def _follow(process: TrainingProcess) -> None:
    """Show a training process's events until it ends; the first Ctrl+C stops it, a second kills.

    Raises:
        Interrupted: It was stopped.
        CatDogError: It failed.
    """
    with _heeding_interruptions(process) as interrupted, progress_bar() as progress:
        show = _EventPrinter(progress)
        for event in process.events():
            show(event)
    if interrupted():
        raise Interrupted


@contextmanager
def _heeding_interruptions(process: TrainingProcess) -> Iterator[Callable[[], bool]]:
    """Let Ctrl+C stop the process and a second one kill it, without breaking into its events.

    `KeyboardInterrupt` raised inside the generator of events would end it, and with it what the
    process has yet to tell.
    """
    pressed = 0

    def heed(_number: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        pressed += 1
        # In a thread, since the code that was interrupted may hold the lock that stopping needs.
        Thread(target=process.stop if pressed == 1 else process.kill).start()

    before = signal.signal(signal.SIGINT, heed)
    try:
        yield lambda: pressed > 0
    finally:
        signal.signal(signal.SIGINT, before)


class _EventPrinter:
    """Prints a line an epoch and moves the progress bar in between."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._epochs = 0
        self._steps = 0

    def __call__(self, event: Event) -> None:
        """Show an event.

        Raises:
            CatDogError: It is a failure.
        """
        match event:
            case Progressed():
                self._progress.show(event.stage, event.done, event.total)
            case Started():
                self._epochs, self._steps = event.epochs, event.steps_per_epoch
                click.echo(
                    f"{event.run}: {event.parameters:,} parameters, {event.train_photos:,} photos "
                    f"to train on, {event.validation_photos:,} to validate with, on {event.device}"
                )
            case BatchEnded():
                done = (event.epoch - 1) * self._steps + event.batch
                text = f"epoch {event.epoch} loss {event.loss:.3f} accuracy {event.accuracy:.3f}"
                self._progress.show(text, done, self._epochs * self._steps)
            case EpochEnded():
                click.echo(
                    f"epoch {event.epoch}/{self._epochs}: loss {event.loss:.4f} "
                    f"accuracy {event.accuracy:.4f} val_loss {event.val_loss:.4f} "
                    f"val_accuracy {event.val_accuracy:.4f} ({event.seconds:.1f} s)"
                )
            case PhotoSkipped():
                click.echo(f"left out {event.photo}: {event.reason}", err=True)
            case Finished():
                interval = wilson_interval(round(event.accuracy * event.photos), event.photos)
                click.echo(
                    f"{accuracy_words(event.accuracy, interval)} of "
                    f"{event.photos:,} validation photos, best in epoch {event.best_epoch}: "
                    f"{event.model}"
                )
            case Stopped():
                click.echo(
                    f"stopped; the best model so far is {event.model}"
                    if event.model
                    else "stopped before an epoch was complete, so that there is no model"
                )
            case Failed():
                kept = f" The best model so far is kept: {event.model}." if event.model else ""
                raise CatDogError(f"{event.reason}{kept}")
