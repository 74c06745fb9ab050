"""`catdog classify`: classify photos and write the answers down."""

from collections.abc import Sequence
from pathlib import Path

import click

from catdog_gui.classify import export
from catdog_gui.classify.batch import classify_photos
from catdog_gui.classify.classifier import Classifier
from catdog_gui.classify.model_library import ModelLibrary
from catdog_gui.classify.prediction import Prediction
from catdog_gui.classify.scan import find_photos
from catdog_gui.commands.options import FilePath, NumberRange
from catdog_gui.commands.output import Interrupted, print_json, printable
from catdog_gui.commands.progress import progress_bar
from catdog_gui.paths import AppFolders
from training.errors import CatDogError


@click.command()
@click.argument("photos", nargs=-1, required=True, type=FilePath())
@click.option("--model", help="A model's name, or a model file; by default the newest model.")
@click.option("--csv", "csv_file", type=FilePath(), help="Write a table.")
@click.option("--kaggle", type=FilePath(), help="Write a Kaggle submission.")
@click.option("--species", is_flag=True, help="With --kaggle: add the column Species.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
@click.option("--unsure-below", type=NumberRange(0, 1), help="Label less certain ones unsure.")
@click.option("--no-recursive", is_flag=True, help="Leave out subfolders.")
def classify(
    photos: tuple[Path, ...],
    model: str | None,
    csv_file: Path | None,
    kaggle: Path | None,
    species: bool,
    as_json: bool,
    unsure_below: float | None,
    no_recursive: bool,
) -> None:
    """Say of every photo in PHOTOS, files and folders, what it shows."""
    _check_targets(csv_file, kaggle, photos, species=species)
    found = find_photos(photos, recursive=not no_recursive)
    if not found:
        raise CatDogError(f"There are no photos in {', '.join(map(str, photos))}.")
    library = ModelLibrary(AppFolders.of_this_user().models)
    classifier = Classifier.open(library.newest() if model is None else library.find(model))
    class_names = classifier.description.class_names
    if kaggle:
        export.check_cats_and_dogs(class_names)
    threshold = classifier.description.unsure_below if unsure_below is None else unsure_below
    predictions = _classify_all(found, classifier)
    if csv_file:
        export.write_csv(csv_file, predictions, class_names, threshold)
    if kaggle:
        export.write_kaggle(kaggle, predictions, class_names, species=species)
    if as_json:
        print_json(export.as_json(predictions, classifier, threshold))
    else:
        _print(predictions, classifier, threshold, each=not (csv_file or kaggle))
    if len(predictions) < len(found):
        raise Interrupted


def _check_targets(
    csv_file: Path | None, kaggle: Path | None, photos: Sequence[Path], *, species: bool
) -> None:
    """Refuse what would write over something, before anything is classified."""
    if species and not kaggle:
        raise click.UsageError("--species goes with --kaggle.")
    if csv_file and kaggle and csv_file.resolve() == kaggle.resolve():
        raise click.UsageError("--csv and --kaggle need a file each.")
    for target in filter(None, (csv_file, kaggle)):
        export.check_target(target, photos)


def _classify_all(found: Sequence[Path], classifier: Classifier) -> list[Prediction]:
    """Classify all photos, or those that there was time for until Ctrl+C."""
    predictions: list[Prediction] = []
    with progress_bar() as progress:
        try:
            for batch in classify_photos(found, classifier):
                predictions += batch
                progress.show("classifying", len(predictions), len(found))
        except KeyboardInterrupt:
            return predictions  # fewer than were found, which says that it was interrupted
    return predictions


def _print(
    predictions: Sequence[Prediction], classifier: Classifier, threshold: float, *, each: bool
) -> None:
    """Print a line for every photo if asked to, and what they come to on stderr."""
    class_names = classifier.description.class_names
    for prediction in predictions if each else ():
        answer = (
            f"{prediction.label(class_names, threshold)} {prediction.confidence:.1%}"
            if prediction.readable
            else f"unreadable: {prediction.reason}"
        )
        click.echo(f"{printable(prediction.path)}: {answer}")
    counts = export.count_labels(predictions, class_names, threshold)
    words = ", ".join(f"{count:,} {label}" for label, count in sorted(counts.items()))
    click.echo(f"{len(predictions):,} photos by {classifier.name}: {words}", err=True)
