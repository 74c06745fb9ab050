"""Measures classifying side by side with a peer, in one run, and prints ratios.

    python -m benchmarks.classifying_speed MODEL.catdog DATASET.zip PEER.py [--only NAME]

MODEL is a trained model, DATASET holds photos, and PEER classifies a folder as a Keras user would
(`PEER.py MODEL.keras FOLDER IMAGE_SIZE [--one-by-one]`, printing one JSON object). Everything is
measured in processes of their own. Run it on a computer that does nothing else.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from PIL import Image

from catdog_gui.classify.batch import BATCH_SIZE
from catdog_gui.classify.classifier import Classifier
from catdog_gui.classify.precision import AUTO, FLOAT32
from training.images import ImageSize, read_photo
from training.model_file import KERAS, read_model_file

PHOTOS = 5_000
ONE_BY_ONE = 500
LARGE_PHOTOS = 200
LARGE = (4000, 3000)
"""Width and height of a photo of twelve megapixels."""
MANY = 100_000


@dataclass(frozen=True)
class Bench:
    """Where everything lies."""

    model: Path
    keras: Path
    peer: Path
    photos: Path
    """A folder of `PHOTOS` photos."""
    all_photos: Path
    """A folder of all photos of the dataset."""
    scratch: Path
    size: ImageSize
    """The model's."""

    def ask_peer(self, folder: Path, *options: str) -> dict[str, Any]:
        """Run the peer and return what it measured."""
        return _json_of([self.peer, self.keras, folder, self.size.height, *options])

    def ask_us(self, folder: Path, catalog: str, *options: str) -> dict[str, Any]:
        """Classify a folder in a process of its own, with a catalog of this name."""
        module = ("-m", "benchmarks.classify_once")
        return _json_of([*module, self.model, folder, self.scratch / catalog, *options])


