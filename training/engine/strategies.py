"""How many devices train together: one, several GPUs, or several workers named by TF_CONFIG."""

import faulthandler
import json
import re
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

import tensorflow as tf

from training.engine.meeting import MEETING_SECONDS, meet
from training.errors import TrainingError

JOINING_SECONDS = 120
"""How long TensorFlow may take to connect workers that have all just been there."""
_ADDRESS = re.compile(r"^\S+:(\d{1,5})$")
_TASK = re.compile(r"/job:(\w+)/replica:\d+/task:(\d+)")
_KINDS_OF_TASK = ("chief", "worker")
_ERRORS_OF_A_LOSS = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.UnavailableError,
)


class WorkerLostError(TrainingError):
    """Another worker is gone: every worker has to go on from the last checkpoint.

    TensorFlow's collective operations cannot be used again in a process in which one failed.
    """


class Kind(Enum):
    """Which of TensorFlow's strategies trains."""

    ONE_DEVICE = "one device"
    SEVERAL_GPUS = "several GPUs"
    SEVERAL_WORKERS = "several workers"


@dataclass(frozen=True)
class Cluster:
    """The workers that train together, and which of them this process is."""

    workers: tuple[str, ...]
    """What TF_CONFIG calls them, as in `worker 1`; the chief first."""
    addresses: tuple[str, ...]
    """HOST:PORT of each."""
    index: int
    """This one's place among them."""

    @property
    def is_chief(self) -> bool:
        """Whether this one writes what is to be written once."""
        return self.index == 0

    def name(self, index: int) -> str:
        """Name a worker so that a person finds it."""
        return f"{self.workers[index]} ({self.addresses[index]})"


def read_cluster(environment: Mapping[str, str]) -> Cluster | None:
    """Return the workers that the variable TF_CONFIG names; nothing if it names none but this.

    Raises:
        TrainingError: TF_CONFIG cannot be understood.
    """
    text = environment.get("TF_CONFIG", "").strip()
    if not text:
        return None
    try:
        described = json.loads(text)
    except ValueError as error:
        raise _malformed(f"it is no JSON ({error})") from error
    if not isinstance(described, dict):
        raise _malformed("it is no JSON object")
    cluster = described.get("cluster") or {}
    if not isinstance(cluster, dict):
        raise _malformed('its "cluster" is no JSON object')
    tasks = [task for kind in _KINDS_OF_TASK for task in _tasks_of_kind(cluster, kind)]
    if others := sorted(set(cluster) - set(_KINDS_OF_TASK)):
        raise _malformed(f'it names tasks of the kind {others[0]!r}, not only "chief" and "worker"')
    if not tasks:
        return None
    index = _own_place(described, tasks)
    if len(tasks) == 1:
        return None
    return Cluster(tuple(name for name, _ in tasks), tuple(place for _, place in tasks), index)


def is_chief(cluster: Cluster | None) -> bool:
    """Tell whether this process writes the model file, history and checkpoints."""
    return cluster is None or cluster.is_chief


def kind_of_strategy(cluster: Cluster | None, gpus: int) -> Kind:
    """Decide which strategy trains on so many workers and, on this one, GPUs."""
    if cluster is not None:
        return Kind.SEVERAL_WORKERS
    return Kind.SEVERAL_GPUS if gpus > 1 else Kind.ONE_DEVICE


def choose_strategy(
    cluster: Cluster | None,
    *,
    topic: str = "",
    seconds: float = MEETING_SECONDS,
    on_waiting: Callable[[Sequence[str]], None] = lambda missing: None,
) -> tf.distribute.Strategy:
    """Return the strategy to train with, once every worker is there.

    It has to be called before anything else is asked of TensorFlow.

    Args:
        cluster: The workers, from `read_cluster`.
        topic: What is trained, in any form; it must be the same for all workers.
        seconds: How long the other workers are waited for.
        on_waiting: Told the names of the workers still missing, whenever that changes.

    Raises:
        TrainingError: A worker does not come, trains something else, or this one's port is taken.
    """
    kind = kind_of_strategy(cluster, len(tf.config.list_physical_devices("GPU")))
    if cluster is not None:
        meet(cluster, topic=topic, seconds=seconds, on_waiting=on_waiting)
        return _join()
    if kind is Kind.SEVERAL_GPUS:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


@contextmanager
def losses_of_workers_told(cluster: Cluster | None) -> Iterator[None]:
    """Turn TensorFlow's error about a worker that is gone into one for the user.

    Raises:
        WorkerLostError: A worker was killed, or can no longer be reached.
    """
    try:
        yield
    except tf.errors.OpError as error:
        if cluster is None or not isinstance(error, _ERRORS_OF_A_LOSS):
            raise
        raise WorkerLostError(
            f"{_lost(cluster, error.message)} can no longer be reached: start it again, and go on "
            "with every worker from the last checkpoint with --resume."
        ) from error


def _tasks_of_kind(cluster: Mapping[str, Any], kind: str) -> list[tuple[str, str]]:
    """Return the name and address of every task of a kind."""
    addresses = cluster.get(kind, [])
    if not isinstance(addresses, list):
        raise _malformed(f'its "{kind}" is no list of addresses')
    for address in addresses:
        match = _ADDRESS.match(address) if isinstance(address, str) else None
        if match is None or not 0 < int(match[1]) < 2**16:
            raise _malformed(f"{address!r} is no address of the form HOST:PORT")
    if kind == "chief" and len(addresses) > 1:
        raise _malformed("it names more than one chief")
    return [
        (kind if kind == "chief" else f"{kind} {index}", address)
        for index, address in enumerate(addresses)
    ]


def _own_place(described: Mapping[str, Any], tasks: Sequence[tuple[str, str]]) -> int:
    task = described.get("task")
    kind, index = (task.get("type"), task.get("index")) if isinstance(task, dict) else (None, None)
    if kind not in _KINDS_OF_TASK or isinstance(index, bool) or not isinstance(index, int):
        raise _malformed('its "task" does not say the type (chief or worker) and index of this one')
    name = kind if kind == "chief" and index == 0 else f"{kind} {index}"
    names = [each for each, _ in tasks]
    if name not in names:
        raise _malformed(f"this is {name}, but it names {', '.join(names)}")
    addresses = [address for _, address in tasks]
    if twice := next((each for each in addresses if addresses.count(each) > 1), None):
        raise _malformed(f"two tasks have the address {twice}")
    return names.index(name)


def _malformed(reason: str) -> TrainingError:
    return TrainingError(
        f"The variable TF_CONFIG cannot be used, since {reason}: correct it, or unset it to train "
        "on this computer alone."
    )


def _join() -> tf.distribute.Strategy:
    """Connect with the other workers.

    TensorFlow holds Python's lock while it waits, so that only a watchdog outside of Python can
    end the wait for a worker that vanished this very moment. TensorFlow also takes over the
    signal that asks a process to end, and then ignores it; it is given back.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    faulthandler.dump_traceback_later(JOINING_SECONDS, exit=True)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    finally:
        faulthandler.cancel_dump_traceback_later()
        if in_main_thread:
            signal.signal(signal.SIGTERM, before)


def _lost(cluster: Cluster, message: str) -> str:
    """Name the worker that an error tells of; it may be unclear which."""
    for kind, index in _TASK.findall(message):
        name = kind if kind == "chief" else f"{kind} {index}"
        if name in cluster.workers and cluster.workers.index(name) != cluster.index:
            return f"The {cluster.name(cluster.workers.index(name))}"
    return "Another worker"
