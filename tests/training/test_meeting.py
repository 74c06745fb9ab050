"""Workers that wait for each other, each in a thread here."""

import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from training.engine.meeting import meet
from training.errors import TrainingError

AT_ONCE = 0.3
"""How long to wait for someone who does not come."""
SOON = 30.0
"""How long to wait for someone who does, on a busy computer."""


@dataclass(frozen=True)
class Meeting:
    """Who meets, as a worker knows it."""

    addresses: tuple[str, ...]
    index: int

    def name(self, index: int) -> str:
        """Name a worker by its address."""
        return f"worker {index} ({self.addresses[index]})"


def addresses(count: int) -> tuple[str, ...]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = tuple(f"127.0.0.1:{each.getsockname()[1]}" for each in sockets)
    for each in sockets:
        each.close()
    return found


def attend(meetings: Sequence[Meeting], topics: Sequence[str], seconds: float) -> list[str]:
    """Return what each is told: nothing if the meeting came about."""

    def outcome(meeting: Meeting, topic: str) -> str:
        try:
            meet(meeting, topic=topic, seconds=seconds, on_waiting=lambda missing: None)
        except TrainingError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(len(meetings)) as threads:
        return list(threads.map(outcome, meetings, topics))


@pytest.mark.parametrize("count", [2, 3])
def test_workers_that_come_meet(count: int) -> None:
    where = addresses(count)
    meetings = [Meeting(where, index) for index in range(count)]
    assert attend(meetings, ["cats"] * count, SOON) == [""] * count


def test_a_worker_that_does_not_come_is_named_and_the_one_that_did_is_not() -> None:
    where = addresses(3)
    told = attend([Meeting(where, index) for index in range(2)], ["cats"] * 2, AT_ONCE)
    for message in told:
        assert f"worker 2 ({where[2]}) did not come within 0.3 seconds" in message.lower()


def test_it_is_told_who_is_waited_for() -> None:
    where = addresses(2)
    told: list[Sequence[str]] = []
    with pytest.raises(TrainingError, match=r"Worker 1 .* did not come"):
        meet(Meeting(where, 0), topic="", seconds=AT_ONCE, on_waiting=told.append)
    assert told == [[f"worker 1 ({where[1]})"]]


def test_a_port_that_is_taken_is_told() -> None:
    where = addresses(2)
    port = int(where[0].rpartition(":")[2])
    with (
        socket.create_server(("", port)),
        pytest.raises(TrainingError, match=r"Worker 0 .* cannot listen at its port"),
    ):
        meet(Meeting(where, 0), topic="", seconds=SOON, on_waiting=lambda missing: None)


def test_workers_that_train_something_else_are_told() -> None:
    where = addresses(2)
    meetings = [Meeting(where, index) for index in range(2)]
    told = attend(meetings, ["cats", "dogs"], SOON)
    assert "does not train the same" in told[0]
    assert "does not train the same" in told[1]


def test_an_index_given_twice_is_told() -> None:
    one, two, *_ = addresses(2)
    told = attend([Meeting((one, two), 0), Meeting((two, one), 0)], ["cats"] * 2, SOON)
    assert any(
        "give every worker the same TF_CONFIG but for its own index" in each for each in told
    )


def test_another_program_at_an_address_is_no_worker() -> None:
    where = addresses(2)
    with (
        socket.create_server(("127.0.0.1", int(where[1].rpartition(":")[2]))),
        pytest.raises(TrainingError, match=r"Worker 1 .* did not come"),
    ):
        meet(Meeting(where, 0), topic="", seconds=AT_ONCE, on_waiting=lambda missing: None)
