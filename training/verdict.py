"""What a training run's history says, in plain words.

Every epoch is validated with other photos, a thousand or so, so that neighbouring epochs differ by
a point or two in accuracy for no reason. Nothing here goes by a single epoch but the best one:

- A curve is smoothed by a moving median of `SMOOTHING` epochs, which a jump (fine-tuning begins, a
  strange batch) does not bend.
- A curve rises or falls over some epochs if the 95% interval of its Theil-Sen slope lies on one
  side of 0, and if it moves by more than what is worth telling.
- The noise of a curve is estimated from its second differences, in which a trend cancels out.

Sources: P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", Journal of the
American Statistical Association 63 (1968), 1379-1389 (slope and interval). The thresholds are
judgement, tried on generated histories whose truth is known: with 1,000 validation photos an epoch,
a curve of 20 epochs or more that stands still is taken for a moving one in about 1 of 20 cases.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite, sqrt
from statistics import mean, median

from training.events import EpochEnded

FEWEST_EPOCHS = 5
"""With fewer no trend can be told from noise: even five that all fall do so by chance 1 in 120."""
SMOOTHING = 5
"""Epochs that a moving median looks at."""
LATEST_OF_MANY = 10
"""Epochs at the end that tell how a run of 20 to 50 epochs ended."""
LAST_EPOCHS = 5
"""Epochs at the end over which the gap is taken."""
LOSS_STEP = 0.05
"""What a loss has to rise by to be worth telling, as a share of its lowest."""
LOSS_GAIN = 0.02
"""What a loss has to fall by at the end to be called improving, as a share of itself."""
ACCURACY_GAIN = 0.005
"""What an accuracy has to rise by at the end to be called improving."""
MOST_NOISE = 0.03
"""The standard deviation of validation accuracy above which a flat curve says nothing."""
LEARNT = 0.8
"""The training accuracy below which a run that stands still has not learnt its own photos."""
NEARLY_ALL = 0.8
"""The share of epochs that have to be near a level for it to be called a plateau."""
RISE_OVER_NOISE = 3
"""How many standard deviations of its noise a loss has to rise by to be worth telling."""
GAP_STEP = 0.02
"""What two runs' gaps have to differ by to be worth telling: twice the noise of five epochs of a
thousand photos each, for two runs."""


class Finding(StrEnum):
    """What a history shows, in one word."""

    NO_EPOCHS = "no epochs"
    BROKE_DOWN = "broke down"
    TOO_SHORT = "too short"
    OVERFITS = "overfits"
    WORSENS = "worsens"
    IMPROVING = "improving"
    TOO_NOISY = "too noisy"
    UNDERFITS = "underfits"
    PLATEAUED = "plateaued"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a history shows, as the end of a sentence that begins with the run's name."""

    finding: Finding
    words: str
    epoch: int | None = None
    """The epoch from which it shows, where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The generalization gap: how much worse a run does on validation than on training photos.

    In accuracy it is training minus validation, in loss validation minus training, so that above 0
    always means worse on new photos. Augmentation and dropout make training photos harder, which
    can bring it below 0.
    """

    best: float
    """In accuracy, at the best epoch."""
    last: float
    """In accuracy, the median of the last epochs."""
    best_loss: float
    last_loss: float


@dataclass(frozen=True, slots=True)
class _Trend:
    """How a curve moves in an epoch, with the 95% interval of that."""

    slope: float
    low: float
    high: float

    @property
    def rises(self) -> bool:
        return self.low > 0

    @property
    def falls(self) -> bool:
        return self.high < 0


def find_best_epoch(epochs: Sequence[EpochEnded]) -> EpochEnded | None:
    """Return the epoch with the highest validation accuracy and, among equals, the lowest loss."""
    measured = [e for e in epochs if isfinite(e.val_accuracy) and isfinite(e.val_loss)]
    return max(measured, key=lambda e: (e.val_accuracy, -e.val_loss), default=None)


def measure_gap(epochs: Sequence[EpochEnded], best: EpochEnded | None = None) -> Gap | None:
    """Measure the generalization gap at the best epoch and over the last ones.

    Args:
        epochs: First to last.
        best: The epoch that is best; by default the one that validated best.
    """
    best = best or find_best_epoch(epochs)
    if best is None:
        return None
    last = [e for e in epochs if _is_measured(e)][-LAST_EPOCHS:] or [best]
    return Gap(
        best=best.accuracy - best.val_accuracy,
        last=median(e.accuracy - e.val_accuracy for e in last),
        best_loss=best.val_loss - best.loss,
        last_loss=median(e.val_loss - e.loss for e in last),
    )


