"""The recipe race's report: one page that needs nothing else."""

import base64
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from catdog_gui.classify.duels import fight_all
from catdog_gui.classify.locked_split import LockedSplit
from catdog_gui.classify.race import Answer, Disagreement, Race, RacedRun, Score
from catdog_gui.classify.race_report import check_report_target, report_page, write_report
from tests.helpers.races import EPOCHS
from training.configuration import SplitChoice
from training.errors import CatDogError, ConfigurationError
from training.events import EpochEnded
from training.files import write_bytes
from training.runs import RunState
from training.splits import SplitMethod
from training.verdict import find_best_epoch, judge_history, measure_gap

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
HOSTILE = "<script>alert('$x^$')</script> & \"_größer 猫\""
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Checks that elements nest, and gathers what tests ask about."""

    def __init__(self, page: str) -> None:
        """Read a page."""
        super().__init__()
        self.open: list[str] = []
        self.counts: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()
        self.references: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.counts[tag] += 1
        for name, value in attrs:
            text = value or ""
            if name == "id":
                self.ids[text] += 1
            if name in {"src", "href"}:
                (self.references if text.startswith("#") else self.links).append(text)
            self.references += [f"#{each}" for each in re.findall(r"url\(#([^)]*)\)", text)]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Check that it ends the latest element."""
        assert self.open, f"</{tag}> ends nothing"
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        """Note an element of SVG that is empty."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.words.append(data)

    @property
    def text(self) -> str:
        """All that can be read."""
        return " ".join(" ".join(self.words).split())


def raced(name: str, correct: int | None = 90, epochs: tuple[EpochEnded, ...] = EPOCHS) -> RacedRun:
    run = RacedRun(
        name=name,
        recipe="baseline",
        state=RunState.FINISHED,
        epochs=epochs,
        verdict=judge_history(epochs),
        best=find_best_epoch(epochs),
        gap=measure_gap(epochs),
    )
    if correct is None:
        return run
    model = Path("x.catdog")
    return replace(run, model=model, model_bytes=28_000_000, score=Score(100, correct))


def a_race(*runs: RacedRun) -> Race:
    scores = {run.name: run.score.correct for run in runs if run.score}
    return Race(
        locked=LockedSplit(
            dataset=Path("photos & more.zip"),
            split=SplitChoice(method=SplitMethod.STUDY),
            fingerprint="0",
            opened=None,
            trouble=None,
        ),
        runs=runs,
        judged_on="test" if scores else None,
        duels=fight_all({name: np.arange(100) < count for name, count in scores.items()}),
        disagreements=(),
        unreadable=(),
        notes=(),
    )


@pytest.fixture(scope="module")
def page() -> str:
    """Return the report of a race of two."""
    return report_page(a_race(raced("a"), raced("b", 70)), NOW)


def test_the_page_is_whole_and_asks_for_nothing_from_elsewhere(page: str) -> None:
    assert page.startswith("<!DOCTYPE html>")
    read = Page(page)
    assert read.open == []
    assert read.counts["script"] == 0
    assert read.counts["link"] == 0
    assert read.links == []
    assert "http:" not in page
    assert "https:" not in page


def test_every_id_is_unique_and_every_reference_has_one() -> None:
    read = Page(report_page(a_race(raced("a"), raced("b", 70), raced("c")), NOW))
    assert read.references
    assert set(read.ids.values()) == {1}
    assert {reference[1:] for reference in read.references} <= set(read.ids)


def test_verdicts_scores_and_tests_can_be_read(page: str) -> None:
    text = Page(page).text
    assert "2 runs on the study's split of photos & more.zip, judged by 100 test photos" in text
    assert "a is better than b on 100 photos (McNemar p < 0.001)" in text
    assert "90.0% (82.6% to 94.5%)" in text
    assert "28.0 MB" in text
    assert "2026-11-23 12:30 UTC" in text


def test_names_are_shown_as_they_are_and_never_become_markup() -> None:
    hostile = replace(
        a_race(raced(HOSTILE), raced("b", 70)),
        disagreements=(
            Disagreement(
                HOSTILE, HOSTILE, {HOSTILE: Answer(HOSTILE, 0.9, True)}, b"\xff\xd8 a thumbnail"
            ),
        ),
        notes=(HOSTILE,),
        unreadable=((HOSTILE, HOSTILE),),
    )
    read = Page(report_page(hostile, NOW))
    assert read.open == []
    assert read.counts["script"] == 0
    assert read.text.count(HOSTILE) >= 10


def test_the_pictures_have_a_curve_of_every_run_in_the_page_own_colours() -> None:
    page = report_page(a_race(raced("a"), raced("b"), raced("c")), NOW)
    for place in range(3):
        assert f"stroke: var(--run-{place})" in page
    assert "stroke: currentColor" in page
    assert "#0b1d" not in page
    labels = re.findall(r'aria-label="([^"]*)"', page)
    assert "Losses and accuracies of all runs by epoch" in labels
    assert "Loss and accuracy of b by epoch" in labels


def test_more_runs_than_colours_can_be_drawn() -> None:
    page = report_page(a_race(*(raced(f"run {n}") for n in range(8))), NOW)
    assert Page(page).open == []
    assert "var(--run-6)" not in page


def test_a_thumbnail_is_part_of_the_page() -> None:
    shown = Disagreement("cat.1.jpg", "cat", {"a": Answer("dog", 0.75, False)}, b"JPEG")
    page = report_page(replace(a_race(raced("a"), raced("b")), disagreements=(shown,)), NOW)
    assert Page(page).links == [f"data:image/jpeg;base64,{base64.b64encode(b'JPEG').decode()}"]
    assert "a: dog 75%" in Page(page).text


def test_runs_without_epochs_or_scores_leave_a_whole_page() -> None:
    read = Page(report_page(a_race(raced("a", None), raced("b", None, ())), NOW))
    assert read.open == []
    assert read.counts["article"] == 1
    assert "There are no two judged models to compare" in read.text


def test_a_loss_that_is_no_number_leaves_a_gap_in_its_curve() -> None:
    broken = (*EPOCHS, EpochEnded(3, float("nan"), 0.5, float("inf"), 0.5, 1.0))
    page = report_page(a_race(raced("a", 90, broken), raced("b")), NOW)
    assert Page(page).open == []
    assert "nan" not in re.sub(r'd="[^"]*"', "", page).lower().split()


def test_the_same_race_gives_the_same_page(page: str) -> None:
    assert report_page(a_race(raced("a"), raced("b", 70)), NOW) == page


def test_a_report_of_ours_is_replaced_and_any_other_file_is_left_as_it_is(tmp_path: Path) -> None:
    target = tmp_path / "race.html"
    race = a_race(raced("a"), raced("b", 70))
    write_report(target, race)
    write_report(target, race)
    assert Page(target.read_text("utf-8")).open == []
    other = tmp_path / "homepage.html"
    other.write_text("<!DOCTYPE html><title>mine</title>", "utf-8")
    with pytest.raises(ConfigurationError, match="no report of this program"):
        write_report(other, race)
    assert other.read_text("utf-8") == "<!DOCTYPE html><title>mine</title>"


@pytest.mark.parametrize("name", ["photo.jpg", "photo.PNG", "model.catdog", "photos.zip"])
def test_names_of_photos_models_and_datasets_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"name a file that ends in \.html"):
        check_report_target(tmp_path / name)


def test_a_folder_is_refused_and_an_empty_file_is_not(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is a folder"):
        check_report_target(tmp_path)
    write_bytes(tmp_path / "empty.html", b"")
    check_report_target(tmp_path / "empty.html")
    assert (tmp_path / "empty.html").read_bytes() == b""


def test_a_place_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CatDogError, match="cannot be written"):
        write_report(tmp_path / "file" / "race.html", a_race(raced("a"), raced("b")))
