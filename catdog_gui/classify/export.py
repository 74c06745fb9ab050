"""Writing predictions down: CSV, JSON, the Kaggle submission. The user's word goes first in all."""

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from catdog_gui.classify.prediction import Prediction, PredictionTable
from catdog_gui.classify.table_cells import harmless
from training.errors import CatDogError, ConfigurationError
from training.files import exists, is_folder, is_ordinary_file, write_bytes
from training.model_file import SUFFIX
from training.photo_files import HEAD_BYTES, PHOTO_SUFFIXES, begins_like_photo

_BEGINNINGS = (b"path,", b"id,", b'{"path": ')
"""How the tables begin that this program writes."""

_OTHER_KINDS = PHOTO_SUFFIXES | {SUFFIX, ".zip", ".keras", ".h5"}
"""How files end that are no tables."""

STATUS_OK = "ok"
STATUS_UNREADABLE = "unreadable"


def write_csv(
    target: Path,
    predictions: Iterable[Prediction],
    class_names: tuple[str, ...],
    unsure_below: float,
) -> None:
    """Write a line for every photo: path, label, confidence, status, reason, and probabilities.

    Confidence and probabilities are the model's, also where the user corrected the label.

    Raises:
        CatDogError: The file cannot be written.
    """
    header = ["path", "label", "confidence", "status", "reason"]
    rows: list[list[str]] = [header + [harmless(f"p_{name}") for name in class_names]]
    for prediction in predictions:
        readable = prediction.readable
        rows.append(
            [
                harmless(str(prediction.path)),
                harmless(prediction.label(class_names, unsure_below)),
                f"{prediction.confidence:.6f}" if readable else "",
                STATUS_OK if readable else STATUS_UNREADABLE,
                harmless(prediction.reason),
                *(f"{p:.6f}" for p in prediction.probabilities or ()),
                *("" for _ in class_names if not readable),
            ]
        )
    _write_table(target, rows)


def write_json_lines(
    target: Path,
    predictions: Iterable[Prediction],
    class_names: tuple[str, ...],
    unsure_below: float,
) -> None:
    """Write a JSON object for every photo on a line of its own (see `photo_values`).

    Raises:
        CatDogError: The file cannot be written.
    """
    lines = (
        json.dumps(photo_values(prediction, class_names, unsure_below))
        for prediction in predictions
    )
    _write(target, "".join(f"{line}\n" for line in lines))


def write_kaggle(
    target: Path,
    predictions: Iterable[Prediction],
    class_names: tuple[str, ...],
    *,
    species: bool,
) -> None:
    """Write a submission to Kaggle's Dogs vs Cats: id and the probability of dog, ordered by id.

    An unreadable photo gets the probability 0.5, which costs least when nothing is known. Where the
    user corrected a photo, there is no doubt.

    Args:
        target: The CSV file.
        predictions: Of photos that are named by their number, such as 17.jpg.
        class_names: The model's; there must be a cat and a dog among them.
        species: Add the study's third column, cat or dog.

    Raises:
        ConfigurationError: The model knows no cats and dogs, or a photo has no number.
        CatDogError: The file cannot be written.
    """
    check_cats_and_dogs(class_names)
    rows = []
    for prediction in predictions:
        number = "".join(filter(str.isdecimal, prediction.path.stem.rpartition(".")[2]))
        if not number:
            raise ConfigurationError(
                f"{prediction.path} has no number in its name, which a Kaggle submission needs as "
                "its id."
            )
        kind = [_species(prediction, class_names)] if species else []
        dog = _probability_of_dog(prediction, class_names)
        rows.append([number, f"{dog:.6f}", *kind])
    ids = Counter(int(row[0]) for row in rows)
    twice = [number for number, count in ids.items() if count > 1]
    if twice:
        raise ConfigurationError(
            f"{ids[twice[0]]} photos have the number {twice[0]} in their names, and a Kaggle "
            "submission needs each once."
        )
    header = ["id", "label", *(["Species"] if species else [])]
    _write_table(target, [header, *sorted(rows, key=lambda row: int(row[0]))])


def check_cats_and_dogs(class_names: tuple[str, ...]) -> None:
    """Make sure that a model can make a Kaggle submission.

    Raises:
        ConfigurationError: The model knows no cats and dogs.
    """
    if not {"cat", "dog"} <= set(map(_kind, class_names)):
        raise ConfigurationError(
            f"A Kaggle submission needs a model of cats and dogs, not of {', '.join(class_names)}."
        )


