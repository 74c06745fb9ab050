"""Networks in files as other programs write them, good and bad, imported in a process of its own.

`python -m tests.helpers.foreign_networks FOLDER` writes every file, imports each as
`tests.helpers.networks_made.IMPORTS` says, and writes what came of it to `FOLDER/outcomes.json`:
notes for a network that was imported as `NAME.catdog`, whose photos and true probabilities are in
`NAME.npz`, and a reason for one that was refused.
"""

import json
import os
import pickle
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from tests.helpers.keras_2_files import (
    backbone_of_keras_2,
    convolution_weights,
    dense_weights,
    layer_of_keras_2,
    random_array,
    study_of_keras_2,
    study_weights,
    write_keras_2,
)
from tests.helpers.networks_made import CLASSES, CODE_RAN, IMPORTS, PEAK, SIDES
from training.engine.importing import import_model
from training.errors import CatDogError
from training.request_kinds import ImportModel

PHOTOS = (*SIDES, 3)


def some_photos() -> NDArray[np.uint8]:
    """Return photos of different colours, always the same."""
    colours = np.random.default_rng(5).integers(0, 256, (6, 1, 1, 3))
    photos: NDArray[np.uint8] = (colours * np.ones((1, *SIDES, 1))).astype(np.uint8)
    return photos


def small_network(
    *ends: layers.Layer, size: tuple[int | None, ...] = PHOTOS, spread: float = 1.0
) -> keras.Model:
    """Return a network with some layers at its end, whose answers depend on the photo."""
    network = keras.Sequential(name="small")
    network.add(keras.Input(size))
    network.add(layers.Conv2D(6, 3, activation="relu"))
    network.add(layers.GlobalAveragePooling2D())
    for layer in ends:
        network.add(layer)
    generator = np.random.default_rng(8)
    for weight in network.weights:
        weight.assign(generator.normal(0, spread, weight.shape).astype(np.float32))
    return network


