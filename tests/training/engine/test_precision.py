"""Which numbers to compute with: measured once, remembered, and never taken from nonsense."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from training.configuration import Precision
from training.engine import precision
from training.engine.precision import WORTH_IT, choose_precision

FLOAT32, BFLOAT16 = Precision.FLOAT32.value, Precision.MIXED_BFLOAT16.value


@dataclass
class Clock:
    """A clock that goes only while a network is trained."""

    now: float = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@dataclass
class Network:
    """Stands for a Keras network: a step of it takes the seconds it is given, one after another."""

    clock: Clock
    seconds: Iterator[float]
    layers: Sequence[keras.layers.Layer]
    name: str = "convnet"
    parameters: int = 10
    input_shape: tuple[int | None, ...] = (None, 8, 8, 3)
    trainable_variables: Sequence[NDArray[np.float32]] = ()
    batches: list[NDArray[np.float32]] = field(default_factory=list)

    def train_on_batch(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> None:
        """Take the next seconds."""
        assert len(x) == len(y)
        self.batches.append(x)
        self.clock.now += next(self.seconds)

    def count_params(self) -> int:
        """Count its weights."""
        return self.parameters


@dataclass
class Workshop:
    """Builds networks whose steps take known times, and remembers which were asked for."""

    float32: Sequence[float]
    bfloat16: Sequence[float]
    convolves: bool = True
    parameters: int = 10
    trained: int = 5
    clock: Clock = field(default_factory=Clock)
    built: list[str] = field(default_factory=list)
    networks: list[Network] = field(default_factory=list)

    def build(self, policy: str) -> Network:
        """Build a network."""
        self.built.append(policy)
        seconds = self.float32 if policy == FLOAT32 else self.bfloat16
        kind = keras.layers.Conv2D(1, 1) if self.convolves else keras.layers.Dense(1)
        steps = (seconds[min(n, len(seconds) - 1)] for n in range(100))
        weights = [np.zeros(self.trained, np.float32)]
        network = Network(
            self.clock, steps, [kind], parameters=self.parameters, trainable_variables=weights
        )
        self.networks.append(network)
        return network


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "caches" / "precision.json"


def chosen(
    workshop: Workshop,
    memory: Path,
    wanted: Precision = Precision.AUTO,
    batch_size: int = 4,
) -> str:
    """Choose a precision by a workshop's clock."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(precision, "perf_counter", workshop.clock)
        build = cast("Callable[[str], keras.Model]", workshop.build)
        return choose_precision(wanted, build, batch_size, memory)


@pytest.mark.parametrize("wanted", [each for each in Precision if each is not Precision.AUTO])
def test_what_is_asked_for_is_taken_unmeasured(memory: Path, wanted: Precision) -> None:
    workshop = Workshop([1.0], [1.0])
    assert chosen(workshop, memory, wanted) == wanted.value
    assert workshop.built == []
    assert not memory.exists()


@pytest.mark.parametrize(
    ("quicker", "expected"),
    [
        (0.5, FLOAT32),
        (1.0, FLOAT32),
        (WORTH_IT - 0.01, FLOAT32),
        (WORTH_IT + 0.01, BFLOAT16),
        (3.0, BFLOAT16),
    ],
)
def test_mixed_precision_is_chosen_only_where_it_is_clearly_quicker(
    memory: Path, quicker: float, expected: str
) -> None:
    assert chosen(Workshop([quicker], [1.0]), memory) == expected


def test_first_steps_and_disturbances_do_not_count(memory: Path) -> None:
    # Keras traces the network in the first steps; another program takes the processor later.
    plain = [9.0, 9.0, 1.0, 5.0, 1.0, 1.0]
    mixed = [90.0, 9.0, 7.0, 0.5, 7.0, 0.5]
    assert chosen(Workshop(plain, mixed), memory) == BFLOAT16


