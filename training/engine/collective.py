"""What workers tell each other: sums, and what the chief knows."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


class Collective:
    """The replicas of a strategy; every worker has to make the same calls in the same order."""

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        """Join the other workers of `strategy`."""
        self._strategy = strategy
        self.replicas = strategy.num_replicas_in_sync
        self._add_up = tf.function(self._add_up_shares, reduce_retracing=True)

    def any_of(self, flag: bool) -> bool:
        """Tell whether a worker, this one or another, says so: to pause or stop together."""
        if self.replicas == 1:
            return flag
        return bool(self._sum([np.array(int(flag))], lambda replica: True)[0])

    def number_of_chief(self, number: int) -> int:
        """Return the chief's number, whatever the others have."""
        return int(self._of_chief([np.array(number)])[0])

    def text_of_chief(self, text: str) -> str:
        """Return the chief's text, whatever the others have."""
        if self.replicas == 1:
            return text
        content = np.frombuffer(text.encode(), np.uint8)
        length = self.number_of_chief(len(content))
        if not length:
            return ""  # TensorFlow crashes when it adds up nothing
        padded = np.zeros(length, np.int64)
        padded[: len(content)] = content[: len(padded)]
        return self._of_chief([padded])[0].astype(np.uint8).tobytes().decode()

    def share(self, variables: Sequence[keras.Variable]) -> None:
        """Give every worker the chief's values."""
        if not variables or self.replicas == 1:
            return
        values = self._of_chief([np.asarray(variable) for variable in variables])
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def _of_chief(self, values: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        return self._sum(values, lambda replica: replica == 0)

    def _sum(
        self, values: Sequence[NDArray[Any]], counts: Callable[[int], bool]
    ) -> list[NDArray[Any]]:
        """Add up what replicas give, of those whose number counts; every worker gets the sums."""

        def given(context: tf.distribute.experimental.ValueContext) -> tuple[tf.Tensor, ...]:
            mine = counts(context.replica_id_in_sync_group)
            return tuple(
                tf.constant(_summable(value if mine else np.zeros_like(value))) for value in values
            )

        shares = self._strategy.experimental_distribute_values_from_function(given)
        sums = [self._strategy.experimental_local_results(each)[0] for each in self._add_up(shares)]
        return [
            np.asarray(total).astype(value.dtype) for total, value in zip(sums, values, strict=True)
        ]

    def _add_up_shares(self, shares: Any) -> Any:
        def on_replica(*mine: tf.Tensor) -> Any:
            context = tf.distribute.get_replica_context()
            return [
                context.all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(each)) for each in mine
            ]

        return self._strategy.run(on_replica, args=shares)


def _summable(value: NDArray[Any]) -> NDArray[Any]:
    """Return numbers of a kind that TensorFlow can add up across workers."""
    return value.astype(np.int64) if np.issubdtype(value.dtype, np.integer) else value
