"""The recipe race: runs compared."""

import io
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from catdog_gui.classify import race as race_module
from catdog_gui.classify.classifier import Classifier
from catdog_gui.classify.judging import JudgedPhotos, judge
from catdog_gui.classify.race import MOST_DISAGREEMENTS, THUMBNAIL_SIDE, hold_race
from tests.helpers.photos import write_dataset, write_photo
from tests.helpers.races import EPOCHS, make_racer, write_racer_model
from training.configuration import SplitChoice
from training.dataset import open_dataset
from training.errors import RunError, WorkStopped
from training.events import EpochEnded
from training.metrics import wilson_interval
from training.model_file import read_model_file
from training.runs import RunState
from training.splits import SplitMethod, split_dataset
from training.verdict import Finding


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a dataset of forty blue and forty red photos, of which eight each are the test."""
    return write_dataset(tmp_path / "dataset", 40)


def test_every_model_is_judged_by_the_test_photos(home: Path, root: Path) -> None:
    race = hold_race([make_racer(home, "a", root), make_racer(home, "b", root, colour_blind=True)])
    assert race.judged_on == "test"
    scores = [(run.score.photos, run.score.correct) for run in race.runs if run.score]
    assert scores == [(16, 16), (16, 0)]
    assert race.runs[0].score is not None
    assert race.runs[0].score.interval == wilson_interval(16, 16)
    assert race.notes == ()


def test_the_better_one_leads_and_is_said_to_be_better(home: Path, root: Path) -> None:
    race = hold_race([make_racer(home, "a", root, colour_blind=True), make_racer(home, "b", root)])
    assert [run.name for run in race.ranking] == ["b", "a"]
    assert race.verdicts[:2] == (
        "b labels 100.0% of 16 test photos rightly (80.6% to 100.0%), more than any other",
        "b is better than a on 16 photos (McNemar p < 0.001)",
    )
    (duel,) = race.duels
    assert (duel.only_first, duel.only_second) == (0, 16)


def test_equal_models_cannot_be_told_apart(home: Path, root: Path) -> None:
    race = hold_race([make_racer(home, name, root) for name in ("a", "b", "c")])
    assert [duel.winner for duel in race.duels] == [None] * 3
    assert not any("better" in verdict or "any other" in verdict for verdict in race.verdicts)


def test_runs_come_with_time_size_best_epoch_and_verdict(home: Path, root: Path) -> None:
    race = hold_race([make_racer(home, "a", root), make_racer(home, "b", root)])
    run = race.runs[0]
    assert run.seconds == 23.5
    assert run.best == EPOCHS[1]
    assert run.gap is not None
    assert run.gap.best == -0.125
    assert run.verdict.finding is Finding.TOO_SHORT
    assert run.model is not None
    assert run.model_bytes == run.model.stat().st_size
    assert run.weights == 3  # one for each channel of the mean colour


def test_the_disputed_photos_are_shown_the_surest_first(home: Path, root: Path) -> None:
    race = hold_race([make_racer(home, "a", root), make_racer(home, "b", root, colour_blind=True)])
    assert len(race.disagreements) == MOST_DISAGREEMENTS
    test = split_dataset(open_dataset(root), SplitMethod.STRATIFIED, seed=3).test
    assert {each.photo for each in race.disagreements} <= {photo.name for photo in test}
    sure = [each.answers["a"].confidence for each in race.disagreements]
    assert sure == sorted(sure, reverse=True)
    first = race.disagreements[0]
    assert first.answers["a"].right
    assert first.answers["a"].class_name == first.class_name
    assert not first.answers["b"].right
    with Image.open(io.BytesIO(first.thumbnail)) as picture:
        assert picture.format == "JPEG"
        assert max(picture.size) <= THUMBNAIL_SIDE


def test_photos_that_cannot_be_read_count_for_no_run(home: Path, root: Path) -> None:
    test = split_dataset(open_dataset(root), SplitMethod.STRATIFIED, seed=3).test
    broken = root / test[0].name
    broken.write_bytes(b"x" * broken.stat().st_size)  # the same photo by name and size
    race = hold_race([make_racer(home, "a", root), make_racer(home, "b", root)])
    assert [name for name, _ in race.unreadable] == [test[0].name]
    assert [run.score.photos for run in race.runs if run.score] == [15, 15]


def test_a_photo_that_only_one_model_could_read_counts_for_none(
    home: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge_and_lose_one(classifier: Classifier, *arguments: Any, **options: Any) -> JudgedPhotos:
        judged = judge(classifier, *arguments, **options)
        if classifier.name == "a":
            return judged
        return replace(judged.chosen(np.arange(16) != 2), unreadable=((judged.names[2], "gone"),))

    monkeypatch.setattr(race_module, "judge", judge_and_lose_one)
    race = hold_race([make_racer(home, "a", root), make_racer(home, "b", root, colour_blind=True)])
    assert [run.score.photos for run in race.runs if run.score] == [15, 15]
    assert race.duels[0].photos == 15
    assert [why for _, why in race.unreadable] == ["gone"]


def test_without_test_photos_the_validation_photos_judge_and_that_is_said(
    home: Path, root: Path
) -> None:
    split = SplitChoice(method=SplitMethod.STRATIFIED, seed=3, test_share=0)
    race = hold_race([make_racer(home, name, root, split=split) for name in ("a", "b")])
    assert race.judged_on == "validation"
    assert "has no test photos" in race.notes[0]
    assert "16 validation photos" in race.verdicts[0]


def test_a_failed_run_without_a_model_is_compared_by_its_curves(home: Path, root: Path) -> None:
    failed = make_racer(
        home, "b", root, model=False, state=RunState.FAILED, reason="Out of memory."
    )
    race = hold_race([make_racer(home, "a", root), failed])
    assert race.runs[1].score is None
    assert race.runs[1].epochs == EPOCHS
    assert race.duels == ()
    assert race.notes == (
        "b failed: Out of memory.",
        "b could not be judged: it has no model.",
    )


def test_a_running_run_is_compared_as_it_stands(home: Path, root: Path) -> None:
    running = make_racer(home, "b", root, state=RunState.RUNNING)
    race = hold_race([make_racer(home, "a", root), running])
    assert race.runs[1].score is not None
    assert race.notes == ("b is still running: this is how it stands now.",)


def test_a_run_without_an_epoch_takes_part_without_curves(home: Path, root: Path) -> None:
    empty = make_racer(home, "b", root, model=False, epochs=(), state=RunState.STOPPED)
    race = hold_race([make_racer(home, "a", root), empty])
    assert (race.runs[1].best, race.runs[1].gap, race.runs[1].seconds) == (None, None, 0)
    assert "b ended before epoch 1" in race.verdicts


def test_runs_of_which_none_has_an_epoch_are_refused(home: Path, root: Path) -> None:
    runs = [make_racer(home, name, root, model=False, epochs=()) for name in ("a", "b")]
    with pytest.raises(RunError, match="None of these runs has an epoch"):
        hold_race(runs)


def test_a_dataset_that_is_gone_leaves_the_curves(home: Path, root: Path) -> None:
    runs = [make_racer(home, name, root) for name in ("a", "b")]
    shutil.rmtree(root)
    race = hold_race(runs)
    assert race.judged_on is None
    assert race.ranking == ()
    assert race.notes == (
        f"No model could be judged. There is no dataset at {root}: check the path.",
    )
    assert race.verdicts[0].startswith("a is too short")


def test_a_model_file_that_is_gone_is_told(home: Path, root: Path) -> None:
    runs = [make_racer(home, name, root) for name in ("a", "b")]
    (home / "models" / "b.catdog").unlink()
    race = hold_race(runs)
    assert [run.score is None for run in race.runs] == [False, True]
    assert "There is no model file" in race.notes[0]


def test_a_damaged_model_file_is_told_and_holds_nothing_up(home: Path, root: Path) -> None:
    runs = [make_racer(home, name, root) for name in ("a", "b")]
    file = home / "models" / "b.catdog"
    content = read_model_file(file).members["model.bin"]
    file.write_bytes(file.read_bytes().replace(content, bytes(len(content)), 1))
    race = hold_race(runs)
    assert [run.score is None for run in race.runs] == [False, True]
    assert "b could not be judged" in race.notes[0]


def test_a_model_of_another_run_by_the_same_name_is_not_judged(home: Path, root: Path) -> None:
    runs = [make_racer(home, name, root) for name in ("a", "b")]
    write_racer_model(home / "models" / "b.catdog", root, "b, made at another time")
    race = hold_race(runs)
    assert race.runs[1].score is None
    assert "is of another run by now" in race.notes[0]


def test_the_best_epoch_is_the_one_whose_network_the_model_is(home: Path, root: Path) -> None:
    runs = [make_racer(home, name, root) for name in ("a", "b")]
    assert EPOCHS[1].val_accuracy > EPOCHS[0].val_accuracy
    runs[1].write(replace(runs[1].read(), best_epoch=1))
    raced = hold_race(runs).runs
    assert [run.best for run in raced] == [EPOCHS[1], EPOCHS[0]]
    assert [run.gap and run.gap.best for run in raced] == [-0.125, -0.25]


def test_a_paused_run_is_not_judged_as_one_that_ended(home: Path, root: Path) -> None:
    states = (RunState.FINISHED, RunState.PAUSED)
    runs = [make_racer(home, state.value, root, state=state) for state in states]
    assert "paused is still paused: this is how it stands now." in hold_race(runs).notes


def test_gaps_are_compared_with_the_first_run(home: Path, root: Path) -> None:
    wide = [EpochEnded(n, 0.1, 0.95, 0.5, 0.81, 1.0) for n in range(1, 6)]
    narrow = [replace(epoch, accuracy=0.84) for epoch in wide]
    runs = [
        make_racer(home, "baseline", root, epochs=wide),
        make_racer(home, "augmentation", root, epochs=narrow),
    ]
    assert hold_race(runs).verdicts[-1] == (
        "augmentation narrowed the gap of baseline from 0.14 to 0.03"
    )


def test_gaps_of_a_few_epochs_are_not_compared(home: Path, root: Path) -> None:
    narrow = [replace(epoch, accuracy=0.1) for epoch in EPOCHS]
    runs = [make_racer(home, "a", root), make_racer(home, "b", root, epochs=narrow)]
    assert not any("gap" in verdict for verdict in hold_race(runs).verdicts)


def test_progress_is_told_for_every_model(home: Path, root: Path) -> None:
    told: list[tuple[str, int, int]] = []
    runs = [make_racer(home, name, root) for name in ("a", "b")]
    hold_race(runs, on_progress=lambda stage, done, total: told.append((stage, done, total)))
    assert [stage for stage, done, total in told if done == total == 16] == [
        "judging a",
        "judging b",
    ]


def test_runs_on_other_photos_are_refused(home: Path, root: Path) -> None:
    first = make_racer(home, "a", root)
    write_photo(root / "red" / "new.jpg")
    with pytest.raises(RunError, match="'b' was trained on other photos"):
        hold_race([first, make_racer(home, "b", root)])


def test_a_race_that_is_asked_to_stop_has_no_outcome(home: Path, root: Path) -> None:
    runs = [make_racer(home, name, root) for name in ("a", "b")]
    told: list[str] = []
    with pytest.raises(WorkStopped):
        hold_race(
            runs,
            on_progress=lambda stage, done, total: told.append(stage),
            should_stop=lambda: bool(told),
        )
    assert set(told) == {"judging a"}
