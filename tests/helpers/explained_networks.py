"""Networks of which it is known what they look at, explained in a process of its own.

`python -m tests.helpers.explained_networks FOLDER` writes `FOLDER/CASE.npy`, the heat of every
case of `CASES`, a model file `squares.catdog`, which tells blue from red, and `FOLDER/refusal.txt`,
why one without a convolution is not explained.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from tests.helpers.models import describe
from tests.helpers.networks_made import square_photo
from training import model_file
from training.engine.conversion import network_members
from training.engine.explanation import explain_photos, grad_cam
from training.errors import CatDogError
from training.images import ImageSize
from training.model_file import write_model_file
from training.request_kinds import ExplainPhotos

SIDE = 32
CELLS = 8
"""Rows and columns of the last convolution's feature maps."""
COLOURS = 3
# From red, green and blue to how much more of each there is than of the others.
_CONTRASTS = np.array([[1, -0.5, -0.5], [-0.5, 1, -0.5], [-0.5, -0.5, 1]], dtype=np.float32).T


def build(*ends: layers.Layer, nested: bool = False) -> keras.Model:
    """Return a network whose feature maps show where a photo is red, green and blue."""
    features = keras.Sequential()
    features.add(keras.Input((SIDE, SIDE, COLOURS)))
    found = layers.Conv2D(COLOURS, 1, activation="relu")
    averaged = layers.Conv2D(COLOURS, 1, activation="relu")
    for layer in (layers.Rescaling(1 / 255), found, layers.MaxPooling2D(SIDE // CELLS), averaged):
        features.add(layer)
    found.set_weights([_CONTRASTS.reshape(1, 1, COLOURS, COLOURS), np.zeros(COLOURS, np.float32)])
    same = np.eye(COLOURS, dtype=np.float32).reshape(1, 1, COLOURS, COLOURS)
    averaged.set_weights([same, np.zeros(COLOURS, np.float32)])
    parts = [features] if nested else features.layers
    photos = keras.Input((SIDE, SIDE, COLOURS), name="photos")
    values = photos
    for part in (*parts, layers.MaxPooling2D(), *ends):
        values = part(values)
    return keras.Model([photos], [values])


def blue_or_red(certainty: float = 10.0, *, nested: bool = False) -> keras.Model:
    """Return a network whose single number is the probability of red, else it is blue."""
    dense = layers.Dense(1, activation="sigmoid", name="probabilities")
    network = build(layers.GlobalAveragePooling2D(), dense, nested=nested)
    kernel = np.array([[certainty], [0], [-certainty]], dtype=np.float32)
    dense.set_weights([kernel, np.zeros(1, np.float32)])
    return network


def red_green_or_blue(*, apart: bool = False) -> keras.Model:
    """Return a network with a probability for each colour, its softmax in a layer of its own."""
    dense = layers.Dense(COLOURS, activation=None if apart else "softmax")
    ends = (dense, layers.Softmax()) if apart else (dense,)
    network = build(layers.GlobalAveragePooling2D(), *ends)
    dense.set_weights([10 * np.eye(COLOURS, dtype=np.float32), np.zeros(COLOURS, np.float32)])
    return network


def corner_decides() -> keras.Model:
    """Return a network like the study's: flattened, and only the lower left corner decides."""
    dense = layers.Dense(1, activation="sigmoid")
    network = build(layers.Flatten(), dense)
    cells = CELLS // 2
    weights = np.zeros((cells, cells, COLOURS), np.float32)
    weights[-1, 0, 0] = 20
    dense.set_weights([weights.reshape(-1, 1), np.full(1, -5, np.float32)])
    return network


def two_corners() -> NDArray[np.uint8]:
    """Return a grey photo with a red square at its upper left and a blue one at its lower right."""
    return square_photo({"red": (0, 0), "blue": (3, 3)})


def one_corner() -> NDArray[np.uint8]:
    """Return a grey photo with a red square at its lower left."""
    return square_photo({"red": (3, 0)})


CASES: Mapping[str, tuple[Callable[[], keras.Model], Callable[[], NDArray[np.uint8]], int]] = {
    "red": (blue_or_red, two_corners, 1),
    "blue": (blue_or_red, two_corners, 0),
    "red, nested": (lambda: blue_or_red(nested=True), two_corners, 1),
    "blue, nested": (lambda: blue_or_red(nested=True), two_corners, 0),
    "red, certainly": (lambda: blue_or_red(10_000), one_corner, 1),
    "red of three": (red_green_or_blue, two_corners, 0),
    "blue of three": (red_green_or_blue, two_corners, 2),
    "green of three": (red_green_or_blue, two_corners, 1),
    "blue of three, apart": (lambda: red_green_or_blue(apart=True), two_corners, 2),
    "corner": (corner_decides, one_corner, 1),
}
"""A network, a photo, and the class whose place in it is asked for."""


def write_model(path: Path, network: keras.Model) -> None:
    """Write a model file that tells blue from red."""
    size = ImageSize(SIDE, SIDE)
    history = {model_file.HISTORY: b"epoch,loss,accuracy,val_loss,val_accuracy,seconds\n"}
    members = {**network_members(network, 2, size), **history}
    write_model_file(path, replace(describe(("blue", "red")), image_size=size), members)


def main(folder: Path) -> None:
    """Explain all cases and write the models."""
    heats = {
        name: grad_cam(network(), photo()[np.newaxis], index)
        for name, (network, photo, index) in CASES.items()
    }
    several = np.stack([two_corners(), one_corner(), np.full_like(one_corner(), 128)])
    heats["several"] = grad_cam(blue_or_red(), several, np.array([0, 1, 1]))
    network = blue_or_red()
    before = np.asarray(network(several.astype(np.float32)))
    grad_cam(network, several, 1)
    heats["unchanged"] = np.asarray(network(several.astype(np.float32))) - before
    for name, heat in heats.items():
        np.save(folder / f"{name}.npy", heat)
    write_model(folder / "squares.catdog", blue_or_red())
    flat = keras.Sequential()
    flat.add(keras.Input((SIDE, SIDE, COLOURS)))
    flat.add(layers.Flatten())
    flat.add(layers.Dense(1, activation="sigmoid"))
    write_model(folder / "flat.catdog", flat)
    model, photo = str(folder / "flat.catdog"), str(folder / "any.jpg")
    try:
        request = ExplainPhotos(model=model, photos=(photo,), folder=str(folder))
        explain_photos(request, lambda _reply: None)
    except CatDogError as error:
        (folder / "refusal.txt").write_text(str(error), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
