"""A recipe race as one HTML file that needs nothing else: no network, no script, no other file."""

import base64
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from string import Template

import catdog_gui
import resources
from catdog_gui.classify.duels import Duel, p_words
from catdog_gui.classify.race import Answer, Disagreement, Race, RacedRun
from catdog_gui.classify.race_pictures import COLOURS, draw_overlay, draw_panel, draw_sample
from catdog_gui.classify.race_words import (
    TABLE_HEADINGS,
    duration_words,
    signed,
    table_row,
    title_words,
)
from training.errors import CatDogError, ConfigurationError
from training.files import exists, is_folder, is_ordinary_file, write_bytes
from training.model_file import SUFFIX
from training.photo_files import PHOTO_SUFFIXES

MARK = '<meta name="generator" content="CatDog Studio recipe race">'
"""What tells that a file is a report of ours and may be replaced by a new one."""
_MARK_WITHIN = 1000

_GAP_CAPTION = "Gap: training minus validation accuracy, at the best epoch and in the last five"
_DUEL_HEADINGS = (
    "runs",
    "both right",
    "only the first",
    "only the second",
    "neither",
    "p",
    "p, adjusted",
    "outcome",
)


def check_report_target(target: Path) -> None:
    """Refuse to write a report over what is no report.

    Raises:
        ConfigurationError: The target is a folder, is named like a photo, dataset or model, or is a
            file that is no report of ours.
    """
    if is_folder(target):
        raise ConfigurationError(f"{target} is a folder: name a file to write to.")
    if exists(target) and not is_ordinary_file(target):
        raise ConfigurationError(f"{target} is no ordinary file: name a file to write to.")
    if target.suffix.lower() in PHOTO_SUFFIXES | {SUFFIX, ".zip", ".keras", ".h5"}:
        raise ConfigurationError(
            f"{target} is named like a photo or a model: name a file that ends in .html."
        )
    if exists(target) and not _holds_report(target):
        raise ConfigurationError(
            f"{target} exists and is no report of this program, so it is left as it is: name "
            "another file."
        )


