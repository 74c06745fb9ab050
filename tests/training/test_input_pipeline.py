"""Which photos Keras gets to see, epoch by epoch."""

import json
import subprocess
import sys

import pytest

EPOCHS = 3

# Runs in a process of its own, since tests stay free of TensorFlow.
SCRIPT = """
import json
import keras, numpy as np
from training.dataset import LabelledPhoto
from training.engine.callbacks import ValidationTurner
from training.engine.input_pipeline import TrainingBatches, ValidationBatches

class Reader:
    def __init__(self):
        self.seen = []
    def batch(self, photos):
        self.seen.append([photo.name for photo in photos])
        return np.zeros((len(photos), 4, 4, 3), "uint8"), np.zeros((len(photos), 1), "float32")

class Epochs(keras.callbacks.Callback):
    def __init__(self, *readers):
        super().__init__()
        self.readers, self.epochs = readers, []
    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append([sorted(set(map(tuple, reader.seen))) for reader in self.readers])
        for reader in self.readers:
            reader.seen.clear()

train, validation = Reader(), Reader()
photos = [LabelledPhoto(f"{label}-{n}", label) for label in (0, 1) for n in range(6)]
batches = TrainingBatches(train, photos, batch_size=4, steps=1, seed=5)
held_out = ValidationBatches(validation, photos, batch_size=2, steps=2, seed=5)
layers = [keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
network = keras.Sequential(layers)
network.compile(loss="mse", metrics=["accuracy"], jit_compile=False)
epochs = Epochs(train, validation)
turner = ValidationTurner(held_out.turn_to)
network.fit(batches, epochs=EPOCHS, validation_data=held_out, callbacks=[turner, epochs],
            shuffle=False, verbose=0)
print(json.dumps(epochs.epochs))
"""


@pytest.fixture(scope="module")
def epochs() -> list[tuple[list[list[str]], list[list[str]]]]:
    """Return the training and the validation batches of every epoch."""
    command = [sys.executable, "-c", SCRIPT.replace("EPOCHS", str(EPOCHS))]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    found: list[tuple[list[list[str]], list[list[str]]]] = json.loads(ended.stdout.splitlines()[-1])
    return found


def test_classes_take_turns_in_every_batch(
    epochs: list[tuple[list[list[str]], list[list[str]]]],
) -> None:
    labels = [[name[0] for name in batch] for train, _ in epochs for batch in train]
    assert labels == [["0", "1", "0", "1"]] * EPOCHS


def test_a_pass_shows_every_photo_once(
    epochs: list[tuple[list[list[str]], list[list[str]]]],
) -> None:
    shown = [name for train, _ in epochs for batch in train for name in batch]
    assert sorted(shown) == sorted(f"{label}-{n}" for label in (0, 1) for n in range(6))


def test_every_epoch_is_validated_with_the_next_photos(
    epochs: list[tuple[list[list[str]], list[list[str]]]],
) -> None:
    shown = [name for _, validation in epochs for batch in validation for name in batch]
    assert len(shown) == len(set(shown)) == 12