def compare_gaps(name: str, gap: float, other: str, other_gap: float) -> str | None:
    """Say in one sentence what one run did to another's gap, if anything worth telling.

    A gap below 0 is one, too: training photos are harder than validation photos by then.

    Args:
        name: The run that is spoken of.
        gap: Its gap over the last epochs.
        other: The run that it is compared with.
        other_gap: That run's gap.
    """
    if abs(gap - other_gap) < GAP_STEP:
        return None
    if gap < 0 <= other_gap and abs(gap) > GAP_STEP:
        return (
            f"{name} turned the gap of {other} round, from {other_gap:.2f} to {gap:.2f}: it does "
            "better on validation photos than on its harder training photos"
        )
    verb = "narrowed" if abs(gap) < abs(other_gap) else "widened"
    return f"{name} {verb} the gap of {other} from {other_gap:.2f} to {gap:.2f}"


def judge_history(epochs: Sequence[EpochEnded], *, running: bool = False) -> Verdict:
    """Say what a history shows.

    Args:
        epochs: First to last.
        running: More epochs are to come.
    """
    if not epochs:
        return Verdict(Finding.NO_EPOCHS, "has no epoch yet" if running else "ended before epoch 1")
    broken = next((e.epoch for e in epochs if not _is_measured(e)), None)
    if broken is not None:
        words = f"broke down in epoch {broken}: a loss is no number; lower the learning rate"
        return Verdict(Finding.BROKE_DOWN, words, broken)
    if len(epochs) < FEWEST_EPOCHS:
        count = "1 epoch" if len(epochs) == 1 else f"{len(epochs)} epochs"
        words = f"is too short to judge: {count}, and a trend shows in {FEWEST_EPOCHS} or more"
        return Verdict(Finding.TOO_SHORT, words)
    return (
        _turned(epochs)
        or _still_improving(epochs, running=running)
        or _too_noisy(epochs)
        or _standing_still(epochs)
    )


def _turned(epochs: Sequence[EpochEnded]) -> Verdict | None:
    """Find out whether the validation loss rises for good after its lowest point."""
    turn = _lowest([e.val_loss for e in epochs])
    validation = _smoothed([e.val_loss for e in epochs])
    after = epochs[turn:]
    if len(after) < FEWEST_EPOCHS or not _trend([e.val_loss for e in after]).rises:
        return None
    lowest, now = min(validation), median(validation[-3:])
    # The lowest point was picked, after which some rise is to be expected by chance.
    chance = RISE_OVER_NOISE * _noise([e.val_loss for e in epochs])
    if now - lowest < max(LOSS_STEP * lowest, chance):
        return None
    epoch = after[1].epoch
    rise = f"validation loss rises ({lowest:.2f} to {now:.2f})"
    if not _trend([e.loss for e in after]).falls:
        words = f"gets worse from epoch {epoch}: {rise}, and training loss does not fall either"
        return Verdict(Finding.WORSENS, words, epoch)
    words = f"overfits from epoch {epoch}: training loss falls, {rise}"
    accuracy = _trend([e.val_accuracy for e in after])
    if accuracy.rises and accuracy.slope * (len(after) - 1) >= ACCURACY_GAIN:
        words += ", though validation accuracy still rises"
    return Verdict(Finding.OVERFITS, words, epoch)


def _still_improving(epochs: Sequence[EpochEnded], *, running: bool) -> Verdict | None:
    """Find out whether validation improved until the end."""
    latest = epochs[-_latest(epochs) :]
    loss, accuracy = _trend([e.val_loss for e in latest]), _trend([e.val_accuracy for e in latest])
    steps = len(latest) - 1
    lower = loss.falls and -loss.slope * steps >= LOSS_GAIN * median(e.val_loss for e in latest)
    higher = accuracy.rises and accuracy.slope * steps >= ACCURACY_GAIN and not loss.rises
    if not (lower or higher) or _has_settled(epochs, len(latest)):
        return None
    words = "is still improving" if running else "was still improving when it ended: train longer"
    smooth = _smoothed([e.val_loss for e in epochs])
    if smooth[-1] > (1 + LOSS_STEP) * min(smooth):
        lowest = epochs[_lowest([e.val_loss for e in epochs])].epoch
        words += f" (its loss has not come back to where it was in epoch {lowest})"
    return Verdict(Finding.IMPROVING, words)


