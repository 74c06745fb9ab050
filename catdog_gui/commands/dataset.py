"""`catdog dataset`: look at datasets."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from catdog_gui.commands.options import FilePath
from catdog_gui.commands.output import one_line, print_json, printable
from catdog_gui.commands.progress import progress_bar
from training.dataset import open_dataset
from training.dataset_check import TINY_SIDE, DatasetReport, check_dataset
from training.splits import SplitMethod

_FIRST_CLASSES = 20
_FIRST = 5
"""How many of each kind are printed; `--json` tells all."""
_NOTABLE_RATIO = 1.5
"""From how unequal on classes are told to be."""

_SPLIT_WORDS = {
    SplitMethod.STUDY: "by the study's ids",
    SplitMethod.STRATIFIED: "by ratio, duplicates kept together",
    SplitMethod.FOLDERS: "by its folders",
}


@click.group()
def dataset() -> None:
    """Look at datasets."""


@dataset.command()
@click.argument("path", metavar="DATASET", type=FilePath())
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
def check(path: Path, as_json: bool) -> None:
    """Count DATASET's photos and find broken ones, duplicates and leaks between its parts."""
    with progress_bar() as progress:
        opened = open_dataset(
            path, on_progress=lambda done, total: progress.show("finding photos", done, total)
        )
        report = check_dataset(opened, on_progress=progress.show)
    if as_json:
        print_json({"dataset": str(path), **report.as_json()})
        return
    for line in _lines(path, report):
        click.echo(line)


def _lines(path: Path, report: DatasetReport) -> Iterable[str]:
    yield f"{printable(path)}: {_count(report.photos, 'photo')} of {len(report.classes):,} classes"
    yield from _class_lines(report)
    yield from _listed(
        f"{_count(len(report.unreadable), 'photo')} cannot be read",
        [f"{_name(name)}: {reason}" for name, reason in report.unreadable],
    )
    yield from _duplicate_lines(report)
    yield from _listed(
        f"{_count(len(report.tiny), 'photo')} with a side below {TINY_SIDE} pixels",
        [f"{_name(name)}: {size.width}x{size.height}" for name, size in report.tiny],
    )
    imbalance = report.imbalance
    if imbalance.ratio >= _NOTABLE_RATIO:
        yield (
            f"unequal classes: {imbalance.ratio:.1f} times as many of {_name(imbalance.most)} as "
            f"of {_name(imbalance.fewest)}"
        )


def _class_lines(report: DatasetReport) -> Iterable[str]:
    parts = report.split.parts
    lines = []
    for name, count in report.classes.items():
        counts = ", ".join(f"{of_class[name]:,} {part}" for part, of_class in parts.items())
        lines.append(f"{_name(name)} {count:,}: {counts}")
    yield from _first(lines, _FIRST_CLASSES)
    totals = [f"{sum(counts.values()):,} {part}" for part, counts in parts.items()]
    yield f"split {_SPLIT_WORDS[report.split.method]}: {', '.join(totals)}"
    if report.split_problem:
        yield f"This split cannot be trained on. {one_line(report.split_problem)}"


def _duplicate_lines(report: DatasetReport) -> Iterable[str]:
    groups = report.duplicates.groups
    yield from _listed(
        f"{_count(len(groups), 'group')} of duplicates, of which "
        f"{len(report.duplicates.exact):,} hold the very same bytes",
        _groups(groups),
    )
    if not groups:
        return
    yield from _listed(
        f"{_count(len(report.conflicting), 'group')} of duplicates in more than one class",
        _groups(report.conflicting),
    )
    yield from _listed(
        f"{_count(len(report.leaks), 'leak')}: duplicates in more than one part of the split",
        _groups(report.leaks),
    )


def _listed(heading: str, lines: Sequence[str]) -> Iterable[str]:
    yield heading + (":" if lines else "")
    yield from _first(lines, _FIRST)


def _first(lines: Sequence[str], most: int) -> Iterable[str]:
    yield from (f"  {line}" for line in lines[:most])
    if len(lines) > most:
        yield f"  and {len(lines) - most:,} more"


def _groups(groups: Iterable[Sequence[str]]) -> list[str]:
    lines = []
    for group in groups:
        more = f" and {len(group) - _FIRST:,} more" if len(group) > _FIRST else ""
        lines.append(" = ".join(map(_name, group[:_FIRST])) + more)
    return lines


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def _name(name: str) -> str:
    """Return a photo's or a class's name so that any stream can print it on one line."""
    return one_line(name.encode("utf-8", "backslashreplace").decode())
