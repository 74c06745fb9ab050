"""What has to be at hand before the first step: photos, pretrained weights, the network."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import tensorflow as tf

from training.configuration import Hyperparameters, Precision, TrainingConfig
from training.dataset import Dataset, LabelledPhoto, open_dataset
from training.duplicates import find_groups
from training.engine.backbones import cut, freeze
from training.engine.checkpoint import Standing
from training.engine.input_pipeline import PhotoStream
from training.engine.memory import check_memory
from training.engine.networks import Blueprint, build_network, compile_for_training
from training.engine.phases import (
    PhasePlan,
    cut_layer,
    learns_from_features,
    plan_phases,
    steps_per_epoch,
)
from training.engine.precision import choose_precision
from training.errors import DatasetError, RunError
from training.files import write_bytes
from training.photo_cache import PhotoCache
from training.pretrained import fetch_weights, find_weights, use_weights_file
from training.recipes import Recipe, find_recipe
from training.runs import Run
from training.splits import Split, SplitMethod, check_split, draws_photos

PRECISION_MEMORY = "precision.json"


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """All that a run is made of."""

    config: TrainingConfig
    recipe: Recipe
    dataset: Dataset
    cache: PhotoCache
    training: Sequence[LabelledPhoto]
    """The photos to learn from that can be read."""
    validation: Sequence[LabelledPhoto]
    """The photos to be judged by that can be read."""
    contents: str
    """What stands for the contents of all these photos."""
    network: keras.Model
    """What is trained, not compiled."""
    plain: keras.Model
    """The same in 32-bit numbers, which the model file is made of; may be the very same."""
    precision: str
    weights_digest: str
    """The checksum of the backbone's pretrained weights; empty without a backbone."""
    plans: Sequence[PhasePlan]

    @property
    def numbers(self) -> Hyperparameters:
        """The hyperparameters."""
        return self.config.hyperparameters

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.dataset.class_names)

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return steps_per_epoch(self.numbers, len(self.training))

    @property
    def epochs(self) -> int:
        """Epochs of all phases."""
        return sum(plan.epochs for plan in self.plans)


@dataclass(frozen=True)
class Listener:
    """Who is told how preparing goes; whatever `progress` raises ends it."""

    progress: Callable[[str, int, int], None]
    """Told the stage, how much is done, and of how much."""
    skipped: Callable[[LabelledPhoto, str], None]
    """Told of every photo that cannot be read, and why."""
    should_stop: Callable[[], bool]
    noticed: Callable[[str], None]
    """Told what whoever reads the run's numbers ought to know."""


def prepare(
    config: TrainingConfig,
    listener: Listener,
    earlier: Standing | None,
    strategy: tf.distribute.Strategy,
) -> Prepared:
    """Get everything ready that training needs.

    Args:
        config: What to train.
        listener: Told what takes long.
        earlier: How far the run is, if it goes on.
        strategy: What the network is trained by.

    Raises:
        DatasetError: The dataset cannot be opened or divided so, or holds no readable photos.
        ConfigurationError: There is no such recipe.
        RunError: The run goes on, and its dataset has changed, be it a single photo's content, or
            its pretrained weights have.
        WeightsError: The backbone's pretrained weights cannot be had.
    """
    recipe, numbers = find_recipe(config.recipe), config.hyperparameters
    config, dataset, split = _open_and_divide(config, listener, earlier)
    plans = plan_phases(recipe, numbers)
    weights, weights_digest = _weights(config, recipe, listener, earlier)
    blueprint = Blueprint(recipe, numbers, len(dataset.class_names), weights)
    keras.utils.set_random_seed(numbers.seed)
    plain = build_network(blueprint)
    check_memory(plain, recipe, numbers)  # before hours may go into decoding photos
    caches = Path(config.cache_folder)
    cache = PhotoCache(dataset, numbers.image_size, caches)
    training = _decode(cache, _shown(split.train, numbers, plans), "training", listener)
    validation = _decode(cache, split.validation, "validation", listener)
    _check_classes(dataset, training, validation, listener)
    contents = cache.contents([*training, *validation])
    if earlier is not None and earlier.contents not in {"", contents}:
        raise _changed(dataset)
    known = earlier.precision if earlier is not None else None
    precision = known or _precision(blueprint, plans, listener, strategy, caches)
    return Prepared(
        config=config,
        recipe=recipe,
        dataset=dataset,
        cache=cache,
        training=training,
        validation=validation,
        contents=contents,
        network=_network_to_train(blueprint, plain, precision, strategy),
        plain=plain,
        precision=precision,
        weights_digest=weights_digest,
        plans=plans,
    )


