"""What a training run is asked to do: one frozen value that crosses to the training process."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from training.dataset import Dataset
from training.errors import ConfigurationError
from training.files import check_name
from training.images import ImageSize
from training.splits import Split, SplitMethod, split_dataset

MOST_HELD_OUT = 0.9
"""The largest share of a dataset that may be kept from training."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The least and the most that a hyperparameter may be, both included."""

    least: float
    most: float


def _check(name: str, value: object, limits: Limits, kind: object = float) -> None:
    """Refuse a number outside its limits, and what is no number of its kind at all."""
    if (
        not isinstance(value, int | float)
        or isinstance(value, bool)
        or (kind is int and not isinstance(value, int))
    ):
        number = "whole number" if kind is int else "number"
        raise ConfigurationError(
            f"{_words(name)} is {value!r}, but must be a {number} from {limits.least:,} to "
            f"{limits.most:,}."
        )
    if not limits.least <= value <= limits.most:
        raise ConfigurationError(
            f"{_words(name)} is {value:,}, but must be from {limits.least:,} to {limits.most:,}."
        )


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


class Optimizer(StrEnum):
    """How weights are changed by their gradients."""

    RMSPROP = "rmsprop"
    ADAM = "adam"
    ADAMW = "adamw"
    SGD = "sgd"
    """Stochastic gradient descent with momentum 0.9."""


class Schedule(StrEnum):
    """How the learning rate changes while training goes on."""

    CONSTANT = "constant"
    COSINE = "cosine"
    """Falls to nothing along half a cosine over all steps of a phase."""


class Precision(StrEnum):
    """What numbers the network computes with; its weights are always 32-bit."""

    AUTO = "auto"
    """Whichever is quicker on the machine at hand, by measurement."""
    FLOAT32 = "float32"
    MIXED_BFLOAT16 = "mixed_bfloat16"