def write_report(target: Path, race: Race) -> None:
    """Write a race's report whole or not at all.

    Raises:
        ConfigurationError: There is something at the target that is no report.
        CatDogError: The file cannot be written.
    """
    check_report_target(target)
    page = report_page(race, datetime.now(UTC))
    try:
        write_bytes(target, page.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise CatDogError(f"{target} cannot be written: {error.strerror or error}.") from error


def report_page(race: Race, written: datetime) -> str:
    """Return a race's report.

    Args:
        race: What to report.
        written: When.
    """
    template = Template((resources.FOLDER / "race_report.html").read_text("utf-8"))
    return template.substitute(
        mark=MARK,
        title=escape(title_words(race)),
        written=f"{written:%Y-%m-%d %H:%M} UTC",
        version=escape(catdog_gui.__version__),
        verdicts=_list(race.verdicts),
        notes=_notes(race.notes),
        runs=_runs_table(race),
        legend="".join(_legend(place, run) for place, run in enumerate(race.runs)),
        overlay=_picture(draw_overlay(race.runs), "Losses and accuracies of all runs by epoch"),
        panels="".join(_panel(place, run) for place, run in enumerate(race.runs) if run.epochs),
        duels=_duels(race.duels),
        disagreements=_disagreements(race),
        unreadable=_unreadable(race.unreadable),
    )


def _holds_report(file: Path) -> bool:
    """Tell whether a file is empty or a report that this program wrote."""
    try:
        with file.open("rb") as content:
            begin = content.read(_MARK_WITHIN)
    except OSError:
        return False
    return not begin or MARK.encode() in begin


def _list(sentences: Iterable[str]) -> str:
    rows = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f"<ul>{rows}</ul>"


def _notes(notes: Sequence[str]) -> str:
    return f'<aside aria-label="Notes">{_list(notes)}</aside>' if notes else ""


def _table(caption: str, headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table of cells that are HTML already; each row begins with its heading."""
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    body = ""
    for first, *others in rows:
        cells = "".join(f"<td>{cell}</td>" for cell in others)
        body += f'<tr><th scope="row">{first}</th>{cells}</tr>'
    return (
        f'<div class="wide"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _runs_table(race: Race) -> str:
    rows = []
    for place, run in enumerate(race.runs):
        name, *cells = map(escape, table_row(run))
        rows.append([f"{_sample(place, 'row')} {name}", *cells])
    return _table(_GAP_CAPTION, TABLE_HEADINGS, rows)


def _sample(place: int, where: str) -> str:
    sample = draw_sample(place, f"{where}{place}")
    return f'<span class="sample" aria-hidden="true">{sample}</span>'


def _legend(place: int, run: RacedRun) -> str:
    return f"<li>{_sample(place, 'legend')} {escape(run.name)}</li>"


def _picture(svg: str, label: str) -> str:
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1)


def _panel(place: int, run: RacedRun) -> str:
    words, label = run.verdict.words, f"Loss and accuracy of {run.name} by epoch"
    facts = [run.recipe, run.state.value]
    facts.append(f"{len(run.epochs)} epochs in {duration_words(run.seconds)}")
    if run.best and run.gap:
        at_best, at_last = signed(run.gap.best), signed(run.gap.last)
        facts.append(f"best epoch {run.best.epoch}")
        facts.append(f"gap {at_best} at the best epoch, {at_last} in the last ones")
    return (
        f'<article style="--run: var(--run-{place % COLOURS})"><h3>{escape(run.name)}</h3>'
        f"<p>{escape(words[0].upper() + words[1:])}.</p>"
        f"{_picture(draw_panel(run, place), label)}"
        f'<p class="small">{escape("; ".join(facts))}</p></article>'
    )


def _duels(duels: Sequence[Duel]) -> str:
    if not duels:
        return "<p>There are no two judged models to compare.</p>"
    rows = [
        [
            f"{escape(duel.first)} and {escape(duel.second)}",
            f"{duel.both:,}",
            f"{duel.only_first:,}",
            f"{duel.only_second:,}",
            f"{duel.neither:,}",
            escape(p_words(duel.p_value)),
            escape(p_words(duel.adjusted)),
            escape(f"{duel.winner} is better" if duel.winner else "cannot be told apart"),
        ]
        for duel in duels
    ]
    return _table("Photos labelled rightly by both, one or neither", _DUEL_HEADINGS, rows)


def _disagreements(race: Race) -> str:
    if not race.disagreements:
        return "<p>No photo is labelled rightly by some of the models and wrongly by others.</p>"
    shown = "".join(_disagreement(each) for each in race.disagreements)
    return f'<div class="photos">{shown}</div>'


def _disagreement(each: Disagreement) -> str:
    name, shows = escape(each.photo), escape(each.class_name)
    source = base64.b64encode(each.thumbnail).decode()
    picture = f'<img alt="" src="data:image/jpeg;base64,{source}">' if source else ""
    answers = "".join(_answer(run, answer) for run, answer in each.answers.items())
    return (
        f'<figure>{picture}<figcaption><b>{shows}</b> <span class="small">{name}</span>'
        f"<ul>{answers}</ul></figcaption></figure>"
    )


def _answer(run: str, answer: Answer) -> str:
    sign, kind = ("✓", "right") if answer.right else ("✗", "wrong")
    return (
        f'<li class="{kind}"><span role="img" aria-label="{kind}">{sign}</span> {escape(run)}: '
        f"{escape(answer.class_name)} {answer.confidence:.0%}</li>"
    )


def _unreadable(photos: Sequence[tuple[str, str]]) -> str:
    if not photos:
        return ""
    rows = _list(f"{name}: {reason}" for name, reason in photos)
    count = "One photo" if len(photos) == 1 else f"{len(photos):,} photos"
    return f"<details><summary>{count} could not be read</summary>{rows}</details>"
