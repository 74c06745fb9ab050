"""`catdog classify`: classify photos and write the answers down."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from catdog_gui.classify import export
from catdog_gui.classify.batch import classify_photos
from catdog_gui.classify.classifier import Classifier
from catdog_gui.classify.library import ModelLibrary
from catdog_gui.classify.scan import find_photos
from catdog_gui.commands.output import Interrupted, print_json, printable
from catdog_gui.commands.progress import progress_bar
from catdog_gui.paths import AppFolders
from training.errors import CatDogError


@click.command()
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--model", help="A model's name, or a model file; by default the newest model.")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), help="Write a table.")
@click.option("--kaggle", type=click.Path(path_type=Path), help="Write a Kaggle submission.")
@click.option("--species", is_flag=True, help="With --kaggle: add the column Species.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
@click.option("--unsure-below", type=click.FloatRange(0, 1), help="Label less certain ones unsure.")
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
    if species and not kaggle:
        raise click.UsageError("--species goes with --kaggle.")
    for target in filter(None, (csv_file, kaggle)):
        export.check_target(target)
    found = find_photos(photos, recursive=not no_recursive)
    if not found:
        raise CatDogError(f"There are no photos in {', '.join(map(str, photos))}.")
    library = ModelLibrary(AppFolders.of_this_user().models)
    classifier = Classifier.open(library.find(model) if model else library.newest())
    threshold = classifier.description.unsure_below if unsure_below is None else unsure_below
    class_names = classifier.description.class_names
    predictions = []
    with _kept_when_interrupted() as interruption, progress_bar() as progress:
        for batch in classify_photos(found, classifier):
            predictions += batch
            progress.show("classifying", len(predictions), len(found))
    if csv_file:
        export.write_csv(csv_file, predictions, class_names, threshold)
    if kaggle:
        export.write_kaggle(kaggle, predictions, class_names, species=species)
    if as_json:
        print_json(export.as_json(predictions, classifier, threshold))
    elif not csv_file and not kaggle:
        for prediction in predictions:
            answer = (
                f"{prediction.label(class_names, threshold)} {prediction.confidence:.1%}"
                if prediction.readable
                else f"unreadable: {prediction.reason}"
            )
            click.echo(f"{printable(prediction.path)}: {answer}")
    if not as_json:
        counts = export.count_labels(predictions, class_names, threshold)
        words = ", ".join(f"{count:,} {label}" for label, count in sorted(counts.items()))
        click.echo(f"{len(predictions):,} photos by {classifier.name}: {words}", err=True)
    interruption()


@contextmanager
def _kept_when_interrupted() -> Iterator[Callable[[], None]]:
    """Let Ctrl+C end the block early; the function yielded raises `Interrupted` if it did."""
    interrupted = False

    def raise_if_interrupted() -> None:
        if interrupted:
            raise Interrupted

    try:
        yield raise_if_interrupted
    except KeyboardInterrupt:
        interrupted = True
