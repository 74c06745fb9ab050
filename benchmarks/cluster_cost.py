"""Measures what Ray costs on one computer, against the local engine, and prints one JSON object.

    python benchmarks/cluster_cost.py FOLDER MODEL.catdog [--few N] [--many N] [--rounds N]

Each engine classifies few and many photos of FOLDER, in a process of its own every time; the
difference gives the cost of a photo, and what is left the cost of starting. From these follows from
how many photos on several equal computers are quicker than one without Ray. Run it on a computer
that does nothing else.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from math import ceil
from pathlib import Path
from time import perf_counter

from catdog_gui.classify.batch import classify_photos
from catdog_gui.classify.classifier import Classifier
from catdog_gui.classify.cluster import classify_on_cluster
from catdog_gui.classify.prediction import Prediction
from catdog_gui.classify.scan import find_photos

COMPUTERS = (2, 3, 4, 8, 16)


@dataclass(frozen=True, slots=True)
class Cost:
    """What an engine takes: seconds to start, and milliseconds for every photo."""

    start_s: float
    photo_ms: float

    @classmethod
    def of(cls, few: int, seconds_few: float, many: int, seconds_many: float) -> "Cost":
        """Draw a line through two measurements."""
        slope = (seconds_many - seconds_few) / (many - few)
        return cls(seconds_few - few * slope, slope * 1e3)


def pays_from(local: Cost, ray: Cost, computers: int) -> int | None:
    """Return from how many photos on so many computers are quicker than one without Ray."""
    gain_ms = local.photo_ms - ray.photo_ms / computers
    return ceil((ray.start_s - local.start_s) * 1e3 / gain_ms) if gain_ms > 0 else None


def _locally(photos: Sequence[Path], model: Path) -> Iterator[list[Prediction]]:
    return classify_photos(photos, Classifier.open(model))


ENGINES: dict[str, Callable[[Sequence[Path], Path], Iterator[list[Prediction]]]] = {
    "local": _locally,
    "ray": classify_on_cluster,
}


def classify(engine: str, folder: Path, model: Path, count: int) -> None:
    """Classify some photos of a folder, and insist that there is a row for each."""
    photos = list(islice(find_photos([folder]), count))
    rows = sum(len(some) for some in ENGINES[engine](photos, model))
    if rows != count:
        raise SystemExit(f"{rows} rows for {count} photos")


def seconds(engine: str, folder: Path, model: Path, count: int) -> float:
    """Time a process that classifies, from its start to its end."""
    command = [sys.executable, __file__, str(folder), str(model), "--engine", engine]
    began = perf_counter()
    subprocess.run([*command, "--many", str(count)], check=True)
    return perf_counter() - began


def measure(folder: Path, model: Path, few: int, many: int, rounds: int) -> dict[str, object]:
    """Measure both engines in turn, and return all there is to say of it."""
    seconds("local", folder, model, many)  # so that the files are in memory for all that follow
    times: dict[str, list[float]] = {f"{name} {n}": [] for n in (few, many) for name in ENGINES}
    for _round in range(rounds):
        for count in (few, many):
            for name in ENGINES:
                times[f"{name} {count}"].append(seconds(name, folder, model, count))
    # What else runs only ever makes it slower.
    best = {name: min(measured) for name, measured in times.items()}
    local, ray = (
        Cost.of(few, best[f"{name} {few}"], many, best[f"{name} {many}"]) for name in ENGINES
    )
    return {
        "processors": os.cpu_count(),
        "seconds": {name: [round(s, 2) for s in measured] for name, measured in times.items()},
        "local": asdict(local),
        "ray": asdict(ray),
        "ray_more_start_s": ray.start_s - local.start_s,
        "ray_more_photo_ms": ray.photo_ms - local.photo_ms,
        "pays_from": {computers: pays_from(local, ray, computers) for computers in COMPUTERS},
    }


def main() -> None:
    """Measure, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--few", type=int, default=500)
    parser.add_argument("--many", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", choices=list(ENGINES), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.engine:
        classify(asked.engine, asked.folder, asked.model, asked.many)
    else:
        told = measure(asked.folder, asked.model, asked.few, asked.many, asked.rounds)
        sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