def _open_and_divide(
    config: TrainingConfig, listener: Listener, earlier: Standing | None
) -> tuple[TrainingConfig, Dataset, Split]:
    """Open the dataset and divide it; the configuration then says which photos stay together."""
    listener.progress("Opening the dataset", 0, 0)
    dataset = open_dataset(Path(config.dataset))
    if earlier is None:
        config = _with_duplicates_together(config, dataset, listener)
    elif earlier.fingerprint != dataset.fingerprint:
        raise _changed(dataset)
    return config, dataset, _split(config, dataset, earlier)


def _weights(
    config: TrainingConfig, recipe: Recipe, listener: Listener, earlier: Standing | None
) -> tuple[Path | None, str]:
    """Return the file of a backbone's pretrained weights with its checksum, if there is one."""
    file = _find_weights(config, recipe, listener)
    digest = _digest(file) if file else ""
    if earlier is not None and earlier.weights not in {"", digest}:
        raise RunError(
            f"{file} is not the file of weights that the run began with: put that one back, or "
            "train anew under another name."
        )
    return file, digest


def _precision(
    blueprint: Blueprint,
    plans: Sequence[PhasePlan],
    listener: Listener,
    strategy: tf.distribute.Strategy,
    cache_folder: Path,
) -> str:
    """Choose what numbers a new run computes with; several workers have to agree on it."""
    if strategy.num_replicas_in_sync > 1:
        return _precision_together(blueprint.hyperparameters.precision)
    listener.progress("Measuring which precision is quicker here", 0, 0)
    return _choose_precision(blueprint, plans[-1], cache_folder)


def _network_to_train(
    blueprint: Blueprint, plain: keras.Model, precision: str, strategy: tf.distribute.Strategy
) -> keras.Model:
    """Return the 32-bit network itself, or its twin in another precision or on several devices."""
    if strategy.num_replicas_in_sync == 1 and precision == Precision.FLOAT32:
        return plain
    with strategy.scope():
        network = build_network(replace(blueprint, weights=None), precision)
    network.set_weights(plain.get_weights())
    return network


def _changed(dataset: Dataset) -> RunError:
    return RunError(
        f"The dataset {dataset.path} has changed since the run began, so that it cannot go on as "
        "it began: put back what was there, or train anew under another name."
    )


def _with_duplicates_together(
    config: TrainingConfig, dataset: Dataset, listener: Listener
) -> TrainingConfig:
    """Have a split that draws photos keep near duplicates in one part: none gives another away."""
    if not draws_photos(dataset, config.split.method) or config.split.together:
        return config
    stage = "Looking for near duplicates"
    groups = find_groups(
        dataset,
        on_progress=lambda done, total: listener.progress(stage, done, total),
        should_stop=listener.should_stop,
    )
    kept = replace(config.split, together=dataset.without_root(groups))
    try:
        kept.divide(dataset)
    except DatasetError:
        listener.noticed(
            "Whole classes are near duplicates of one another, so that these are not kept in one "
            "part of the split: the accuracy will look better than it is."
        )
        return config
    return replace(config, split=kept)


def _split(config: TrainingConfig, dataset: Dataset, earlier: Standing | None) -> Split:
    """Divide the dataset and write the split down, or take the one that the run began with."""
    manifest = Run(Path(config.run_folder)).split
    if earlier is not None and manifest.exists():
        try:
            return _read_split(manifest, dataset, config.split.method)
        except (OSError, ValueError, RecursionError, DatasetError) as error:
            raise RunError(
                f"{manifest} does not say any more how the run divided its dataset: delete that "
                "file, and the dataset is divided as when the run began."
            ) from error
    split = config.split.divide(dataset)
    parts = split.manifest()
    named = dict(zip(parts, dataset.without_root(parts.values()), strict=True))
    write_bytes(manifest, json.dumps(named, indent=1).encode())
    return split


