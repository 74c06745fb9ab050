"""Classifying photos without asking twice: what the catalog knows is not read again."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from catdog_gui.classify.batch import Answer, Answered, ask, prediction_of
from catdog_gui.classify.catalog import Catalog, Known, Learnt
from catdog_gui.classify.classifier import Classifier
from catdog_gui.classify.decoding import PhotoSource
from catdog_gui.classify.precision import AUTO, FLOAT32, Precision
from catdog_gui.classify.prediction import Prediction
from training.errors import PhotoError
from training.model_file import ModelDescription, ModelFile, read_model_file
from training.photo_files import Stamp

SAVE_EVERY = 1.0
"""Seconds of answers that may be lost when the program is killed."""


class ChosenModel:
    """A verified model file, made a classifier of only when there is a photo to ask about."""

    def __init__(self, path: Path, precision: Precision = AUTO) -> None:
        """Read a model file.

        Raises:
            ModelFileError: It is refused, with the reason.
        """
        self.file: ModelFile = read_model_file(path)
        self.choice = precision
        self.asked = 0
        """How many photos it was asked about."""
        self.read = 0
        """How many photos were read, since nothing was known of them."""

    @property
    def name(self) -> str:
        """The model's name."""
        return self.file.name

    @property
    def description(self) -> ModelDescription:
        """What the model file says of itself."""
        return self.file.description

    @cached_property
    def classifier(self) -> Classifier:
        """The classifier.

        Raises:
            ModelFileError: The file is refused, with the reason.
        """
        return Classifier.of(self.file, self.choice)

    @property
    def precision(self) -> Precision | None:
        """What it computes in; nothing if it was not asked about any photo."""
        return self.classifier.precision if self.asked else None

    def prepare(self) -> None:
        """Make the classifier, unless that was done before.

        Raises:
            ModelFileError: The file is refused, with the reason.
        """
        _ = self.classifier

    def probabilities(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return every class's probability, as `Classifier.probabilities` does."""
        self.asked += len(photos)
        return self.classifier.probabilities(photos)


def classify_with_catalog(
    photos: Iterable[Path],
    model: ChosenModel,
    catalog: Catalog,
    *,
    fresh: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[list[Prediction]]:
    """Yield predictions for photo files in their order, a batch at a time.

    Photos that are unchanged, or that only lie elsewhere now, are answered from the catalog, which
    learns all other answers. What the user corrected comes with its correction.

    Args:
        photos: Files; taken only a little ahead of the answers.
        model: What to ask.
        catalog: What is known.
        fresh: Ask about all photos anew; corrections stay.
        should_stop: Asked before every batch; the generator ends once it says so.

    Raises:
        CatDogError: No photo can be read, or the model file is refused.
    """
    memory = _Memory(model, catalog, fresh=fresh)
    try:
        for batch in ask(
            photos, memory.look_up, model, recall=memory.recall, should_stop=should_stop
        ):
            predictions = [memory.note(each) for each in batch]
            model.read += sum(each.reading is not None for each in batch)
            memory.save_now_and_then()
            yield predictions
    finally:
        memory.save()


def with_corrections(predictions: Iterable[Prediction], catalog: Catalog) -> list[Prediction]:
    """Return predictions with what the user said of their photos' contents."""
    predictions = list(predictions)
    if not catalog.corrections():
        return predictions
    return [replace(each, correction=_correction(each, catalog)) for each in predictions]


def _correction(prediction: Prediction, catalog: Catalog) -> str:
    known = catalog.content(prediction.fingerprint, (0, 0))
    return known.correction if known else ""


class _Memory:
    """Looks photos up in the catalog, and keeps what is new until it is saved."""

    def __init__(self, model: ChosenModel, catalog: Catalog, *, fresh: bool) -> None:
        self._catalog = catalog
        self._fresh = fresh
        self._classes = len(model.description.class_names)
        key, name = model.file.key, model.name
        self._filed_under = catalog.model(key, model.choice, name)
        will_do = catalog.model(key, FLOAT32, name) if model.choice == AUTO else self._filed_under
        self._models = (self._filed_under, will_do)
        self._looked_up: dict[Path, Known] = {}
        """What is known of photos whose prediction is still to be made."""
        self._new: list[Learnt] = []
        self._new_answers: dict[bytes, Answer] = {}
        """By fingerprint: a photo may lie in a folder more than once."""
        self._saved = monotonic()

    def look_up(self, photo: Path) -> PhotoSource | Answer:
        """Return the answer for a file if it is known, or else its path."""
        try:
            stamp = Stamp.of(photo.stat())
        except (OSError, ValueError):
            return str(photo)  # why, is found out when it is read
        known = self._catalog.file(photo, stamp, self._models)
        answer = self._answer(known)
        if answer is None:
            return str(photo)
        if known is not None:
            self._looked_up[photo] = known
        return answer

    def recall(self, fingerprint: bytes) -> Answer | None:
        """Return the answer for a content if it is known."""
        new = self._new_answers.get(fingerprint)
        return new or self._answer(self._catalog.content(fingerprint, self._models))

    def note(self, answered: Answered[Path]) -> Prediction:
        """Return a photo's prediction, and keep what is new."""
        photo, reading = answered.photo, answered.reading
        prediction = prediction_of(answered)
        if reading is None:
            known = self._looked_up.pop(photo, None)
        elif reading.fingerprint is None or reading.stamp is None:
            return prediction
        else:
            known = self._catalog.content(reading.fingerprint, self._models)
            self._keep(answered, reading.fingerprint, reading.stamp, prediction)
        if known is None:
            return prediction
        return replace(prediction, correction=known.correction, fingerprint=known.fingerprint)

    def _keep(
        self, answered: Answered[Path], fingerprint: bytes, stamp: Stamp, prediction: Prediction
    ) -> None:
        self._new_answers[fingerprint] = answered.answer
        reason, probabilities = prediction.reason, prediction.probabilities
        self._new.append(Learnt(answered.photo, stamp, fingerprint, reason, probabilities))

    def save_now_and_then(self) -> None:
        """Save what is new if it has been waiting for long enough."""
        if monotonic() - self._saved > SAVE_EVERY:
            self.save()

    def save(self) -> None:
        """Have the catalog learn what is new."""
        if self._new:
            self._catalog.learn(self._new, self._filed_under)
        self._new = []
        self._new_answers = {}
        self._saved = monotonic()

    def _answer(self, known: Known | None) -> Answer | None:
        if known is None or self._fresh:
            return None
        if known.reason:
            return PhotoError(known.reason)
        return known.probabilities if len(known.probabilities) == self._classes else None