def _has_settled(epochs: Sequence[EpochEnded], latest: int) -> bool:
    """Tell whether the last third of the latest epochs is no better than the third before it.

    The median of n values spreads about 1.25 times as much as their mean, and a difference of two
    by the root of 2 more; what is less than that may be noise.
    """
    third = max(2, latest // 3)
    spread = 1.25 * sqrt(2 / third)
    losses, accuracies = [e.val_loss for e in epochs], [e.val_accuracy for e in epochs]
    before = median(losses[-2 * third : -third])
    lower = before - median(losses[-third:])
    higher = median(accuracies[-third:]) - median(accuracies[-2 * third : -third])
    return lower < max(LOSS_GAIN / 2 * before, spread * _noise(losses)) and higher < max(
        ACCURACY_GAIN / 2, spread * _noise(accuracies)
    )


def _too_noisy(epochs: Sequence[EpochEnded]) -> Verdict | None:
    noise = _noise([e.val_accuracy for e in epochs])
    if noise < MOST_NOISE:
        return None
    words = (
        f"is too noisy to tell: validation accuracy jumps by about {100 * noise:.0f} points from "
        "epoch to epoch; validate with more photos"
    )
    return Verdict(Finding.TOO_NOISY, words)


def _standing_still(epochs: Sequence[EpochEnded]) -> Verdict:
    """Say since when validation stands still, and whether training does too."""
    latest = epochs[-_latest(epochs) :]
    training_falls = _trend([e.loss for e in latest]).falls
    learnt = median(e.accuracy for e in latest)
    if learnt < LEARNT and not training_falls:
        words = (
            f"underfits: even on training photos accuracy stays near {learnt:.0%}; try a higher "
            "learning rate, more epochs or a larger network"
        )
        return Verdict(Finding.UNDERFITS, words)
    epoch = _plateau_start(epochs)
    level = median(e.val_accuracy for e in latest)
    words = f"plateaued from epoch {epoch}: validation accuracy stays near {level:.1%}"
    if training_falls and learnt - level >= GAP_STEP:
        words += ", while training loss still falls"
    return Verdict(Finding.PLATEAUED, words, epoch)


def _plateau_start(epochs: Sequence[EpochEnded]) -> int:
    """Return the first epoch from which nearly all validation losses are near where they ended."""
    losses = [e.val_loss for e in epochs]
    latest = len(epochs) - _latest(epochs)
    level = median(losses[latest:])
    highest = level + max(LOSS_STEP * level, 2 * _noise(losses))
    near = [loss <= highest for loss in _smoothed(losses)]
    starts = (i for i in range(latest) if near[i] and mean(near[i:]) >= NEARLY_ALL)
    return epochs[next(starts, latest)].epoch


def _latest(epochs: Sequence[EpochEnded]) -> int:
    """Return how many epochs at the end are looked at: half of a short run, a fifth of a long."""
    half, fifth = len(epochs) // 2, len(epochs) // 5
    return min(max(FEWEST_EPOCHS, half), max(LATEST_OF_MANY, fifth))


def _is_measured(epoch: EpochEnded) -> bool:
    values = (epoch.loss, epoch.accuracy, epoch.val_loss, epoch.val_accuracy)
    return all(map(isfinite, values))


def _trend(values: Sequence[float]) -> _Trend:
    from scipy.stats import theilslopes

    slopes = theilslopes(values, alpha=0.95)
    return _Trend(float(slopes.slope), float(slopes.low_slope), float(slopes.high_slope))


def _smoothed(values: Sequence[float]) -> list[float]:
    """Return the moving median, over fewer values at the ends."""
    half = SMOOTHING // 2
    return [median(values[max(0, i - half) : i + half + 1]) for i in range(len(values))]


def _lowest(values: Sequence[float]) -> int:
    """Return where the lowest value is, near where the moving median is lowest."""
    smooth = _smoothed(values)
    middle = smooth.index(min(smooth))
    near = range(max(0, middle - SMOOTHING // 2), min(len(values), middle + SMOOTHING // 2 + 1))
    return min(near, key=values.__getitem__)


def _noise(values: Sequence[float]) -> float:
    """Estimate the standard deviation of what is no trend.

    A second difference of independent noise has the variance 1 + 4 + 1 times that of the noise; the
    median of its size is 0.6745 of its deviation, if it is normal, and few jumps do not move it.
    """
    triples = zip(values, values[1:], values[2:], strict=False)
    return median(abs(a - 2 * b + c) for a, b, c in triples) / (0.6745 * sqrt(6))
