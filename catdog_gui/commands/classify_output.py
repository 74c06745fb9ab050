"""What `catdog classify` prints."""

from collections.abc import Callable, Iterable
from typing import Any

import click

from catdog_gui.classify import export
from catdog_gui.classify.keywords import write_keywords
from catdog_gui.classify.prediction import Prediction, PredictionTable
from catdog_gui.classify.remembering import ChosenModel
from catdog_gui.commands.output import one_line, printable
from catdog_gui.commands.progress import progress_bar


def print_photos(
    predictions: Iterable[Prediction], class_names: tuple[str, ...], unsure_below: float
) -> None:
    """Print a line for every photo."""
    for prediction in predictions:
        label = prediction.label(class_names, unsure_below)
        if prediction.correction:
            answer = f"{one_line(label)} (corrected)"
        elif prediction.readable:
            answer = f"{one_line(label)} {prediction.confidence:.1%}"
        else:
            answer = f"unreadable: {prediction.reason}"
        click.echo(f"{printable(prediction.path)}: {answer}")


def print_summary(table: PredictionTable, model: ChosenModel) -> None:
    """Print what the predictions come to on stderr."""
    counts = export.count_labels(table.predictions, table.class_names, table.unsure_below)
    words = ", ".join(f"{count:,} {one_line(label)}" for label, count in sorted(counts.items()))
    how = f" in {model.precision}" if model.precision else ""
    known = len(table.predictions) - model.read
    remembered = f" ({known:,} known from before)" if known else ""
    click.echo(
        f"{len(table.predictions):,} photos by {model.name}{how}: {words}{remembered}", err=True
    )


def table_values(table: PredictionTable, model: ChosenModel) -> dict[str, Any]:
    """Return all there is to say about photos as values that JSON can hold."""
    return {
        "model": model.name,
        "precision": model.precision,
        "known": len(table.predictions) - model.read,
        **export.as_json(table),
    }


def keep_keywords(table: PredictionTable, interrupted: Callable[[], bool]) -> dict[str, Any]:
    """Write labels as keywords beside photos; return what came of it as JSON can hold it."""
    labelled = [
        (each.path, each.label(table.class_names, table.unsure_below)) for each in table.predictions
    ]
    with progress_bar() as progress:
        written = write_keywords(
            labelled,
            on_progress=lambda done, total: progress.show("writing keywords", done, total),
            should_stop=interrupted,
        )
    for path, reason in written.refused:
        click.echo(f"no keyword for {printable(path)}: {reason}", err=True)
    return {
        "written": written.written,
        "unchanged": written.unchanged,
        "refused": [{"path": str(path), "reason": reason} for path, reason in written.refused],
    }
