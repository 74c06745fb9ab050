"""`catdog classify --sort-into`: its options, and sorting what was classified."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import click

from catdog_gui.classify.prediction import PredictionTable
from catdog_gui.classify.sorting.journal_folder import unfinished_moves
from catdog_gui.classify.sorting.sort_plan import SortMethod, SortPlan, SortRequest
from catdog_gui.classify.sorting.sort_planning import plan_sort
from catdog_gui.classify.sorting.sorter import SortOutcome, sort_photos
from catdog_gui.commands.options import FilePath
from catdog_gui.commands.progress import progress_bar
from catdog_gui.commands.sorting import outcome_values, outcome_words, plan_values, plan_words
from training.files import is_folder

Command = TypeVar("Command", bound=Callable[..., Any])
_OPTIONS = ("move", "copy", "link", "flatten", "with_unreadable", "dry_run")


@dataclass(frozen=True, slots=True, kw_only=True)
class SortWishes:
    """What is to be sorted where, and how."""

    into: Path
    method: SortMethod
    flatten: bool
    with_unreadable: bool
    dry_run: bool

    @classmethod
    def taken_from(cls, options: dict[str, Any]) -> Self | None:
        """Take the options of `sort_options` out of a command's; nothing if none was given.

        Raises:
            click.UsageError: They contradict each other.
        """
        into = options.pop("sort_into")
        chosen = {name: bool(options.pop(name)) for name in _OPTIONS}
        if into is None:
            stray = next((name for name, given in chosen.items() if given), None)
            if stray:
                raise click.UsageError(f"--{stray.replace('_', '-')} goes with --sort-into.")
            return None
        methods = [method for method in SortMethod if chosen[method.value]]
        if len(methods) > 1:
            raise click.UsageError("--copy, --move and --link exclude each other.")
        return cls(
            into=into,
            method=methods[0] if methods else SortMethod.COPY,
            flatten=chosen["flatten"],
            with_unreadable=chosen["with_unreadable"],
            dry_run=chosen["dry_run"],
        )


@dataclass(frozen=True, slots=True)
class Sorted:
    """What came of sorting, or would come of it."""

    plan: SortPlan
    outcome: SortOutcome | None
    """Nothing of a dry run."""

    @property
    def words(self) -> list[str]:
        """Lines to read."""
        return plan_words(self.plan) if self.outcome is None else outcome_words(self.outcome)

    @property
    def values(self) -> dict[str, Any]:
        """Values that JSON can hold."""
        return plan_values(self.plan) if self.outcome is None else outcome_values(self.outcome)


def sort_options(command: Command) -> Command:
    """Give a command the options of sorting (see `SortWishes.taken_from`)."""
    for option in (
        click.option("--dry-run", is_flag=True, help="Say what sorting would do, and do nothing."),
        click.option("--with-unreadable", is_flag=True, help="Sort unreadable photos, too."),
        click.option("--flatten", is_flag=True, help="Leave out the subfolders photos lie in."),
        click.option("--link", is_flag=True, help="Sort hard links, which take no space."),
        click.option("--copy", is_flag=True, help="Sort copies (the default)."),
        click.option("--move", is_flag=True, help="Sort the photos themselves."),
        click.option("--sort-into", type=FilePath(), help="Sort photos into a folder by label."),
    ):
        command = option(command)
    return command


def sort_by_label(
    wishes: SortWishes,
    table: PredictionTable,
    named: Sequence[Path],
    journals: Path,
    interrupted: Callable[[], bool],
) -> Sorted:
    """Plan the sort of classified photos, and carry it out unless it is a dry run.

    Args:
        wishes: What is to be sorted where, and how.
        table: The photos and their labels.
        named: What the user named, whose subfolders may be kept.
        journals: Where journals lie.
        interrupted: Asked whether to stop.

    Raises:
        CatDogError: The target cannot take them, or the journal cannot be begun.
    """
    request = SortRequest(
        photos=tuple(
            (each.path, each.label(table.class_names, table.unsure_below))
            for each in table.predictions
        ),
        target=wishes.into,
        roots=tuple(path for path in named if is_folder(path)),
        class_names=table.class_names,
        method=wishes.method,
        flatten=wishes.flatten,
        include_unreadable=wishes.with_unreadable,
    )
    with progress_bar() as progress:

        def show(stage: str) -> Callable[[int, int], None]:
            return lambda done, total: progress.show(stage, done, total)

        plan = plan_sort(
            request,
            unfinished_moves(journals),
            on_progress=show("planning"),
            should_stop=interrupted,
        )
        if wishes.dry_run:
            return Sorted(plan, None)
        outcome = sort_photos(plan, journals, on_progress=show("sorting"), should_stop=interrupted)
    return Sorted(plan, outcome)
