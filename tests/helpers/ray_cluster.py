"""A Ray cluster of several nodes on this computer, one of which can be killed while it works."""

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from time import monotonic
from typing import TYPE_CHECKING

import psutil
import pytest

from catdog_gui.classify.cluster import NodeClassifier

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster, Node

SECONDS_TO_BE_AT_WORK = 30.0
_AT_WORK = f"({NodeClassifier.__name__})).submit"
"""What Ray calls the process of an actor while it has a block."""


@dataclass(eq=False, slots=True)
class KillableNode:
    """A node with one processor."""

    cluster: "Cluster"
    node: "Node"
    alive: bool = True
    had_work: bool = field(default=False, init=False)
    """Whether it held a block when it was killed."""

    def kill_at_work(self) -> None:
        """Wait until its actor has a block, and kill all of it before the block is done."""
        actor = self._actor_at_work()
        actor.send_signal(signal.SIGSTOP)  # so that it does not get done meanwhile
        self.had_work = _is_at_work(actor)
        self.cluster.remove_node(self.node, allow_graceful=False)
        self.alive = False
        actor.kill()

    def _actor_at_work(self) -> psutil.Process:
        raylet = psutil.Process(self.node.all_processes["raylet"][0].process.pid)
        deadline = monotonic() + SECONDS_TO_BE_AT_WORK
        while monotonic() < deadline:
            for process in raylet.children():
                if _is_at_work(process):
                    return process
        raise AssertionError("the node was given nothing to do")


@contextmanager
def ray_cluster() -> Iterator["Cluster"]:
    """Start a cluster of one node with one processor, and end it with all nodes added since."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    # The death of a node is to be noticed within two seconds, not within half a minute.
    watchful = {
        "health_check_initial_delay_ms": 0,
        "health_check_period_ms": 500,
        "health_check_failure_threshold": 4,
    }
    head = {"num_cpus": 1, "include_dashboard": False, "_system_config": watchful}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    logs = cluster.head_node.get_session_dir_path()
    try:
        yield cluster
    finally:
        cluster.shutdown()
        shutil.rmtree(logs, ignore_errors=True)


@contextmanager
def another_node(cluster: "Cluster") -> Iterator[KillableNode]:
    """Have a cluster be larger by a node."""
    node = KillableNode(cluster, cluster.add_node(num_cpus=1))
    try:
        yield node
    finally:
        if node.alive:
            cluster.remove_node(node.node)


def require_ray() -> None:
    """Skip a test where Ray is missing and need not be there; where it must be, fail it."""
    if sys.platform == "win32":
        pytest.skip("Ray has no clusters of several nodes on Windows")
    if find_spec("ray") is None:
        message = 'Ray is not installed: pip install "catdog-gui[cluster]"'
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


def _is_at_work(process: psutil.Process) -> bool:
    try:
        return _AT_WORK in " ".join(process.cmdline())
    except psutil.Error:
        return False
