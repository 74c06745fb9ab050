"""Classifying on a Ray cluster: every photo once, whatever dies meanwhile."""

import json
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from catdog_gui.classify.batch import classify_photos
from catdog_gui.classify.classifier import Classifier
from catdog_gui.classify.cluster import (
    BLOCKS_AN_ACTOR,
    MOST_PHOTOS_A_CPU,
    ActorPlan,
    RowsInOrder,
    classify_on_cluster,
)
from catdog_gui.classify.prediction import Prediction
from tests.classify.remaking import remake
from tests.helpers.models import array_bytes, write_colour_model
from tests.helpers.photos import photo_bytes, write_photo
from tests.helpers.ray_cluster import another_node, ray_cluster, require_ray
from training.errors import CatDogError, ConfigurationError, ModelFileError
from training.model_file import GOLDEN_PROBABILITIES

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

PHOTOS = 300
LARGE = (1500, 1200)
"""Pixels that take some milliseconds to decode, so that there is a time at which to die."""

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import json, os, sys
from pathlib import Path
from catdog_gui.classify.cluster import classify_on_cluster
model, *photos = map(Path, sys.argv[1:])
rows = [row for rows in classify_on_cluster(photos, model) for row in rows]
import ray
assert not ray.is_initialized()
print(json.dumps([(os.fsencode(row.path).hex(), row.probabilities, row.reason) for row in rows]))
"""


@pytest.fixture(scope="module")
def cluster() -> "Iterator[Cluster]":
    require_ray()
    with ray_cluster() as started:
        yield started


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_colour_model(tmp_path / "colours.catdog")


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Write photos of all kinds: readable ones, broken ones, and names that are no text."""
    folder = tmp_path / "photos"
    folder.mkdir()
    contents = [photo_bytes(colour, 1, LARGE) for colour in ("red", "blue")]
    paths = []
    for number in range(PHOTOS):
        ending = b"\xe9.jpg" if sys.platform == "linux" and number % 10 == 3 else b".jpg"
        path = folder / os.fsdecode(b"%d%b" % (number, ending))
        content = contents[number * number // 7 % 2]
        path.write_bytes(content[:9000] if number % 17 == 5 else content)
        paths.append(path)
    return paths


def locally(photos: Sequence[Path], model: Path) -> list[Prediction]:
    return [row for rows in classify_photos(photos, Classifier.open(model)) for row in rows]


def assert_equal(rows: Sequence[Prediction], expected: Sequence[Prediction]) -> None:
    assert [row.path for row in rows] == [row.path for row in expected]
    assert [row.reason for row in rows] == [row.reason for row in expected]
    for row, other in zip(rows, expected, strict=True):
        assert row.probabilities == pytest.approx(other.probabilities, abs=1e-4)


def test_a_node_that_dies_at_work_takes_no_row_with_it_and_doubles_none(
    cluster: "Cluster", photos: list[Path], model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rows: list[Prediction] = []
    with another_node(cluster) as node:
        capfd.readouterr()
        for some in classify_on_cluster(iter(photos), model, address=cluster.address):
            if node.alive:
                node.kill_at_work()
            rows += some
        printed = capfd.readouterr()
    assert node.had_work
    assert max(Counter(row.path for row in rows).values()) == 1
    assert_equal(rows, locally(photos, model))
    assert printed == ("", "")


def test_without_an_address_ray_is_started_and_ended_and_nothing_else_is_printed(
    photos: list[Path], model: Path
) -> None:
    require_ray()
    folder = photos[0].parent
    command = [sys.executable, "-c", PROGRAM, str(model), *(photo.name for photo in photos)]
    python_path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": python_path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    rows = [
        Prediction(folder / os.fsdecode(bytes.fromhex(name)), tuple(probabilities), reason)
        for name, probabilities, reason in json.loads(done.stdout)
    ]
    assert_equal(rows, locally(photos, model))
    assert any(not row.readable for row in rows)


def test_a_stop_ends_it_though_no_row_has_come_and_leaves_the_cluster(
    cluster: "Cluster", photos: list[Path], model: Path
) -> None:
    import ray

    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 10

    stopped = classify_on_cluster(photos, model, address=cluster.address, should_stop=should_stop)
    assert len([row for some in stopped for row in some]) < len(photos)
    assert not ray.is_initialized()


def test_whoever_stops_listening_leaves_the_cluster(
    cluster: "Cluster", photos: list[Path], model: Path
) -> None:
    import ray

    rows = classify_on_cluster(photos, model, address=cluster.address)
    assert next(rows)
    assert ray.is_initialized()
    assert isinstance(rows, Iterator)
    del rows
    assert not ray.is_initialized()


def test_what_fails_on_a_node_is_one_sentence(
    cluster: "Cluster", tmp_path: Path, model: Path
) -> None:
    wrong = array_bytes(np.full((2, 2), 0.5, np.float32))
    remake(model, members={GOLDEN_PROBABILITIES: wrong})
    photo = write_photo(tmp_path / "1.jpg")
    with pytest.raises(CatDogError, match="golden probabilities are off") as caught:
        list(classify_on_cluster([photo], model, address=cluster.address))
    assert str(photo) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_address_at_which_nobody_listens_is_one_sentence(tmp_path: Path, model: Path) -> None:
    require_ray()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    rows = classify_on_cluster([tmp_path / "1.jpg"], model, address=f"127.0.0.1:{port}")
    with pytest.raises(CatDogError, match=f"There is no Ray cluster at 127.0.0.1:{port}: start"):
        next(rows)


@pytest.mark.parametrize("address", ["localhost", "ray://localhost:10001", "localhost:ray", ":1"])
def test_what_is_no_address_is_told(tmp_path: Path, model: Path, address: str) -> None:
    require_ray()
    rows = classify_on_cluster([tmp_path / "1.jpg"], model, address=address)
    with pytest.raises(ConfigurationError, match="give HOST:PORT"):
        next(rows)


def test_without_ray_it_says_what_to_install(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setitem(sys.modules, "ray.data", None)
    with pytest.raises(CatDogError, match=r'pip install "catdog-gui\[cluster\]"'):
        next(classify_on_cluster([tmp_path / "1.jpg"], model))


def test_a_model_file_that_is_refused_starts_nothing(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="There is no model file"):
        next(classify_on_cluster([tmp_path / "1.jpg"], tmp_path / "none.catdog"))


def test_no_photos_give_no_rows_and_start_nothing(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray.data", None)
    assert list(classify_on_cluster([], model)) == []


def test_rows_that_come_in_any_order_are_given_in_order() -> None:
    paths = [Path(f"{number}.jpg") for number in range(4)]
    rows = RowsInOrder(paths)
    rows.take(1, (0.25, 0.75), "")
    assert rows.ready() == []
    rows.take(0, (), "the file is empty")
    rows.take(3, (1.0, 0.0), "")
    assert rows.ready() == [
        Prediction(paths[0], reason="the file is empty"),
        Prediction(paths[1], (0.25, 0.75)),
    ]
    assert rows.missing() == [2]
    assert rows.held() == [Prediction(paths[3], (1.0, 0.0))]
    assert rows.taken == 3


@pytest.mark.parametrize("place", [0, 2])
def test_a_row_that_comes_twice_is_given_once(place: int) -> None:
    rows = RowsInOrder([Path(f"{number}.jpg") for number in range(3)])
    given = []
    for taken in (0, 2, place, 1):
        rows.take(taken, (1.0,), "")
        given += rows.ready()
    assert [row.path.name for row in given] == ["0.jpg", "1.jpg", "2.jpg"]
    assert rows.taken == 3


@pytest.mark.parametrize(
    ("cpus", "plan"),
    [
        ([8, 8, 8], ActorPlan(actors=3, cpus=8)),
        ([2.0, 9.0], ActorPlan(actors=5, cpus=2)),
        ([0, 4], ActorPlan(actors=1, cpus=4)),
    ],
)
def test_an_actor_takes_as_much_as_the_smallest_node_has(
    cpus: list[float], plan: ActorPlan
) -> None:
    assert ActorPlan.of_nodes(cpus) == plan


def test_a_cluster_without_processors_is_told() -> None:
    with pytest.raises(CatDogError, match="has a processor to give"):
        ActorPlan.of_nodes([0, 0.5])


def test_blocks_are_large_but_give_every_actor_several() -> None:
    plan = ActorPlan(actors=5, cpus=4)
    assert plan.photos_a_block(1) == 1
    assert plan.photos_a_block(1_000) == 1_000 // 5 // BLOCKS_AN_ACTOR
    assert plan.photos_a_block(10_000_000) == 4 * MOST_PHOTOS_A_CPU
