"""The command line: the window's jobs without a window.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted with what was finished kept.
"""

import io
import sys
from collections.abc import Sequence

import click

import catdog_gui
from catdog_gui.commands.classify import classify
from catdog_gui.commands.compare import compare
from catdog_gui.commands.correct import correct
from catdog_gui.commands.dataset import dataset
from catdog_gui.commands.evaluate import evaluate
from catdog_gui.commands.explain import explain, preview
from catdog_gui.commands.interruptions import INTERRUPTED
from catdog_gui.commands.models import models
from catdog_gui.commands.output import Interrupted, one_line
from catdog_gui.commands.runs import runs
from catdog_gui.commands.train import train
from catdog_gui.commands.undo import undo
from training.errors import CatDogError, WorkStopped


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name must not break an answer
    try:
        catdog.main(list(arguments), prog_name="catdog", standalone_mode=False)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.UsageError as error:
        error.show()
        return error.exit_code
    except Interrupted:
        click.echo("Interrupted; what was finished is kept.", err=True)
        return INTERRUPTED
    except (KeyboardInterrupt, click.Abort, WorkStopped):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except (CatDogError, click.ClickException, OSError) as error:
        message = error.message if isinstance(error, click.ClickException) else str(error)
        click.echo(f"catdog: {one_line(message)}", err=True)
        return 1
    return 0


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(catdog_gui.__version__, prog_name="CatDog Studio")
def catdog() -> None:
    """Train image classifiers and classify photos, offline. Without a command the window opens."""


for command in (
    train,
    classify,
    correct,
    undo,
    evaluate,
    compare,
    explain,
    preview,
    dataset,
    models,
    runs,
):
    catdog.add_command(command)
