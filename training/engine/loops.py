"""The two ways to go through batches: Keras's own on one device, and together on several."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.engine.collective import Collective
from training.engine.mistakes import Mistakes, confidences
from training.engine.networks import compile_for_judging
from training.engine.replicas import Replicas


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What was measured of a network on some photos."""

    loss: float
    accuracy: float
    mistakes: NDArray[np.float64]
    """The confidence of every mistake, as `fit_threshold` takes them."""


class Loop(Protocol):
    """Trains a compiled network and judges it."""

    def fit(
        self,
        batches: keras.utils.PyDataset,
        *,
        initial_epoch: int,
        callbacks: Sequence[keras.callbacks.Callback],
    ) -> object:
        """Train one epoch, counted from 0."""
        ...

    def evaluate(
        self, batches: keras.utils.PyDataset, *, callbacks: Sequence[keras.callbacks.Callback]
    ) -> Judged:
        """Judge the network."""
        ...

    def share_state(self) -> None:
        """Give every worker the chief's weights and optimizer."""
        ...


class _OneDevice:
    def __init__(self, network: keras.Model, mistakes: Mistakes) -> None:
        self._network = network
        self._mistakes = mistakes

    def fit(
        self,
        batches: keras.utils.PyDataset,
        *,
        initial_epoch: int,
        callbacks: Sequence[keras.callbacks.Callback],
    ) -> object:
        return self._network.fit(
            batches,
            initial_epoch=initial_epoch,
            epochs=initial_epoch + 1,
            callbacks=callbacks,
            shuffle=False,  # the batches come shuffled
            verbose=0,
        )

    def evaluate(
        self, batches: keras.utils.PyDataset, *, callbacks: Sequence[keras.callbacks.Callback]
    ) -> Judged:
        logs = self._network.evaluate(batches, callbacks=callbacks, verbose=0, return_dict=True)
        mistakes = confidences(np.asarray(self._mistakes.counts))
        return Judged(logs["loss"], logs["accuracy"], mistakes)

    def share_state(self) -> None:
        """Keep it: there is no one else."""


class _SeveralDevices:
    def __init__(self, replicas: Replicas, mistakes: Mistakes) -> None:
        self._replicas = replicas
        self._mistakes = mistakes

    def fit(
        self,
        batches: keras.utils.PyDataset,
        *,
        initial_epoch: int,
        callbacks: Sequence[keras.callbacks.Callback],
    ) -> object:
        return self._replicas.fit(batches, initial_epoch=initial_epoch, callbacks=callbacks)

    def evaluate(
        self, batches: keras.utils.PyDataset, *, callbacks: Sequence[keras.callbacks.Callback]
    ) -> Judged:
        logs = self._replicas.evaluate(batches, callbacks=callbacks)
        mistakes = confidences(self._replicas.added_up(self._mistakes.counts))
        return Judged(logs["loss"], logs["accuracy"], mistakes)

    def share_state(self) -> None:
        self._replicas.broadcast()


def loop_for(
    network: keras.Model,
    mistakes: Mistakes,
    strategy: tf.distribute.Strategy,
    collective: Collective,
) -> Loop:
    """Return the way to train a network.

    Args:
        network: Compiled within the strategy's scope, and with `mistakes` among its metrics.
        mistakes: Made within that scope.
        strategy: Says on which devices.
        collective: Those of all workers.
    """
    if collective.replicas == 1:
        return _OneDevice(network, mistakes)
    return _SeveralDevices(Replicas(network, strategy, collective), mistakes)


def judging_loop(network: keras.Model, classes: int) -> Loop:
    """Return the way to judge a network that is not trained, by this worker alone."""
    mistakes = Mistakes()
    compile_for_judging(network, classes, [mistakes])
    return _OneDevice(network, mistakes)
