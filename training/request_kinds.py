"""What can be asked of the process that has TensorFlow, apart from training.

    ExportModel           write a model in another runtime's format
    ImportModel           make a model file of a Keras network in a file
    ExplainPhotos         draw where in photos a model sees a class
    PreviewAugmentation   draw what a photo is changed to while training

Paths are absolute, and where something is written nothing is yet.
"""

from dataclasses import dataclass
from typing import TypeAlias

from training.configuration import Augmentation
from training.dataset import check_class_names
from training.errors import ConfigurationError

EXPORT_FORMATS = ("onnx", "litert", "savedmodel")
"""What `ExportModel` can write."""

SCALES = ("1/255", "-1..1", "none", "vgg19")
"""What an imported network's pixels can be scaled to: 0 to 1, -1 to 1, not at all (0 to 255), or
as `keras.applications.vgg19.preprocess_input` does (blue first, less ImageNet's mean colour)."""

MOST_SIDE = 1024
"""The most pixels a side that an imported network may take."""

MOST_VERSIONS = 100
"""The most versions of a photo that a preview may show."""

KERAS_SUFFIX = ".keras"
H5_SUFFIXES = (".h5", ".hdf5")
NETWORK_SUFFIXES = (KERAS_SUFFIX, *H5_SUFFIXES)
"""The endings of files that `ImportModel` reads, in lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportModel:
    """Write a model as a network of another runtime; paths are absolute."""

    model: str
    """The model file."""
    export_format: str
    """One of `EXPORT_FORMATS`."""
    target: str
    """The file, or for `savedmodel` the folder, to write; there must be none yet."""

    def __post_init__(self) -> None:
        """Check the format.

        Raises:
            ConfigurationError: It is not known.
        """
        if self.export_format not in EXPORT_FORMATS:
            known = ", ".join(EXPORT_FORMATS)
            raise ConfigurationError(
                f"There is no export format {self.export_format!r}: choose one of {known}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportModel:
    """Make a model file of a Keras network in a file; paths are absolute."""

    file: str
    """A `.keras` file, or the `.h5` of Keras 2."""
    target: str
    """The model file to write."""
    class_names: tuple[str, ...]
    """In the order of the network's output; of a single number it is the second's probability."""
    image_size: tuple[int, int] | None = None
    """Height and width, needed where the network takes photos of any size."""
    scale: str | None = None
    """What to do to pixels from 0 to 255, one of `SCALES`; without it the network decides."""

    def __post_init__(self) -> None:
        """Check the names, size and scale.

        Raises:
            ConfigurationError: One of them cannot be.
        """
        try:
            check_class_names(self.class_names)
        except ValueError as error:
            raise ConfigurationError(f"The model cannot be imported so: {error}.") from error
        if self.scale is not None and self.scale not in SCALES:
            known = ", ".join(SCALES)
            raise ConfigurationError(f"There is no scale {self.scale!r}: choose one of {known}.")
        if self.image_size is not None and not all(1 <= s <= MOST_SIDE for s in self.image_size):
            raise ConfigurationError(f"Photos can have 1 to {MOST_SIDE:,} pixels a side.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainPhotos:
    """Draw where in photos a model sees a class, a picture for each photo that can be read."""

    model: str
    """The model file."""
    photos: tuple[str, ...]
    folder: str
    """Where to write the pictures; it exists and is empty."""
    class_name: str | None = None
    """The class to look for; without it, for each photo the one that it is taken for."""

    def __post_init__(self) -> None:
        """Check that there is a photo.

        Raises:
            ConfigurationError: There is none.
        """
        if not self.photos:
            raise ConfigurationError("There is no photo to explain: name at least one.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewAugmentation:
    """Draw versions of a photo as training with an augmentation would show it, on one picture."""

    photo: str
    target: str
    """The picture to write, a PNG."""
    augmentation: Augmentation
    image_size: tuple[int, int]
    """Height and width of each version."""
    count: int
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ConfigurationError: One is outside its limits.
        """
        if not 1 <= self.count <= MOST_VERSIONS:
            raise ConfigurationError(
                f"A preview shows 1 to {MOST_VERSIONS} versions of a photo, not {self.count}."
            )
        if not all(1 <= side <= MOST_SIDE for side in self.image_size):
            raise ConfigurationError(f"Photos can have 1 to {MOST_SIDE:,} pixels a side.")


EngineRequest: TypeAlias = ExportModel | ImportModel | ExplainPhotos | PreviewAugmentation