def _read_split(manifest: Path, dataset: Dataset, method: SplitMethod) -> Split:
    """Return the split whose photos a file names, below the folder that all photos share.

    Raises:
        OSError, ValueError, RecursionError, DatasetError: It does not.
    """
    parts = json.loads(manifest.read_bytes())
    if not isinstance(parts, dict) or not all(
        isinstance(names, list) and all(isinstance(name, str) for name in names)
        for names in parts.values()
    ):
        raise ValueError("it is no manifest")
    named = dict(zip(parts, dataset.with_root(parts.values()), strict=True))
    split = Split.from_manifest(dataset, named)
    check_split(dataset, split, method)
    return split


def _find_weights(config: TrainingConfig, recipe: Recipe, listener: Listener) -> Path | None:
    """Return the file of a backbone's pretrained weights, downloaded if need be."""
    if recipe.backbone is None:
        return None
    if config.weights_file is not None:
        chosen = use_weights_file(recipe.backbone, Path(config.weights_file))
        if chosen.remark is not None:
            listener.noticed(chosen.remark)
        return chosen.path
    found = find_weights(recipe.backbone)
    if found is not None:
        return found
    stage = f"Downloading the weights of {recipe.backbone}"
    return fetch_weights(
        recipe.backbone,
        on_progress=lambda done, total: listener.progress(stage, done, total),
        should_stop=listener.should_stop,
    )


def _shown(
    photos: Sequence[LabelledPhoto], numbers: Hyperparameters, plans: Sequence[PhasePlan]
) -> Sequence[LabelledPhoto]:
    """Return the photos that a run will show, which for a short one are not all there are."""
    epochs = sum(plan.epochs for plan in plans)
    draws = epochs * steps_per_epoch(numbers, len(photos)) * numbers.batch_size
    if draws >= len(photos):
        return photos
    stream = PhotoStream(photos, numbers.seed)
    return [stream[place] for place in range(draws)]


def _decode(
    cache: PhotoCache, photos: Sequence[LabelledPhoto], part: str, listener: Listener
) -> list[LabelledPhoto]:
    stage = f"Decoding {part} photos"
    return cache.prepare(
        photos,
        on_progress=lambda done, total: listener.progress(stage, done, total),
        on_unreadable=listener.skipped,
    )


def _check_classes(
    dataset: Dataset,
    training: Sequence[LabelledPhoto],
    validation: Sequence[LabelledPhoto],
    listener: Listener,
) -> None:
    """Refuse to begin when photos that cannot be read leave too little, or say what they leave."""
    if not validation:
        raise DatasetError(
            f"Not one validation photo of {dataset.path} can be read: check that its files are "
            "whole."
        )
    if len({photo.label for photo in training}) < 2:
        raise DatasetError(
            f"Of {dataset.path} training photos of fewer than two classes can be read: check that "
            "its files are whole, or train for more steps."
        )
    judged = {photo.label for photo in validation}
    unjudged = [name for label, name in enumerate(dataset.class_names) if label not in judged]
    if unjudged:
        listener.noticed(
            f"Not one validation photo of class {unjudged[0]!r} can be read, so that the accuracy "
            "says nothing about it."
        )


def _choose_precision(blueprint: Blueprint, plan: PhasePlan, cache_folder: Path) -> str:
    """Measure with what the longest phase trains, its weights drawn at random."""
    random = replace(blueprint, weights=None)
    numbers = blueprint.hyperparameters

    def build(policy: str) -> keras.Model:
        network = build_network(random, policy)
        if blueprint.recipe.backbone is not None:
            freeze(network, plan.released_from)
            if learns_from_features(blueprint.recipe, numbers):
                network = cut(network, cut_layer(network, plan))[1]
        compile_for_training(
            network, numbers, blueprint.classes, learning_rate=plan.learning_rate, steps=1
        )
        return network

    memory = cache_folder / PRECISION_MEMORY
    return choose_precision(numbers.precision, build, numbers.batch_size, memory)


def _precision_together(wanted: Precision) -> str:
    """Return a precision on which workers agree without each measuring for itself."""
    return Precision.FLOAT32.value if wanted is Precision.AUTO else wanted.value


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
