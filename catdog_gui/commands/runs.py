"""`catdog runs`: look at training runs."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import click

from catdog_gui.commands.output import print_json
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
    shown = _summaries(list_runs(AppFolders.of_this_user().runs))
    if as_json:
        print_json({"runs": shown})
        return
    if not shown:
        click.echo("There is no training run yet: `catdog train` makes one.")
    for run in shown:
        click.echo(f"{run['name']}: {run['recipe']}, {run['state']}, {len(run['epochs'])} epochs")


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


def _summaries(found: Iterable[Run]) -> list[dict[str, Any]]:
    """Describe runs, oldest first; one with a damaged record is told of when it is asked for."""
    summaries = []
    for run in found:
        with suppress(RunError):
            summaries.append(_run_summary(run))
    return summaries


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
