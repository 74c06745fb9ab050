"""Prints facts about backbones as JSON; run as a program, since tests stay free of TensorFlow."""

import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np
from numpy.typing import NDArray

from training.engine.backbones import build_backbone, cut, freeze
from training.engine.conversion import openvino_form
from training.errors import CatDogError
from training.images import ImageSize, read_photo
from training.openvino_runtime import compile_network
from training.pretrained import find_weights

Facts: TypeAlias = dict[str, Any]
Pixels: TypeAlias = NDArray[np.float32]

SIDE = 64
VGG19_FILE = "vgg19 ü.h5"
LABELS = np.array([[0.0], [1.0], [1.0], [0.0]], dtype=np.float32)


def some_photos(side: int = SIDE) -> Pixels:
    pixels = np.random.default_rng(0).integers(0, 256, (len(LABELS), side, side, 3))
    return pixels.astype(np.float32)


def classifier(backbone: str, weights: Path | None, side: int = SIDE) -> keras.Model:
    """Build a backbone with a head of two layers."""
    photos = keras.Input((side, side, 3), name="photos")
    features = build_backbone(backbone, photos, weights)
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    head = keras.layers.Dense(1, activation="sigmoid", name="probabilities")
    return keras.Model(photos, head(pooled), name=backbone)


def settle(network: keras.Model, photos: Pixels) -> None:
    """Have batch normalisation fit random weights, behind which little would be left of a photo."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    network(photos, training=True)


def compile_for_training(network: keras.Model) -> None:
    network.compile(
        optimizer=keras.optimizers.RMSprop(1e-6, epsilon=1e-7),
        loss="binary_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
    )


def farthest(one: Pixels, other: Pixels) -> float:
    """Return the largest difference, measured by the largest number."""
    return float(np.abs(one - other).max() / np.abs(one).max())


def answers(network: keras.Model, photos: Pixels) -> Pixels:
    """Return what a network answers, without the seconds that compiling it for once would take."""
    return np.asarray(network(photos, training=False))


def layer_weights(network: keras.Model) -> Mapping[str, list[Pixels]]:
    return {layer.name: layer.get_weights() for layer in network.layers}


def changed_layers(network: keras.Model, before: Mapping[str, list[Pixels]]) -> list[str]:
    """Name the layers with a weight that has changed since."""
    return [
        layer.name
        for layer in network.layers
        if any(
            not np.array_equal(old, new)
            for old, new in zip(before[layer.name], layer.get_weights(), strict=True)
        )
    ]


def error_of(action: Callable[[], object]) -> str:
    """Return the sentence that an action fails with."""
    try:
        action()
    except CatDogError as error:
        return str(error)
    return "no error"


def fine_tuning_facts(network: keras.Model, trainable_from: str, cut_behind: str) -> Facts:
    """Cut a network, train its upper part, and look at the whole."""
    photos = some_photos()
    freeze(network, trainable_from)
    lower, upper = cut(network, cut_behind)
    first = answers(network, photos)
    features = answers(lower, photos)
    before = layer_weights(network)
    together = farthest(first, answers(upper, features))
    compile_for_training(upper)
    upper.fit(features, LABELS, epochs=2, verbose=0)
    trained = answers(network, photos)
    parts = answers(upper, answers(lower, photos))
    return {
        "apart_before": together,
        "apart_after": farthest(trained, parts),
        "moved": farthest(first, trained),
        "answers": trained[:, 0].tolist(),
        "changed": changed_layers(network, before),
        "layers": [layer.name for layer in network.layers],
        "nested": [layer.name for layer in network.layers if isinstance(layer, keras.Model)],
    }


def whole_training_facts(network: keras.Model, trainable_from: str) -> Facts:
    """Train a network with its backbone in it, by `fit`, and tell what changed."""
    photos = some_photos()
    freeze(network, trainable_from)
    compile_for_training(network)
    before = layer_weights(network)
    network.fit(photos, LABELS, epochs=2, verbose=0)
    return {"changed": changed_layers(network, before)}


def conversion_facts(network: keras.Model) -> Facts:
    """Save and convert a network, and compare what it answers."""
    photos = some_photos()
    expected = answers(network, photos)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.keras")
        network.save(path)
        loaded = keras.saving.load_model(path, compile=False, safe_mode=True)
    xml, weights = openvino_form(network, ImageSize(SIDE, SIDE))
    compiled = compile_network(xml, weights, {"INFERENCE_PRECISION_HINT": "f32"})
    (converted,) = compiled(photos).values()
    return {
        "loaded": farthest(expected, answers(loaded, photos)),
        "whole_numbers": farthest(expected, answers(network, photos.astype(np.uint8))),
        "converted": farthest(expected, converted),
    }


def vgg19_facts(folder: Path) -> Facts:
    """Look at a VGG19 whose weights are random, but come from a file as Keras's own do."""
    path = folder / VGG19_FILE
    published = keras.applications.VGG19(weights=None, include_top=False)
    published.save(path)
    photos = some_photos()
    prepared = keras.applications.vgg19.preprocess_input(photos.copy())
    network = classifier("vgg19", path)
    features = keras.Model(network.inputs[0], network.get_layer("block5_pool").output)
    around_means = keras.Model(network.inputs[0], network.get_layer("around_means").output)
    cut_short = folder / "cut short.h5"
    cut_short.write_bytes(path.read_bytes()[:1_000_000])
    return {
        "prepared": float(np.abs(answers(around_means, photos) - prepared).max()),
        "as_published": farthest(answers(published, prepared), answers(features, photos)),
        "conversion": conversion_facts(network),
        "cut_short": error_of(lambda: classifier("vgg19", cut_short)),
        "fine_tuning": fine_tuning_facts(network, "block5", "block4_pool"),
    }