def _json_of(arguments: list[object]) -> dict[str, Any]:
    os.sync()  # else what was written for this measurement is written to the disk during it
    command = [sys.executable, *map(str, arguments)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    values: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return values


def small_photos(bench: Bench) -> dict[str, Any]:
    """Classify small photos, the peer before and after us, and both halves of the work alone."""
    before = bench.ask_peer(bench.photos)["photos_per_second"]
    ours = bench.ask_us(bench.photos, "first")
    in_float32 = bench.ask_us(bench.photos, "float32", "--precision", FLOAT32)
    after = bench.ask_peer(bench.photos)["photos_per_second"]
    few = bench.scratch / "few"
    _link(islice(sorted(bench.photos.iterdir()), ONE_BY_ONE), few)
    one_by_one = bench.ask_peer(few, "--one-by-one")["photos_per_second"]
    decoding = bench.ask_us(bench.photos, "", "--only", "decoding")["photos_per_second"]
    inference = bench.ask_us(bench.photos, "", "--only", "inference")["photos_per_second"]
    limit = 1 / (1 / decoding + 1 / inference)
    rate = ours["photos_per_second"]
    return {
        "peer_batched": [before, after],
        "peer_one_by_one": one_by_one,
        "ours": ours,
        "ours_float32": in_float32,
        "times_batched": rate / ((before + after) / 2),
        "times_one_by_one": rate / one_by_one,
        "decoding_alone": decoding,
        "inference_alone": inference,
        "share_of_limit": rate / limit,
    }


def large_photos(bench: Bench) -> dict[str, Any]:
    """Classify photos of twelve megapixels, and decode them in full for comparison."""
    folder = bench.scratch / "large"
    folder.mkdir()
    sources = sorted(bench.photos.iterdir())[:LARGE_PHOTOS]
    with ProcessPoolExecutor() as processes:
        list(processes.map(_enlarge, sources, [folder] * len(sources)))
        files = sorted(folder.iterdir())
        os.sync()
        began = perf_counter()
        list(processes.map(_decode_in_full, files, [bench.size] * len(files), chunksize=4))
        in_full = len(files) / (perf_counter() - began)
    ours = bench.ask_us(folder, "large")
    return {
        "in_full_photos_per_second": in_full,
        "ours": ours,
        "times": ours["photos_per_second"] / in_full,
        "milliseconds_of_one": _where_time_goes(files[:20], bench),
        "bytes_of_one": sum(file.stat().st_size for file in files) // len(files),
    }


def _enlarge(source: Path, folder: Path) -> None:
    with Image.open(source) as image:
        large = image.convert("RGB").resize(LARGE, Image.Resampling.BICUBIC)
        grain = np.random.default_rng(0).integers(-6, 7, (LARGE[1], LARGE[0], 1))
        pixels = np.clip(np.asarray(large, dtype=np.int16) + grain, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / source.name, quality=90)


def _decode_in_full(file: Path, size: ImageSize) -> None:
    """Do what a script does: decode a photo, and make it small."""
    with Image.open(file) as image:
        small = image.convert("RGB").resize((size.width, size.height), Image.Resampling.BILINEAR)
        np.asarray(small)


def _where_time_goes(files: list[Path], bench: Bench) -> dict[str, float]:
    classifier = Classifier.open(bench.model, AUTO)
    contents = [file.read_bytes() for file in files]
    pixels = np.stack([read_photo(content, bench.size) for content in contents])
    classifier.probabilities(pixels)
    return {
        "reading": _milliseconds(lambda: [file.read_bytes() for file in files], len(files)),
        "decoding": _milliseconds(
            lambda: [read_photo(content, bench.size) for content in contents], len(files)
        ),
        "answering": _milliseconds(lambda: classifier.probabilities(pixels), len(files)),
    }


def _milliseconds(work: Callable[[], object], photos: int) -> float:
    began = perf_counter()
    work()
    return round((perf_counter() - began) / photos * 1000, 2)


def second_pass(bench: Bench) -> dict[str, Any]:
    """Classify all photos twice."""
    first = bench.ask_us(bench.all_photos, "again")
    second = bench.ask_us(bench.all_photos, "again")
    return {"first": first, "second": second, "times": first["seconds"] / second["seconds"]}


def many_photos(bench: Bench) -> dict[str, Any]:
    """Classify a folder of very many photos, most of which are hard links."""
    folder = bench.scratch / "many"
    sources = sorted(bench.all_photos.iterdir())
    folder.mkdir()
    for number in range(MANY):
        (folder / f"{number:06}.jpg").hardlink_to(sources[number % len(sources)])
    return bench.ask_us(folder, "many")


def precision(bench: Bench) -> dict[str, Any]:
    """Compare what auto and float32 answer to the same photos."""
    files = sorted(bench.photos.iterdir())
    pixels = np.stack([read_photo(file, bench.size) for file in files])
    answers = {}
    for choice in (FLOAT32, AUTO):
        classifier = Classifier.open(bench.model, choice)
        batches = range(0, len(pixels), BATCH_SIZE)
        began = perf_counter()
        answers[choice] = np.concatenate(
            [classifier.probabilities(pixels[first : first + BATCH_SIZE]) for first in batches]
        )
        answers[f"{choice} seconds"] = np.array(perf_counter() - began)
    exact, quick = answers[FLOAT32], answers[AUTO]
    return {
        "labels_agree": float((exact.argmax(axis=1) == quick.argmax(axis=1)).mean()),
        "most_off": float(np.abs(exact - quick).max()),
        "used": classifier.precision,
        "times_as_fast": float(answers[f"{FLOAT32} seconds"] / answers[f"{AUTO} seconds"]),
    }


MEASUREMENTS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "small": small_photos,
    "large": large_photos,
    "second": second_pass,
    "many": many_photos,
    "precision": precision,
}


@contextmanager
def prepared(model: Path, dataset: Path, peer: Path) -> Iterator[Bench]:
    """Unpack what is needed into a folder that lasts as long as the block."""
    with tempfile.TemporaryDirectory(prefix="catdog-bench-") as name:
        scratch = Path(name)
        keras = scratch / "model.keras"
        file = read_model_file(model)
        keras.write_bytes(file.members[KERAS])
        all_photos = scratch / "all"
        all_photos.mkdir()
        with zipfile.ZipFile(dataset) as archive:
            for entry in archive.namelist():
                if entry.endswith(".jpg"):
                    (all_photos / Path(entry).name).write_bytes(archive.read(entry))
        photos = scratch / "photos"
        files = sorted(all_photos.iterdir())
        _link(iter(files[:: max(len(files) // PHOTOS, 1)][:PHOTOS]), photos)
        yield Bench(model, keras, peer, photos, all_photos, scratch, file.description.image_size)


def _link(files: Iterator[Path], folder: Path) -> None:
    folder.mkdir()
    for file in files:
        shutil.copy2(file, folder / file.name)


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("peer", type=Path)
    parser.add_argument("--only", choices=MEASUREMENTS, action="append")
    chosen = parser.parse_args()
    with prepared(chosen.model.resolve(), chosen.dataset, chosen.peer.resolve()) as bench:
        for name in chosen.only or MEASUREMENTS:
            told = {name: MEASUREMENTS[name](bench)}
            sys.stdout.write(json.dumps(told, indent=1) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
