"""Kinds of values that arguments and options take."""

import os
from math import isnan
from pathlib import Path

import click


class NumberRange(click.FloatRange):
    """A number between two others; unlike click's own, what is not a number is refused."""

    def convert(
        self, value: float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number."""
        number = float(super().convert(value, param, ctx))
        if isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


class FilePath(click.Path):
    """A path of a file or folder; an empty one, as of a variable that is not set, is refused."""

    def __init__(self) -> None:
        """Give paths as `pathlib.Path`."""
        super().__init__(path_type=Path)

    def convert(
        self,
        value: "str | os.PathLike[str]",
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> "str | bytes | os.PathLike[str]":
        """Return the path."""
        if not os.fspath(value):
            self.fail("it is empty: name a file or folder.", param, ctx)
        return super().convert(value, param, ctx)
