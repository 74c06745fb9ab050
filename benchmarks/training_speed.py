"""Measures training side by side with a peer, in one run, and prints ratios.

    python benchmarks/training_speed.py DATASET.zip PEER.py [--only NAME]

DATASET holds Kaggle's Dogs vs Cats as cat.N.jpg and dog.N.jpg, PEER is a script that trains as the
published study did (`PEER.py RECIPE FOLDER --steps N --epochs N`, printing one JSON object). VGG19
has weights drawn at random here, for the peer and for us: speed does not depend on them.
Run it on a computer that does nothing else.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import psutil

from training.configuration import Hyperparameters, SplitChoice, TrainingConfig
from training.events import BatchEnded, EpochEnded, Event, Failed, Started
from training.process import TrainingProcess
from training.recipes import RECIPES
from training.splits import SplitMethod

EPOCHS = 3
"""Of which the first is left out: it traces the network."""
VGG_TRAIN, VGG_VALIDATION = 600, 1000
"""Photos that VGG19 is measured on, as many as the peer's fine-tuning sees."""
SHORT_EPOCHS = 20


@dataclass(frozen=True)
class Bench:
    """Where everything lies."""

    dataset: Path
    peer: Path
    folder: Path
    """The dataset's photos for the peer: train/cats, train/dogs, validation/cats, …"""
    scratch: Path

    def ask_peer(self, recipe: str, steps: int) -> dict[str, Any]:
        """Run the peer and return what it measured."""
        command = [sys.executable, str(self.peer), recipe, str(self.folder), "--steps", str(steps)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
        values: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
        return values

    def config(self, recipe: str, name: str, **changes: Any) -> TrainingConfig:
        """Return the configuration of a run of ours."""
        numbers: Hyperparameters = replace(RECIPES[recipe].defaults, **changes)
        return TrainingConfig(
            run=name,
            dataset=str(self.dataset),
            recipe=recipe,
            hyperparameters=numbers,
            split=SplitChoice(method=SplitMethod.STUDY),
            run_folder=str(self.scratch / "runs" / name),
            model_file=str(self.scratch / "models" / f"{name}.catdog"),
            cache_folder=str(self.scratch / "caches"),
        )


def train(
    config: TrainingConfig,
    look: Callable[[TrainingProcess, Event], None] = lambda process, event: None,
) -> list[Event]:
    """Train in a process of its own, as the program does, and return what it told."""
    process = TrainingProcess(config)
    events = []
    for event in process.events():
        look(process, event)
        events.append(event)
    if isinstance(events[-1], Failed):
        raise SystemExit(events[-1].reason)
    return events


def seconds_an_epoch(events: list[Event]) -> float:
    """Return the median time of an epoch, validation included, without the first."""
    return median(e.seconds for e in events if isinstance(e, EpochEnded) and e.epoch > 1)


def measure_epochs(bench: Bench, recipe: str) -> dict[str, Any]:
    """Compare the seconds of an epoch of 100 steps with its validation."""
    peer = bench.ask_peer(recipe, 100)["epoch_s"][0]
    events = train(bench.config(recipe, recipe, epochs=EPOCHS))
    ours = seconds_an_epoch(events)
    again = bench.ask_peer(recipe, 100)["epoch_s"][0]
    started = next(event for event in events if isinstance(event, Started))
    theirs = (peer + again) / 2
    return {
        "peer_s": [peer, again],
        "ours_s": ours,
        "precision": started.precision,
        "ratio": theirs / ours,
    }


def measure_features(bench: Bench) -> dict[str, Any]:
    """Compare photos a second of VGG19's features: computed at first, and had from the cache."""
    from training.dataset import open_dataset
    from training.engine.backbones import cut
    from training.engine.feature_cache import (
        FeatureCache,
        FeatureIdentity,
        PhotoViews,
        runtime_in_use,
    )
    from training.engine.networks import FEATURES, Blueprint, build_network
    from training.photo_cache import PhotoCache

    steps = VGG_TRAIN // 20
    peer = bench.ask_peer("vgg19-features", steps)
    recipe = RECIPES["vgg19-features"]
    numbers = recipe.defaults
    network = build_network(Blueprint(recipe, numbers, 2))
    frozen = cut(network, FEATURES)[0]
    dataset = open_dataset(bench.dataset)
    photos = dataset.photos[:: len(dataset.photos) // VGG_TRAIN][:VGG_TRAIN]
    identity = FeatureIdentity(
        backbone="vgg19", weights="random", layer=FEATURES, through="",
        image_side=numbers.image_side, views=1, augmentation=numbers.augmentation, seed=0,
        runtime=runtime_in_use(),
    )  # fmt: skip
    root = bench.scratch / "feature caches"

    def seconds() -> float:
        """Time from photo files to rows in memory, as a run does it."""
        began = perf_counter()
        cache = PhotoCache(dataset, numbers.image_size, root)
        features = FeatureCache(
            frozen, PhotoViews(cache, numbers.augmentation, 0), identity, cache, root
        )
        features.prepare(cache.prepare(photos), 1, lambda done, total: None)
        features.examples(1, 0).read(photos, None)
        features.close()
        cache.close()
        return perf_counter() - began

    first, second = len(photos) / seconds(), len(photos) / seconds()
    theirs = steps * 20 / peer["extract_s"]
    return {
        "peer_photos_per_s": theirs,
        "first_photos_per_s": first,
        "again_photos_per_s": second,
        "ratio": first / theirs,
        "ratio_again": second / theirs,
    }


def measure_fine_tuning(bench: Bench) -> dict[str, Any]:
    """Compare the seconds of an epoch of fine-tuning, once the frozen part is cached."""
    steps = VGG_TRAIN // 20
    weights = _random_weights(bench)
    peer = bench.ask_peer("vgg19-finetune", steps)["epoch_s"][0]
    small = replace(bench, dataset=_subset(bench))
    config = small.config(
        "vgg19-finetune", "vgg19-finetune", epochs=EPOCHS, head_epochs=1, steps_per_epoch=steps
    )
    events = train(replace(config, weights_file=str(weights)))
    epochs = [e for e in events if isinstance(e, EpochEnded)]
    ours = median(e.seconds for e in epochs[2:])
    return {"peer_s": peer, "ours_s": ours, "ratio": peer / ours}


def measure_pipeline(bench: Bench) -> dict[str, Any]:
    """Compare steps fed by the pipeline with the same steps on one tensor in memory."""
    import numpy as np
    import tensorflow as tf

    from training.dataset import open_dataset
    from training.engine.examples import PhotoExamples
    from training.engine.input_pipeline import BatchReader, PhotoStream, TrainingBatches
    from training.engine.networks import Blueprint, build_network, compile_for_training
    from training.photo_cache import PhotoCache

    recipe = RECIPES["baseline"]
    numbers = recipe.defaults
    dataset = open_dataset(bench.dataset)
    split = SplitChoice(method=SplitMethod.STUDY).divide(dataset)
    cache = PhotoCache(dataset, numbers.image_size, bench.scratch / "caches")
    photos = cache.prepare(split.train)
    stream = PhotoStream(photos, 1)
    reader = BatchReader(PhotoExamples(cache, numbers.augmentation, 1))
    network = build_network(Blueprint(recipe, numbers, 2), "mixed_bfloat16")
    compile_for_training(network, numbers, 2, learning_rate=1e-4, steps=1)
    pixels = np.stack([cache.read(photo) for photo in photos[:: len(photos) // 20][:20]])
    labels = np.zeros((20, 1), np.float32)
    tensor = tf.data.Dataset.from_tensors((tf.constant(pixels), tf.constant(labels)))
    count = numbers.steps_per_epoch

    def time_steps(batches: TrainingBatches | tf.data.Dataset) -> float:
        began = perf_counter()
        network.fit(batches, epochs=1, verbose=0, shuffle=False)
        return perf_counter() - began

    def from_pipeline(first: int) -> float:
        return time_steps(TrainingBatches(reader, stream, batch_size=20, first=first, steps=count))

    time_steps(tensor.repeat(5))
    rounds = [
        (time_steps(tensor.repeat(count)), from_pipeline(number * count)) for number in range(3)
    ]
    cache.close()
    in_memory, piped = (median(times) for times in zip(*rounds, strict=True))
    return {"tensor_s": in_memory, "pipeline_s": piped, "ratio": piped / in_memory}


def measure_memory(bench: Bench) -> dict[str, Any]:
    """Watch the training process's resident memory over many short epochs of 15,000 photos."""
    resident: list[int] = []

    def look(process: TrainingProcess, event: Event) -> None:
        if isinstance(event, EpochEnded | BatchEnded):
            megabytes = psutil.Process(process.pid).memory_info().rss // 1_000_000
            if isinstance(event, EpochEnded):
                resident.append(megabytes)

    # As many batches as it takes for all photos to be decoded, kept and counted.
    config = bench.config(
        "baseline", "memory", epochs=SHORT_EPOCHS, steps_per_epoch=26, validation_steps=5
    )
    train(config, look)
    return {
        "resident_mb": resident,
        "most_mb": max(resident),
        "grew_mb": resident[-1] - resident[4],
    }


MEASURES: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "baseline": lambda bench: measure_epochs(bench, "baseline"),
    "augmentation": lambda bench: measure_epochs(bench, "augmentation"),
    "vgg19-features": measure_features,
    "vgg19-finetune": measure_fine_tuning,
    "pipeline": measure_pipeline,
    "memory": measure_memory,
}


def _subset(bench: Bench) -> Path:
    """Write a zip of as many photos as VGG19 is measured on."""
    target = bench.scratch / "subset.zip"
    with zipfile.ZipFile(bench.dataset) as source, zipfile.ZipFile(target, "w") as zipped:
        for kind in ("cat", "dog"):
            numbers = [*range(VGG_TRAIN // 2), *range(5000, 5000 + VGG_VALIDATION // 2)]
            for number in numbers:
                name = f"train/{kind}.{number}.jpg"
                zipped.writestr(name, source.read(name))
    return target


def _random_weights(bench: Bench) -> Path:
    """Write weights of VGG19 drawn at random."""
    import keras

    file = bench.scratch / "vgg19.h5"
    keras.applications.VGG19(weights=None, include_top=False).save(file)
    return file


@contextmanager
def prepared(dataset: Path, peer: Path) -> Iterator[Bench]:
    """Unpack the photos for the peer, which cannot read a zip."""
    with tempfile.TemporaryDirectory(prefix="catdog-benchmark-") as name:
        root = Path(name)
        with zipfile.ZipFile(dataset) as archive:
            for member in archive.namelist():
                kind, number, _ = Path(member).name.split(".")
                part = "train" if int(number) < 5000 else "validation"
                target = root / "photos" / part / f"{kind}s" / Path(member).name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(member))
        yield Bench(dataset.absolute(), peer.absolute(), root / "photos", root)


def main() -> None:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("peer", type=Path)
    parser.add_argument("--only", choices=list(MEASURES), action="append")
    arguments = parser.parse_args()
    with prepared(arguments.dataset, arguments.peer) as bench:
        for name in arguments.only or MEASURES:
            sys.stdout.write(json.dumps({name: MEASURES[name](bench)}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
