"""What a training run is asked to do: one frozen value that crosses to the training process."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameters:
    """The numbers that a recipe starts from and that anyone may change."""

    epochs: int
    steps_per_epoch: int
    """Batches in an epoch."""
    batch_size: int
    """Photos in a batch."""
    validation_steps: int
    """Batches of validation photos looked at after every epoch, the next ones each time."""
    learning_rate: float
    image_side: int
    """Height and width of the network's input, in pixels."""
    seed: int = 0
    """Decides the initial weights, the order of photos and a split by ratio."""

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            ConfigurationError: A value is outside its limits.
        """
        for name, limits in LIMITS.items():
            value = getattr(self, name)
            if not limits.least <= value <= limits.most:
                raise ConfigurationError(
                    f"{name.replace('_', ' ').capitalize()} is {value:,}, but must be from "
                    f"{limits.least:,} to {limits.most:,}."
                )

    @property
    def image_size(self) -> ImageSize:
        """Height and width of the network's input, in pixels."""
        return ImageSize(self.image_side, self.image_side)


LIMITS: Mapping[str, Limits] = {
    "epochs": Limits(1, 10_000),
    "steps_per_epoch": Limits(1, 100_000),
    "batch_size": Limits(1, 1_024),
    "validation_steps": Limits(1, 100_000),
    "learning_rate": Limits(1e-7, 1.0),
    "image_side": Limits(64, 512),
    "seed": Limits(0, 2**31 - 1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitChoice:
    """How the dataset of a run is divided; together with its seed this can be repeated."""

    method: SplitMethod
    seed: int = 0
    validation_share: float = 0.2
    test_share: float = 0.2

    def __post_init__(self) -> None:
        """Check the shares.

        Raises:
            ConfigurationError: They leave nothing to train on.
        """
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
        )


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

    def __post_init__(self) -> None:
        """Check the name.

        Raises:
            ConfigurationError: It cannot be a file's name.
        """
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
            values["hyperparameters"] = Hyperparameters(**values["hyperparameters"])
            split = values["split"]
            values["split"] = SplitChoice(**{**split, "method": SplitMethod(split["method"])})
            values["run_folder"] = str(values["run_folder"])
            values["model_file"] = str(values["model_file"])
            return cls(**values)
        except (AttributeError, TypeError, KeyError, ValueError) as error:
            raise ConfigurationError(f"A run's configuration cannot be read: {error}.") from error
