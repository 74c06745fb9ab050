"""`catdog runs`: look at training runs."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import click

from catdog_gui.commands.output import one_line, print_json
from catdog_gui.paths import AppFolders
from training.errors import RunError
from training.files import check_name
from training.runs import Run, list_runs


@click.group()
def runs() -> None:
    """Look at training runs."""


@runs.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_all_runs(as_json: bool) -> None:
    """List all training runs, oldest first."""
    shown, damaged = _summaries(list_runs(AppFolders.of_this_user().runs))
    if as_json:
        print_json({"runs": shown} | ({"damaged": damaged} if damaged else {}))
        return
    for each in damaged:
        click.echo(one_line(each["reason"]), err=True)
    if not shown and not damaged:
        click.echo("There is no training run yet: `catdog train` makes one.")
    for run in shown:
        count = len(run["epochs"])
        epochs = f"{count} epoch" if count == 1 else f"{count} epochs"
        click.echo(f"{run['name']}: {run['recipe']}, {run['state']}, {epochs}")


@runs.command("show")
@click.argument("name", metavar="RUN")
@click.option("--json", "as_json", is_flag=True)
def show_run(name: str, as_json: bool) -> None:
    """Show a training run's state and history."""
    folder = AppFolders.of_this_user().runs / check_name(name, "The run name")
    summary = _run_summary(Run(folder))
    if as_json:
        print_json(summary)
        return
    click.echo(f"{summary['name']}: {summary['recipe']}, {summary['state']}")
    if summary["device"]:
        click.echo(f"on {summary['device']}, in {summary['precision']}")
    if summary["reason"]:
        click.echo(summary["reason"])
    if summary["model"]:
        click.echo(f"model: {summary['model']}")
    for epoch in summary["epochs"]:
        click.echo(
            "epoch {epoch}: loss {loss:.4f} accuracy {accuracy:.4f} val_loss {val_loss:.4f} "
            "val_accuracy {val_accuracy:.4f} ({seconds:.1f} s)".format(**epoch)
        )


def _summaries(found: Iterable[Run]) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Describe runs, and say of those that cannot be read why."""
    summaries, damaged = [], []
    for run in found:
        try:
            summaries.append(_run_summary(run))
        except RunError as error:
            damaged.append({"name": run.name, "reason": str(error)})
    return summaries, damaged


def _run_summary(run: Run) -> dict[str, Any]:
    record = run.read()
    return {
        "name": run.name,
        "recipe": record.config.recipe,
        "state": record.state.value,
        "model": record.model,
        "device": record.device,
        "precision": record.precision,
        "reason": record.reason,
        "epochs": [asdict(epoch) for epoch in run.history()],
    }
