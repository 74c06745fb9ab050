"""Which photos are shown, in which order, with which labels and weights."""

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_class_weight

from training.dataset import LabelledPhoto
from training.engine.input_pipeline import (
    BatchReader,
    PhotoBatches,
    PhotoStream,
    TrainingBatches,
    class_weights,
    validation_sample,
)
from training.errors import DatasetError

UNEQUAL = [(40, 40), (50, 10), (97, 3), (30, 20, 10), (5, 1, 1, 60), (7, 7, 7), (1, 1)]


def photos_of(*counts: int) -> list[LabelledPhoto]:
    """Return so many photos of each class, class by class as a dataset has them."""
    return [
        LabelledPhoto(f"{label}-{number}", label)
        for label, count in enumerate(counts)
        for number in range(count)
    ]


def shown(stream: PhotoStream, first: int, count: int) -> list[LabelledPhoto]:
    return [stream[place] for place in range(first, first + count)]


@dataclass
class NumberedExamples:
    """Examples whose inputs are the numbers of their photos; some cannot be read."""

    broken: frozenset[str] = frozenset()
    places: list[Sequence[int] | None] = field(default_factory=list)
    threads: set[threading.Thread] = field(default_factory=set)

    def read(
        self, photos: Sequence[LabelledPhoto], places: Sequence[int] | None
    ) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
        """Return label and number of each photo that is not broken, shape (photos, 2)."""
        self.places.append(places)
        self.threads.add(threading.current_thread())
        whole = np.array([photo.name not in self.broken for photo in photos])
        if not whole.any():
            raise DatasetError("none of them is there")
        numbers = [[int(part) for part in photo.name.split("-")] for photo in photos]
        return np.array(numbers, dtype=np.float32)[whole], whole


def names_in(inputs: NDArray[np.generic]) -> list[str]:
    return [f"{int(label)}-{int(number)}" for label, number in np.asarray(inputs, dtype=int)]


@pytest.mark.parametrize("counts", UNEQUAL)
def test_every_pass_shows_every_photo_once(counts: tuple[int, ...]) -> None:
    photos = photos_of(*counts)
    stream = PhotoStream(photos, seed=3)
    for number in range(4):
        assert set(shown(stream, number * len(photos), len(photos))) == set(photos)


@pytest.mark.parametrize("counts", [(40, 40), (30, 30, 30), (5, 5, 5, 5)])
def test_equal_classes_are_nowhere_in_a_pass_more_than_one_photo_apart(
    counts: tuple[int, ...],
) -> None:
    photos = photos_of(*counts)
    stream = PhotoStream(photos, seed=3)
    for number in range(5):
        so_far: Counter[int] = Counter()
        for photo in shown(stream, number * len(photos), len(photos)):
            so_far[photo.label] += 1
            counted = [so_far[label] for label in range(len(counts))]
            assert max(counted) - min(counted) <= 1


@pytest.mark.parametrize("counts", UNEQUAL)
def test_every_class_has_its_share_wherever_a_pass_is_cut(counts: tuple[int, ...]) -> None:
    photos = photos_of(*counts)
    stream = PhotoStream(photos, seed=3)
    for number in range(5):
        labels = [photo.label for photo in shown(stream, number * len(photos), len(photos))]
        for taken in range(1, len(photos) + 1):
            for label, count in enumerate(counts):
                share = count / len(photos)
                # Each class is at most one photo ahead of or behind a common measure.
                leeway = 1 + share * len(counts)
                assert abs(labels[:taken].count(label) - taken * share) <= leeway


def test_classes_do_not_simply_take_turns() -> None:
    stream = PhotoStream(photos_of(50, 50), seed=3)
    labels = [photo.label for photo in shown(stream, 0, 100)]
    alike = sum(one == other for one, other in pairwise(labels))
    assert 10 < alike < 50


