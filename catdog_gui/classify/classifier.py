"""A classifier: a verified model file, compiled by OpenVINO for this computer."""

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from training.errors import ModelFileError
from training.model_file import (
    OPENVINO_BIN,
    OPENVINO_XML,
    ModelDescription,
    ModelFile,
    read_model_file,
)
from training.openvino_runtime import compile_network

GOLDEN_TOLERANCE = 0.01
"""How far golden probabilities may be off, computed in float32."""


class Classifier:
    """Answers with the probability of every class. Not to be used from two threads at once."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a model file and check that it answers as it did when it was saved.

        Raises:
            ModelFileError: It is refused, with the reason.
        """
        file = read_model_file(path)
        classifier = cls(file)
        golden = file.golden()
        worst = float(np.abs(classifier.probabilities(golden.inputs) - golden.probabilities).max())
        if not worst <= GOLDEN_TOLERANCE:
            raise ModelFileError(
                f"The model file {path} is refused: its golden probabilities are off by {worst:.3f}"
                ", so that it does not answer as it did when it was saved. Train it anew."
            )
        return classifier

    def __init__(self, file: ModelFile) -> None:
        """Compile a model file's network in float32.

        Raises:
            ModelFileError: OpenVINO cannot read the network.
        """
        self._file = file
        try:
            self._network = compile_network(
                file.members[OPENVINO_XML],
                file.members[OPENVINO_BIN],
                {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"},
            )
        except RuntimeError as error:
            raise ModelFileError(
                f"The model file {file.path} is refused: its network cannot be read. Train it anew."
            ) from error

    @property
    def name(self) -> str:
        """The model's name."""
        return self._file.name

    @property
    def description(self) -> ModelDescription:
        """What the model file says of itself."""
        return self._file.description

    def probabilities(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return every class's probability.

        Args:
            photos: Shape (photos, height, width, 3), as `training.images.read_photo` gives them.

        Returns:
            An array of shape (photos, classes); each row adds up to 1.

        Raises:
            ModelFileError: The network does not take photos of the size that its file names.
        """
        try:
            output = np.array(self._network(photos.astype(np.float32))[0])
        except RuntimeError as error:
            raise ModelFileError(
                f"The model file {self._file.path} is refused: its network does not fit its "
                "description. Train it anew."
            ) from error
        if self.description.output == "sigmoid":
            output = np.hstack([1 - output, output])
        if output.shape != (len(photos), len(self.description.class_names)):
            raise ModelFileError(
                f"The model file {self._file.path} is refused: its network gives "
                f"{output.shape[-1] if output.ndim else 1} numbers for "
                f"{len(self.description.class_names)} classes."
            )
        return output
