"""Networks in files of other programs: `.keras`, and the `.h5` of Keras 2.

Such a file may be anything, from anyone. It is looked through before Keras sees it, loaded in
Keras's safe mode, so that no code from it runs, and first of all in a graph, where no memory is
taken: a file that declares larger weights than it holds is refused there.
"""

import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import tensorflow as tf

from training.errors import ModelFileError
from training.files import is_ordinary_file
from training.model_file import MOST_BYTES
from training.request_kinds import H5_SUFFIXES, KERAS_SUFFIX

CARRIES_CODE = frozenset(
    {"Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
)
"""Kinds of layers that are, or load, code from the file."""

LARGEST_CONFIG = 50_000_000
_KERAS_MODULES = ("keras", "tf_keras", "builtins")
_LONGEST_REASON = 200
_UNKNOWN_LAYER = re.compile(r"Unknown layer: '?([^'\s]+)'?")


def load_foreign_network(path: Path, scratch: Path) -> keras.Model:
    """Load the network in a file of another program without running code from it.

    Args:
        path: A `.keras` or `.h5` file.
        scratch: A folder for temporary files.

    Raises:
        ModelFileError: The file is refused, with the reason.
    """
    if not is_ordinary_file(path):
        raise ModelFileError(f"There is no file {path} that can be imported: check the path.")
    if path.stat().st_size > MOST_BYTES:
        raise refusal(path, "it is larger than any classifier")
    prepare = _prepare_h5 if path.suffix.lower() in H5_SUFFIXES else _prepare_keras
    try:
        prepared = prepare(path, scratch)
        with tf.Graph().as_default():
            _load(prepared)
        return _load(prepared)
    except ModelFileError:
        raise
    except MemoryError as error:
        raise refusal(path, "its network does not fit into memory") from error
    except RecursionError as error:
        raise refusal(path, "its description is nested without end") from error
    except Exception as error:  # hostile bytes make Keras, HDF5 and JSON raise anything
        raise refusal(path, _reason(error)) from error


def refusal(path: Path, reason: str) -> ModelFileError:
    """Return the error that says why a file is not imported."""
    return ModelFileError(f"{path} cannot be imported: {reason}.")


def _load(path: Path) -> keras.Model:
    return keras.saving.load_model(path, compile=False, safe_mode=True)


def _reason(error: Exception) -> str:
    """Say why Keras does not load a file, in its own words where they are not known."""
    words = str(error)
    if unknown := _UNKNOWN_LAYER.search(words):
        return f"its part {unknown[1]:.80} needs code that is not Keras's own"
    if "mismatch" in words or "objects could not be loaded" in words:
        return "its weights are not those of the network that it describes"
    first = next((line.strip() for line in words.splitlines() if line.strip()), "")
    own = "".join(character for character in first if character.isprintable())
    return f"Keras cannot load it ({type(error).__name__}: {own[:_LONGEST_REASON].rstrip(' .:')})"


def _prepare_keras(path: Path, scratch: Path) -> Path:
    """Check a `.keras` file, and copy it to where Keras may write beside it."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("config.json").file_size > LARGEST_CONFIG:
                raise refusal(path, "its description is larger than any network's")
            config = json.loads(archive.read("config.json"))
    except KeyError as error:
        raise refusal(path, "it is a zip without a Keras network in it") from error
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise refusal(path, "it is cut short or not a Keras file") from error
    _refuse_code(path, config)
    prepared = scratch / f"foreign{KERAS_SUFFIX}"
    shutil.copyfile(path, prepared)
    return prepared


def _prepare_h5(path: Path, scratch: Path) -> Path:
    """Check an `.h5` file, and write its network anew as Keras 3 reads it."""
    try:
        source = h5py.File(path, "r")
    except OSError as error:
        raise refusal(path, "it is cut short or not an HDF5 file") from error
    with source:
        text = source.attrs.get("model_config")
        if text is None or "model_weights" not in source:
            raise refusal(
                path, "it holds no whole network, as when only weights were saved: save the model"
            )
        _refuse_old(path, source.attrs)
        config = json.loads(text)
        _refuse_code(path, config)
        prepared = scratch / "foreign.h5"
        with h5py.File(prepared, "w") as target:
            target.attrs["model_config"] = json.dumps(_modern(config))
            source.copy("model_weights", target)
        return prepared


def _refuse_old(path: Path, attributes: Mapping[str, object]) -> None:
    version, backend = (_text(attributes.get(key)) for key in ("keras_version", "backend"))
    if version.startswith(("0.", "1.")):
        raise refusal(path, f"it was saved by Keras {version}, and Keras 2 is the oldest known")
    if backend == "theano":
        raise refusal(path, "it was saved with Theano, whose convolutions are turned around")


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def _refuse_code(path: Path, config: object) -> None:
    """Refuse a description that names layers which are code, or need code that is not Keras's."""
    for part in _dictionaries(config):
        kind = part.get("class_name")
        if kind in CARRIES_CODE:
            raise refusal(
                path, f"it holds a {kind} layer, which runs code from the file: save it without"
            )
        module = part.get("module", "keras")  # which .h5 files do not tell
        own = module is None or str(module).split(".")[0] not in _KERAS_MODULES
        if kind is not None and (own or ">" in str(part.get("registered_name"))):
            raise refusal(path, f"its part {kind!s:.80} needs code that is not Keras's own")


def _dictionaries(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        yield value
    for part in _parts(value):
        yield from _dictionaries(part)


def _parts(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _modern(value: Any) -> Any:
    """Return a Keras 2 description as Keras 3 understands it, with all that it holds."""
    if isinstance(value, list):
        return [_modern(part) for part in value]
    if not isinstance(value, dict):
        return value
    part = {key: _modern(each) for key, each in value.items()}
    change = _CHANGES.get(str(part.get("class_name")))
    if change is not None and "config" in part:
        part["config"] = change(part["config"])
    return part


def _modern_sequential(config: Any) -> Any:
    """Name the layers, as before 2.2.3 nothing did, and begin with the input's shape."""
    named = {"name": "imported", "layers": config} if isinstance(config, list) else config
    layers = named["layers"]
    shape = _input_shape(layers[0])
    if layers[0]["class_name"] == "InputLayer" or shape is None:
        return named
    layers[0]["config"].pop("batch_input_shape", None)
    beginning = {"batch_input_shape": shape, "dtype": "float32", "name": "photos_of_keras_2"}
    return {**named, "layers": [{"class_name": "InputLayer", "config": beginning}, *layers]}


def _input_shape(layer: Any) -> Any:
    """Find the shape that a layer, or the first one within it, is declared for."""
    config = layer["config"]
    return (
        _input_shape(config["layers"][0])
        if config.get("layers")
        else (config.get("batch_input_shape"))
    )


def _modern_model(config: Any) -> Any:
    """Give a network with one input and output these as such, not as lists of one."""
    ends = {
        key: config[key][0]
        for key in ("input_layers", "output_layers")
        if len(config.get(key, ())) == 1
    }
    return {**config, **ends}


def _modern_normalization(config: Any) -> Any:
    axis = config.get("axis")
    return {**config, "axis": axis[0]} if isinstance(axis, list) and len(axis) == 1 else config


def _modern_depthwise(config: Any) -> Any:
    return {key: each for key, each in config.items() if key != "groups"}


_CHANGES: Mapping[str, Callable[[Any], Any]] = {
    "Sequential": _modern_sequential,
    "Model": _modern_model,
    "Functional": _modern_model,
    "BatchNormalization": _modern_normalization,
    "DepthwiseConv2D": _modern_depthwise,
}
