"""Classifying on a cluster by Ray Data: the local engine, in one actor on every node.

The photos lie on storage that every node sees at the same absolute paths. Blocks of paths travel to
the nodes, rows travel back, and the model file's bytes go through Ray's object store, so that no
node needs the model library. Pixels never leave the node that read them.
"""

import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Self

from catdog_gui.classify.batch import classify_photos
from catdog_gui.classify.classifier import Classifier
from catdog_gui.classify.precision import FLOAT32, Precision
from catdog_gui.classify.prediction import Prediction
from catdog_gui.classify.ray_connection import connected, last_line
from training.errors import CatDogError, WorkStopped
from training.model_file import SUFFIX, read_model_file

if TYPE_CHECKING:
    import pyarrow as pa
    import ray

PHOTOS_A_ROUND = 500_000
"""How many photos are with Ray at once, which bounds memory; a round costs some seconds."""
MOST_PHOTOS_A_CPU = 1_024
"""What an actor is given at once for each processor, and what is done again if its node dies: for
some seconds, against the half second that the local engine takes to begin."""
BLOCKS_AN_ACTOR = 4
"""At least, so that no node waits for another one for long at the end."""


def classify_on_cluster(
    photos: Iterable[Path],
    model_file: Path,
    *,
    address: str | None = None,
    precision: Precision = FLOAT32,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[list[Prediction]]:
    """Yield a prediction for every photo, each once and in their order, some at a time.

    A node that dies takes no photo with it: what it had is done by another one. Rows of later
    photos are held back until those before them are there; a stop yields what is held.

    Args:
        photos: Files, whose absolute paths lead to the same photos on every node.
        model_file: The model file, which only this computer need have.
        address: HOST:PORT of a running cluster's head, or `auto` for the one that this computer
            is part of; by default Ray is started on this computer, and ended afterwards.
        precision: What to compute in.
        should_stop: Asked many times a second; the generator ends soon once it says so.

    Raises:
        ModelFileError: The model file is refused.
        ConfigurationError: The address is none.
        CatDogError: Ray is not installed, cannot be reached, or cannot go on.
    """
    read_model_file(model_file)
    unasked = iter(photos)
    asked = list(islice(unasked, PHOTOS_A_ROUND))
    if not asked or should_stop():
        return
    with connected(address) as ray:
        model = SharedModel(ray.put(model_file.read_bytes()), precision)
        while asked and not should_stop():
            yield from _classify_round(asked, model, should_stop)
            asked = list(islice(unasked, PHOTOS_A_ROUND))


class RowsInOrder:
    """Takes predictions in any order, some perhaps twice, and gives each once, in order."""

    def __init__(self, photos: Sequence[Path]) -> None:
        """Expect a prediction for each of `photos`."""
        self._photos = photos
        self._held: dict[int, Prediction] = {}
        self._given = 0

    @property
    def taken(self) -> int:
        """How many photos there is a prediction for."""
        return self._given + len(self._held)

    def missing(self) -> list[int]:
        """Return the places of photos that there is no prediction for yet."""
        return [n for n in range(self._given, len(self._photos)) if n not in self._held]

    def take(
        self, place: int, probabilities: Sequence[float], reason: str, fingerprint: bytes = b""
    ) -> None:
        """Take the prediction for the photo at a place, unless there is one already."""
        if place >= self._given and place not in self._held:
            photo = self._photos[place]
            self._held[place] = Prediction(
                photo, tuple(probabilities), reason, fingerprint=fingerprint
            )

    def ready(self) -> list[Prediction]:
        """Return those that are next in order, and hold them no longer."""
        first = self._given
        while self._given in self._held:
            self._given += 1
        return [self._held.pop(place) for place in range(first, self._given)]

    def held(self) -> list[Prediction]:
        """Return those that are held back, in order."""
        return [prediction for _place, prediction in sorted(self._held.items())]


@dataclass(frozen=True, slots=True)
class SharedModel:
    """A model file whose bytes lie in Ray's object store, and what to compute in."""

    content: "ray.ObjectRef[bytes]"
    precision: Precision


class NodeClassifier:
    """The local engine in an actor of Ray's, which makes it on a node."""

    def __init__(self, model: SharedModel) -> None:
        """Open a model file; raise as `Classifier.open`."""
        import ray

        # Else every decoding process would import the main module, which is Ray's, for nothing.
        vars(sys.modules["__main__"]).pop("__file__", None)
        with tempfile.TemporaryDirectory(prefix="catdog-") as folder:
            path = Path(folder, f"model{SUFFIX}")
            path.write_bytes(ray.get(model.content))
            self._classifier = Classifier.open(path, model.precision)

    def __call__(self, block: "pa.Table") -> "Iterator[pa.Table]":
        """Classify a block of photos: yield rows of place, probabilities and reason."""
        photos = [Path(os.fsdecode(path)) for path in block["path"].to_pylist()]
        places = iter(block["place"].to_pylist())
        for predictions in classify_photos(photos, self._classifier):
            yield _rows_of(list(islice(places, len(predictions))), predictions)


@dataclass(frozen=True, slots=True)
class ActorPlan:
    """How many actors there can be, and how many processors each of them takes."""

    actors: int
    cpus: int

    @classmethod
    def of_nodes(cls, cpus_of_nodes: Sequence[float]) -> Self:
        """Plan one actor for each node, more on nodes that are much larger than others.

        The local engine uses all of a computer, so that an actor takes a node whole. All actors
        are of one size, the smallest node's: then whichever node is left can take over from one
        that died.

        Raises:
            CatDogError: No node has a processor to give.
        """
        whole = [int(cpus) for cpus in cpus_of_nodes if cpus >= 1]
        if not whole:
            raise CatDogError(
                "No computer of the Ray cluster has a processor to give: start one with "
                "ray start --address=HOST:PORT."
            )
        smallest = min(whole)
        return cls(sum(cpus // smallest for cpus in whole), smallest)

    def photos_a_block(self, photos: int) -> int:
        """Return how many photos to give to an actor at once."""
        shared_out = ceil(photos / (self.actors * BLOCKS_AN_ACTOR))
        return min(MOST_PHOTOS_A_CPU * self.cpus, shared_out)


class StopCheck:
    """Ends an execution of Ray Data's, which calls it at every step, once it is to stop."""

    def __init__(self, should_stop: Callable[[], bool] = lambda: False) -> None:
        """Ask `should_stop`."""
        self._should_stop = should_stop

    def __call__(self) -> Self:
        """Return itself; Ray Data expects a class to call."""
        return self

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        """Travel to nodes, as all settings do, without what is to be asked here."""
        return type(self), ()

    def __deepcopy__(self, _copies: dict[int, object]) -> Self:
        """Return itself: here the settings are copied, too."""
        return self

    def on_execution_step(self, executor: object) -> None:
        """End the execution by raising `WorkStopped` if it is to stop."""
        if self._should_stop():
            raise WorkStopped("Classifying was stopped.")

    def do_nothing(self, *_told: object) -> None:
        """Do nothing at the other moments at which Ray Data calls."""

    before_execution_starts = after_execution_succeeds = after_execution_fails = do_nothing


def _classify_round(
    photos: Sequence[Path], model: SharedModel, should_stop: Callable[[], bool]
) -> Iterator[list[Prediction]]:
    """Ask until there is a row for every photo; give up once asking again brings none."""
    from ray.exceptions import RayError

    rows = RowsInOrder(photos)
    while missing := rows.missing():
        before = rows.taken
        failure: Exception | None = None
        try:
            for table in _ask(photos, missing, model, should_stop):
                _take_rows(rows, table)
                if ready := rows.ready():
                    yield ready
        except WorkStopped:
            break
        except RayError as error:
            failure = error
        if rows.taken == before:
            raise CatDogError(
                f"Ray cannot go on at {photos[missing[0]]}: {last_line(failure)}. See to it that "
                "every computer of the cluster has this version of CatDog Studio and sees the "
                "photos, and classify again."
            ) from failure
    if held := rows.held():
        yield held


def _ask(
    photos: Sequence[Path],
    places: Sequence[int],
    model: SharedModel,
    should_stop: Callable[[], bool],
) -> "Iterator[pa.Table]":
    """Have the photos at some places classified; the rows come in any order."""
    import ray.data

    plan = ActorPlan.of_nodes([n["Resources"].get("CPU", 0) for n in ray.nodes() if n["Alive"]])
    size = plan.photos_a_block(len(places))
    parts = [places[first : first + size] for first in range(0, len(places), size)]
    # It warns of what it deprecated itself, which nobody who classifies photos can heed.
    with warnings.catch_warnings(action="ignore"):
        settings = ray.data.DataContext.get_current()
    settings.enable_progress_bars = settings.print_on_execution_start = False
    settings.custom_execution_callback_classes = [StopCheck(should_stop)]
    blocks = ray.data.from_arrow([_block_of(photos, part) for part in parts])
    answered = blocks.map_batches(
        NodeClassifier,
        batch_size=None,
        batch_format="pyarrow",
        fn_constructor_kwargs={"model": model},
        # Ray Data starts an actor whose node died on another one, as often as it takes. Where all
        # are taken, that is once an actor there is done; so the pool may shrink.
        compute=ray.data.ActorPoolStrategy(
            min_size=1, max_size=plan.actors, initial_size=plan.actors
        ),
        num_cpus=plan.cpus,
    )
    # Not `iter_batches`: whoever does not listen to its end keeps a thread of it for ever.
    for bundle in answered.iter_internal_ref_bundles():
        yield from map(ray.get, bundle.block_refs)


def _block_of(photos: Sequence[Path], places: Sequence[int]) -> "pa.Table":
    """Return paths as bytes, which are what they are on Linux, each with its place."""
    import pyarrow as pa

    paths = [os.fsencode(photos[place].absolute()) for place in places]
    return pa.table({"place": pa.array(places, pa.int64()), "path": pa.array(paths, pa.binary())})


def _rows_of(places: Sequence[int], predictions: Sequence[Prediction]) -> "pa.Table":
    import pyarrow as pa

    probabilities = [prediction.probabilities for prediction in predictions]
    reasons = [prediction.reason.encode("utf-8", "surrogatepass") for prediction in predictions]
    return pa.table(
        {
            "place": pa.array(places, pa.int64()),
            "probabilities": pa.array(probabilities, pa.list_(pa.float64())),
            "reason": pa.array(reasons, pa.binary()),
            "fingerprint": pa.array([each.fingerprint for each in predictions], pa.binary()),
        }
    )


def _take_rows(rows: RowsInOrder, table: "pa.Table") -> None:
    names = ("place", "probabilities", "reason", "fingerprint")
    columns = (table[name].to_pylist() for name in names)
    for place, probabilities, reason, fingerprint in zip(*columns, strict=True):
        rows.take(place, probabilities, reason.decode("utf-8", "surrogatepass"), fingerprint)
