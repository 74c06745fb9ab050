"""What histories say in plain words; the histories are generated, so that the truth is known."""

import subprocess
import sys
from collections.abc import Callable
from math import exp, sqrt

import numpy as np
import pytest

from training.events import EpochEnded
from training.verdict import (
    FEWEST_EPOCHS,
    Finding,
    compare_gaps,
    find_best_epoch,
    judge_history,
    measure_gap,
)

SEEDS = range(20)
Curve = Callable[[int], float]


def history(
    epochs: int,
    loss: Curve,
    accuracy: Curve,
    val_loss: Curve,
    val_accuracy: Curve,
    *,
    seed: int | None = 0,
    photos: int = 1000,
) -> list[EpochEnded]:
    """Return epochs on four curves, as noisy as if so many photos had been looked at in each."""
    draw = np.random.default_rng(seed or 0).normal
    noise = 0.0 if seed is None else 1 / sqrt(photos)

    def measured(loss: float, accuracy: float) -> tuple[float, float]:
        spread = sqrt(accuracy * (1 - accuracy))
        return (
            loss * (1 + float(draw(0, noise))),
            min(1.0, accuracy + spread * float(draw(0, noise))),
        )

    return [
        EpochEnded(
            t + 1,
            *measured(loss(t), accuracy(t)),
            *measured(val_loss(t), val_accuracy(t)),
            seconds=2.0,
        )
        for t in range(epochs)
    ]


def overfitting(epochs: int, seed: int | None = 0) -> list[EpochEnded]:
    """Return a history whose validation loss is lowest in epoch 8 and rises from then on."""
    return history(
        epochs,
        lambda t: 0.69 * exp(-t / 9),
        lambda t: 1 - 0.5 * exp(-t / 9),
        lambda t: 0.43 + 0.26 * exp(-t / 3) + 0.03 * max(0, t - 7),
        lambda t: 0.80 - 0.28 * exp(-t / 4),
        seed=seed,
    )


def learning(epochs: int, pace: float, seed: int | None = 0) -> list[EpochEnded]:
    """Return a history that comes closer to its end by a factor of e every `pace` epochs."""
    return history(
        epochs,
        lambda t: 0.25 + 0.44 * exp(-t / pace),
        lambda t: 0.90 - 0.40 * exp(-t / pace),
        lambda t: 0.27 + 0.42 * exp(-t / pace),
        lambda t: 0.89 - 0.38 * exp(-t / pace),
        seed=seed,
    )


def flat(epochs: int, accuracy: float, photos: int = 1000, seed: int = 0) -> list[EpochEnded]:
    return history(
        epochs,
        lambda t: 0.66,
        lambda t: accuracy,
        lambda t: 0.66,
        lambda t: accuracy,
        photos=photos,
        seed=seed,
    )


