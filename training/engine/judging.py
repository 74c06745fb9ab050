"""The end of a run: its best epochs, judged on all validation photos."""

from collections.abc import Callable, Sequence

import keras

from training.engine.input_pipeline import BatchReader, PhotoBatches
from training.engine.keeping import ModelKeeper
from training.engine.loops import Loop, judging_loop
from training.engine.phase_builder import Phase
from training.engine.preparation import Prepared
from training.errors import TrainingError
from training.events import EpochEnded
from training.model_file import Metrics

JUDGING_BATCH = 64


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

    def choose(
        self, epochs: Sequence[EpochEnded], phase: Phase, loop: Loop
    ) -> tuple[EpochEnded, Metrics]:
        """Return the best of some epochs, whose weights the network then has, and its metrics.

        Args:
            epochs: Those whose weights are kept.
            phase: The last one, whose examples they are judged by.
            loop: What goes through batches.

        Raises:
            TrainingError: There are none.
            DatasetError: The photos cannot be read any more.
        """
        judged = [(self._judge(epoch, phase, loop), epoch) for epoch in epochs]
        if not judged:
            raise TrainingError("No epoch ended, so that there is no model: train more epochs.")
        metrics, best = max(judged, key=lambda each: (each[0].accuracy, -each[0].loss))
        self._restore(best)
        return best, metrics

    def _judge(self, epoch: EpochEnded, phase: Phase, loop: Loop) -> Metrics:
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
            loss, accuracy = loop.evaluate(batches, callbacks=[progress])
        return validation_metrics(len(photos), accuracy, loss)


def validation_metrics(photos: int, accuracy: float, loss: float) -> Metrics:
    """Return metrics on so many validation photos."""
    return Metrics(
        split="validation", photos=photos, correct=round(accuracy * photos), loss=float(loss)
    )
