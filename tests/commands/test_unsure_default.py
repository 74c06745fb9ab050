"""What `catdog classify` labels unsure when it is not told below which confidence."""

import json
from pathlib import Path

import pytest

from tests.classify.remaking import remake
from tests.commands.programs import run_here


def labels_of(photos: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[str, float]]:
    """Return the label and confidence of every photo that can be read, by name."""
    assert run_here("classify", photos, "--json") == 0
    told = json.loads(capsys.readouterr().out)["photos"]
    read = [photo for photo in told if photo["status"] == "ok"]
    return {Path(photo["path"]).name: (photo["label"], photo["confidence"]) for photo in read}


def test_a_model_that_names_a_threshold_labels_the_photos_below_it_unsure(
    model: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = labels_of(photos, capsys)
    (low, (_, less)), (high, (label, more)) = sorted(before.items(), key=lambda each: each[1][1])
    assert less < more
    remake(model, {"unsure_below": (less + more) / 2})
    assert labels_of(photos, capsys) == {low: ("unsure", less), high: (label, more)}
