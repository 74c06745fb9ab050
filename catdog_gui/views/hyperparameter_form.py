"""A form to change the numbers of a recipe."""

from dataclasses import asdict, dataclass

from PySide6.QtWidgets import QDoubleSpinBox, QFormLayout, QSpinBox, QWidget

from catdog_gui.views.theme import GRID
from training.configuration import LIMITS, Hyperparameters


@dataclass(frozen=True)
class _Number:
    """One row of the form."""

    name: str
    title: str
    help: str


class HyperparameterForm(QWidget):
    """Shows a recipe's hyperparameters, each with its limits and one sentence of help."""

    def __init__(self, defaults: Hyperparameters, parent: QWidget | None = None) -> None:
        """Begin with a recipe's own numbers."""
        super().__init__(parent)
        self._base = defaults
        self._boxes: dict[str, QSpinBox] = {}
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(GRID // 2)
        layout.setHorizontalSpacing(2 * GRID)
        for number in self._numbers():
            box = QSpinBox()
            box.setObjectName(number.name)
            box.setRange(int(LIMITS[number.name].least), int(LIMITS[number.name].most))
            box.setGroupSeparatorShown(True)
            box.setToolTip(number.help)
            box.setAccessibleName(number.title)
            if number.name in {"steps_per_epoch", "validation_steps"}:
                box.setSpecialValueText(self.tr("one pass over all"))
            layout.addRow(number.title, box)
            self._boxes[number.name] = box
        self._boxes["image_side"].setSuffix(" px")
        self._learning_rate = QDoubleSpinBox()
        self._learning_rate.setObjectName("learning_rate")
        self._learning_rate.setDecimals(7)
        self._learning_rate.setSingleStep(0.0001)
        self._learning_rate.setRange(LIMITS["learning_rate"].least, LIMITS["learning_rate"].most)
        self._learning_rate.setToolTip(
            self.tr("How far each step changes the weights; too high and the loss jumps about.")
        )
        self._learning_rate.setAccessibleName(self.tr("Learning rate"))
        layout.insertRow(3, self.tr("Learning rate"), self._learning_rate)
        self.set_values(defaults)

    def set_values(self, numbers: Hyperparameters) -> None:
        """Show these numbers, and keep what has no box."""
        self._base = numbers
        for name, box in self._boxes.items():
            box.setValue(getattr(numbers, name))
        self._learning_rate.setValue(numbers.learning_rate)

    def values(self) -> Hyperparameters:
        """Return the numbers as they stand in the form."""
        numbers = {name: box.value() for name, box in self._boxes.items()}
        return Hyperparameters.from_values(
            {**asdict(self._base), **numbers, "learning_rate": self._learning_rate.value()}
        )

    def _numbers(self) -> tuple[_Number, ...]:
        return (
            _Number(
                "epochs",
                self.tr("Epochs"),
                self.tr("How often training pauses to validate and, if it is the best yet, save."),
            ),
            _Number(
                "steps_per_epoch",
                self.tr("Steps per epoch"),
                self.tr("How many batches make an epoch."),
            ),
            _Number(
                "batch_size",
                self.tr("Batch size"),
                self.tr("How many photos the network sees before its weights change once."),
            ),
            _Number(
                "image_side",
                self.tr("Image size"),
                self.tr("Photos are squeezed to this width and height."),
            ),
            _Number(
                "validation_steps",
                self.tr("Validation steps"),
                self.tr("How many batches of validation photos each epoch is judged by."),
            ),
            _Number(
                "seed",
                self.tr("Seed"),
                self.tr("The same seed gives the same start and the same order of photos."),
            ),
        )
