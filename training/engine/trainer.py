"""One training run, from a configuration to an outcome."""

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from math import isfinite
from pathlib import Path

import keras
import numpy as np

from training.configuration import TrainingConfig
from training.dataset import LabelledPhoto
from training.engine.callbacks import (
    Checkpointer,
    Clock,
    EventReporter,
    StopWatcher,
    TrainingStopped,
    loss_is_no_number,
)
from training.engine.checkpoint import (
    EpochSoFar,
    Standing,
    read_standing,
    restore_variables,
    save_checkpoint,
)
from training.engine.collective import Collective
from training.engine.devices import device_in_use
from training.engine.input_pipeline import (
    BatchReader,
    PhotoBatches,
    PhotoStream,
    TrainingBatches,
    class_weights,
    validation_sample,
)
from training.engine.judging import FinalJudge, validation_metrics
from training.engine.keeping import BestEpochs, ModelKeeper
from training.engine.loops import Judged, Loop, loop_for
from training.engine.mistakes import Mistakes
from training.engine.networks import compile_for_training
from training.engine.phase_builder import Phase, build_phase
from training.engine.phases import frozen_variables, learning_variables
from training.engine.preparation import Listener, prepare
from training.engine.strategies import (
    choose_strategy,
    is_chief,
    losses_of_workers_told,
    read_cluster,
)
from training.engine.supervision import Supervision
from training.errors import RunError
from training.events import (
    EpochEnded,
    Finished,
    Noticed,
    Outcome,
    PhotoSkipped,
    Progressed,
    Saved,
    Started,
    Stopped,
    ValidationEnded,
)
from training.runs import Run, RunState
from training.thresholds import own_threshold


