"""Kinds of values that options take."""

from math import isnan

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
