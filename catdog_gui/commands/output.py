"""What the commands share."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from training.metrics import Interval


class Interrupted(Exception):
    """Ctrl+C was pressed, and what was finished is kept."""


def accuracy_words(accuracy: float, interval: Interval) -> str:
    """Write an accuracy with its interval."""
    return f"{accuracy:.1%} ({interval.low:.1%} to {interval.high:.1%})"


def print_json(value: dict[str, Any]) -> None:
    """Print one line; names that are no valid Unicode keep their bytes as escapes."""
    click.echo(json.dumps(value))


def printable(path: Path) -> str:
    """Return a path that any stream can print."""
    encoding = sys.stdout.encoding or "utf-8"
    return str(path).encode(encoding, "backslashreplace").decode(encoding)