@pytest.mark.parametrize("counts", [(40, 40), (50, 10)])
def test_the_same_seed_gives_the_same_order_and_another_seed_another(
    counts: tuple[int, ...],
) -> None:
    photos = photos_of(*counts)
    first, again, other = (shown(PhotoStream(photos, seed), 0, 200) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_every_pass_has_an_order_of_its_own() -> None:
    stream = PhotoStream(photos_of(20, 20), seed=1)
    passes = [tuple(shown(stream, number * 40, 40)) for number in range(5)]
    assert len(set(passes)) == 5


def test_passes_of_neighbouring_seeds_are_not_each_others() -> None:
    photos = photos_of(20, 20)
    passes = [
        tuple(shown(PhotoStream(photos, seed), number * 40, 40))
        for seed in range(3)
        for number in range(3)
    ]
    assert len(set(passes)) == 9


def test_random_access_gives_what_going_through_gives() -> None:
    photos = photos_of(17, 5)
    expected = shown(PhotoStream(photos, seed=4), 0, 200)
    stream = PhotoStream(photos, seed=4)
    places = np.random.default_rng(0).permutation(200)
    assert [stream[int(place)] for place in places] == [expected[place] for place in places]
    assert PhotoStream(photos, seed=4)[199] == expected[199]


def test_several_threads_may_look_at_once() -> None:
    photos = photos_of(17, 5)
    expected = shown(PhotoStream(photos, seed=4), 0, 500)
    stream = PhotoStream(photos, seed=4)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(stream.__getitem__, range(500))) == expected


@pytest.mark.parametrize("steps", [1, 3, 7])
def test_a_resumed_epoch_has_the_last_batches_of_an_uninterrupted_one(steps: int) -> None:
    photos = photos_of(9, 4)
    whole_examples, rest_examples = NumberedExamples(), NumberedExamples()
    whole = TrainingBatches(
        BatchReader(whole_examples), PhotoStream(photos, 5), batch_size=4, first=20, steps=10
    )
    rest = TrainingBatches(
        BatchReader(rest_examples),
        PhotoStream(photos, 5),
        batch_size=4,
        first=20 + 10 - steps,
        steps=steps,
    )
    assert (len(whole), len(rest)) == (10, steps)
    for index in range(steps):
        expected, resumed = whole[10 - steps + index], rest[index]
        assert all(np.array_equal(*pair) for pair in zip(expected, resumed, strict=True))
    # What is drawn at random for each photo goes by its place.
    assert whole_examples.places == rest_examples.places


def test_batches_follow_the_stream_with_labels_and_places() -> None:
    photos = photos_of(9, 4)
    stream, examples = PhotoStream(photos, 5), NumberedExamples()
    batches = TrainingBatches(BatchReader(examples), stream, batch_size=5, first=2, steps=3)
    for index in range(3):
        inputs, labels, *weights = batches[index]
        expected = shown(stream, (2 + index) * 5, 5)
        assert names_in(inputs) == [photo.name for photo in expected]
        assert labels.dtype == np.float32
        assert labels.tolist() == [[photo.label] for photo in expected]
        assert weights == []
        assert examples.places[-1] == range((2 + index) * 5, (3 + index) * 5)


def test_photos_that_cannot_be_read_leave_with_their_labels_and_weights() -> None:
    photos = photos_of(3, 2)
    examples = NumberedExamples(frozenset({"0-1", "1-0"}))
    inputs, labels, *weights = BatchReader(examples, {0: 0.5, 1: 2.0}).batch(photos)
    assert names_in(inputs) == ["0-0", "0-2", "1-1"]
    assert labels.tolist() == [[0], [0], [1]]
    assert [each.tolist() for each in weights] == [[0.5, 0.5, 2.0]]
    assert weights[0].dtype == np.float32


def test_a_batch_none_of_which_can_be_read_is_remembered_as_the_failure() -> None:
    photos = photos_of(2, 1)
    reader = BatchReader(NumberedExamples(frozenset(photo.name for photo in photos)))
    with pytest.raises(DatasetError) as raised:
        reader.batch(photos)
    assert reader.failure is raised.value


