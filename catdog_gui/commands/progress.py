"""A progress bar on a terminal, and nothing in a pipe."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Something that shows how far a long command is."""

    def show(self, stage: str, done: int, total: int) -> None:
        """Show what is being done, how much of it is done, and of how much (0: not known)."""
        ...


class _Silence:
    def show(self, stage: str, done: int, total: int) -> None:
        """Show nothing."""


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Yield a bar on stderr while the block runs, if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield _Silence()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        class _Bar:
            def show(self, stage: str, done: int, total: int) -> None:
                bar.update(task, description=stage, completed=done, total=total or None)

        yield _Bar()
