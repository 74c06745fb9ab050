"""`catdog train`: train a model, with a line an epoch."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path

import click

from catdog_gui.classify.run_planning import RunChoices, plan_run
from catdog_gui.commands.interruptions import interruptions_heeded
from catdog_gui.commands.options import FilePath, NumberRange, augmentation_options
from catdog_gui.commands.output import Interrupted, accuracy_words
from catdog_gui.commands.progress import Progress, progress_bar
from catdog_gui.paths import AppFolders
from training.configuration import (
    LIMITS,
    MOST_HELD_OUT,
    Hyperparameters,
    Optimizer,
    Precision,
    Schedule,
    SplitChoice,
    TrainingConfig,
)
from training.dataset import Dataset, open_dataset
from training.errors import CatDogError, ConfigurationError
from training.events import (
    BatchEnded,
    Continued,
    EpochEnded,
    Event,
    Failed,
    Finished,
    Noticed,
    Paused,
    PhotoSkipped,
    Progressed,
    Started,
    Stopped,
)
from training.files import check_name
from training.metrics import wilson_interval
from training.process import TrainingProcess
from training.recipes import RECIPES, Recipe, why_idle
from training.runs import Run
from training.splits import SplitMethod, default_split_method, draws_photos

MOST_LEFT_OUT_TOLD = 20
"""Photos that are told of one by one; `catdog dataset check` lists them all."""
_VALIDATION_SHARE = NumberRange(0.01, MOST_HELD_OUT)
_TEST_SHARE = NumberRange(0, MOST_HELD_OUT)


def _run_name(_context: click.Context, _option: click.Parameter, name: str | None) -> str | None:
    try:
        return None if name is None else check_name(name, "The run name")
    except ConfigurationError as error:
        raise click.BadParameter(str(error)) from error


def _whole(name: str) -> click.IntRange:
    return click.IntRange(int(LIMITS[name].least), int(LIMITS[name].most))


def _number(name: str) -> NumberRange:
    return NumberRange(LIMITS[name].least, LIMITS[name].most)


def _choice(kinds: Iterable[StrEnum]) -> click.Choice[str]:
    return click.Choice([kind.value for kind in kinds])


@click.command()
@click.argument("dataset", type=FilePath(), required=False)
@click.option("--recipe", type=click.Choice(list(RECIPES)))
@click.option("--resume", metavar="RUN", callback=_run_name, help="Go on with an interrupted run.")
@click.option("--name", callback=_run_name, help="Of the run and its model.")
@click.option("--split", type=_choice(SplitMethod), help="By default what the dataset suggests.")
@click.option("--validation-share", type=_VALIDATION_SHARE, help="Where photos are drawn for it.")
@click.option("--test-share", type=_TEST_SHARE, help="Of a split by ratio.")
@click.option("--weights", type=FilePath(), help="A file of the backbone's pretrained weights.")
@click.option("--epochs", type=_whole("epochs"))
@click.option("--steps-per-epoch", type=_whole("steps_per_epoch"), help="0: one whole pass.")
@click.option("--batch-size", type=_whole("batch_size"), help="Photos in a batch.")
@click.option("--validation-steps", type=_whole("validation_steps"), help="0: all photos.")
@click.option("--learning-rate", type=_number("learning_rate"))
@click.option("--image-side", type=_whole("image_side"), help="Pixels.")
@click.option("--seed", type=_whole("seed"))
@click.option("--optimizer", type=_choice(Optimizer))
@click.option("--schedule", type=_choice(Schedule), help="Of the learning rate.")
@click.option("--weight-decay", type=_number("weight_decay"))
@click.option("--dropout", type=_number("dropout"), help="Share left out before the head.")
@click.option("--head-epochs", type=_whole("head_epochs"), help="Before a block is released.")
@click.option("--head-learning-rate", type=_number("head_learning_rate"))
@click.option("--patience", type=_whole("patience"), help="Epochs; 0: never stop early.")
@click.option("--precision", type=_choice(Precision), help="auto: what is quicker here.")
@click.option("--checkpoint-every", type=_whole("checkpoint_every"), help="Batches; 0: epochs.")
@click.option("--views", type=_whole("views"), help="Augmented versions kept as features.")
@augmentation_options
def train(
    dataset: Path | None,
    recipe: str | None,
    resume: str | None,
    name: str | None,
    split: str | None,
    validation_share: float | None,
    test_share: float | None,
    weights: Path | None,
    **numbers: float | str | None,
) -> None:
    """Train a model on DATASET: a folder of class folders, or of cat.N.jpg files, or a zip."""
    folders = AppFolders.of_this_user()
    shares = {"validation_share": validation_share, "test_share": test_share}
    if resume is not None:
        given = [dataset, recipe, name, split, *shares.values(), weights, *numbers.values()]
        if any(value is not None for value in given):
            raise click.UsageError("--resume takes everything from the run: give nothing else.")
        config = Run(folders.runs / resume).read().config
        _follow(config, resume=True)
        return
    if dataset is None or recipe is None:
        raise click.UsageError("Name a DATASET and a --recipe, or a run to --resume.")
    hyperparameters = _with_choices(RECIPES[recipe].defaults, numbers)
    _refuse_idle(RECIPES[recipe], hyperparameters, {**numbers, "weights": weights})
    choice = _split(open_dataset(dataset), split, hyperparameters.seed, shares)
    choices = RunChoices(
        dataset=dataset,
        recipe=recipe,
        hyperparameters=hyperparameters,
        split=choice,
        name=name or "",
        weights_file=weights,
    )
    _follow(plan_run(choices, folders))


def _refuse_idle(
    recipe: Recipe, numbers: Hyperparameters, choices: Mapping[str, object | None]
) -> None:
    """Refuse options that would change nothing, which whoever gave them does not expect."""
    for name, value in choices.items():
        reason = None if value is None else why_idle(recipe, numbers, name)
        if reason is not None:
            option = name.replace("_", "-")
            raise click.UsageError(f"--{option} does nothing for {recipe.name}: {reason}.")


def _split(
    dataset: Dataset, method: str | None, seed: int, shares: Mapping[str, float | None]
) -> SplitChoice:
    """Choose a split, and make sure that it can be made: it must not use up the run's name."""
    chosen = SplitMethod(method) if method else default_split_method(dataset)
    given = {name: share for name, share in shares.items() if share is not None}
    drawn = {SplitMethod.STRATIFIED: given, SplitMethod.FOLDERS: {"validation_share"}}
    idle = [share for share in given if share not in drawn.get(chosen, ())]
    if idle or (given and not draws_photos(dataset, chosen)):
        option = next(iter(idle or given)).replace("_", "-")
        raise click.UsageError(
            f"--{option} does nothing for the {chosen} split of {dataset.path}: it draws no photos "
            "for it."
        )
    usual = SplitChoice(method=chosen, seed=seed)
    choice = replace(
        usual,
        validation_share=given.get("validation_share", usual.validation_share),
        test_share=given.get("test_share", usual.test_share),
    )
    choice.divide(dataset)
    return choice