def fine_tuned(before: Curve, after: Curve, seed: int, at: int = 10) -> list[EpochEnded]:
    """Return a history whose validation loss goes over from one curve to another."""
    return history(
        25,
        lambda t: 0.08 if t < at else 0.03,
        lambda t: 0.97 if t < at else 0.99,
        lambda t: before(t) if t < at else after(t - at),
        lambda t: 0.975 if t < at else 0.985,
        seed=seed,
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_validation_loss_that_rises_while_training_loss_falls_is_overfitting(seed: int) -> None:
    verdict = judge_history(overfitting(25, seed))
    assert verdict.finding is Finding.OVERFITS
    assert verdict.epoch is not None
    assert 5 <= verdict.epoch <= 13  # in truth from epoch 9


def test_overfitting_is_told_with_its_epoch_and_both_losses() -> None:
    drawn = history(
        15,
        lambda t: 0.7 - 0.04 * t,
        lambda t: 0.5 + 0.03 * t,
        lambda t: 0.5 + 0.02 * abs(t - 5),
        lambda t: 0.8,
        seed=None,
    )
    verdict = judge_history(drawn)
    assert verdict.epoch == 7
    assert verdict.words == (
        "overfits from epoch 7: training loss falls, validation loss rises (0.52 to 0.65)"
    )


def test_overfitting_whose_accuracy_still_rises_is_told_so() -> None:
    rising = history(
        20,
        lambda t: 0.5 * exp(-t / 9),
        lambda t: 0.95,
        lambda t: 0.3 + 0.03 * t,
        lambda t: 0.80 + 0.005 * t,
    )
    verdict = judge_history(rising)
    assert verdict.finding is Finding.OVERFITS
    assert verdict.words.endswith("though validation accuracy still rises")


def test_losses_that_rise_together_are_no_overfitting() -> None:
    worse = history(
        20, lambda t: 0.5 + 0.02 * t, lambda t: 0.7, lambda t: 0.5 + 0.03 * t, lambda t: 0.7
    )
    verdict = judge_history(worse)
    assert verdict.finding is Finding.WORSENS
    assert "training loss does not fall either" in verdict.words


def test_a_run_that_still_improves_is_told_to_train_longer() -> None:
    findings = [judge_history(learning(20, 20, seed)).finding for seed in SEEDS]
    assert findings.count(Finding.IMPROVING) >= 18
    words = judge_history(learning(20, 20)).words
    assert words == "was still improving when it ended: train longer"


def test_a_long_run_that_improves_steadily_is_seen_to_do_so() -> None:
    steady = [
        history(
            100,
            lambda t: 0.69 - 0.003 * t,
            lambda t: 0.5 + 0.0035 * t,
            lambda t: 0.69 - 0.003 * t,
            lambda t: 0.5 + 0.0035 * t,
            seed=seed,
        )
        for seed in SEEDS
    ]
    assert [judge_history(h).finding for h in steady].count(Finding.IMPROVING) >= 16


def test_a_run_that_goes_on_is_not_told_that_it_ended() -> None:
    assert judge_history(learning(20, 10), running=True).words == "is still improving"
    assert judge_history([], running=True).words == "has no epoch yet"


@pytest.mark.parametrize("epochs", [30, 100])
def test_a_run_that_stands_still_plateaued(epochs: int) -> None:
    verdicts = [judge_history(learning(epochs, 3, seed)) for seed in SEEDS]
    assert [v.finding for v in verdicts].count(Finding.PLATEAUED) >= 18
    started = [v.epoch for v in verdicts if v.epoch is not None]
    assert 9 <= np.median(started) <= 14  # 95% of the way is gone by epoch 10, 98% by epoch 13


def test_a_plateau_while_training_loss_falls_is_told_so() -> None:
    memorizing = history(
        30,
        lambda t: 0.69 * exp(-t / 9),
        lambda t: 1 - 0.5 * exp(-t / 9),
        lambda t: 0.43 + 0.26 * exp(-t / 3),
        lambda t: 0.80 - 0.28 * exp(-t / 4),
    )
    words = judge_history(memorizing).words
    assert words.startswith("plateaued from epoch ")
    assert words.endswith("validation accuracy stays near 80.4%, while training loss still falls")


def test_features_that_are_good_from_the_start_plateau_at_once() -> None:
    features = history(
        30, lambda t: 0.06, lambda t: 0.98, lambda t: 0.05 + 0.03 * exp(-t), lambda t: 0.985
    )
    verdict = judge_history(features)
    assert verdict.finding is Finding.PLATEAUED
    assert verdict.epoch is not None
    assert verdict.epoch <= 4


@pytest.mark.parametrize("accuracy", [0.5, 0.6])
def test_a_run_that_learns_not_even_its_own_photos_underfits(accuracy: float) -> None:
    findings = [judge_history(flat(30, accuracy, seed=seed)).finding for seed in SEEDS]
    assert findings.count(Finding.UNDERFITS) >= 18


def test_jumps_from_epoch_to_epoch_are_too_noisy_to_tell() -> None:
    verdict = judge_history(flat(30, 0.6, photos=80))
    assert verdict.finding is Finding.TOO_NOISY
    assert "jumps by about " in verdict.words


@pytest.mark.parametrize("epochs", range(1, FEWEST_EPOCHS))
def test_a_few_epochs_are_too_short_to_judge(epochs: int) -> None:
    verdict = judge_history(overfitting(epochs))
    assert verdict.finding is Finding.TOO_SHORT
    assert verdict.words.startswith(f"is too short to judge: {epochs} epoch")


def test_the_step_down_where_fine_tuning_begins_starts_a_new_plateau() -> None:
    verdicts = [judge_history(fine_tuned(lambda t: 0.08, lambda t: 0.045, s)) for s in SEEDS]
    plateaus = [v.epoch for v in verdicts if v.finding is Finding.PLATEAUED]
    assert len(plateaus) >= 18
    assert np.median([epoch for epoch in plateaus if epoch is not None]) == 11


def test_a_step_down_that_has_settled_is_no_improvement_any_more() -> None:
    verdicts = [
        judge_history(fine_tuned(lambda t: 0.08, lambda t: 0.045 + 0.05 * exp(-t), s, at=15))
        for s in SEEDS
    ]
    assert [v.finding for v in verdicts].count(Finding.PLATEAUED) >= 15


def test_more_right_answers_at_a_rising_loss_are_no_improvement() -> None:
    surer_of_mistakes = history(
        10,
        lambda t: 0.3,
        lambda t: 0.9,
        lambda t: 0.4 + 0.003 * t,
        lambda t: 0.8 + 0.01 * t,
        seed=None,
    )
    assert judge_history(surer_of_mistakes).finding is not Finding.IMPROVING


@pytest.mark.parametrize("seed", SEEDS)
def test_a_jump_up_where_fine_tuning_begins_is_no_overfitting_once_it_is_made_good(
    seed: int,
) -> None:
    verdict = judge_history(fine_tuned(lambda t: 0.08, lambda t: 0.04 + 0.1 * exp(-t / 3), seed))
    assert verdict.finding in {Finding.PLATEAUED, Finding.IMPROVING}


def test_a_jump_up_that_is_not_made_good_yet_is_told() -> None:
    verdict = judge_history(fine_tuned(lambda t: 0.08, lambda t: 0.2 - 0.005 * t, seed=0))
    assert verdict.finding is Finding.IMPROVING
    assert "its loss has not come back to where it was in epoch" in verdict.words


def test_one_strange_epoch_changes_nothing() -> None:
    epochs = overfitting(25)
    strange = EpochEnded(23, epochs[22].loss, epochs[22].accuracy, 9.0, 0.5, 2.0)
    plain, changed = judge_history(epochs), judge_history([*epochs[:22], strange, *epochs[23:]])
    assert (changed.finding, changed.epoch) == (plain.finding, plain.epoch)


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_told_with_its_epoch(loss: float) -> None:
    epochs = overfitting(8)
    verdict = judge_history([*epochs[:3], EpochEnded(4, 0.5, 0.5, loss, 0.5, 1.0), *epochs[4:]])
    assert (verdict.finding, verdict.epoch) == (Finding.BROKE_DOWN, 4)


def test_a_history_without_an_epoch_has_neither_a_best_one_nor_a_gap() -> None:
    assert judge_history([]).finding is Finding.NO_EPOCHS
    assert find_best_epoch([]) is None
    assert measure_gap([]) is None


def test_the_best_epoch_has_the_highest_accuracy_and_then_the_lowest_loss() -> None:
    rows = ((0.4, 0.8), (0.5, 0.9), (0.3, 0.9), (0.2, 0.7))
    epochs = [EpochEnded(n, 0.1, 1.0, *row, 1.0) for n, row in enumerate(rows, 1)]
    best = find_best_epoch(epochs)
    assert best is not None
    assert best.epoch == 3


def test_an_epoch_whose_loss_is_no_number_is_not_the_best() -> None:
    best = find_best_epoch(
        [EpochEnded(1, 0.1, 1.0, 0.5, 0.8, 1.0), EpochEnded(2, 0.1, 1.0, float("nan"), 0.9, 1.0)]
    )
    assert best is not None
    assert best.epoch == 1


def test_the_gap_is_above_0_where_new_photos_are_done_worse() -> None:
    rows = [(0.50, 0.75, 0.50, 0.875)] + [(0.25, 0.875, 0.50, 0.75)] * 5
    gap = measure_gap([EpochEnded(n, *row, 1.0) for n, row in enumerate(rows, 1)])
    assert gap is not None
    assert (gap.best, gap.best_loss) == (-0.125, 0.0)
    assert (gap.last, gap.last_loss) == (0.125, 0.25)


def test_gaps_are_compared_in_one_sentence() -> None:
    assert (
        compare_gaps("augmentation", 0.03, "baseline", 0.14)
        == "augmentation narrowed the gap of baseline from 0.14 to 0.03"
    )
    assert compare_gaps("b", 0.2, "a", 0.1) == "b widened the gap of a from 0.10 to 0.20"


def test_a_gap_below_0_is_no_narrow_one() -> None:
    assert compare_gaps("b", -0.01, "a", 0.05) == "b narrowed the gap of a from 0.05 to -0.01"
    assert compare_gaps("b", -0.2, "a", -0.1) == "b widened the gap of a from -0.10 to -0.20"
    turned = compare_gaps("augmentation", -0.15, "baseline", 0.01)
    assert turned is not None
    assert turned.startswith("augmentation turned the gap of baseline round, from 0.01 to -0.15")


def test_gaps_that_hardly_differ_are_not_worth_telling() -> None:
    assert compare_gaps("b", 0.10, "a", 0.11) is None


def test_the_rules_are_light_to_import() -> None:
    program = (
        "import training.verdict, sys; print({'scipy', 'PySide6', 'keras'} & set(sys.modules))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "set()"