class Trainer:
    """Trains one run, from the beginning or from its checkpoint."""

    def __init__(self, config: TrainingConfig, supervision: Supervision) -> None:
        """Prepare to train what `config` says.

        Raises:
            CatDogError: Something that it needs cannot be had.
        """
        self._supervision = supervision
        self._run = Run(Path(config.run_folder))
        self._clock = Clock()
        self._phase: Phase | None = None
        self._loop: Loop
        self._cluster = read_cluster(os.environ)
        self._listener = Listener(
            self._tell,
            self._tell_of_skipped,
            supervision.stop_requested,
            lambda text: supervision.emit(Noticed(text)),
        )
        with losses_of_workers_told(self._cluster):
            self._prepare(config)
        prepared = self._prepared
        self._stream = PhotoStream(prepared.training, prepared.numbers.seed)
        self._weights = class_weights(prepared.training)
        self._keeper = ModelKeeper(prepared, self._run)
        self._reporter = EventReporter(supervision.emit, self._clock)
        self._watcher = StopWatcher(self._heed)

    def _prepare(self, config: TrainingConfig) -> None:
        """Join the other workers, if any, and have everything at hand from where the run stands."""
        self._strategy = choose_strategy(
            self._cluster, topic=_topic(config), on_waiting=self._tell_of_waiting
        )
        self._collective = Collective(self._strategy)
        earlier = self._earlier_standing()
        self._check_not_lost(earlier)
        self._prepared = prepare(config, self._listener, earlier, self._strategy)
        self._run.write(replace(self._run.read(), config=self._prepared.config))
        self._standing = earlier or Standing(
            fingerprint=self._prepared.dataset.fingerprint,
            contents=self._prepared.contents,
            weights=self._prepared.weights_digest,
            precision=self._prepared.precision,
        )
        self._resumed = earlier is not None
        prepared = self._prepared
        self._best = BestEpochs(self._run, learning_variables(prepared.network, prepared.recipe))
        best = self._best.still_there(self._standing.best)
        standing = replace(self._standing, best=best).to_json()
        # Workers go by the chief's, who alone restores weights.
        self._standing = Standing.from_json(self._collective.text_of_chief(standing))

    def train(self) -> Outcome:
        """Train every epoch of every phase, and judge the best on all validation photos.

        Raises:
            CatDogError: Training cannot go on.
        """
        with losses_of_workers_told(self._cluster):
            return self._train()

    def _train(self) -> Outcome:
        self._run.cut_history(self._standing.epoch)
        lost = self._standing.epoch - len(self._run.history())
        if lost:
            self._listener.noticed(f"The history of this run lacks {lost} of its epochs.")
        self._announce()
        self._supervision.heed_stops()
        try:
            return self._finish(self._train_phases())
        except TrainingStopped:
            return self._stop()
        except Exception:
            self._save_unsaved_best()
            raise
        finally:
            self._prepared.cache.close()

    def _check_not_lost(self, earlier: Standing | None) -> None:
        """Refuse to begin anew what was further already, unless it was cut off in its first epoch.

        Raises:
            RunError: The checkpoint is gone.
        """
        epochs = len(self._run.history())
        if earlier is None and epochs > 1:
            raise RunError(
                f"The run {self._run.name!r} has {epochs} epochs, but its checkpoint "
                f"{self._run.checkpoint} is gone: train anew under another name."
            )

    def _earlier_standing(self) -> Standing | None:
        """Return how far the run is; workers that lost each other go by the chief's."""
        own = read_standing(self._run.checkpoint)
        text = self._collective.text_of_chief(own.to_json() if own else "")
        return Standing.from_json(text) if text else None

    def _train_phases(self) -> Phase:
        """Train from where the run stands to the end of its last phase, and return that one."""
        resumed = self._resumed
        while True:
            phase = self._begin_phase(resumed=resumed)
            resumed = False
            while not self._is_over(phase):
                self._train_epoch(phase)
            self._phase = None
            if self._standing.phase + 1 == len(self._prepared.plans):
                return phase
            phase.close()
            self._standing = replace(
                self._standing, phase=self._standing.phase + 1, phase_began=self._standing.epoch
            )

    def _begin_phase(self, *, resumed: bool) -> Phase:
        """Make the next phase ready, from the checkpoint or from the best weights so far."""
        prepared, standing = self._prepared, self._standing
        plan = prepared.plans[standing.phase]
        phase = build_phase(prepared, plan, self._listener)
        with self._strategy.scope():
            mistakes = Mistakes()
            compile_for_training(
                phase.network,
                prepared.numbers,
                prepared.classes,
                learning_rate=plan.learning_rate,
                steps=plan.epochs * prepared.steps,
                metrics=[mistakes],
            )
            phase.network.optimizer.build(phase.network.trainable_variables)
        self._loop = loop_for(phase.network, mistakes, self._strategy, self._collective)
        if standing.best:
            self._restore(standing.best[0])
        if resumed and is_chief(self._cluster):
            restore_variables(self._run.checkpoint, self._state(phase))
        self._loop.share_state()
        self._phase = phase
        return phase

    def _is_over(self, phase: Phase) -> bool:
        """Tell whether all epochs of a phase are done, or the last ones brought nothing better."""
        standing, patience = self._standing, self._prepared.numbers.patience
        if standing.epoch - standing.phase_began >= phase.plan.epochs:
            return True
        if not patience or not standing.best:
            return False
        latest_best = max(standing.best[0].epoch, standing.phase_began)
        return standing.epoch - latest_best >= patience

    def _train_epoch(self, phase: Phase) -> None:
        """Train what is left of an epoch, validate it, and keep all that is to be kept."""
        standing = self._standing
        self._reporter.begin(standing.so_far)
        left = self._prepared.steps - standing.so_far.batches
        if left:
            self._fit(phase, left)
        judged = self._validate(phase)
        so_far = self._reporter.so_far()
        ended = EpochEnded(
            epoch=standing.epoch + 1,
            loss=so_far.loss,
            accuracy=so_far.accuracy,
            val_loss=judged.loss,
            val_accuracy=judged.accuracy,
            seconds=round(so_far.seconds, 3),
        )
        self._end_epoch(phase, ended, own_threshold(judged.mistakes))

    def _fit(self, phase: Phase, left: int) -> None:
        prepared, standing = self._prepared, self._standing
        reader = BatchReader(phase.training, self._weights)
        batches = TrainingBatches(
            reader,
            self._stream,
            batch_size=prepared.numbers.batch_size,
            first=(standing.epoch + 1) * prepared.steps - left,
            steps=left,
        )
        checkpointer = Checkpointer(
            prepared.numbers.checkpoint_every, lambda: self._save_within_epoch(phase)
        )
        # The reporter first, so that a loss that is no number ends training before a checkpoint.
        callbacks = [self._reporter, checkpointer, self._watcher]
        with reader.own_failures():
            self._loop.fit(batches, initial_epoch=standing.epoch, callbacks=callbacks)

    def _validate(self, phase: Phase) -> Judged:
        """Judge the network by the epoch's share of the validation photos.

        Raises:
            TrainingError: The loss is not finite: the last step may have spoilt the network.
        """
        numbers, epoch = self._prepared.numbers, self._standing.epoch
        photos = validation_sample(
            self._prepared.validation,
            count=numbers.validation_steps * numbers.batch_size,
            epoch=epoch,
            seed=numbers.seed,
        )
        reader = BatchReader(phase.validation)
        batches = PhotoBatches(reader, photos, numbers.batch_size)
        with reader.own_failures():
            judged = self._loop.evaluate(batches, callbacks=[self._watcher])
        if not isfinite(judged.loss):
            raise loss_is_no_number(judged.loss, f"on validation photos after epoch {epoch + 1}")
        return judged

    def _end_epoch(self, phase: Phase, ended: EpochEnded, threshold: float) -> None:
        """Keep an epoch: whenever the process dies, what is on disk fits together."""
        best = self._best.with_epoch(self._standing.best, ended)
        fitted = {**self._standing.thresholds, ended.epoch: threshold}
        self._run.append_history(ended)
        emit = self._supervision.emit
        emit(ValidationEnded(ended.epoch, ended.val_loss, ended.val_accuracy))
        emit(ended)
        self._standing = replace(
            self._standing,
            epoch=ended.epoch,
            so_far=EpochSoFar(),
            best=best,
            thresholds={each.epoch: fitted.get(each.epoch, 0.0) for each in best},
        )
        if best[0] is ended and not self._keeper.too_soon:
            self._save_model(ended)
        self._reporter.begin(EpochSoFar())
        self._save_checkpoint(phase)
        self._best.forget_all_but(best)

    def _save_model(self, epoch: EpochEnded) -> None:
        """Write the model file with the network as it is, which is that of `epoch`."""
        numbers = self._prepared.numbers
        count = numbers.validation_steps * numbers.batch_size or len(self._prepared.validation)
        photos = min(count, len(self._prepared.validation))
        metrics = validation_metrics(photos, epoch.val_accuracy, epoch.val_loss)
        self._keeper.write(metrics, self._standing.thresholds.get(epoch.epoch, 0.0))
        self._standing = replace(self._standing, saved_epoch=epoch.epoch)
        self._supervision.emit(Saved(epoch.epoch, self._prepared.config.model_file))

    def _save_checkpoint(self, phase: Phase) -> None:
        standing = replace(self._standing, so_far=self._reporter.so_far())
        save_checkpoint(self._run.checkpoint, standing, self._state(phase))

    def _save_within_epoch(self, phase: Phase) -> None:
        """Write a checkpoint unless the last step spoilt the network, as its next loss tells."""
        weights = phase.network.trainable_variables
        if all(np.isfinite(np.asarray(weight)).all() for weight in weights):
            self._save_checkpoint(phase)

    def _state(self, phase: Phase) -> list[keras.Variable]:
        """Return all that changes while a phase is trained, its random numbers included.

        It is the same whether the phase learns from photos or from features of them, which
        depends on how much room the disk has.
        """
        frozen = frozen_variables(self._prepared.network, self._prepared.recipe, phase.plan)
        unchanged = {id(variable) for variable in frozen}
        learning = [each for each in phase.network.variables if id(each) not in unchanged]
        return [*learning, *phase.network.optimizer.variables]

    def _stop(self) -> Outcome:
        """Keep all that a resumed run needs, and the best model."""
        if self._phase is not None:
            self._save_within_epoch(self._phase)
        self._save_unsaved_best()
        return Stopped(self._prepared.config.model_file if self._standing.saved_epoch else None)

    def _save_unsaved_best(self) -> None:
        """Write the model of the best epoch, which was put off if the one before was just saved."""
        best = self._standing.best
        if best and self._standing.saved_epoch != best[0].epoch:
            with suppress(Exception):  # there is a graver thing to tell
                self._best.restore(best[0])
                self._save_model(best[0])

    def _finish(self, phase: Phase) -> Outcome:
        """Keep the best of the best epochs."""
        judge = FinalJudge(self._prepared, self._keeper, self._restore, self._tell)
        best = judge.choose(self._standing.best, phase, self._loop)
        self._keeper.write(best.metrics, best.unsure_below)
        model = self._prepared.config.model_file
        record = replace(
            self._run.read(), state=RunState.FINISHED, model=model, best_epoch=best.epoch.epoch
        )
        self._run.write(record)
        self._run.forget_checkpoint()  # only now: whatever happens, the run is not lost
        return Finished(model, best.epoch.epoch, best.metrics.accuracy, best.metrics.photos)

    def _announce(self) -> None:
        prepared = self._prepared
        self._supervision.emit(
            Started(
                run=prepared.config.run,
                parameters=prepared.network.count_params(),
                device=str(device_in_use()),
                precision=prepared.precision,
                train_photos=len(prepared.training),
                validation_photos=len(prepared.validation),
                epochs=prepared.epochs,
                steps_per_epoch=prepared.steps,
                epochs_before=self._standing.epoch,
            )
        )

    def _heed(self) -> None:
        """Wait while there is a pause, and leave training if a stop was asked for."""
        self._clock.leave_out(self._supervision.wait_while_paused())
        if self._collective.any_of(self._supervision.stop_requested()):
            raise TrainingStopped

    def _restore(self, epoch: EpochEnded) -> None:
        """Give the network the weights of an epoch; other workers get them from the chief."""
        if is_chief(self._cluster):
            self._best.restore(epoch)
        self._loop.share_state()

    def _tell(self, stage: str, done: int, total: int) -> None:
        """Tell how far work is that each worker does for itself, and heed what this one is told."""
        self._supervision.emit(Progressed(stage, done, total))
        self._clock.leave_out(self._supervision.wait_while_paused())
        if self._supervision.stop_requested():
            raise TrainingStopped

    def _tell_of_waiting(self, missing: Sequence[str]) -> None:
        if missing:
            waiting = f"Waiting for {', '.join(missing)}"
            self._supervision.emit(Noticed(f"{waiting}."))  # for who sees no progress
            self._tell(waiting, 0, 0)

    def _tell_of_skipped(self, photo: LabelledPhoto, reason: str) -> None:
        self._supervision.emit(PhotoSkipped(photo.name, reason))


def _topic(config: TrainingConfig) -> str:
    """Return what workers have to agree on before they train together."""
    own = replace(
        config, dataset="", run_folder="", model_file="", cache_folder="", weights_file=None
    )
    return hashlib.sha256(own.to_json().encode()).hexdigest()
