"""A program that classifies and corrects without end, and says what it has kept; to be killed."""

import sys
from itertools import count
from pathlib import Path

from catdog_gui.classify.catalog import Catalog, Learnt
from training.images import READER
from training.photo_files import Stamp


def main(folder: Path, first: int) -> None:
    """Learn and correct made-up photos, beginning with a number, and print each correction kept."""
    with Catalog(folder, READER) as catalog:
        model = catalog.model(b"model", "float32", "model")
        for number in count(first):
            photo = Path(f"/photos/{number}.jpg")
            fingerprint = number.to_bytes(32, "big")
            catalog.learn([Learnt(photo, Stamp(1, 2, 3), fingerprint, "", (0.5, 0.5))] * 3, model)
            catalog.correct(photo, fingerprint, f"label {number}")
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
