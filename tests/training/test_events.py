"""Events on their way from the training process."""

from typing import get_args

import pytest

from training.errors import TrainingError
from training.events import (
    BatchEnded,
    Continued,
    EpochEnded,
    Event,
    Failed,
    Finished,
    Noticed,
    Outcome,
    Paused,
    PhotoSkipped,
    Progressed,
    Saved,
    Started,
    Stopped,
    ValidationEnded,
    from_line,
    to_line,
)

EVENTS: tuple[Event, ...] = (
    Progressed("Judging the best epoch", 3, 0),
    Started("Kätzchen 猫", 3_453_121, "NVIDIA H200", "mixed_float16", 10_000, 1_000, 30, 100),
    Paused(),
    Continued(),
    Noticed("Whole classes are near duplicates: the accuracy will look better than it is."),
    PhotoSkipped('cat/"quoted" \\ 猫\n.jpg', "the file is cut short"),
    PhotoSkipped("cat/caf\udce9.jpg", "the file is empty"),
    BatchEnded(1, 2, 0.1 + 0.2, 1 / 3),
    ValidationEnded(30, 0.25, 0.75),
    EpochEnded(30, 0.5, 0.75, 1e-300, 1.0, 12.345),
    Saved(7, "/home/ü/model.catdog"),
    Finished("C:\\models\\m.catdog", 7, 0.8, 5_000),
    Stopped(None),
    Stopped("m.catdog"),
    Failed("Memory ran out: try a smaller batch size.", None),
    Failed("", "m.catdog"),
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_survives_its_line(event: Event) -> None:
    line = to_line(event)
    assert "\n" not in line
    assert line.isascii()
    assert from_line(line + "\n") == event


def test_every_kind_of_event_is_tried_here() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(Event))


def test_the_outcomes_are_the_three_last_events() -> None:
    assert set(get_args(Outcome)) == {Finished, Stopped, Failed}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "\n",
        "2026-11-23 tensorflow: hello",
        "null",
        "5",
        '"Stopped"',
        "[]",
        '["event"]',
        "{}",
        '{"event": "Exploded"}',
        '{"event": ["Stopped"]}',
        '{"event": null, "model": null}',
        '{"event": "Stopped"}',
        '{"event": "Stopped", "model": null, "surplus": 1}',
        '{"event": "Stopped", "mod',
        '{"event": "TrainingError"}',
    ],
)
def test_what_is_no_event_is_refused(line: str) -> None:
    with pytest.raises(TrainingError, match="what is no event"):
        from_line(line)


def test_a_long_line_of_rubbish_is_quoted_in_part() -> None:
    with pytest.raises(TrainingError) as refused:
        from_line("rubbish " * 1000)
    assert len(str(refused.value)) < 300