def write_study(folder: Path) -> None:
    """Write the study's network in both ways of Keras 2, and say what it must answer."""
    write_keras_2(
        folder / "study.h5", {"name": "sequential_1", "layers": study_of_keras_2()}, study_weights()
    )
    write_keras_2(folder / "study before 2.2.3.h5", study_of_keras_2(), study_weights())
    network = keras.Sequential()
    network.add(keras.Input(PHOTOS))
    for layer in (
        layers.Conv2D(8, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(1, activation="sigmoid"),
    ):
        network.add(layer)
    arrays = [array for _, within in study_weights() for _, array in within]
    for weight, array in zip(network.weights, arrays, strict=True):
        weight.assign(array)
    answers = answers_of(network, some_photos() / np.float32(255))
    for name in ("study", "study before 2.2.3"):
        save_truth(folder / f"{name}.npz", answers)


def write_nested(folder: Path) -> None:
    """Write a network within another, with the weights in Keras 2's order, trainable ones first."""
    height, width = SIDES[0] - 4, SIDES[1] - 4
    normalization = [
        ("bn_1/gamma:0", np.abs(random_array(8)) + 1),
        ("bn_1/beta:0", random_array(8)),
    ]
    averages = [
        ("bn_1/moving_mean:0", random_array(8)),
        ("bn_1/moving_variance:0", np.abs(random_array(8)) + 1),
    ]
    depthwise = [
        ("depthwise_1/depthwise_kernel:0", random_array(3, 3, 8, 1)),
        ("depthwise_1/bias:0", random_array(8)),
    ]
    frozen = convolution_weights("block1_conv1")
    head = dense_weights("dense_1", height * width * 8)
    described = [
        backbone_of_keras_2(),
        layer_of_keras_2("Flatten", "flatten_1", data_format="channels_last"),
        layer_of_keras_2("Dense", "dense_1", units=1, activation="sigmoid", use_bias=True),
    ]
    weights = [
        ("vgg19", [*normalization, *depthwise, *frozen, *averages]),
        ("flatten_1", []),
        ("dense_1", head),
    ]
    write_keras_2(folder / "nested.h5", {"name": "sequential_2", "layers": described}, weights)
    network = keras.Sequential()
    network.add(keras.Input(PHOTOS))
    network.add(layers.Conv2D(8, 3, activation="relu"))
    network.add(layers.BatchNormalization())
    network.add(layers.DepthwiseConv2D(3, activation="relu"))
    network.add(layers.Flatten())
    network.add(layers.Dense(1, activation="sigmoid"))
    arrays = [array for _, array in (*frozen, *normalization, *averages, *depthwise, *head)]
    for weight, array in zip(network.weights, arrays, strict=True):
        weight.assign(array)
    save_truth(folder / "nested.npz", answers_of(network, some_photos() / np.float32(255)))


def write_keras_3(folder: Path) -> None:
    """Write classifiers as `.keras` files, with what they must answer for photos from 0 to 255."""
    photos = some_photos().astype(np.float32)
    own = keras.Sequential(name="own")
    own.add(keras.Input(PHOTOS))
    own.add(layers.Rescaling(1 / 127.5, offset=-1))
    own.add(small_network(layers.Dense(3, activation="softmax")))
    networks: Mapping[str, tuple[keras.Model, NDArray[np.floating]]] = {
        "three": (own, photos),
        "two of softmax": (small_network(layers.Dense(2), layers.Softmax()), photos / 255),
        "scores": (small_network(layers.Dense(1)), photos / 127.5 - 1),
        "any size": (
            small_network(layers.Dense(1, activation="sigmoid"), size=(None, None, 3)),
            photos / 255,
        ),
        "vgg19": (
            small_network(layers.Dense(1, activation="sigmoid"), spread=0.1),
            keras.applications.vgg19.preprocess_input(photos.copy()),
        ),
    }
    for name, (network, inputs) in networks.items():
        network.save(folder / f"{name}.keras")
        answers = answers_of(network, inputs)
        if name == "scores":
            answers = np.asarray(1 / (1 + np.exp(-answers)), dtype=np.float32)
        save_truth(folder / f"{name}.npz", answers)


def answers_of(network: keras.Model, photos: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return what a network gives for photos scaled as it wants them."""
    return np.asarray(network(photos.astype(np.float32), training=False))


def save_truth(path: Path, answers: NDArray[np.float32]) -> None:
    """Write photos with the probability of each class that is right for them."""
    right = np.hstack([1 - answers, answers]) if answers.shape[1] == 1 else answers
    np.savez(path, photos=some_photos(), probabilities=right)


def write_unfit(folder: Path) -> None:
    """Write networks that Keras loads and that are no classifiers of colour photos."""
    two = keras.Input(PHOTOS), keras.Input(PHOTOS)
    joined = layers.GlobalAveragePooling2D()(layers.Add()(list(two)))
    sigmoid = layers.Dense(1, activation="sigmoid")
    networks = {
        "grey": small_network(sigmoid, size=(*SIDES, 1)),
        "channels first": small_network(sigmoid, size=(3, *SIDES)),
        "infrared": small_network(sigmoid, size=(*SIDES, 4)),
        "two inputs": keras.Model(list(two), [layers.Dense(2, activation="softmax")(joined)]),
        "many labels": small_network(layers.Dense(3, activation="sigmoid")),
        "counts": small_network(layers.Dense(2, activation="relu")),
        "large": small_network(sigmoid, size=(1500, 8, 3)),
    }
    head = keras.Sequential()
    head.add(keras.Input((512,)))
    head.add(layers.Dense(1, activation="sigmoid"))
    picture = keras.Sequential()
    picture.add(keras.Input(PHOTOS))
    picture.add(layers.Conv2D(1, 3, activation="sigmoid"))
    for name, network in {**networks, "head": head, "picture": picture}.items():
        network.save(folder / f"{name}.keras")


def change_config(source: Path, target: Path, change: Callable[[str], str]) -> None:
    """Write a `.keras` file anew with another description."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for member in old.namelist():
            content = old.read(member)
            if member == "config.json":
                content = change(content.decode()).encode()
            new.writestr(member, content)


def write_hostile(folder: Path) -> None:
    """Write files that must not be loaded, of which some would run code."""
    good = folder / "any size.keras"
    mark = str(folder / CODE_RAN)
    code = layers.Lambda(lambda values: (__import__("os").makedirs(mark, exist_ok=True), values)[1])
    with_code = small_network(layers.Dense(1, activation="sigmoid"), code)
    with_code.save(folder / "lambda.keras")
    with_code.save(folder / "lambda.h5")
    (folder / CODE_RAN).rmdir()
    (folder / "cut.keras").write_bytes(good.read_bytes()[:-3000])
    (folder / "cut.h5").write_bytes((folder / "study.h5").read_bytes()[:2000])
    (folder / "text.h5").write_text("no network", encoding="utf-8")
    (folder / "empty.keras").touch()
    (folder / "folder.keras").mkdir()
    (folder / "pickle.h5").write_bytes(pickle.dumps(_RunsCode(mark)))
    (folder / "pickle.keras").write_bytes(pickle.dumps(_RunsCode(mark)))
    with zipfile.ZipFile(folder / "zip.keras", "w") as archive:
        archive.writestr("readme.txt", "no network")
    with zipfile.ZipFile(folder / "nonsense.keras", "w") as archive:
        archive.writestr("config.json", '{"class_name": "Sequential", "config": 3}')
    with zipfile.ZipFile(folder / "deep.keras", "w") as archive:
        archive.writestr("config.json", "[" * 100_000 + "]" * 100_000)
    change_config(good, folder / "own code.keras", lambda c: c.replace("keras.layers", "os.path"))
    change_config(
        good, folder / "huge.keras", lambda c: c.replace('"units": 1', f'"units": {10**9}')
    )
    described = study_of_keras_2()
    described[-1]["config"]["units"] = 10**6
    write_keras_2(folder / "huge.h5", {"name": "huge", "layers": described}, study_weights())
    write_keras_2(folder / "theano.h5", study_of_keras_2(), study_weights(), backend=b"theano")
    write_keras_2(folder / "old.h5", study_of_keras_2(), study_weights(), keras_version=b"1.2.2")
    write_keras_2(folder / "few weights.h5", study_of_keras_2(), study_weights()[:1])
    write_keras_2(folder / "weights.h5", [], study_weights())
    with h5py.File(folder / "weights.h5", "r+") as file:
        del file.attrs["model_config"]


class _RunsCode:
    """Runs code when it is read from a pickle."""

    def __init__(self, mark: str) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self._mark,)


def outcome(folder: Path, file: Path, options: Mapping[str, Any]) -> Mapping[str, object]:
    """Import a file and return what came of it."""
    names = CLASSES[: options.get("classes", 2)]
    try:
        request = ImportModel(
            file=str(file),
            target=str(folder / f"{options.get('target', file.stem)}.catdog"),
            class_names=names,
            image_size=options.get("image_size"),
            scale=options.get("scale"),
        )
        return {"notes": import_model(request, lambda _reply: None).notes}
    except CatDogError as error:
        return {"reason": str(error)}


def main(folder: Path) -> None:
    """Write all files and import them."""
    for write in (write_study, write_nested, write_keras_3, write_unfit, write_hostile):
        write(folder)
    outcomes = {
        name: outcome(folder, folder / str(options.get("file", name)), options)
        for name, options in IMPORTS.items()
    }
    outcomes[PEAK] = {"bytes": _peak_memory()}
    (folder / "outcomes.json").write_text(json.dumps(outcomes), encoding="utf-8")


def _peak_memory() -> int:
    """Return the most memory that this process ever took, in bytes, where that can be known."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main(Path(sys.argv[1]))