def test_measuring_trains_on_batches_of_the_size_asked_for(memory: Path) -> None:
    workshop = Workshop([1.0], [1.0])
    chosen(workshop, memory, batch_size=7)
    plain, mixed = workshop.networks
    assert {batch.shape for batch in (*plain.batches, *mixed.batches)} == {(7, 8, 8, 3)}
    assert len(plain.batches) == len(mixed.batches)
    assert np.array_equal(plain.batches[0], mixed.batches[0])


def test_dense_layers_alone_are_not_worth_measuring(memory: Path) -> None:
    workshop = Workshop([9.0], [1.0], convolves=False)
    assert chosen(workshop, memory) == FLOAT32
    assert workshop.built == [FLOAT32]
    assert not memory.exists()


@pytest.mark.parametrize(("plain", "expected"), [(2.0, BFLOAT16), (1.0, FLOAT32)])
def test_a_measurement_is_remembered(memory: Path, plain: float, expected: str) -> None:
    assert chosen(Workshop([plain], [1.0]), memory) == expected
    later = Workshop([3.0 - plain], [1.0])  # would measure the opposite
    assert chosen(later, memory) == expected
    assert later.built == [FLOAT32]


def test_another_network_or_trained_part_or_batch_size_is_measured_apart(memory: Path) -> None:
    assert chosen(Workshop([2.0], [1.0]), memory) == BFLOAT16
    assert chosen(Workshop([1.0], [1.0], parameters=20), memory) == FLOAT32
    assert chosen(Workshop([1.0], [1.0], trained=9), memory) == FLOAT32
    assert chosen(Workshop([1.0], [1.0]), memory, batch_size=32) == FLOAT32
    assert chosen(Workshop([1.0], [1.0]), memory) == BFLOAT16
    assert len(json.loads(memory.read_text("utf-8"))) == 4


def test_another_processor_is_measured_anew(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen(Workshop([2.0], [1.0]), memory) == BFLOAT16
    monkeypatch.setattr(precision, "device_in_use", lambda: "CPU (one without BF16)")
    assert chosen(Workshop([1.0], [1.0]), memory) == FLOAT32


@pytest.mark.parametrize(
    "nonsense",
    [
        b"",
        b"no json",
        b"\xff\xfe",
        b"null",
        b"5",
        b"[1, 2]",
        b'"text"',
        b"{}",
        *(
            json.dumps({"KEY": value}).encode()
            for value in ("auto", "mixed_float16", "float64", 5, None, ["float32"], {"a": 1})
        ),
    ],
)
def test_nonsense_that_was_remembered_is_ignored_and_replaced(
    memory: Path, nonsense: bytes
) -> None:
    chosen(Workshop([2.0], [1.0]), memory)
    (key,) = json.loads(memory.read_text("utf-8"))
    memory.write_bytes(nonsense.replace(b"KEY", key.encode()))
    workshop = Workshop([2.0], [1.0])
    assert chosen(workshop, memory) == BFLOAT16
    assert workshop.built == [FLOAT32, BFLOAT16]
    assert json.loads(memory.read_text("utf-8")) == {key: BFLOAT16}


def test_a_memory_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("not a folder")
    assert chosen(Workshop([2.0], [1.0]), blocked / "precision.json") == BFLOAT16


def test_a_real_network_is_measured(memory: Path) -> None:
    def build(policy: str) -> keras.Model:
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(policy)
        photos = keras.Input((16, 16, 3))
        features = keras.layers.Flatten()(keras.layers.Conv2D(2, 3)(photos))
        network = keras.Model(photos, keras.layers.Dense(1, dtype="float32")(features))
        network.compile(loss="mse", metrics=["accuracy"], jit_compile=False)
        keras.config.set_dtype_policy(before)
        return network

    found = choose_precision(Precision.AUTO, build, 2, memory)
    assert found in {FLOAT32, BFLOAT16}
    assert list(json.loads(memory.read_text("utf-8")).values()) == [found]