AUGMENTATION_LIMITS: Mapping[str, Limits] = {
    "rotation": Limits(0, 180),
    "shift": Limits(0, 0.9),
    "shear": Limits(0, 80),
    "zoom": Limits(0, 0.9),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How much training photos are changed at random each time they are shown.

    Each number is the most that a photo is changed to either side; what comes into view at an edge
    repeats the nearest pixel. The defaults change nothing.
    """

    rotation: float = 0.0
    """Degrees."""
    shift: float = 0.0
    """Share of the width and, drawn apart, of the height."""
    shear: float = 0.0
    """Degrees."""
    zoom: float = 0.0
    """Share of the width and, drawn apart, of the height."""
    flip: bool = False
    """Whether every other photo is mirrored."""

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            ConfigurationError: A value is outside its limits.
        """
        for name, limits in AUGMENTATION_LIMITS.items():
            _check(name, getattr(self, name), limits)
        if not isinstance(self.flip, bool):
            raise ConfigurationError(f"Flip is {self.flip!r}, but must be true or false.")

    @property
    def changes_nothing(self) -> bool:
        """Whether photos stay as they are."""
        return self == Augmentation()


STUDY_AUGMENTATION = Augmentation(rotation=40, shift=0.2, shear=0.2, zoom=0.2, flip=True)
"""The published study's; its shear of 0.2 is in degrees, as Keras's image generator has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameters:
    """The numbers that a recipe starts from and that anyone may change."""

    epochs: int
    """Of the recipe's last phase; the head's own come before these."""
    steps_per_epoch: int
    """Batches in an epoch; 0 for one pass over all training photos."""
    batch_size: int
    """Photos in a batch."""
    validation_steps: int
    """Batches of validation photos that judge an epoch, the next ones each time; 0 for all."""
    learning_rate: float
    image_side: int
    """Height and width of the network's input, in pixels."""
    seed: int = 0
    """Decides the initial weights, the order of photos and a split by ratio."""
    optimizer: Optimizer = Optimizer.RMSPROP
    schedule: Schedule = Schedule.CONSTANT
    weight_decay: float = 0.0
    """Share of a weight that a step takes away, times the learning rate."""
    dropout: float = 0.0
    """Share of the inputs of the head's last dense layers that a step leaves out."""
    head_epochs: int = 0
    """Epochs for which the head is trained alone before the backbone's last block is released."""
    head_learning_rate: float = 1e-3
    augmentation: Augmentation = Augmentation()
    views: int = 1
    """Augmented versions of each photo for which the frozen part of a network is computed once."""
    patience: int = 0
    """Epochs without a better one after which training stops early; 0 for never."""
    precision: Precision = Precision.AUTO
    checkpoint_every: int = 0
    """Batches between checkpoints within an epoch; 0 for one at the end of every epoch only."""

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            ConfigurationError: A value is outside its limits.
        """
        kinds = {field.name: field.type for field in fields(self)}
        for name, limits in LIMITS.items():
            _check(name, getattr(self, name), limits, kinds[name])

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Make hyperparameters of plain values, as JSON holds them.

        Raises:
            ConfigurationError: A value is outside its limits.
            ValueError, TypeError: The values are no hyperparameters.
        """
        made: dict[str, Any] = dict(values)
        for name, kind in (
            ("optimizer", Optimizer),
            ("schedule", Schedule),
            ("precision", Precision),
        ):
            if name in made:
                made[name] = kind(made[name])
        if "augmentation" in made:
            made["augmentation"] = Augmentation(**made["augmentation"])
        return cls(**made)

    @property
    def image_size(self) -> ImageSize:
        """Height and width of the network's input, in pixels."""
        return ImageSize(self.image_side, self.image_side)


LIMITS: Mapping[str, Limits] = {
    "epochs": Limits(1, 10_000),
    "steps_per_epoch": Limits(0, 100_000),
    "batch_size": Limits(1, 1_024),
    "validation_steps": Limits(0, 100_000),
    "learning_rate": Limits(1e-7, 1.0),
    "image_side": Limits(64, 512),
    "seed": Limits(0, 2**31 - 1),
    "weight_decay": Limits(0, 1),
    "dropout": Limits(0, 0.95),
    "head_epochs": Limits(0, 10_000),
    "head_learning_rate": Limits(1e-7, 1.0),
    "views": Limits(1, 64),
    "patience": Limits(0, 10_000),
    "checkpoint_every": Limits(0, 100_000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitChoice:
    """How the dataset of a run is divided; together with its seed this can be repeated."""

    method: SplitMethod
    seed: int = 0
    validation_share: float = 0.2
    test_share: float = 0.2
    together: tuple[tuple[str, ...], ...] = ()
    """Groups of names of photos, such as near duplicates, that a split by ratio puts into one
    part each, as `Dataset.without_root` returns them. Lists, as JSON gives them, become tuples."""

    def __post_init__(self) -> None:
        """Check the shares and groups.

        Raises:
            ConfigurationError: They leave nothing to train on, or the groups are none.
        """
        object.__setattr__(self, "together", _groups(self.together))
        if type(self.seed) is not int or self.seed < 0:
            raise ConfigurationError("The seed of a split must be a whole number from 0.")
        if not (self.validation_share > 0 and self.test_share >= 0):
            raise ConfigurationError(
                "Validation needs a share of the photos, and no share can be below 0."
            )
        if round(self.validation_share + self.test_share, 9) > MOST_HELD_OUT:
            raise ConfigurationError("Validation and test take over 90%: leave more to train on.")

    def divide(self, dataset: Dataset) -> Split:
        """Divide a dataset's photos so.

        Raises:
            DatasetError: The dataset does not offer this split.
        """
        return split_dataset(
            dataset,
            self.method,
            seed=self.seed,
            validation_share=self.validation_share,
            test_share=self.test_share,
            together=self.together,
        )


def _groups(together: object) -> tuple[tuple[str, ...], ...]:
    """Return groups of names as tuples.

    Raises:
        ConfigurationError: They are no groups of names, or a name is in two places.
    """
    if not isinstance(together, list | tuple) or not all(
        isinstance(group, list | tuple) for group in together
    ):
        raise ConfigurationError("What a split keeps together must be groups of photos.")
    groups = tuple(tuple(group) for group in together)
    names = [name for group in groups for name in group]
    if not all(isinstance(name, str) for name in names):
        raise ConfigurationError("What a split keeps together must be names of photos.")
    if len(set(names)) < len(names):
        raise ConfigurationError("A split can keep a photo together with one group only.")
    return groups


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """Everything the training process needs to know; paths are absolute."""

    run: str
    """The run's name, and its model's."""
    dataset: str
    recipe: str
    hyperparameters: Hyperparameters
    split: SplitChoice
    run_folder: str
    model_file: str
    cache_folder: str
    """Where decoded photos and features are kept for later runs."""
    weights_file: str | None = None
    """A file of the backbone's pretrained weights to use instead of the published ones."""

    def __post_init__(self) -> None:
        """Check names and paths.

        Raises:
            ConfigurationError: The run's name cannot be a file's, or a path or name is no text.
        """
        texts = (self.run, self.dataset, self.recipe, self.run_folder, self.model_file)
        if not all(isinstance(text, str) for text in (*texts, self.weights_file or "")):
            raise ConfigurationError("A run's configuration names something by what is no text.")
        check_name(self.run, "The run name")

    def to_json(self) -> str:
        """Write the configuration as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Self:
        """Read what `to_json` wrote.

        Raises:
            ConfigurationError: The line is no valid configuration.
        """
        try:
            values = json.loads(line)
            values["hyperparameters"] = Hyperparameters.from_values(values["hyperparameters"])
            split = values["split"]
            values["split"] = SplitChoice(**{**split, "method": SplitMethod(split["method"])})
            values["run_folder"] = str(values["run_folder"])
            values["model_file"] = str(values["model_file"])
            # Runs made before there were caches go without; theirs would lie beside them.
            beside = Path(values["run_folder"]).parent.parent / "caches"
            values["cache_folder"] = str(values.get("cache_folder", beside))
            return cls(**values)
        except (AttributeError, TypeError, KeyError, ValueError) as error:
            raise ConfigurationError(f"A run's configuration cannot be read: {error}.") from error