@pytest.mark.parametrize(("size", "lengths"), [(4, [4, 4, 2]), (5, [5, 5]), (20, [10])])
def test_photos_in_order_come_once_each_and_unaugmented(size: int, lengths: list[int]) -> None:
    photos, examples = photos_of(6, 4), NumberedExamples()
    batches = PhotoBatches(BatchReader(examples), photos, size)
    found = [batches[index] for index in range(len(batches))]
    assert [len(inputs) for inputs, *_ in found] == lengths
    names = [name for inputs, *_ in found for name in names_in(inputs)]
    assert names == [photo.name for photo in photos]
    assert set(examples.places) == {None}


def linear_network() -> keras.Model:
    inputs = keras.Input((2,))
    network = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    network.compile(
        optimizer=keras.optimizers.SGD(1e-3, momentum=0.0),
        loss="mse",
        metrics=["accuracy"],
        jit_compile=False,
    )
    return network


def test_keras_learns_from_every_batch_in_order_and_has_them_read_in_threads() -> None:
    examples = NumberedExamples()
    stream = PhotoStream(photos_of(30, 10), 5)
    batches = TrainingBatches(BatchReader(examples), stream, batch_size=4, first=3, steps=9)
    network, by_hand = linear_network(), linear_network()
    by_hand.set_weights(network.get_weights())
    network.fit(batches, initial_epoch=4, epochs=5, callbacks=[], shuffle=False, verbose=0)
    assert examples.threads - {threading.main_thread()}
    for index in range(9):
        inputs, labels, *_ = batches[index]
        by_hand.train_on_batch(np.asarray(inputs, np.float32), labels)
    for one, other in zip(network.get_weights(), by_hand.get_weights(), strict=True):
        assert np.allclose(one, other, rtol=1e-5)


def names(photos: Sequence[LabelledPhoto]) -> list[str]:
    return [photo.name for photo in photos]


@pytest.mark.parametrize("count", [1, 7, 20, 29, 30, 31, 59])
def test_validation_goes_on_through_the_photos_and_repeats_none_within_an_epoch(
    count: int,
) -> None:
    photos = photos_of(40, 20)
    samples = [
        names(validation_sample(photos, count=count, epoch=epoch, seed=1)) for epoch in range(130)
    ]
    assert all(len(set(sample)) == count for sample in samples)
    told = [name for sample in samples for name in sample]
    order = told[:60]
    assert set(order) == set(names(photos))
    assert told == (order * (len(told) // 60 + 1))[: len(told)]


@pytest.mark.parametrize("count", [0, 60, 61, 1000])
def test_all_photos_validate_where_no_fewer_are_asked_for(count: int) -> None:
    photos = photos_of(40, 20)
    for epoch in range(3):
        assert validation_sample(photos, count=count, epoch=epoch, seed=1) == photos


def test_the_seed_decides_which_photos_validate_first() -> None:
    photos = photos_of(40, 20)
    first, again, other = (
        names(validation_sample(photos, count=10, epoch=0, seed=seed)) for seed in (1, 1, 2)
    )
    assert first == again
    assert set(first) != set(other)


def test_the_first_photos_to_validate_are_a_mixture() -> None:
    sample = validation_sample(photos_of(500, 500), count=200, epoch=0, seed=1)
    assert 60 < sum(photo.label for photo in sample) < 140


@pytest.mark.parametrize("counts", [(40, 40), (7, 7, 7), (1, 1)])
def test_equal_classes_have_no_weights(counts: tuple[int, ...]) -> None:
    assert class_weights(photos_of(*counts)) is None


@pytest.mark.parametrize("counts", [(50, 10), (97, 3), (30, 20, 10), (5, 1, 1, 60)])
def test_unequal_classes_have_scikit_learns_balanced_weights(counts: tuple[int, ...]) -> None:
    photos = photos_of(*counts)
    labels = [photo.label for photo in photos]
    expected = compute_class_weight("balanced", classes=np.unique(labels), y=labels)
    weights = class_weights(photos)
    assert weights is not None
    assert [weights[label] for label in range(len(counts))] == pytest.approx(list(expected))
    assert sum(weights[label] for label in labels) == pytest.approx(len(photos))


def test_a_class_without_photos_has_no_weight() -> None:
    photos = [photo for photo in photos_of(4, 1, 3) if photo.label != 1]
    assert class_weights(photos) == pytest.approx({0: 7 / 8, 2: 7 / 6})
