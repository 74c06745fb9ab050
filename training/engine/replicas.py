"""Training on several devices or workers, with the same arithmetic as on one.

Keras 3.15's own `fit` breaks off under `MultiWorkerMirroredStrategy` (it takes a mean over an axis
that scalars do not have), and under any strategy it takes the mean of the replicas' means, which is
wrong when a batch cannot be divided evenly. Here every replica takes its share of each batch;
shares are filled up to equal length with photos of no weight, and the others weigh as much more
as needed for the sum over replicas to be the mean over the batch.

What is not the same as on one device: layers that look at a whole batch, as batch normalisation in
training does, see a share of it; random layers draw other numbers; gradients are clipped before
they are added up.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.engine.collective import Collective

Logs = dict[str, float]


@dataclass(frozen=True)
class Share:
    """One replica's part of a batch."""

    inputs: NDArray[np.generic]
    labels: NDArray[np.generic]
    weights: NDArray[np.float32]
    photos: int
    """How many of the rows, the first ones, are photos; the others fill up and weigh nothing."""
    batch: int
    """How many photos the whole batch has."""

    def tensors(self) -> tuple[tf.Tensor, ...]:
        """Return it as TensorFlow's functions take it."""
        return (
            tf.constant(self.inputs),
            tf.constant(self.labels),
            tf.constant(self.weights),
            tf.constant(self.photos),
            tf.constant(float(self.batch)),
        )


def share_of(batch: Sequence[NDArray[Any]], replica: int, replicas: int) -> Share:
    """Return a replica's share of a batch.

    The losses of all shares, each the mean over its rows and divided by the number of replicas, add
    up to the batch's mean loss.

    Args:
        batch: Inputs, labels and, if there are any, weights, one row a photo.
        replica: Which one, counted from 0.
        replicas: How many there are.
    """
    inputs, labels = batch[:2]
    photos = len(inputs)
    rows = ceil(photos / replicas)
    weights = np.ones(photos, np.float32) if len(batch) == 2 else np.asarray(batch[2], np.float32)
    places = np.arange(replica * rows, (replica + 1) * rows)
    chosen = np.minimum(places, photos - 1)
    weight = np.where(places < photos, weights[chosen] * (rows * replicas / photos), 0)
    return Share(
        inputs=inputs[chosen],
        labels=labels[chosen],
        weights=weight.astype(np.float32),
        photos=int(np.count_nonzero(places < photos)),
        batch=photos,
    )


