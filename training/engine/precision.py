"""Which numbers to compute with: chosen by measurement on the machine at hand."""

import json
import os
from collections.abc import Callable
from math import prod
from pathlib import Path
from time import perf_counter

import keras
import numpy as np
import tensorflow as tf

from training.configuration import Precision
from training.engine.devices import device_in_use
from training.files import write_bytes

WARM_UP_STEPS = 2
TIMED_STEPS = 4
WORTH_IT = 1.15
"""How many times quicker mixed precision has to be to be chosen."""


def choose_precision(
    wanted: Precision,
    build: Callable[[str], keras.Model],
    batch_size: int,
    memory: Path,
) -> str:
    """Return the Keras dtype policy to train with.

    Args:
        wanted: What was asked for; only `AUTO` measures.
        build: Builds and compiles what will be trained, under a policy.
        batch_size: Photos in a batch.
        memory: Where earlier measurements of this machine are kept.
    """
    if wanted is not Precision.AUTO:
        return wanted.value
    plain = build(Precision.FLOAT32.value)
    if not any(isinstance(layer, keras.layers.Conv2D) for layer in plain.layers):
        return Precision.FLOAT32.value  # a few dense layers take no time in any precision
    key = f"{_shape_of(plain)} x {batch_size} on {_machine()}"
    known = _recall(memory)
    if key not in known:
        quicker = _seconds_a_step(plain, batch_size) / _seconds_a_step(
            build(Precision.MIXED_BFLOAT16.value), batch_size
        )
        known[key] = (
            Precision.MIXED_BFLOAT16.value if quicker >= WORTH_IT else Precision.FLOAT32.value
        )
        _remember(memory, known)
    return known[key]


def _seconds_a_step(network: keras.Model, batch_size: int) -> float:
    """Time the quickest of a few training steps on noise."""
    generator = np.random.default_rng(0)
    shape = (batch_size, *network.input_shape[1:])
    inputs = generator.integers(0, 256, shape).astype(np.float32)
    labels = generator.integers(0, 2, (batch_size, 1)).astype(np.float32)
    for _ in range(WARM_UP_STEPS):
        network.train_on_batch(inputs, labels)
    times = []
    for _ in range(TIMED_STEPS):
        began = perf_counter()
        network.train_on_batch(inputs, labels)
        times.append(perf_counter() - began)
    return min(times)


def _shape_of(network: keras.Model) -> str:
    trained = sum(prod(weight.shape) for weight in network.trainable_variables)
    return f"{network.name} {network.input_shape} {network.count_params()} {trained}"


def _machine() -> str:
    """Name all that decides how quick a step is; a folder of caches may be moved to another."""
    return f"{device_in_use()}, {os.cpu_count()} cores, TensorFlow {tf.__version__}"


def _recall(memory: Path) -> dict[str, str]:
    try:
        values = json.loads(memory.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(values, dict):
        return {}
    chosen = (Precision.FLOAT32.value, Precision.MIXED_BFLOAT16.value)
    return {key: value for key, value in values.items() if value in chosen}


def _remember(memory: Path, known: dict[str, str]) -> None:
    try:
        write_bytes(memory, json.dumps(known, indent=1).encode())
    except OSError:
        return  # it will be measured again
