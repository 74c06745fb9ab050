"""Workers wait for each other before TensorFlow connects them.

TensorFlow itself waits without end, and holds Python's lock meanwhile, so that nothing can be told
and no stop be heeded. So every worker first listens at its own address, and greets all others
at theirs. A worker leaves once it was answered by all and greeted by all: whoever answered it needs
it no more. What is left of a worker whose peer was lost does not answer, so that workers that
are started again meet only each other.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from training.errors import TrainingError

MEETING_SECONDS = 600.0
"""How long workers wait for each other: time enough to start one again by hand."""
_PROGRAM = "catdog-studio"
_ANSWER_SECONDS = 2.0
_PAUSE_SECONDS = 0.2


class Cluster(Protocol):
    """Who meets."""

    @property
    def addresses(self) -> Sequence[str]:
        """HOST:PORT of each."""

    @property
    def index(self) -> int:
        """This one's place among them."""

    def name(self, index: int) -> str:
        """Name one of them."""


def meet(
    cluster: Cluster,
    *,
    topic: str,
    seconds: float,
    on_waiting: Callable[[Sequence[str]], None],
) -> None:
    """Return once every worker is there.

    Args:
        cluster: Who meets.
        topic: What all of them have to agree on.
        seconds: How long to wait.
        on_waiting: Told the names of those still missing, whenever that changes.

    Raises:
        TrainingError: Someone does not come or has another topic, or this one's port is taken.
    """
    asyncio.run(_Meeting(cluster, topic, on_waiting).hold(seconds))


class _Meeting:
    """One worker's view of a meeting."""

    def __init__(
        self, cluster: Cluster, topic: str, on_waiting: Callable[[Sequence[str]], None]
    ) -> None:
        self._cluster = cluster
        self._topic = topic
        self._on_waiting = on_waiting
        self._others = frozenset(range(len(cluster.addresses))) - {cluster.index}
        self._answered: set[int] = set()
        self._greeted: set[int] = set()
        self._disagreement: str | None = None
        self._changed = asyncio.Event()

    async def hold(self, seconds: float) -> None:
        port = int(self._cluster.addresses[self._cluster.index].rpartition(":")[2])
        try:
            server = await asyncio.start_server(self._answer, host=None, port=port)
        except OSError as error:
            raise TrainingError(
                f"{self._name(self._cluster.index)} cannot listen at its port "
                f"({error.strerror or error}): end the program that uses it, or write another port "
                "into TF_CONFIG on every worker."
            ) from error
        callers = [asyncio.create_task(self._greet(other)) for other in self._others]
        try:
            async with asyncio.timeout(seconds):
                await self._until_all_are_there()
        except TimeoutError as error:
            missing = " and ".join(self._name(index) for index in self._missing())
            raise TrainingError(
                f"{missing} did not come within {seconds:g} seconds: start every worker with the "
                "same TF_CONFIG but for its own index, and look at its address and at firewalls."
            ) from error
        finally:
            for caller in callers:
                caller.cancel()
            await asyncio.gather(*callers, return_exceptions=True)
            server.close()

    async def _until_all_are_there(self) -> None:
        told: Sequence[int] = ()
        while missing := self._missing():
            if self._disagreement is not None:
                raise TrainingError(self._disagreement)
            if missing != told:
                told = missing
                self._on_waiting([self._cluster.name(index) for index in missing])
            self._changed.clear()
            await self._changed.wait()

    def _missing(self) -> list[int]:
        return sorted(self._others - (self._answered & self._greeted))

    async def _greet(self, other: int) -> None:
        """Greet a worker again and again until it answers."""
        host, _, port = self._cluster.addresses[other].rpartition(":")
        while other not in self._answered:
            with suppress(OSError, TimeoutError, ValueError):
                async with asyncio.timeout(_ANSWER_SECONDS):
                    reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
                    try:
                        writer.write(self._words())
                        self._hear(await reader.readline(), self._answered, other)
                    finally:
                        writer.close()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a worker that greets this one."""
        try:
            with suppress(OSError, TimeoutError, ValueError):
                async with asyncio.timeout(_ANSWER_SECONDS):
                    line = await reader.readline()
                    writer.write(self._words())
                    await writer.drain()
                self._hear(line, self._greeted)
        finally:
            writer.close()

    def _words(self) -> bytes:
        words = {"program": _PROGRAM, "index": self._cluster.index, "topic": self._topic}
        return json.dumps(words).encode() + b"\n"

    def _hear(self, line: bytes, heard: set[int], expected: int | None = None) -> None:
        """Note who spoke; whatever is not a worker of this program is not listened to."""
        words = json.loads(line)
        if not isinstance(words, dict) or words.get("program") != _PROGRAM:
            return
        index = words.get("index")
        if index not in self._others or expected not in {None, index}:
            self._disagreement = (
                f"A worker says that it is number {index} of those that TF_CONFIG names, which "
                f"{'another one' if expected is None else self._cluster.name(expected)} is: give "
                "every worker the same TF_CONFIG but for its own index."
            )
        elif words.get("topic") != self._topic:
            self._disagreement = (
                f"{self._name(index)} does not train the same: start every worker with the same "
                "photos, recipe and options."
            )
        else:
            heard.add(index)
        self._changed.set()

    def _name(self, index: int) -> str:
        name = self._cluster.name(index)
        return name[0].upper() + name[1:]
