"""What TF_CONFIG may say, and which strategy trains."""

import json
import socket
from typing import Any

import pytest
import tensorflow as tf

from training.engine.strategies import (
    Cluster,
    Kind,
    WorkerLostError,
    choose_strategy,
    is_chief,
    kind_of_strategy,
    losses_of_workers_told,
    read_cluster,
)
from training.errors import TrainingError

TWO = ["10.0.0.1:2222", "10.0.0.2:2222"]
PAIR = Cluster(("worker 0", "worker 1"), tuple(TWO), 0)


def environment(cluster: Any, kind: Any = "worker", index: Any = 0) -> dict[str, str]:
    config = {"cluster": cluster, "task": {"type": kind, "index": index}}
    return {"TF_CONFIG": json.dumps(config)}


@pytest.mark.parametrize("text", ["", " ", "{}", '{"cluster": {}}', '{"task": {"index": 0}}'])
def test_without_other_workers_there_is_no_cluster(text: str) -> None:
    assert read_cluster({"TF_CONFIG": text}) is None
    assert read_cluster({}) is None


def test_a_cluster_of_this_worker_alone_is_none() -> None:
    assert read_cluster(environment({"worker": TWO[:1]})) is None


def test_the_first_worker_is_the_chief() -> None:
    first = read_cluster(environment({"worker": TWO}))
    second = read_cluster(environment({"worker": TWO}, index=1))
    assert first == PAIR
    assert is_chief(first)
    assert not is_chief(second)
    assert is_chief(None)


def test_a_chief_of_its_own_comes_before_all_workers() -> None:
    cluster = {"worker": TWO, "chief": ["[::1]:80"]}
    chief = read_cluster(environment(cluster, "chief"))
    worker = read_cluster(environment(cluster, "worker", 0))
    assert chief is not None
    assert chief.name(0) == "chief ([::1]:80)"
    assert chief.is_chief
    assert worker is not None
    assert (worker.index, worker.is_chief) == (1, False)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "it is no JSON"),
        ("[]", "it is no JSON object"),
        ('{"cluster": 3}', '"cluster" is no JSON object'),
        ('{"cluster": {"worker": "a:1"}}', '"worker" is no list of addresses'),
        (json.dumps({"cluster": {"worker": TWO}}), '"task" does not say'),
    ],
)
def test_text_that_is_no_cluster_is_refused(text: str, reason: str) -> None:
    with pytest.raises(TrainingError, match=f"^The variable TF_CONFIG cannot be used.*{reason}"):
        read_cluster({"TF_CONFIG": text})


@pytest.mark.parametrize(
    ("cluster", "kind", "index", "reason"),
    [
        ({"worker": TWO}, "worker", 2, "this is worker 2, but it names worker 0, worker 1"),
        ({"worker": TWO}, "worker", -1, "this is worker -1"),
        ({"worker": TWO}, "worker", True, "does not say"),
        ({"worker": TWO}, "worker", "0", "does not say"),
        ({"worker": TWO}, "evaluator", 0, "does not say"),
        ({"worker": TWO, "ps": TWO}, "worker", 0, "tasks of the kind 'ps'"),
        ({"worker": [TWO[0], TWO[0]]}, "worker", 0, "two tasks have the address 10.0.0.1:2222"),
        ({"worker": ["10.0.0.1", TWO[1]]}, "worker", 0, "'10.0.0.1' is no address"),
        ({"worker": ["a:0", TWO[1]]}, "worker", 0, "'a:0' is no address"),
        ({"worker": ["a:65536", TWO[1]]}, "worker", 0, "'a:65536' is no address"),
        ({"worker": [3, TWO[1]]}, "worker", 0, "3 is no address"),
        ({"chief": TWO}, "chief", 0, "more than one chief"),
    ],
)
def test_a_cluster_that_makes_no_sense_is_refused(
    cluster: Any, kind: str, index: Any, reason: str
) -> None:
    with pytest.raises(TrainingError, match=reason):
        read_cluster(environment(cluster, kind, index))


@pytest.mark.parametrize(
    ("cluster", "gpus", "kind"),
    [
        (None, 0, Kind.ONE_DEVICE),
        (None, 1, Kind.ONE_DEVICE),
        (None, 2, Kind.SEVERAL_GPUS),
        (PAIR, 0, Kind.SEVERAL_WORKERS),
        (PAIR, 2, Kind.SEVERAL_WORKERS),
    ],
)
def test_workers_come_before_gpus_and_gpus_before_one_device(
    cluster: Cluster | None, gpus: int, kind: Kind
) -> None:
    assert kind_of_strategy(cluster, gpus) is kind


def test_one_device_trains_with_the_default_strategy() -> None:
    assert choose_strategy(None) is tf.distribute.get_strategy()


def test_a_worker_that_never_comes_is_told_instead_of_waited_for_without_end() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        addresses = tuple(f"127.0.0.1:{each.getsockname()[1]}" for each in (one, two))
    cluster = Cluster(("worker 0", "worker 1"), addresses, 0)
    with pytest.raises(TrainingError, match=r"^Worker 1 .* did not come within 0.2 seconds: start"):
        choose_strategy(cluster, seconds=0.2)


def test_an_error_about_a_lost_worker_names_it() -> None:
    message = (
        "Collective ops is aborted by: Error reported from /job:worker/task:1: The following tasks "
        "are unhealthy (stopped sending heartbeats):\n/job:worker/replica:0/task:1\n"
    )
    with (
        pytest.raises(WorkerLostError, match=r"^The worker 1 \(10.0.0.2:2222\) can no longer"),
        losses_of_workers_told(PAIR),
    ):
        raise tf.errors.UnavailableError(None, None, message)


def test_an_error_that_names_nobody_else_tells_of_another_worker() -> None:
    with (
        pytest.raises(WorkerLostError, match=r"^Another worker can no longer be reached"),
        losses_of_workers_told(PAIR),
    ):
        raise tf.errors.AbortedError(None, None, "at /job:worker/replica:0/task:0: Socket closed")


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(tf.errors.ResourceExhaustedError), losses_of_workers_told(PAIR):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM")
    with pytest.raises(tf.errors.UnavailableError), losses_of_workers_told(None):
        raise tf.errors.UnavailableError(None, None, "no cluster")
