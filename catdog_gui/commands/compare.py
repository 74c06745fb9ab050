"""`catdog compare`: the recipe race."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from catdog_gui.classify.race import Race, RacedRun, hold_race
from catdog_gui.classify.race_report import check_report_target, write_report
from catdog_gui.classify.race_words import TABLE_HEADINGS, table_row, title_words
from catdog_gui.commands.interruptions import interruptions_heeded
from catdog_gui.commands.options import FilePath
from catdog_gui.commands.output import one_line, print_json, printable
from catdog_gui.commands.progress import progress_bar
from catdog_gui.paths import AppFolders
from training.files import check_name
from training.runs import Run


@click.command()
@click.argument("names", metavar="RUN...", nargs=-1, required=True)
@click.option("--report", type=FilePath(), help="Write an HTML report with curves and photos.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
def compare(names: tuple[str, ...], report: Path | None, as_json: bool) -> None:
    """Compare two or more training runs on one locked split; the others with the first RUN."""
    _check_names(names)
    if report:
        check_report_target(report)
    folder = AppFolders.of_this_user().runs
    runs = [Run(folder / check_name(name, "The run name")) for name in names]
    with interruptions_heeded() as interrupted, progress_bar() as progress:
        race = hold_race(runs, on_progress=progress.show, should_stop=interrupted)
    if interrupted():
        raise click.Abort
    if as_json:
        print_json(_as_json(race))
    else:
        _print(race)
    if report:
        write_report(report, race)
        click.echo(f"wrote {printable(report)}", err=True)


def _check_names(names: Sequence[str]) -> None:
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise click.UsageError(f"{twice[0]!r} is named twice: name different runs.")
    if len(names) < 2:
        raise click.UsageError("A comparison needs two runs or more: name another one.")


def _print(race: Race) -> None:
    """Print the verdicts, a table of the runs, and what limits the comparison."""
    click.echo(one_line(title_words(race)))
    click.echo()
    for verdict in race.verdicts:
        click.echo(f"- {one_line(verdict)}")
    click.echo()
    rows = [TABLE_HEADINGS, *(table_row(run) for run in race.runs)]
    for line in _aligned(rows):
        click.echo(one_line(line))
    for note in race.notes:
        click.echo(f"note: {one_line(note)}", err=True)
    for photo, reason in race.unreadable:
        click.echo(f"left out {one_line(photo)}: {reason}", err=True)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _as_json(race: Race) -> dict[str, Any]:
    return {
        "dataset": str(race.locked.dataset),
        "fingerprint": race.locked.fingerprint,
        "split": asdict(race.locked.split),
        "judged_on": race.judged_on,
        "verdicts": list(race.verdicts),
        "notes": list(race.notes),
        "runs": [_run_as_json(run) for run in race.runs],
        "pairs": [
            {
                "first": duel.first,
                "second": duel.second,
                "photos": duel.photos,
                "both_right": duel.both,
                "only_first_right": duel.only_first,
                "only_second_right": duel.only_second,
                "neither_right": duel.neither,
                "p_value": duel.p_value,
                "p_adjusted": duel.adjusted,
                "better": duel.winner,
                "verdict": duel.words,
            }
            for duel in race.duels
        ],
        "disagreements": [
            {
                "photo": each.photo,
                "class": each.class_name,
                "answers": {run: asdict(answer) for run, answer in each.answers.items()},
            }
            for each in race.disagreements
        ],
        "unreadable": [{"path": path, "reason": reason} for path, reason in race.unreadable],
    }


def _run_as_json(run: RacedRun) -> dict[str, Any]:
    score = run.score
    return {
        "name": run.name,
        "recipe": run.recipe,
        "state": run.state.value,
        "finding": run.verdict.finding.value,
        "finding_epoch": run.verdict.epoch,
        "verdict": f"{run.name} {run.verdict.words}",
        "best_epoch": run.best.epoch if run.best else None,
        "gap": asdict(run.gap) if run.gap else None,
        "seconds": run.seconds,
        "model": str(run.model) if run.model else None,
        "model_bytes": run.model_bytes,
        "weights": run.weights,
        "photos": score.photos if score else 0,
        "correct": score.correct if score else None,
        "accuracy": score.accuracy if score else None,
        "accuracy_low": score.interval.low if score else None,
        "accuracy_high": score.interval.high if score else None,
        "epochs": [asdict(epoch) for epoch in run.epochs],
    }
