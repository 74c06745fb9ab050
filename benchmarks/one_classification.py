"""One classification of a folder, measured (see `classify_once`)."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from time import perf_counter
from typing import Any

import numpy as np
import psutil

from catdog_gui.classify.batch import BATCH_SIZE
from catdog_gui.classify.catalog import Catalog
from catdog_gui.classify.classifier import Classifier
from catdog_gui.classify.decoding_pool import DecodingPool
from catdog_gui.classify.precision import PRECISIONS
from catdog_gui.classify.remembering import ChosenModel, classify_with_catalog
from catdog_gui.classify.scan import PhotoScan, find_photos, iter_photos
from training.images import READER, ImageSize, read_photo

MEMORY_SECONDS = 0.2
"""How often the memory of this process and its helpers is looked at."""

MEMORY_PHOTOS = 5_000
"""How many photos are decoded into memory before they are answered alone."""


class PeakMemory:
    """The most memory that this process and those that it started have taken together."""

    def __init__(self) -> None:
        """Begin to look."""
        self.bytes = 0
        self._over = Event()
        self._thread = Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> int:
        """Look no more, and return the most there was."""
        self._over.set()
        self._thread.join()
        return self.bytes

    def _look(self) -> None:
        me = psutil.Process()
        while not self._over.wait(MEMORY_SECONDS):
            with suppress(psutil.Error):
                processes = [me, *me.children()]
                self.bytes = max(self.bytes, sum(p.memory_info().rss for p in processes))


def classify(model_file: Path, folder: Path, catalog: Path, precision: str) -> dict[str, Any]:
    """Classify a folder with a catalog; a fresh one is empty, another knows its photos."""
    memory = PeakMemory()
    began = perf_counter()
    model = ChosenModel(model_file, next(each for each in PRECISIONS if each == precision))
    predictions = []
    first = 0.0
    with Catalog(catalog, READER) as known:
        for batch in classify_with_catalog(PhotoScan(lambda: iter_photos([folder])), model, known):
            first = first or perf_counter() - began
            predictions += batch
    seconds = perf_counter() - began
    return {
        "photos": len(predictions),
        "seconds": round(seconds, 2),
        "photos_per_second": round(len(predictions) / seconds, 1),
        "first_row_seconds": round(first, 3),
        "peak_bytes": memory.end(),
        "precision": model.precision,
        "read": model.read,
        "unreadable": sum(not each.readable for each in predictions),
    }


def decode(folder: Path, size: ImageSize) -> dict[str, Any]:
    """Decode a folder's photos, and do nothing with them."""
    sources = [str(photo) for photo in find_photos([folder])]
    batches = iter([sources[i : i + BATCH_SIZE] for i in range(0, len(sources), BATCH_SIZE)])
    with DecodingPool(size, BATCH_SIZE) as pool:
        _start_all(pool, sources[0])
        began, done = perf_counter(), 0
        while done < len(sources):
            for batch in _while_there_is_room(pool, batches):
                pool.give(batch)
            _pixels, decoded = pool.take()
            done += len(decoded.sources)
            pool.give_back(decoded)
        seconds = perf_counter() - began
    return {"photos": done, "seconds": round(seconds, 2), "photos_per_second": done / seconds}


def _start_all(pool: DecodingPool, photo: str) -> None:
    """Have every process read a photo, so that none has to be waited for later."""
    given = 0
    while pool.has_room:
        pool.give([photo])
        given += 1
    for _ in range(given):
        pool.give_back(pool.take()[1])


def _while_there_is_room(pool: DecodingPool, batches: Iterator[list[str]]) -> Iterator[list[str]]:
    while pool.has_room:
        batch = next(batches, None)
        if batch is None:
            return
        yield batch


def infer(model_file: Path, folder: Path, precision: str) -> dict[str, Any]:
    """Answer photos that lie in memory."""
    chosen = next(each for each in PRECISIONS if each == precision)
    classifier = Classifier.open(model_file, chosen)
    files = find_photos([folder])[:MEMORY_PHOTOS]
    pixels = np.stack([read_photo(file, classifier.description.image_size) for file in files])
    began = perf_counter()
    for first in range(0, len(pixels), BATCH_SIZE):
        classifier.probabilities(pixels[first : first + BATCH_SIZE])
    seconds = perf_counter() - began
    return {"photos_per_second": len(pixels) / seconds}


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument("--only", choices=("decoding", "inference"))
    chosen = parser.parse_args()
    if chosen.only == "decoding":
        size = Classifier.open(chosen.model).description.image_size
        told = decode(chosen.folder, size)
    elif chosen.only == "inference":
        told = infer(chosen.model, chosen.folder, chosen.precision)
    else:
        told = classify(chosen.model, chosen.folder, chosen.catalog, chosen.precision)
    sys.stdout.write(json.dumps(told) + "\n")