def mobilenetv2_facts(folder: Path) -> Facts:
    """Look at a MobileNetV2 whose weights are random, but come from a file as Keras's own do."""
    photos = some_photos()
    published = keras.applications.MobileNetV2(weights=None, include_top=False)
    settle(published, photos / 127.5 - 1)
    path = folder / "mobilenetv2.h5"
    published.save(path)
    network = classifier("mobilenetv2", path)
    features = keras.Model(network.inputs[0], network.get_layer("out_relu").output)
    scaled = keras.Model(network.inputs[0], network.get_layer("scaled").output)
    prepared = keras.applications.mobilenet_v2.preprocess_input(photos.copy())
    text = folder / "text.h5"
    text.write_bytes(b"no weights")
    facts = {
        "prepared": float(np.abs(answers(scaled, photos) - prepared).max()),
        "as_published": farthest(answers(published, prepared), answers(features, photos)),
        "conversion": conversion_facts(network),
        "missing": error_of(lambda: classifier("mobilenetv2", folder / "nowhere.h5")),
        "text": error_of(lambda: classifier("mobilenetv2", text)),
        "cut_inside_a_block": error_of(lambda: cut(network, "block_14_expand")),
        "cut_nowhere": error_of(lambda: cut(network, "block_99_add")),
        "freeze_nowhere": error_of(lambda: freeze(network, "block_99")),
        "fine_tuning": fine_tuning_facts(network, "block_13", "block_12_add"),
        "whole": whole_training_facts(network, "block_13"),
    }
    facts["of_another"] = error_of(lambda: classifier("mobilenetv2", folder / VGG19_FILE))
    published.set_weights([values * np.nan for values in published.get_weights()])
    published.save(path)
    facts["no_numbers"] = error_of(lambda: classifier("mobilenetv2", path))
    return facts


def real_weights_facts(photos: Path) -> Facts:
    """Tell cats from dogs by which class's mean features a photo's are nearest to."""
    weights = find_weights("mobilenetv2")
    side = 160
    network = classifier("mobilenetv2", weights, side)
    lower, _ = cut(network, "out_relu")
    means, judged = [], []
    for name in ("cat", "dog"):
        paths = sorted((photos / name).iterdir())[:60]
        pixels = np.stack([read_photo(path.read_bytes(), ImageSize(side, side)) for path in paths])
        features = answers(lower, pixels.astype(np.float32)).mean(axis=(1, 2))
        means.append(features[:30].mean(axis=0))
        judged.append(features[30:])
    right = [
        np.argmin([np.linalg.norm(features - mean) for mean in means]) == label
        for label, each in enumerate(judged)
        for features in each
    ]
    return {"photos": len(right), "right": int(np.sum(right)), "weights": str(weights)}


def main(about: str, folder: Path) -> Facts:
    """Gather the facts about generated or about real weights."""
    keras.utils.set_random_seed(0)
    if about == "real":
        return real_weights_facts(folder)
    return {"vgg19": vgg19_facts(folder), "mobilenetv2": mobilenetv2_facts(folder)}


if __name__ == "__main__":
    json.dump(main(sys.argv[1], Path(sys.argv[2])), sys.stdout)
