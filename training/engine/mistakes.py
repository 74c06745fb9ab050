"""How confident a network is where it is wrong, counted while it is judged."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.thresholds import PARTS


class Mistakes(keras.metrics.Metric):
    """Counts mistakes by their confidence, in parts as fine as thresholds are.

    Counts of replicas add up, as those of Keras's own metrics do. Keras gives no answers out while
    it judges, and asking once more for every photo would take as long as judging does.
    """

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__(name="mistakes")
        # Floats, as Keras's own: not all devices can add up integers of one another.
        self.counts = self.add_variable((PARTS + 1,), "zeros", name="counts")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count the mistakes of a batch; each is one, whatever it weighs.

        Args:
            y_true: Labels, shape (batch, 1).
            y_pred: The network's output: the second class's probability, shape (batch, 1), or one
                for each class, shape (batch, classes).
            sample_weight: Not heeded.
        """
        answers = tf.concat([1 - y_pred, y_pred], 1) if y_pred.shape[1] == 1 else y_pred
        wrong = tf.argmax(answers, 1) != tf.cast(y_true[:, 0], tf.int64)
        confidence = tf.cast(tf.reduce_max(answers, 1), tf.float64)
        # A network that is spoilt answers with what is no number, and becomes none by the cast.
        parts = tf.clip_by_value(tf.cast(confidence * PARTS, tf.int32), 0, PARTS)
        self.counts.assign_add(
            tf.math.unsorted_segment_sum(tf.cast(wrong, tf.float32), parts, PARTS + 1)
        )

    def result(self) -> Any:
        """Return how many mistakes there were."""
        return tf.reduce_sum(tf.convert_to_tensor(self.counts))


def confidences(counts: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the confidence of every mistake that was counted, rounded down, lowest first.

    Args:
        counts: Those of `Mistakes`, shape (`PARTS` + 1,).
    """
    found: NDArray[np.float64] = np.repeat(np.arange(PARTS + 1) / PARTS, counts.astype(np.int64))
    return found
