"""What a classifier says about a photo."""

from dataclasses import dataclass, field
from pathlib import Path

UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Prediction:
    """The probabilities of a photo's classes, or the reason why it could not be read."""

    path: Path
    probabilities: tuple[float, ...] = ()
    """One for each class, in the model's order; empty if the photo is unreadable."""
    reason: str = ""
    correction: str = ""
    """What the user says that it shows; empty if nothing."""
    fingerprint: bytes = field(default=b"", compare=False, repr=False)
    """SHA-256 of the file's content; empty if it could not be read."""

    @property
    def readable(self) -> bool:
        """Whether the photo could be read."""
        return bool(self.probabilities)

    @property
    def confidence(self) -> float:
        """The highest probability; 0 for an unreadable photo."""
        return max(self.probabilities, default=0.0)

    @property
    def best(self) -> int:
        """The index of the most probable class.

        Raises:
            ValueError: The photo is unreadable.
        """
        return self.probabilities.index(max(self.probabilities))

    def label(self, class_names: tuple[str, ...], unsure_below: float) -> str:
        """Return the class name, `unsure`, or nothing for an unreadable photo.

        What the user says goes before what a model says.
        """
        if self.correction:
            return self.correction
        if not self.readable:
            return ""
        return class_names[self.best] if self.confidence >= unsure_below else UNSURE


@dataclass(frozen=True, slots=True)
class PredictionTable:
    """Predictions of one model, with what turns them into labels."""

    predictions: tuple[Prediction, ...]
    class_names: tuple[str, ...]
    unsure_below: float
