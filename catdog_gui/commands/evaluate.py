"""`catdog evaluate`: judge a model on labelled photos."""

from pathlib import Path

import click

from catdog_gui.classify.classifier import Classifier
from catdog_gui.classify.evaluation import evaluate as judge
from catdog_gui.classify.model_library import ModelLibrary
from catdog_gui.commands.options import FilePath
from catdog_gui.commands.output import accuracy_words, print_json
from catdog_gui.commands.progress import progress_bar
from catdog_gui.paths import AppFolders
from training.dataset import open_dataset


@click.command()
@click.argument("model")
@click.argument("dataset", type=FilePath())
@click.option(
    "--split",
    type=click.Choice(["test", "all"]),
    help="By default photos that the model was not trained on.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
def evaluate(model: str, dataset: Path, split: str | None, as_json: bool) -> None:
    """Judge MODEL, a name or a file, on the labelled photos of DATASET."""
    library = ModelLibrary(AppFolders.of_this_user().models)
    classifier = Classifier.open(library.find(model))
    opened = open_dataset(dataset)
    with progress_bar() as progress:
        outcome = judge(
            classifier,
            opened,
            split,
            on_progress=lambda done, total: progress.show("evaluating", done, total),
        )
    interval = outcome.interval
    if as_json:
        print_json(
            {
                "model": classifier.name,
                "dataset": str(dataset),
                "split": outcome.split,
                "photos": outcome.photos,
                "accuracy": outcome.accuracy,
                "accuracy_low": interval.low,
                "accuracy_high": interval.high,
                "classes": list(outcome.class_names),
                "confusion": outcome.confusion.tolist(),
                "unreadable": [{"path": p, "reason": why} for p, why in outcome.unreadable],
            }
        )
        return
    click.echo(
        f"{accuracy_words(outcome.accuracy, interval)} of "
        f"{outcome.photos:,} photos ({outcome.split}) by {classifier.name}"
    )
    for name, row in zip(outcome.class_names, outcome.confusion, strict=True):
        taken = ", ".join(
            f"{count:,} for {other}" for other, count in zip(outcome.class_names, row, strict=True)
        )
        click.echo(f"  {name}: taken {taken}")
    for path, reason in outcome.unreadable:
        click.echo(f"left out {path}: {reason}", err=True)
