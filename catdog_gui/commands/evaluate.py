"""`catdog evaluate`: judge a model on labelled photos."""

from pathlib import Path

import click

from catdog_gui.classify.classifier import Classifier
from catdog_gui.classify.evaluation import evaluate as judge
from catdog_gui.classify.judging import photos_to_judge
from catdog_gui.classify.leaks import find_leaked
from catdog_gui.classify.model_library import ModelLibrary
from catdog_gui.commands.evaluation_output import evaluation_lines, evaluation_values
from catdog_gui.commands.options import FilePath
from catdog_gui.commands.output import one_line, print_json
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
    """Judge MODEL, a name or a file, on the labelled photos of DATASET.

    Told are the accuracy with its 95% interval, what was taken for what, precision, recall and F1
    of every class, ROC AUC and log loss, whether the model is right as often as it says, from
    which confidence on its answers can be trusted, and its worst mistakes.
    """
    library = ModelLibrary(AppFolders.of_this_user().models)
    classifier = Classifier.open(library.find(model))
    opened = open_dataset(dataset)
    with progress_bar() as progress:
        leaked = find_leaked(
            classifier,
            opened,
            photos_to_judge(classifier, opened, split)[0],
            on_progress=lambda done, total: progress.show("looking for leaks", done, total),
        )
        evaluation = judge(
            classifier,
            opened,
            split,
            leaked=leaked,
            on_progress=lambda done, total: progress.show("evaluating", done, total),
        )
    if as_json:
        about = {"model": classifier.name, "dataset": str(dataset)}
        print_json({**about, **evaluation_values(evaluation)})
        return
    for line in evaluation_lines(evaluation, classifier.name):
        click.echo(line)
    for path, reason in evaluation.judged.unreadable:
        click.echo(f"left out {one_line(path)}: {reason}", err=True)
