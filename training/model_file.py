"""The model file: one stored zip that holds a classifier and everything known about it.

    model.json     what it is (`ModelDescription`), with the SHA-256 of every other member
    model.xml      the network for OpenVINO …
    model.bin      … and its weights
    model.keras    the network to train on
    history.csv    the epochs it was trained for
    golden/        a few input arrays with the probabilities they must give

The zip's comment is a seal: the SHA-256 of all the bytes before it. Reading one runs no code from
it and writes nothing.
"""

import hashlib
import io
import json
import re
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.configuration import SplitChoice
from training.dataset import check_class_names
from training.errors import CatDogError, ModelFileError
from training.files import is_text, replacing
from training.images import ImageSize
from training.metrics import Interval, wilson_interval
from training.splits import SplitMethod

FORMAT_VERSION = 1
IMPORTED = "imported"
"""The recipe of a network that this program did not train."""
SUFFIX = ".catdog"
MOST_PHOTOS = 10**9
MOST_BYTES = 2_000_000_000
"""Larger files are refused unread; VGG19 with its head takes 160 MB."""

OPENVINO_XML = "model.xml"
OPENVINO_BIN = "model.bin"
KERAS = "model.keras"
HISTORY = "history.csv"
GOLDEN_INPUTS = "golden/inputs.npy"
GOLDEN_PROBABILITIES = "golden/probabilities.npy"
MEMBERS = (OPENVINO_XML, OPENVINO_BIN, KERAS, HISTORY, GOLDEN_INPUTS, GOLDEN_PROBABILITIES)
DESCRIPTION = "model.json"

_SEAL = "catdog seal sha256 "
_SEAL_PATTERN = re.compile(rb"catdog seal sha256 ([0-9a-f]{64})")
# Every member bears the same date, so that the same model gives the same bytes.
_DATE = (2026, 1, 1, 0, 0, 0)
_END_RECORD_BYTES = 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """How well a classifier did, and on which photos."""

    split: str
    photos: int
    correct: int
    loss: float

    def __post_init__(self) -> None:
        """Check the counts.

        Raises:
            ValueError: They are no proportion.
        """
        whole = type(self.photos) is int and type(self.correct) is int
        if not whole or not 0 <= self.correct <= self.photos or not 0 < self.photos < MOST_PHOTOS:
            raise ValueError("its metrics are no proportion of photos")
        if type(self.split) is not str or not is_text(self.split):
            raise ValueError("its metrics name no split")
        float(self.loss)

    @property
    def accuracy(self) -> float:
        """The share of photos that were labelled rightly."""
        return self.correct / self.photos

    @property
    def interval(self) -> Interval:
        """The accuracy's 95% Wilson interval."""
        return wilson_interval(self.correct, self.photos)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedOn:
    """The dataset that a classifier was trained on, and how it was divided."""

    name: str
    fingerprint: str
    split: SplitChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDescription:
    """What `model.json` says."""

    class_names: tuple[str, ...]
    """In the order of the network's output."""
    image_size: ImageSize
    output: str
    """`sigmoid`: one number, the second class's probability. `softmax`: one for each class."""
    recipe: str
    created: str
    """ISO 8601, UTC."""
    run: str = ""
    """What tells the run that trained it from all others; empty if it was imported."""
    trained_on: TrainedOn | None
    """Nothing for an imported network, of which that is not known."""
    metrics: Metrics | None
    """Nothing for an imported network, which no one has judged yet."""
    unsure_below: float = 0.0
    """Predictions with less confidence are labelled unsure.

    Training fits it on the photos of `metrics` (see `own_threshold`); 0 where it did not.
    """
    preprocessing: Mapping[str, str] = field(
        default_factory=lambda: {
            "colour": "RGB, 0 to 255; the network scales it itself",
            "orientation": "upright, by EXIF",
            "resize": "squeezed to the image size, bilinear with antialiasing",
        }
    )
    versions: Mapping[str, str] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True, slots=True)
