"""`catdog classify`: classify photos, write the answers down, and sort by them."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from catdog_gui.classify import export
from catdog_gui.classify.catalog import Catalog
from catdog_gui.classify.model_library import ModelLibrary
from catdog_gui.classify.precision import AUTO, PRECISIONS, Precision
from catdog_gui.classify.prediction import Prediction, PredictionTable
from catdog_gui.classify.remembering import (
    ChosenModel,
    classify_with_catalog,
    with_corrections,
)
from catdog_gui.classify.scan import PhotoScan, check_paths, iter_photos
from catdog_gui.commands import classify_output as output
from catdog_gui.commands.interruptions import interruptions_heeded
from catdog_gui.commands.options import FilePath, NumberRange
from catdog_gui.commands.output import Interrupted, one_line, print_json
from catdog_gui.commands.progress import progress_bar
from catdog_gui.commands.sort_by_label import SortWishes, sort_by_label, sort_options
from catdog_gui.paths import AppFolders
from training.errors import CatDogError
from training.images import READER

LOCAL, RAY = "local", "ray"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the options of `catdog classify` ask for."""

    photos: tuple[Path, ...]
    model: str | None
    csv_file: Path | None
    kaggle: Path | None
    species: bool
    jsonl: Path | None
    as_json: bool
    unsure_below: float | None
    no_recursive: bool
    sort: SortWishes | None
    write_keywords: bool
    fresh: bool
    precision: Precision
    engine: str
    address: str | None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself, or would write over something.

        Raises:
            click.UsageError: Options contradict each other.
            ConfigurationError: A file cannot be written to.
        """
        if self.species and not self.kaggle:
            raise click.UsageError("--species goes with --kaggle.")
        if self.address is not None and self.engine != RAY:
            raise click.UsageError("--address goes with --engine ray.")
        targets = [target for target in (self.csv_file, self.kaggle, self.jsonl) if target]
        if len({os.path.realpath(target) for target in targets}) < len(targets):
            raise click.UsageError("--csv, --kaggle and --jsonl need a file each.")
        for target in targets:
            export.check_target(target, self.photos)

    @property
    def prints_photos(self) -> bool:
        """Whether every photo gets a line on the terminal: nobody asked for anything else."""
        files = (self.csv_file, self.kaggle, self.jsonl)
        return not (any(files) or self.as_json or self.sort)


@click.command()
@click.argument("photos", nargs=-1, required=True, type=FilePath())
@click.option("--model", help="A model's name, or a model file; by default the newest model.")
@click.option("--csv", "csv_file", type=FilePath(), help="Write a table.")
@click.option("--kaggle", type=FilePath(), help="Write a Kaggle submission.")
@click.option("--species", is_flag=True, help="With --kaggle: add the column Species.")
@click.option("--jsonl", type=FilePath(), help="Write a JSON object a line for every photo.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
@click.option("--unsure-below", type=NumberRange(0, 1), help="Label less certain ones unsure.")
@click.option("--no-recursive", is_flag=True, help="Leave out subfolders.")
@sort_options
@click.option("--write-keywords", is_flag=True, help="Write labels as keywords beside photos.")
@click.option("--fresh", is_flag=True, help="Ask about photos that were answered before, too.")
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default=AUTO,
    show_default=True,
    help="What to compute in; auto uses bfloat16 where it is quicker and classes stay the same.",
)
@click.option(
    "--engine",
    type=click.Choice((LOCAL, RAY)),
    default=LOCAL,
    show_default=True,
    help="This computer, or a Ray cluster.",
)
@click.option("--address", help="With --engine ray: where the cluster is.")
def classify(**options: Any) -> None:
    """Say of every photo in PHOTOS, files and folders, what it shows."""
    wishes = Wishes(sort=SortWishes.taken_from(options), **options)
    check_paths(wishes.photos)
    folders = AppFolders.of_this_user()
    library = ModelLibrary(folders.models)
    path = library.newest() if wishes.model is None else library.find(wishes.model)
    model = ChosenModel(path, wishes.precision)
    if wishes.kaggle:
        export.check_cats_and_dogs(model.description.class_names)
    with (
        interruptions_heeded() as interrupted,
        Catalog(folders.catalog, READER, _complain) as catalog,
    ):
        table = _classify(wishes, model, path, catalog, interrupted)
        _write_files(wishes, table)
        more = {} if interrupted() else _act(wishes, table, folders.journals, interrupted)
        if wishes.as_json:
            print_json({**output.table_values(table, model), **more})
        else:
            output.print_summary(table, model)
        _judge(more, interrupted)


def _classify(
    wishes: Wishes,
    model: ChosenModel,
    path: Path,
    catalog: Catalog,
    interrupted: Callable[[], bool],
) -> PredictionTable:
    """Classify all photos, or those that there was time for until Ctrl+C."""
    threshold = wishes.unsure_below
    if threshold is None:
        threshold = model.description.unsure_below
    class_names = model.description.class_names
    scan = PhotoScan(lambda: _photos(wishes, interrupted))
    predictions: list[Prediction] = []
    with progress_bar() as progress, closing(scan):
        for batch in _batches(wishes, scan, model, path, catalog, interrupted):
            predictions += batch
            if wishes.prints_photos:
                output.print_photos(batch, class_names, threshold)
            progress.show("classifying", len(predictions), scan.total)
    if not predictions and not interrupted():
        raise CatDogError(f"There are no photos in {', '.join(map(str, wishes.photos))}.")
    return PredictionTable(tuple(predictions), class_names, threshold)


def _photos(wishes: Wishes, should_stop: Callable[[], bool]) -> Iterable[Path]:
    # Photos that were sorted before, into a folder among the photos, are not sorted again.
    without = wishes.sort.into if wishes.sort else None
    return iter_photos(
        wishes.photos,
        recursive=not wishes.no_recursive,
        without=without,
        should_stop=should_stop,
    )


def _batches(
    wishes: Wishes,
    scan: PhotoScan,
    model: ChosenModel,
    path: Path,
    catalog: Catalog,
    interrupted: Callable[[], bool],
) -> Iterator[Sequence[Prediction]]:
    if wishes.engine == LOCAL:
        yield from classify_with_catalog(
            scan, model, catalog, fresh=wishes.fresh, should_stop=interrupted
        )
        return
    from catdog_gui.classify.cluster import classify_on_cluster

    for batch in classify_on_cluster(
        scan,
        path,
        address=wishes.address,
        precision=wishes.precision,
        should_stop=interrupted,
    ):
        model.read += len(batch)
        yield with_corrections(batch, catalog)


def _write_files(wishes: Wishes, table: PredictionTable) -> None:
    predictions, class_names, threshold = table.predictions, table.class_names, table.unsure_below
    if wishes.csv_file:
        export.write_csv(wishes.csv_file, predictions, class_names, threshold)
    if wishes.jsonl:
        export.write_json_lines(wishes.jsonl, predictions, class_names, threshold)
    if wishes.kaggle:
        export.write_kaggle(wishes.kaggle, predictions, class_names, species=wishes.species)


def _act(
    wishes: Wishes, table: PredictionTable, journals: Path, interrupted: Callable[[], bool]
) -> dict[str, Any]:
    """Write keywords and sort, if asked to; return what came of it as JSON can hold it."""
    acted: dict[str, Any] = {}
    sort = wishes.sort
    if wishes.write_keywords and not (sort and sort.dry_run):
        # Before photos are sorted, so that keywords go where their photos go.
        acted["keywords"] = output.keep_keywords(table, interrupted)
    if sort and not interrupted():
        done = sort_by_label(sort, table, wishes.photos, journals, interrupted)
        acted["sort"] = done.values
        if not wishes.as_json:
            click.echo("\n".join(done.words))
    return acted


def _judge(acted: dict[str, Any], interrupted: Callable[[], bool]) -> None:
    """End with the right exit code.

    Raises:
        Interrupted: Ctrl+C was pressed.
        CatDogError: Not everything could be done.
    """
    if interrupted():
        raise Interrupted
    sort = acted.get("sort", {})
    failure = sort.get("failure") or sort.get("incomplete")
    if failure:
        raise CatDogError(failure)
    if acted.get("keywords", {}).get("refused"):
        raise CatDogError("Some photos got no keyword, for the reasons above.")


def _complain(words: str) -> None:
    click.echo(f"catdog: {one_line(words)}", err=True)
