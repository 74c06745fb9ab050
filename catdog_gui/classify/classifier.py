"""A classifier: a verified model file, compiled by OpenVINO for this computer."""

from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from catdog_gui.classify.precision import (
    AUTO,
    BFLOAT16,
    FLOAT32,
    Network,
    Precision,
    QuickNetwork,
)
from training.errors import ModelFileError
from training.model_file import (
    OPENVINO_BIN,
    OPENVINO_XML,
    ModelDescription,
    ModelFile,
    read_model_file,
)
from training.openvino_runtime import compile_photo_network, has_bfloat16

if TYPE_CHECKING:
    from openvino import CompiledModel

GOLDEN_TOLERANCE = 0.01
"""How far golden probabilities may be off, computed in float32."""


class Classifier:
    """Answers with the probability of every class. Not to be used from two threads at once."""

    @classmethod
    def open(cls, path: Path, precision: Precision = FLOAT32) -> Self:
        """Open a model file and check that it answers as it did when it was saved.

        Args:
            path: The model file.
            precision: What to compute in. Bfloat16 is used only where the processor has it.

        Raises:
            ModelFileError: It is refused, with the reason.
        """
        return cls.of(read_model_file(path), precision)

    @classmethod
    def of(cls, file: ModelFile, precision: Precision = FLOAT32) -> Self:
        """Make a classifier of a model file and check that it answers as when it was saved.

        Raises:
            ModelFileError: It is refused, with the reason.
        """
        classifier = cls(file, precision)
        golden = file.golden()
        answers = classifier.exact(golden.inputs)
        worst = float(np.abs(answers - golden.probabilities).max())
        if not worst <= GOLDEN_TOLERANCE:
            raise ModelFileError(
                f"The model file {file.path} is refused: its golden probabilities are off by "
                f"{worst:.3f}, so that it does not answer as it did when it was saved. Train "
                "it anew."
            )
        return classifier

    def __init__(self, file: ModelFile, precision: Precision = FLOAT32) -> None:
        """Compile a model file's network.

        Raises:
            ModelFileError: OpenVINO cannot read the network.
        """
        self._file = file
        self.exact: Network = self._compiled("f32")
        """Answers in float32."""
        self._network = self.exact
        if precision != FLOAT32 and has_bfloat16():
            rounded = self._compiled("bf16")
            self._network = QuickNetwork(self.exact, rounded) if precision == AUTO else rounded

    def _compiled(self, precision: str) -> Network:
        file = self._file
        try:
            network = compile_photo_network(
                file.members[OPENVINO_XML], file.members[OPENVINO_BIN], precision
            )
        except RuntimeError as error:
            raise ModelFileError(
                f"The model file {file.path} is refused: its network cannot be read. Train it anew."
            ) from error
        return lambda photos: self._checked(photos, network)

    @property
    def name(self) -> str:
        """The model's name."""
        return self._file.name

    @property
    def precision(self) -> Precision:
        """What it computes in at the moment: `float32` or `bfloat16`."""
        if isinstance(self._network, QuickNetwork):
            return self._network.precision
        return FLOAT32 if self._network is self.exact else BFLOAT16

    @property
    def description(self) -> ModelDescription:
        """What the model file says of itself."""
        return self._file.description

    def prepare(self) -> None:
        """Do nothing: it is ready as soon as it is made."""

    def probabilities(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return every class's probability.

        Args:
            photos: Shape (photos, height, width, 3), as `training.images.read_photo` gives them.

        Returns:
            An array of shape (photos, classes); each row adds up to 1.

        Raises:
            ModelFileError: The network does not take photos of the size that its file names.
        """
        return self._network(photos)

    def _checked(self, photos: NDArray[np.uint8], network: "CompiledModel") -> NDArray[np.float32]:
        try:
            output = np.array(network(photos)[0])
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