class GoldenPhotos:
    """Generated inputs, and the probabilities that the network gave when it was saved."""

    inputs: NDArray[np.uint8]
    """Shape (n, height, width, 3)."""
    probabilities: NDArray[np.float32]
    """Shape (n, classes)."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model file that was read and whose checksums hold."""

    path: Path
    description: ModelDescription
    members: Mapping[str, bytes] = field(repr=False)

    @property
    def name(self) -> str:
        """The file's name without its ending, which is the model's."""
        return self.path.stem

    @property
    def key(self) -> bytes:
        """What is another whenever the classifier may answer otherwise."""
        described = self.description
        deciding = (described.class_names, described.image_size, described.output)
        network = self.members[OPENVINO_XML] + self.members[OPENVINO_BIN]
        return hashlib.sha256(json.dumps(deciding).encode() + network).digest()

    def golden(self) -> GoldenPhotos:
        """Return the golden photos.

        Raises:
            ModelFileError: They are damaged or of the wrong shape.
        """
        try:
            inputs = _load_array(self.members[GOLDEN_INPUTS])
            probabilities = _load_array(self.members[GOLDEN_PROBABILITIES])
        except Exception as error:  # NumPy evaluates an array's header, which may hold anything
            raise _refusal(self.path, "its golden photos are damaged") from error
        count = len(inputs) if inputs.ndim else 0
        size = self.description.image_size
        right = (
            count > 0
            and inputs.dtype == np.uint8
            and inputs.shape == (count, *size, 3)
            and probabilities.shape == (count, len(self.description.class_names))
            and probabilities.dtype == np.float32
        )
        if not right:
            raise _refusal(self.path, "its golden photos do not fit its description")
        return GoldenPhotos(inputs, probabilities)


def write_model_file(
    path: Path, description: ModelDescription, members: Mapping[str, bytes]
) -> None:
    """Write a model file whole or not at all.

    Args:
        path: Where to; a file there is replaced.
        description: What the model is.
        members: The bytes of each of `MEMBERS`.
    """
    if set(members) != set(MEMBERS):
        raise ValueError(f"a model file holds {MEMBERS}, not {tuple(members)}")
    checksums = {name: hashlib.sha256(members[name]).hexdigest() for name in MEMBERS}
    values = {**asdict(description), "sha256": checksums}
    first = json.dumps(values, indent=1, ensure_ascii=False).encode("utf-8", "surrogatepass")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name, data in {DESCRIPTION: first, **members}.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), data)
        archive.comment = _SEAL.encode() + b"0" * 64
    sealed = memoryview(content.getbuffer())
    end = len(sealed) - len(archive.comment)
    seal = _SEAL.encode() + hashlib.sha256(sealed[:end]).hexdigest().encode()
    with replacing(path) as file:
        file.write(sealed[:end])
        file.write(seal)


def read_model_file(path: Path) -> ModelFile:
    """Read a model file and check every byte of it.

    Raises:
        ModelFileError: It is missing, damaged, of an unknown version, or not a model file.
    """
    content = _read(path)
    with _open(path, content) as archive:
        _check_names(path, archive)
        values = _description_values(path, archive)
        _check_seal(path, archive, content)
        members = {name: _member(path, archive, name) for name in MEMBERS}
    description = _description(path, values)
    for name, data in members.items():
        if hashlib.sha256(data).hexdigest() != values["sha256"].get(name):
            raise _refusal(path, f"the checksum of {name} is wrong")
    return ModelFile(path, description, members)


def read_description(path: Path) -> ModelDescription:
    """Read what a model file says of itself, without checking the rest of it.

    Raises:
        ModelFileError: It is missing, of an unknown version, or not a model file.
    """
    try:
        _check_file(path)
        with zipfile.ZipFile(path) as archive:
            _check_names(path, archive)
            return _description(path, _description_values(path, archive))
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise _unreadable(path, error) from error


def _refusal(path: Path, reason: str) -> ModelFileError:
    return ModelFileError(
        f"The model file {path} is refused: {reason}. Get it again, or train it anew."
    )


def _unreadable(path: Path, error: Exception) -> ModelFileError:
    if isinstance(error, FileNotFoundError):
        return ModelFileError(f"There is no model file {path}: check the path.")
    if isinstance(error, OSError):
        reason = error.strerror or error
        return ModelFileError(f"The model file {path} cannot be read: {reason}. Name another.")
    return _refusal(path, "it is cut short or not a model file")


def _read(path: Path) -> bytes:
    try:
        _check_file(path)
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _check_file(path: Path) -> None:
    """Refuse what is not to be opened: pipes, devices, and files larger than any model.

    Raises:
        OSError: There is no such file.
    """
    status = path.stat()
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise _refusal(path, "it is not an ordinary file")
    if status.st_size > MOST_BYTES:
        raise _refusal(path, "it is larger than any model file")


