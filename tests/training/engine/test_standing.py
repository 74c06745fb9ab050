"""What a checkpoint says of how far a run is."""

import json

from training.engine.checkpoint import Standing
from training.events import EpochEnded

EPOCH = EpochEnded(epoch=4, loss=0.5, accuracy=0.75, val_loss=0.5, val_accuracy=0.75, seconds=1.0)
STANDING = Standing(
    fingerprint="abc", precision="float32", epoch=5, best=(EPOCH,), thresholds={4: 0.7001}
)


def test_a_standing_is_read_as_it_was_written() -> None:
    assert Standing.from_json(STANDING.to_json()) == STANDING


def test_a_checkpoint_from_before_there_were_thresholds_has_none() -> None:
    values = json.loads(STANDING.to_json())
    del values["thresholds"]
    read = Standing.from_json(json.dumps(values))
    assert (read.best, read.thresholds) == ((EPOCH,), {})
