"""The end of a run: its best epochs, judged on all validation photos."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras

from training.engine.input_pipeline import BatchReader, PhotoBatches
from training.engine.keeping import ModelKeeper
from training.engine.loops import Loop, judging_loop
from training.engine.phase_builder import Phase
from training.engine.preparation import Prepared
from training.errors import TrainingError
from training.events import EpochEnded
from training.model_file import Metrics
from training.thresholds import own_threshold

JUDGING_BATCH = 64


@dataclass(frozen=True, slots=True)
class JudgedEpoch:
    """An epoch, and what all validation photos tell of its weights."""

    epoch: EpochEnded
    metrics: Metrics
    unsure_below: float
    """The threshold fitted on these photos (see `own_threshold`)."""


class FinalJudge:
    """Judges the epochs that validated best by all validation photos.

    The photos that an epoch is validated with are too few to tell neighbours apart.
    """

    def __init__(
        self,
        prepared: Prepared,
        keeper: ModelKeeper,
        restore: Callable[[EpochEnded], None],
        tell: Callable[[str, int, int], None],
    ) -> None:
        """Judge a run.

        Args:
            prepared: The run.
            keeper: Has its 32-bit network.
            restore: Gives the network the weights of an epoch.
            tell: Told a stage, how many batches are done, and of how many; what it raises ends
                the work.
        """
        self._prepared = prepared
        self._keeper = keeper
        self._restore = restore
        self._tell = tell

    def choose(self, epochs: Sequence[EpochEnded], phase: Phase, loop: Loop) -> JudgedEpoch:
        """Return the best of some epochs, whose weights the network then has.

        Args:
            epochs: Those whose weights are kept.
            phase: The last one, whose examples they are judged by.
            loop: What goes through batches.

        Raises:
            TrainingError: There are none.
            DatasetError: The photos cannot be read any more.
        """
        judged = [self._judge(epoch, phase, loop) for epoch in epochs]
        if not judged:
            raise TrainingError("No epoch ended, so that there is no model: train more epochs.")
        best = max(judged, key=lambda each: (each.metrics.accuracy, -each.metrics.loss))
        self._restore(best.epoch)
        return best

    def _judge(self, epoch: EpochEnded, phase: Phase, loop: Loop) -> JudgedEpoch:
        """Judge the network of an epoch, in 32-bit numbers if it can be.

        Where features are cached they are what is judged by: computing them again would take much
        longer, and they differ in the third digit.
        """
        self._restore(epoch)
        if not phase.uses_features:
            self._keeper.bring_plain_up_to_date()
            loop = judging_loop(self._prepared.plain, self._prepared.classes)
        photos = self._prepared.validation
        reader = BatchReader(phase.validation)
        batches = PhotoBatches(reader, photos, JUDGING_BATCH)
        stage = f"Judging epoch {epoch.epoch} on all validation photos"
        progress = keras.callbacks.LambdaCallback(
            on_test_batch_end=lambda batch, logs: self._tell(stage, batch + 1, len(batches))
        )
        with reader.own_failures():
            judged = loop.evaluate(batches, callbacks=[progress])
        metrics = validation_metrics(len(photos), judged.accuracy, judged.loss)
        return JudgedEpoch(epoch, metrics, own_threshold(judged.mistakes))


def validation_metrics(photos: int, accuracy: float, loss: float) -> Metrics:
    """Return metrics on so many validation photos."""
    return Metrics(
        split="validation", photos=photos, correct=round(accuracy * photos), loss=float(loss)
    )
