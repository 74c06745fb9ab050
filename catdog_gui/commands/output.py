"""What the commands share."""

import json
import math
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
    click.echo(json.dumps(_finite(value), allow_nan=False))


def printable(path: Path) -> str:
    """Return a path that any stream can print."""
    return one_line(str(path).encode("utf-8", "backslashreplace").decode())


def one_line(text: str) -> str:
    """Return a text with its line ends and other control characters escaped."""
    return "".join(c if c.isprintable() or c == " " else repr(c)[1:-1] for c in text)


def _finite(value: Any) -> Any:
    """Return a value with null for every number that JSON cannot hold."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, list) else value
