"""The networks that recipes name: their layers, their sizes and what they put out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from training.configuration import Hyperparameters, Optimizer, Schedule
from training.engine.backbones import BACKBONES
from training.engine.networks import (
    FEATURES,
    Blueprint,
    build_network,
    compile_for_judging,
    compile_for_training,
    output_kind,
)
from training.errors import WeightsError
from training.recipes import RECIPES, find_recipe

SIDE = 64
PRECISIONS = ["float32", "mixed_bfloat16", "mixed_float16"]


def network_of(
    name: str, classes: int = 2, policy: str = "float32", side: int = SIDE
) -> keras.Model:
    recipe = find_recipe(name)
    numbers = replace(recipe.defaults, image_side=side)
    return build_network(Blueprint(recipe, numbers, classes), policy)


def some_photos(count: int = 4, side: int = SIDE) -> NDArray[np.float32]:
    pixels = np.random.default_rng(0).integers(0, 256, (count, side, side, 3))
    return pixels.astype(np.float32)


def answers(network: keras.Model) -> NDArray[np.float32]:
    answered: NDArray[np.float32] = np.asarray(network(some_photos(), training=False))
    return answered


def kinds(network: keras.Model) -> list[str]:
    return [type(layer).__name__ for layer in network.layers]


@pytest.mark.parametrize("name", ["baseline", "augmentation", "dropout"])
def test_the_convnet_has_as_many_parameters_as_the_studys(name: str) -> None:
    assert network_of(name, side=150).count_params() == 3_453_121


def test_the_convnet_has_the_studys_layers() -> None:
    expected = [
        "InputLayer",
        "Rescaling",
        *["Conv2D", "MaxPooling2D"] * 4,
        "Flatten",
        "Dense",
        "Dense",
    ]
    network = network_of("baseline", side=150)
    assert kinds(network) == expected
    shapes = [layer.output.shape for layer in network.layers if "Conv" in type(layer).__name__]
    assert shapes == [(None, n, n, f) for n, f in ((148, 32), (72, 64), (34, 128), (15, 128))]


def test_vgg19_has_the_studys_head() -> None:
    network = network_of("vgg19-features", side=150)
    head = next(n for n, layer in enumerate(network.layers) if layer.name == FEATURES)
    assert kinds(network)[head:] == ["Flatten", "Dense", "Dropout", "Dense"]
    assert network.layers[head + 1].output.shape == (None, 256)
    assert network.layers[head].output.shape == (None, 4 * 4 * 512)


@pytest.mark.parametrize("name", RECIPES)
def test_features_are_what_the_backbone_puts_out(name: str) -> None:
    recipe = find_recipe(name)
    names = [layer.name for layer in network_of(name).layers]
    if recipe.backbone is None:
        assert FEATURES not in names
    else:
        assert names[names.index(FEATURES) - 1] == BACKBONES[recipe.backbone].last_layer


@pytest.mark.parametrize("name", ["dropout", "vgg19-features", "mobilenetv2-features"])
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_dropout_is_there_when_it_is_asked_for(name: str, share: float) -> None:
    recipe = find_recipe(name)
    numbers = replace(recipe.defaults, image_side=SIDE, dropout=share)
    network = build_network(Blueprint(recipe, numbers, 2))
    rates = [layer.rate for layer in network.layers if isinstance(layer, keras.layers.Dropout)]
    assert rates == ([share] if share else [])


def test_dropout_leaves_out_features_in_training_only() -> None:
    network = network_of("dropout")
    assert np.array_equal(answers(network), answers(network))
    once, again = (np.asarray(network(some_photos(), training=True)) for _ in range(2))
    assert not np.array_equal(once, again)


@pytest.mark.parametrize("name", ["baseline", "vgg19-features", "mobilenetv2-finetune"])
@pytest.mark.parametrize("classes", [2, 3])
def test_two_classes_share_one_probability_and_more_have_one_each(name: str, classes: int) -> None:
    network = network_of(name, classes)
    probabilities = answers(network)
    if classes == 2:
        assert probabilities.shape == (4, 1)
        assert ((probabilities >= 0) & (probabilities <= 1)).all()
    else:
        assert probabilities.shape == (4, classes)
        assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_the_outputs_kind_goes_by_the_number_of_classes() -> None:
    assert [output_kind(classes) for classes in (2, 3, 1000)] == ["sigmoid", "softmax", "softmax"]


@pytest.mark.parametrize(
    ("name", "policy"),
    [*(("baseline", policy) for policy in PRECISIONS), ("mobilenetv2-features", "mixed_bfloat16")],
)
def test_weights_and_output_are_32_bit_whatever_is_computed_with(name: str, policy: str) -> None:
    network = network_of(name, policy=policy)
    inner = "float32" if policy == "float32" else policy.removeprefix("mixed_")
    assert answers(network).dtype == np.float32
    assert {layer.compute_dtype for layer in network.layers[-2:]} == {inner, "float32"}
    assert network.layers[-1].compute_dtype == "float32"
    assert {weight.dtype for weight in network.weights} == {"float32"}


def test_mixed_precision_answers_nearly_the_same() -> None:
    plain, mixed = (network_of("baseline", policy=policy) for policy in PRECISIONS[:2])
    mixed.set_weights(plain.get_weights())
    assert 0 < np.abs(answers(plain) - answers(mixed)).max() < 0.05


@pytest.mark.parametrize("policy", PRECISIONS)
def test_building_leaves_keras_settings_as_they_were(policy: str) -> None:
    before = keras.config.dtype_policy()
    network_of("baseline", policy=policy)
    assert keras.config.dtype_policy() is before


def test_building_that_fails_leaves_keras_settings_as_they_were(tmp_path: Path) -> None:
    recipe = find_recipe("vgg19-features")
    before = keras.config.dtype_policy()
    with pytest.raises(WeightsError):
        build_network(Blueprint(recipe, recipe.defaults, 2, tmp_path / "none"), "mixed_bfloat16")
    assert keras.config.dtype_policy() is before


@pytest.mark.parametrize("policy", PRECISIONS[:2])
def test_the_seed_decides_the_weights(policy: str) -> None:
    def weights(seed: int) -> Sequence[NDArray[np.float32]]:
        keras.utils.set_random_seed(seed)
        return network_of("baseline", policy=policy).get_weights()

    first, again, other = weights(1), weights(1), weights(2)
    assert all(np.array_equal(*pair) for pair in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def compiled(
    numbers: Hyperparameters, classes: int = 2, steps: int = 100, rate: float = 0.01
) -> keras.Model:
    """Return the smallest network there is, ready to be trained."""
    photos = keras.Input((4,), name="photos")
    output = keras.layers.Dense(
        1 if classes == 2 else classes, activation=output_kind(classes), dtype="float32"
    )
    network = keras.Model(photos, output(photos))
    compile_for_training(network, numbers, classes, learning_rate=rate, steps=steps)
    return network


NUMBERS = find_recipe("baseline").defaults


@pytest.mark.parametrize(
    ("optimizer", "kind"),
    [
        (Optimizer.RMSPROP, keras.optimizers.RMSprop),
        (Optimizer.ADAM, keras.optimizers.Adam),
        (Optimizer.ADAMW, keras.optimizers.AdamW),
        (Optimizer.SGD, keras.optimizers.SGD),
    ],
)
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_the_optimizer_is_the_one_asked_for(
    optimizer: Optimizer, kind: type[keras.optimizers.Optimizer], decay: float
) -> None:
    used = compiled(replace(NUMBERS, optimizer=optimizer, weight_decay=decay)).optimizer
    assert type(used) is kind
    assert (used.weight_decay or 0.0) == decay
    assert float(np.asarray(used.learning_rate)) == pytest.approx(0.01)


def test_every_optimizer_can_be_asked_for() -> None:
    for optimizer in Optimizer:
        assert compiled(replace(NUMBERS, optimizer=optimizer)).optimizer is not None


@pytest.mark.parametrize(("step", "share"), [(0, 1.0), (25, 0.8536), (50, 0.5), (100, 0.0)])
def test_a_cosine_falls_to_nothing_over_all_steps(step: int, share: float) -> None:
    used = compiled(replace(NUMBERS, schedule=Schedule.COSINE), steps=100).optimizer
    used.iterations.assign(step)
    assert float(np.asarray(used.learning_rate)) == pytest.approx(0.01 * share, abs=1e-6)


def test_rmsprop_steps_as_in_keras_2() -> None:
    used = compiled(replace(NUMBERS, optimizer=Optimizer.RMSPROP)).optimizer
    assert isinstance(used, keras.optimizers.RMSprop)
    assert used.epsilon == pytest.approx(1e-7**2)


@pytest.mark.parametrize("classes", [2, 4])
def test_a_network_learns_labels_given_as_numbers(classes: int) -> None:
    keras.utils.set_random_seed(0)
    labels = np.arange(32) % classes
    inputs = np.eye(4, dtype=np.float32)[labels]
    network = compiled(replace(NUMBERS, optimizer=Optimizer.ADAM), classes, rate=0.1)
    before, _ = network.train_on_batch(inputs, labels[:, np.newaxis].astype(np.float32))
    for _ in range(40):
        after, accuracy = network.train_on_batch(inputs, labels[:, np.newaxis].astype(np.float32))
    assert after < before / 2
    assert accuracy == 1


@pytest.mark.parametrize("classes", [2, 3])
def test_judging_gives_loss_and_accuracy(classes: int) -> None:
    network = network_of("baseline", classes)
    compile_for_judging(network, classes)
    labels = np.zeros((4, 1), np.float32)
    probabilities = answers(network)
    of_first = 1 - probabilities[:, 0] if classes == 2 else probabilities[:, 0]
    loss, accuracy = network.test_on_batch(some_photos(), labels)
    assert float(loss) == pytest.approx(float(-np.log(of_first).mean()), rel=1e-4)
    best = of_first >= 0.5 if classes == 2 else probabilities.argmax(axis=1) == 0
    assert float(accuracy) == pytest.approx(best.mean())


def test_xla_stays_off() -> None:
    assert compiled(NUMBERS).jit_compile is False