def _open(path: Path, content: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise _unreadable(path, error) from error


def _check_names(path: Path, archive: zipfile.ZipFile) -> None:
    expected = {DESCRIPTION, *MEMBERS}
    names = [member.filename for member in archive.infolist()]
    for name in names:
        if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or ":" in name:
            raise _refusal(path, f"it holds {name!r}, a path outside its folder")
        if name not in expected:
            raise _refusal(path, f"it holds {name!r}, which does not belong in a model file")
    missing = expected - set(names)
    if missing:
        raise _refusal(path, f"it lacks {min(missing)}")
    packed = any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist())
    if packed or len(names) != len(expected):
        raise _refusal(path, "its members are packed or named twice")


def _description_values(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        text = _member(path, archive, DESCRIPTION).decode("utf-8", "surrogatepass")
        values: dict[str, Any] = json.loads(text)
        version = values["format_version"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _refusal(path, "its model.json is damaged") from error
    if version != FORMAT_VERSION:
        raise ModelFileError(
            f"The model file {path} is of format version {version!r}, and this program knows only "
            f"version {FORMAT_VERSION}: use a newer CatDog Studio."
        )
    if not isinstance(values.get("sha256"), dict):
        raise _refusal(path, "its model.json lists no checksums")
    return values


def _check_seal(path: Path, archive: zipfile.ZipFile, content: bytes) -> None:
    """Check the seal; a file packed by another program has none and is left to its checksums."""
    comment = archive.comment
    end = len(content) - len(comment)
    at_end = content[end - _END_RECORD_BYTES : end].startswith(b"PK\x05\x06")
    if at_end and content[end - 2 :] == b"\0\0":
        return
    seal = _SEAL_PATTERN.fullmatch(comment)
    digest = hashlib.sha256(memoryview(content)[:end]).hexdigest().encode()
    if not at_end or seal is None or seal[1] != digest:
        raise _refusal(path, "it was changed after it was written")


def _member(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise _refusal(path, f"its member {name} is damaged") from error
    except KeyError as error:
        raise _refusal(path, f"it lacks {name}") from error


def _description(path: Path, values: Mapping[str, Any]) -> ModelDescription:
    try:
        return _parse_description(values)
    except (KeyError, TypeError, ValueError, OverflowError, CatDogError) as error:
        raise _refusal(path, f"its model.json does not make sense ({error})") from error


def _parse_description(values: Mapping[str, Any]) -> ModelDescription:
    imported = values["recipe"] == IMPORTED
    class_names = tuple(str(name) for name in values["class_names"])
    height, width = (int(side) for side in values["image_size"])
    output = values["output"]
    check_class_names(class_names)
    texts = (values["recipe"], values["created"], values.get("run", ""))
    if not all(isinstance(text, str) and is_text(text) for text in texts):
        raise ValueError("what it says of its training is no text")
    unsure_below = float(values["unsure_below"])
    if not 0 <= unsure_below <= 1:
        raise ValueError("its threshold is no probability")
    if output not in {"sigmoid", "softmax"} or not (0 < height <= 4096 and 0 < width <= 4096):
        raise ValueError("its output or image size is unknown")
    return ModelDescription(
        class_names=class_names,
        image_size=ImageSize(height, width),
        output=output,
        recipe=str(values["recipe"]),
        created=str(values["created"]),
        run=str(values.get("run", "")),
        trained_on=_parse_trained_on(values["trained_on"], imported),
        metrics=_parse_metrics(values["metrics"], imported),
        unsure_below=unsure_below,
        preprocessing=dict(values["preprocessing"]),
        versions=dict(values["versions"]),
    )


def _parse_trained_on(values: Any, imported: bool) -> TrainedOn | None:
    if values is None and imported:
        return None
    texts = (values["name"], values["fingerprint"])
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("what it says of its training is no text")
    split = values["split"]
    choice = SplitChoice(**{**split, "method": SplitMethod(split["method"])})
    return TrainedOn(name=texts[0], fingerprint=texts[1], split=choice)


def _parse_metrics(values: Any, imported: bool) -> Metrics | None:
    return None if values is None and imported else Metrics(**values)


def _load_array(content: bytes) -> NDArray[Any]:
    array: NDArray[Any] = np.load(io.BytesIO(content), allow_pickle=False)
    return array