def _with_choices(
    defaults: Hyperparameters, choices: Mapping[str, float | str | None]
) -> Hyperparameters:
    values = {**asdict(defaults), "augmentation": asdict(defaults.augmentation)}
    for name, value in choices.items():
        if value is not None:
            (values if name in values else values["augmentation"])[name] = value
    return Hyperparameters.from_values(values)


def _follow(config: TrainingConfig, *, resume: bool = False) -> None:
    """Train, showing what the training process tells; Ctrl+C stops it, a second one kills.

    Raises:
        Interrupted: It was stopped.
        CatDogError: It failed.
    """
    process = TrainingProcess(config, resume=resume)
    begun = False
    try:
        with (
            interruptions_heeded(process.stop, process.kill) as interrupted,
            progress_bar() as progress,
        ):
            show = _EventPrinter(progress)
            for event in process.events():
                begun = begun or isinstance(event, Started | Stopped)
                show(event)
    finally:
        if begun and Run(Path(config.run_folder)).checkpoint.exists():
            click.echo(f"`catdog train --resume {config.run}` goes on with it.", err=True)
    if interrupted():
        raise Interrupted


class _EventPrinter:
    """Prints a line an epoch and moves the progress bar in between."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._epochs = 0
        self._steps = 0
        self._left_out = 0

    def __call__(self, event: Event) -> None:
        """Show an event.

        Raises:
            CatDogError: It is a failure.
        """
        match event:
            case Progressed():
                self._progress.show(event.stage, event.done, event.total)
            case Started():
                self._begin(event)
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
                self._leave_out(event)
            case Noticed() | Paused() | Continued():
                _say_aside(event)
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

    def _begin(self, event: Started) -> None:
        if self._left_out > MOST_LEFT_OUT_TOLD:
            click.echo(f"left out {self._left_out:,} photos in all", err=True)
        self._epochs, self._steps = event.epochs, event.steps_per_epoch
        click.echo(
            f"{event.run}: {event.parameters:,} parameters, {event.train_photos:,} photos to train "
            f"on, {event.validation_photos:,} to validate with, on {event.device}, in "
            f"{event.precision}"
        )
        if event.epochs_before:
            click.echo(f"resumed after epoch {event.epochs_before}")

    def _leave_out(self, event: PhotoSkipped) -> None:
        self._left_out += 1
        if self._left_out <= MOST_LEFT_OUT_TOLD:
            click.echo(f"left out {event.photo}: {event.reason}", err=True)


def _say_aside(event: Noticed | Paused | Continued) -> None:
    """Say on stderr what is no part of the run's history."""
    match event:
        case Noticed():
            text = event.text
        case Paused():
            text = "paused"
        case Continued():
            text = "going on"
    click.echo(text, err=True)
