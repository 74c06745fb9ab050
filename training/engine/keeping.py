"""What is kept of a run: the weights of its best epochs, and the model file."""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import keras
import numpy as np
import tensorflow as tf

from training.engine.checkpoint import can_be_restored, restore_variables, save_weights
from training.engine.conversion import network_members
from training.engine.networks import output_kind
from training.engine.phases import learning_variables
from training.engine.preparation import Prepared
from training.errors import ModelFileError, TrainingError
from training.events import EpochEnded
from training.model_file import (
    HISTORY,
    Metrics,
    ModelDescription,
    TrainedOn,
    read_description,
    write_model_file,
)
from training.openvino_runtime import openvino_version
from training.runs import Run, format_history

EPOCHS_KEPT = 3
"""How many of the best epochs are kept, to be judged on all validation photos in the end."""
SHARE_OF_TIME_FOR_SAVING = 0.1


class BestEpochs:
    """The weights of the epochs that validated best, on disk.

    Better means a higher validation accuracy or, at the same accuracy, a lower loss.
    """

    def __init__(self, run: Run, variables: Sequence[keras.Variable]) -> None:
        """Keep the values of `variables` in the folder of `run`."""
        self._run = run
        self._variables = variables

    def with_epoch(self, best: Sequence[EpochEnded], latest: EpochEnded) -> tuple[EpochEnded, ...]:
        """Return the best epochs, best first, once another has ended, and keep its weights."""
        ranked = tuple(sorted([*best, latest], key=_rank, reverse=True)[:EPOCHS_KEPT])
        if latest in ranked:
            save_weights(self._run.weights(latest.epoch), self._variables)
        return ranked

    def still_there(self, best: Sequence[EpochEnded]) -> tuple[EpochEnded, ...]:
        """Return those of the best epochs whose weights can still be read."""
        return tuple(
            epoch
            for epoch in best
            if can_be_restored(self._run.weights(epoch.epoch), self._variables)
        )

    def restore(self, epoch: EpochEnded) -> None:
        """Give the network the weights it had at the end of an epoch."""
        restore_variables(self._run.weights(epoch.epoch), self._variables)

    def forget_all_but(self, best: Sequence[EpochEnded]) -> None:
        """Delete the weights of other epochs."""
        wanted = {self._run.weights(epoch.epoch) for epoch in best}
        for file in self._run.kept_weights():
            if file not in wanted:
                file.unlink(missing_ok=True)


class ModelKeeper:
    """Writes the model file."""

    def __init__(self, prepared: Prepared, run: Run) -> None:
        """Write the model of `run`."""
        self._prepared = prepared
        self._run = run
        self._identity = run.identity()
        self._file = Path(prepared.config.model_file)
        self._not_before = 0.0
        recipe = prepared.recipe
        self._learning = learning_variables(prepared.network, recipe)
        self._plain_learning = learning_variables(prepared.plain, recipe)

    @property
    def too_soon(self) -> bool:
        """Whether saving again would take up too much of the time."""
        return perf_counter() < self._not_before

    def write(self, metrics: Metrics, unsure_below: float) -> None:
        """Write the network as it is now.

        Args:
            metrics: How well it does.
            unsure_below: The threshold fitted on the same photos.

        Raises:
            TrainingError: Another model has that name by now.
        """
        began = perf_counter()
        if not self._may_be_written():
            raise TrainingError(
                f"There is a model file {self._file} by now that is not this run's, and is left "
                "as it is: move it away, then go on with --resume."
            )
        self.bring_plain_up_to_date()
        prepared = self._prepared
        members = network_members(
            prepared.plain, len(prepared.dataset.class_names), prepared.numbers.image_size
        )
        members[HISTORY] = format_history(self._run.history()).encode()
        write_model_file(self._file, self._description(metrics, unsure_below), members)
        ended = perf_counter()
        self._not_before = ended + (ended - began) / SHARE_OF_TIME_FOR_SAVING

    def _may_be_written(self) -> bool:
        """Tell whether there is no model file yet, or an earlier one of this very run."""
        if not self._file.exists():
            return True
        try:
            return read_description(self._file).run == self._identity
        except ModelFileError:
            return False

    def bring_plain_up_to_date(self) -> None:
        """Give the 32-bit twin what the network has learnt."""
        if self._prepared.plain is not self._prepared.network:
            for variable, learnt in zip(self._plain_learning, self._learning, strict=True):
                variable.assign(learnt)

    def _description(self, metrics: Metrics, unsure_below: float) -> ModelDescription:
        prepared = self._prepared
        return ModelDescription(
            class_names=prepared.dataset.class_names,
            image_size=prepared.numbers.image_size,
            output=output_kind(len(prepared.dataset.class_names)),
            recipe=prepared.recipe.name,
            run=self._identity,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            trained_on=TrainedOn(
                name=prepared.dataset.path.name,
                fingerprint=prepared.dataset.fingerprint,
                split=prepared.config.split,
            ),
            metrics=metrics,
            unsure_below=unsure_below,
            versions={
                "python": platform.python_version(),
                "tensorflow": tf.__version__,
                "keras": keras.__version__,
                "openvino": openvino_version(),
                "numpy": np.__version__,
            },
        )


def _rank(epoch: EpochEnded) -> tuple[float, float]:
    return (epoch.val_accuracy, -epoch.val_loss)
