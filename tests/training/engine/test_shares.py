"""Batches taken apart for several replicas, and read ahead."""

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from training.engine.replicas import read_ahead, share_of


@pytest.mark.parametrize("photos", [1, 2, 7, 8])
@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_the_mean_losses_of_all_shares_add_up_to_the_mean_loss_of_the_batch(
    photos: int, replicas: int
) -> None:
    losses = np.random.default_rng(photos).random(photos)
    weights = np.linspace(0.5, 2, photos)
    shares = [share_of((losses, losses, weights), n, replicas) for n in range(replicas)]
    means = [np.mean(share.inputs.astype(float) * share.weights) for share in shares]
    assert sum(means) / replicas == pytest.approx((losses * weights).mean())


def test_every_photo_is_in_one_share_and_all_shares_are_of_one_size() -> None:
    batch = (np.arange(7), np.arange(7) + 10)
    shares = [share_of(batch, replica, 3) for replica in range(3)]
    assert [share.inputs[: share.photos].tolist() for share in shares] == [
        [0, 1, 2],
        [3, 4, 5],
        [6],
    ]
    assert [share.labels[: share.photos].tolist() for share in shares][2] == [16]
    assert {len(share.inputs) for share in shares} == {3}
    assert all(not share.weights[share.photos :].any() for share in shares)


def test_a_share_without_photos_weighs_nothing() -> None:
    share = share_of((np.ones((1, 2)), np.ones(1)), 1, 2)
    assert share.photos == 0
    assert share.weights.tolist() == [0]
    assert share.batch == 1


class Numbers(keras.utils.PyDataset):
    """Batches that are their own numbers."""

    def __init__(self, count: int, broken: int = -1) -> None:
        """Count to `count`, and be unable to read the batch `broken`."""
        super().__init__(workers=2, max_queue_size=2)
        self._count = count
        self._broken = broken
        self.read: list[int] = []

    def __len__(self) -> int:
        """Return the number of batches."""
        return self._count

    def __getitem__(self, index: int) -> tuple[NDArray[np.int64], ...]:
        """Return a batch of one number."""
        if index == self._broken:
            raise ValueError(index)
        self.read.append(index)
        return (np.array([index]),)


def test_batches_are_read_ahead_and_come_in_order() -> None:
    numbers = Numbers(9)
    assert [int(batch[0][0]) for batch in read_ahead(numbers)] == list(range(9))


def test_only_a_few_batches_are_read_ahead() -> None:
    numbers = Numbers(100)
    batches = read_ahead(numbers)
    next(batches)
    batches.close()
    assert len(numbers.read) <= 3


def test_a_batch_that_cannot_be_read_is_told_when_its_turn_comes() -> None:
    batches = read_ahead(Numbers(5, broken=1))
    assert next(batches)[0].tolist() == [0]
    with pytest.raises(ValueError, match="1"):
        next(batches)
