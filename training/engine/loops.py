"""The two ways to go through batches: Keras's own on one device, and together on several."""

from collections.abc import Sequence
from typing import Protocol

import keras
import tensorflow as tf

from training.engine.collective import Collective
from training.engine.networks import compile_for_judging
from training.engine.replicas import Replicas


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
    ) -> tuple[float, float]:
        """Return loss and accuracy."""
        ...

    def share_state(self) -> None:
        """Give every worker the chief's weights and optimizer."""
        ...


class _OneDevice:
    def __init__(self, network: keras.Model) -> None:
        self._network = network

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
    ) -> tuple[float, float]:
        loss, accuracy = self._network.evaluate(batches, callbacks=callbacks, verbose=0)
        return float(loss), float(accuracy)

    def share_state(self) -> None:
        """Keep it: there is no one else."""


class _SeveralDevices:
    def __init__(self, replicas: Replicas) -> None:
        self._replicas = replicas

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
    ) -> tuple[float, float]:
        logs = self._replicas.evaluate(batches, callbacks=callbacks)
        return logs["loss"], logs["accuracy"]

    def share_state(self) -> None:
        self._replicas.broadcast()


def loop_for(
    network: keras.Model, strategy: tf.distribute.Strategy, collective: Collective
) -> Loop:
    """Return the way to train a network that was compiled within a strategy's scope."""
    if collective.replicas == 1:
        return _OneDevice(network)
    return _SeveralDevices(Replicas(network, strategy, collective))


def judging_loop(network: keras.Model, classes: int) -> Loop:
    """Return the way to judge a network that is not trained, by this worker alone."""
    compile_for_judging(network, classes)
    return _OneDevice(network)
