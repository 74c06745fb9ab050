"""Kinds of values that arguments and options take."""

import os
import re
from collections.abc import Callable
from math import isnan
from pathlib import Path
from typing import Any, TypeVar

import click

from training.configuration import AUGMENTATION_LIMITS

Command = TypeVar("Command", bound=Callable[..., Any])


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


class SideLengths(click.ParamType[tuple[int, int]]):
    """Height and width in pixels, as 150x200, or one number for both."""

    name = "pixels"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Return height and width."""
        sides = re.fullmatch(r"([1-9]\d{0,4})(?:x([1-9]\d{0,4}))?", str(value), re.ASCII)
        if sides is None:
            self.fail(f"{value!r} is neither pixels nor HEIGHTxWIDTH.", param, ctx)
        return int(sides[1]), int(sides[2] or sides[1])


def augmentation_options(command: Command) -> Command:
    """Give a command an option for every number of `Augmentation`, none of which has a default."""
    limits = AUGMENTATION_LIMITS

    def number(name: str, unit: str) -> Callable[[Command], Command]:
        kind = NumberRange(limits[name].least, limits[name].most)
        return click.option(f"--{name}", type=kind, help=f"Augmentation: {unit}.")

    for option in (
        click.option("--flip/--no-flip", default=None, help="Augmentation: mirrored or not."),
        number("zoom", "share of a side"),
        number("shear", "degrees"),
        number("shift", "share of a side"),
        number("rotation", "degrees"),
    ):
        command = option(command)
    return command
