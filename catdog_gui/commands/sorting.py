"""A sort plan and what came of it, as lines to read and as values for JSON."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from catdog_gui.classify.sorting.sort_plan import (
    Left,
    PlannedStep,
    Skipped,
    SkipReason,
    SortMethod,
    SortPlan,
    StepKind,
)
from catdog_gui.classify.sorting.sorter import SortOutcome
from catdog_gui.commands.output import one_line, printable

_WILL = {SortMethod.COPY: "copy", SortMethod.MOVE: "move", SortMethod.LINK: "link"}
_DID = {SortMethod.COPY: "copied", SortMethod.MOVE: "moved", SortMethod.LINK: "linked"}


def plan_words(plan: SortPlan) -> list[str]:
    """Return what a sort would do as lines to read, each planned step in one of them."""
    return list(_plan_lines(plan))


def outcome_words(outcome: SortOutcome) -> list[str]:
    """Return what a sort did as lines to read; its failure is not among them."""
    return list(_outcome_lines(outcome))


def plan_values(plan: SortPlan) -> dict[str, Any]:
    """Return a plan as values that JSON can hold."""
    sizes = plan.bytes_by_label
    photos = plan.photos_by_label
    return {
        "target": str(plan.target),
        "method": plan.method.value,
        "labels": {
            label: {"photos": photos.get(label, 0), "bytes": sizes[label]} for label in sizes
        },
        "side_files": plan.side_files,
        "bytes_needed": plan.bytes_needed,
        "bytes_free": plan.free_bytes,
        "steps": [_step_values(step) for step in plan.steps],
        "skipped": [_skipped_values(each) for each in plan.skipped],
        "left": [_left_values(each) for each in plan.left],
    }


def outcome_values(outcome: SortOutcome) -> dict[str, Any]:
    """Return what a sort did as values that JSON can hold."""
    plan = outcome.plan
    return {
        "target": str(plan.target),
        "method": plan.method.value,
        "journal": str(outcome.journal) if outcome.journal else None,
        "sorted": [_step_values(step) for step in outcome.placed],
        "skipped": [_skipped_values(each) for each in (*plan.skipped, *outcome.skipped)],
        "left": [_left_values(each) for each in (*plan.left, *outcome.left)],
        "stopped": outcome.stopped,
        "failure": outcome.failure,
        "incomplete": outcome.incomplete,
    }


def left_words(left: Iterable[Left]) -> Iterator[str]:
    """Yield a line for every file that is left, with the reason."""
    return (f"left {printable(each.path)}: {one_line(each.reason)}" for each in left)


def _plan_lines(plan: SortPlan) -> Iterator[str]:
    for step in plan.steps:
        yield f"{printable(step.source)} -> {printable(step.target)}"
    yield from left_words(plan.left)
    sizes, photos = plan.bytes_by_label, plan.photos_by_label
    for label in sizes:
        yield f"{one_line(label)}: {_count(photos.get(label, 0), 'photo')}, {_size(sizes[label])}"
    yield (
        f"{_WILL[plan.method]} {_count(sum(photos.values()), 'photo')} and "
        f"{_count(plan.side_files, 'side file')} to {printable(plan.target)}: needs "
        f"{_size(plan.bytes_needed)} of {_size(plan.free_bytes)} that are free"
    )
    yield from _skipped_lines(plan.skipped)
    if plan.renamed:
        yield f"{_count(len(plan.renamed), 'file')} numbered, since other files have their names"


def _outcome_lines(outcome: SortOutcome) -> Iterator[str]:
    plan = outcome.plan
    yield from left_words((*plan.left, *outcome.left))
    kinds = Counter(step.kind for step in outcome.placed)
    yield (
        f"{_DID[plan.method]} {_count(kinds[StepKind.PHOTO], 'photo')} and "
        f"{_count(kinds[StepKind.SIDE_FILE], 'side file')} to {printable(plan.target)}"
    )
    yield from _skipped_lines((*plan.skipped, *outcome.skipped))
    if outcome.journal:
        yield f"`catdog undo {one_line(outcome.journal.stem)}` brings everything back"


def _skipped_lines(skipped: Iterable[Skipped]) -> Iterator[str]:
    reasons = Counter(each.reason for each in skipped)
    if reasons[SkipReason.EQUAL]:
        yield f"{_count(reasons[SkipReason.EQUAL], 'file')} skipped, since their equals are there"
    if reasons[SkipReason.IN_PLACE]:
        yield f"{_count(reasons[SkipReason.IN_PLACE], 'file')} in place already"


def _step_values(step: PlannedStep) -> dict[str, Any]:
    return {
        "source": str(step.source),
        "target": str(step.target),
        "label": step.label,
        "kind": step.kind.value,
        "bytes": step.stamp.size,
        "numbered": step.number > 1,
    }


def _skipped_values(skipped: Skipped) -> dict[str, str]:
    return {
        "source": str(skipped.source),
        "target": str(skipped.target),
        "reason": skipped.reason.value,
    }


def _left_values(left: Left) -> dict[str, str]:
    return {"path": str(left.path), "reason": left.reason}


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