def _probability_of_dog(prediction: Prediction, class_names: tuple[str, ...]) -> float:
    if prediction.correction:
        return float(_kind(prediction.correction) == "dog")
    return _shares(prediction, class_names)["dog"]


def _species(prediction: Prediction, class_names: tuple[str, ...]) -> str:
    """Return cat or dog; of a photo that the user calls something else, what the model prefers."""
    if _kind(prediction.correction) in {"cat", "dog"}:
        return _kind(prediction.correction)
    shares = _shares(prediction, class_names)
    return "dog" if shares["dog"] >= shares["cat"] else "cat"


def _shares(prediction: Prediction, class_names: tuple[str, ...]) -> dict[str, float]:
    if not prediction.readable:
        return {"cat": 0.5, "dog": 0.5}
    return dict(zip(map(_kind, class_names), prediction.probabilities, strict=True))


def _kind(class_name: str) -> str:
    """Return the one name for a class that may also be called Dogs."""
    return class_name.lower().rstrip("s")


def photo_values(
    prediction: Prediction, class_names: tuple[str, ...], unsure_below: float
) -> dict[str, Any]:
    """Return a prediction as one object that JSON can hold."""
    return {
        "path": str(prediction.path),
        "label": prediction.label(class_names, unsure_below),
        "confidence": round(prediction.confidence, 6) if prediction.readable else None,
        "status": STATUS_OK if prediction.readable else STATUS_UNREADABLE,
        "reason": prediction.reason,
        "corrected": bool(prediction.correction),
        "probabilities": {
            name: round(probability, 6)
            for name, probability in zip(class_names, prediction.probabilities, strict=False)
        },
    }


def as_json(table: PredictionTable) -> dict[str, Any]:
    """Return predictions as one object that JSON can hold."""
    class_names, unsure_below = table.class_names, table.unsure_below
    return {
        "classes": list(class_names),
        "unsure_below": unsure_below,
        "counts": count_labels(table.predictions, class_names, unsure_below),
        "photos": [photo_values(each, class_names, unsure_below) for each in table.predictions],
    }


def count_labels(
    predictions: Iterable[Prediction], class_names: tuple[str, ...], unsure_below: float
) -> dict[str, int]:
    """Count photos by label; unreadable ones are counted as such."""
    counts = Counter(
        prediction.label(class_names, unsure_below) or STATUS_UNREADABLE
        for prediction in predictions
    )
    return dict(counts)


def check_target(target: Path, photos: Iterable[Path] = ()) -> None:
    """Refuse to write a table or JSON lines over what is neither.

    Args:
        target: Where they are to be written.
        photos: Files that are to be classified, and must not be written to.

    Raises:
        ConfigurationError: The target is a folder, or is named like a photo or a model.
    """
    real = Path(os.path.realpath(target))
    if is_folder(target):
        raise ConfigurationError(f"{target} is a folder: name a file to write to.")
    if exists(target) and not is_ordinary_file(target):
        raise ConfigurationError(f"{target} is no ordinary file: name a file to write to.")
    if real.is_symlink():
        raise ConfigurationError(f"{target} is a link that leads nowhere: name a file to write to.")
    if {target.suffix.lower(), real.suffix.lower()} & _OTHER_KINDS:
        raise ConfigurationError(
            f"{target} is named like a photo or a model: name a file that ends in .csv."
        )
    if exists(target) and not _may_be_replaced(target):
        raise ConfigurationError(
            f"{target} exists and is no table, so it is left as it is: name another file."
        )
    if real in {Path(os.path.realpath(path)) for path in photos}:
        raise ConfigurationError(f"{target} is one of the photos: name another file.")


def _may_be_replaced(file: Path) -> bool:
    """Tell whether a file is empty, or a table by its beginning or its name, and no photo."""
    try:
        with file.open("rb") as content:
            head = content.read(HEAD_BYTES)
    except OSError:
        return False
    named_so = file.suffix.lower() == ".csv" and not begins_like_photo(head)
    return not head or head.startswith(_BEGINNINGS) or named_so


def _write_table(target: Path, rows: Iterable[Sequence[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)  # RFC 4180
    _write(target, text.getvalue())


def _write(target: Path, text: str) -> None:
    try:
        # A file name that is no valid Unicode is written as its bytes, escaped.
        write_bytes(target, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise CatDogError(f"{target} cannot be written: {error.strerror or error}.") from error