class Replicas:
    """A compiled network on the devices of a strategy.

    Every worker has to make the same calls in the same order, since each of them waits for all
    others. The network's own `fit`, `evaluate` and `predict` are not to be called, since they wait
    as well; calling and saving it, and reading its weights, is free. A network that is compiled
    anew needs new `Replicas`.
    """

    def __init__(
        self, network: keras.Model, strategy: tf.distribute.Strategy, collective: Collective
    ) -> None:
        """Train `network`, which was built and compiled within `strategy.scope()`."""
        self._network = network
        self._strategy = strategy
        self._collective = collective
        self._replicas = collective.replicas
        with strategy.scope():
            self._loss = keras.metrics.Sum(name="loss")
            self._photos = keras.metrics.Sum(name="photos")
            if not network.optimizer.built:
                network.optimizer.build(network.trainable_variables)
        self._train = self._graph(self._train_replica)
        self._test = self._graph(self._test_replica)
        self._read = tf.function(tf.convert_to_tensor)
        self._prepared = False

    def fit(
        self,
        batches: keras.utils.PyDataset,
        *,
        initial_epoch: int,
        callbacks: Sequence[keras.callbacks.Callback],
    ) -> Logs:
        """Train one epoch, as `Model.fit` does.

        Args:
            batches: Whole batches, the same for every worker.
            initial_epoch: The epoch, counted from 0.
            callbacks: The same kinds for every worker.

        Returns:
            Loss and metrics, averages over the epoch's photos, as callbacks get them.
        """
        callback_list = keras.callbacks.CallbackList(
            list(callbacks), model=self._network, epochs=initial_epoch + 1, steps=len(batches)
        )
        logs: Logs = {}
        self._network.stop_training = False
        callback_list.on_train_begin()
        callback_list.on_epoch_begin(initial_epoch)
        for step, batch in enumerate(self._measured_anew(batches)):
            callback_list.on_train_batch_begin(step)
            logs = self._step(self._train, batch)
            callback_list.on_train_batch_end(step, logs)
            if self._network.stop_training:
                break
        self._collective.share(self._moving_variables())
        callback_list.on_epoch_end(initial_epoch, logs)
        callback_list.on_train_end(logs)
        return logs

    def evaluate(
        self, batches: keras.utils.PyDataset, *, callbacks: Sequence[keras.callbacks.Callback] = ()
    ) -> Logs:
        """Return loss and metrics on whole batches, as `Model.evaluate` measures them."""
        callback_list = keras.callbacks.CallbackList(
            list(callbacks), model=self._network, epochs=1, steps=len(batches)
        )
        logs: Logs = {}
        callback_list.on_test_begin()
        for step, batch in enumerate(self._measured_anew(batches)):
            callback_list.on_test_batch_begin(step)
            logs = self._step(self._test, batch)
            callback_list.on_test_batch_end(step, logs)
        callback_list.on_test_end(logs)
        return logs

    def added_up(self, counts: keras.Variable) -> NDArray[Any]:
        """Return what a metric of the network has counted on all replicas together."""
        return np.asarray(self._read(counts))

    def broadcast(self) -> None:
        """Give every worker the chief's weights and optimizer, after the chief has loaded them."""
        self._collective.share([*self._network.variables, *self._network.optimizer.variables])

    def _measured_anew(self, batches: keras.utils.PyDataset) -> Iterator[Sequence[NDArray[Any]]]:
        """Forget what was measured before the first batch."""
        self._network.reset_metrics()
        self._loss.reset_state()
        self._photos.reset_state()
        yield from read_ahead(batches)

    def _step(self, step: Callable[[Any], Any], batch: Sequence[NDArray[Any]]) -> Logs:
        shares = self._strategy.experimental_distribute_values_from_function(
            lambda context: share_of(
                batch, context.replica_id_in_sync_group, self._replicas
            ).tensors()
        )
        if not self._prepared:
            self._prepare(shares)
        return {name: float(value) for name, value in step(shares).items()}

    def _prepare(self, shares: object) -> None:
        """Have Keras make its metrics' variables, which it cannot do within a mirrored graph."""
        self._prepared = True
        self._strategy.run(self._test_replica, args=shares)
        self._network.reset_metrics()
        self._loss.reset_state()
        self._photos.reset_state()

    def _graph(self, on_replica: Callable[..., None]) -> Callable[[Any], Any]:
        def step(shares: Any) -> Mapping[str, tf.Tensor]:
            self._strategy.run(on_replica, args=shares)
            measured = dict(self._network.get_metrics_result())
            measured["loss"] = self._loss.result() / self._photos.result()
            return measured

        return tf.function(step, reduce_retracing=True)

    def _train_replica(self, inputs: Any, labels: Any, weights: Any, photos: Any, of: Any) -> None:
        network = self._network
        with tf.GradientTape() as tape:
            answers = network(inputs, training=True)
            loss = network.compute_loss(
                x=inputs, y=labels, y_pred=answers, sample_weight=weights, training=True
            )
            scaled = network.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, network.trainable_variables)
        network.optimizer.apply_gradients(
            list(zip(gradients, network.trainable_variables, strict=True))
        )
        self._measure(loss, labels[:photos], answers[:photos], of)

    def _test_replica(self, inputs: Any, labels: Any, weights: Any, photos: Any, of: Any) -> None:
        answers = self._network(inputs, training=False)
        loss = self._network.compute_loss(
            x=inputs, y=labels, y_pred=answers, sample_weight=weights, training=False
        )
        self._measure(loss, labels[:photos], answers[:photos], of)

    def _measure(self, loss: Any, labels: Any, answers: Any, of: Any) -> None:
        """Add to the metrics what a replica found; their variables add up over replicas."""
        self._loss.update_state(loss * of)
        self._photos.update_state(of / self._replicas)
        self._network.compute_metrics(None, labels, answers)

    def _moving_variables(self) -> list[keras.Variable]:
        """Return what training layers remember of batches, each replica of its own."""
        return [
            variable
            for layer in self._network.layers
            if layer.trainable
            for variable in layer.non_trainable_variables
            if keras.backend.is_float_dtype(variable.dtype)
        ]


def read_ahead(batches: keras.utils.PyDataset) -> Generator[Sequence[NDArray[Any]], None, None]:
    """Return an epoch's batches in order, read by the dataset's threads a few batches ahead."""
    batches.on_epoch_begin()
    with ThreadPoolExecutor(max(1, batches.workers)) as threads:
        coming = deque(
            threads.submit(batches.__getitem__, index)
            for index in range(min(len(batches), batches.max_queue_size))
        )
        try:
            for index in range(len(batches)):
                batch = coming.popleft().result()
                following = index + batches.max_queue_size
                if following < len(batches):
                    coming.append(threads.submit(batches.__getitem__, following))
                yield batch
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
    batches.on_epoch_end()
