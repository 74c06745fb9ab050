"""An evaluation as values for JSON, and as lines to read."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from catdog_gui.classify.calibration import Calibration, TemperatureScaling
from catdog_gui.classify.evaluation import Accuracy, Evaluation, Mistake, WithoutLeaks
from catdog_gui.classify.fitting import VALIDATION
from catdog_gui.classify.unsure import RULE, UnsureThreshold
from catdog_gui.commands.output import accuracy_words, one_line

MOST_CLASSES = 10
"""Of more classes the text tells the weakest ones only; JSON tells all."""
_NOTHING = "–"


def evaluation_values(evaluation: Evaluation) -> dict[str, Any]:
    """Return everything that an evaluation tells, by the names that `--json` has for it."""
    judged, scores = evaluation.judged, evaluation.scores
    by_class = zip(judged.class_names, scores.classes, strict=True)
    return {
        "split": judged.split,
        "includes_training_photos": evaluation.includes_training_photos,
        **_accuracy_values(evaluation.accuracy),
        "classes": list(judged.class_names),
        "confusion": scores.confusion.tolist(),
        "per_class": {name: asdict(each) for name, each in by_class},
        "roc_auc": scores.roc_auc,
        "log_loss": scores.log_loss,
        "brier": scores.brier,
        "calibration": _calibration_values(evaluation.calibration),
        "unsure": _unsure_values(evaluation.unsure),
        "without_leaks": _without_leaks_values(evaluation.without_leaks),
        "worst_mistakes": [_mistake_values(each) for each in evaluation.worst_mistakes],
        "unreadable": [{"path": path, "reason": reason} for path, reason in judged.unreadable],
    }


def _accuracy_values(accuracy: Accuracy | None) -> dict[str, float | int | None]:
    return {
        "photos": accuracy.photos if accuracy else 0,
        "accuracy": accuracy.share if accuracy else None,
        "accuracy_low": accuracy.interval.low if accuracy else None,
        "accuracy_high": accuracy.interval.high if accuracy else None,
    }


def _calibration_values(calibration: Calibration) -> dict[str, Any]:
    return {
        "confidence": calibration.confidence,
        "ece": calibration.ece,
        "bins": [asdict(each) for each in calibration.bins],
        "scaling": asdict(calibration.scaling),
    }


def _unsure_values(unsure: UnsureThreshold) -> dict[str, Any]:
    return {
        "below": unsure.below,
        "rule": RULE,
        "fitted_on": unsure.fitted_on,
        "fitted_photos": unsure.fitted_photos,
        "answered": asdict(unsure.answered) if unsure.answered else None,
        "table": [{"below": below, **asdict(answered)} for below, answered in unsure.table],
    }


def _without_leaks_values(without: WithoutLeaks | None) -> dict[str, Any] | None:
    if without is None:
        return None
    return {**_accuracy_values(without.accuracy), "left_out": without.left_out}


def _mistake_values(mistake: Mistake) -> dict[str, Any]:
    return {
        "path": mistake.name,
        "label": mistake.label,
        "predicted": mistake.predicted,
        "probability": mistake.probability,
    }


def evaluation_lines(evaluation: Evaluation, model: str) -> Iterator[str]:
    """Yield an evaluation in words and little tables, a line at a time."""
    accuracy, judged = evaluation.accuracy, evaluation.judged
    yield (
        f"{accuracy_words(accuracy.share, accuracy.interval)} of "
        f"{accuracy.photos:,} photos ({judged.split}) by {one_line(model)}"
    )
    if evaluation.includes_training_photos:
        yield "The model was trained on some of these photos: new ones will fare worse."
    elif evaluation.includes_training_photos is None:
        yield "Whether the model was trained on some of these photos is not known."
    if evaluation.without_leaks is not None:
        yield _without_leaks_line(evaluation.without_leaks)
    yield ""
    yield from _confusion_lines(evaluation)
    yield ""
    yield from _class_lines(evaluation)
    yield ""
    yield from _score_lines(evaluation)
    yield from _threshold_lines(evaluation.unsure)
    if evaluation.worst_mistakes:
        yield ""
        yield "worst mistakes"
        yield from _mistake_lines(evaluation.worst_mistakes)


def _without_leaks_line(without: WithoutLeaks) -> str:
    if not without.left_out:
        return "None of them is a near duplicate of a training photo."
    if without.accuracy is None:
        return "All of them are near duplicates of training photos: judge by others."
    rest = without.accuracy
    return (
        f"{accuracy_words(rest.share, rest.interval)} of {rest.photos:,} photos without "
        f"{without.left_out:,} that are near duplicates of training photos"
    )


def _confusion_lines(evaluation: Evaluation) -> Iterator[str]:
    names = _class_names(evaluation)
    if len(names) > MOST_CLASSES:
        yield from _confused_lines(evaluation)
        return
    rows = [
        [f"  {name}", *(f"{count:,}" for count in counts)]
        for name, counts in zip(names, evaluation.scores.confusion.tolist(), strict=True)
    ]
    yield from _table([["taken for", *names], *rows])


def _confused_lines(evaluation: Evaluation) -> Iterator[str]:
    """Yield the pairs of classes that are confused most often."""
    names, wrong = _class_names(evaluation), evaluation.scores.confusion.copy()
    np.fill_diagonal(wrong, 0)
    yield "most often confused"
    for place in np.argsort(-wrong, axis=None, kind="stable")[:MOST_CLASSES]:
        label, predicted = divmod(int(place), len(names))
        if wrong[label, predicted]:
            yield f"  {names[label]} taken for {names[predicted]}: {wrong[label, predicted]:,}"


def _class_lines(evaluation: Evaluation) -> Iterator[str]:
    classes = list(zip(_class_names(evaluation), evaluation.scores.classes, strict=True))
    more = len(classes) - MOST_CLASSES
    if more > 0:
        classes.sort(key=lambda each: 2 if each[1].f1 is None else each[1].f1)
    rows = [
        [
            f"  {name}",
            *map(_share, (each.precision, each.recall, each.f1)),
            f"{each.photos:,}",
        ]
        for name, each in classes[:MOST_CLASSES]
    ]
    yield from _table([["class", "precision", "recall", "F1", "photos"], *rows])
    if more > 0:
        yield f"  and {more:,} with a higher F1 or none: --json tells all"


def _score_lines(evaluation: Evaluation) -> Iterator[str]:
    scores, calibration = evaluation.scores, evaluation.calibration
    area = (
        f"{scores.roc_auc:.4f}"
        if scores.roc_auc is not None
        else "not defined: a class has no photo"
    )
    yield f"ROC AUC      {area}"
    yield f"log loss     {scores.log_loss:.4f} (Brier score {scores.brier:.4f})"
    yield (
        f"calibration  says {calibration.confidence:.1%} and is right "
        f"{evaluation.accuracy.share:.1%} of the time (ECE {calibration.ece:.4f})"
    )
    yield f"temperature  {_scaling_words(calibration.scaling)}"
    yield f"unsure       {_threshold_words(evaluation.unsure)}"
    if calibration.scaling.temperature is not None or evaluation.unsure.below is not None:
        yield f"             ({_fitting_words(evaluation.unsure)})"


def _scaling_words(scaling: TemperatureScaling) -> str:
    if scaling.temperature is None:
        return "none can be fitted"
    if scaling.ece is None or scaling.log_loss is None:
        return f"{scaling.temperature:.2f}"
    return f"{scaling.temperature:.2f} gives ECE {scaling.ece:.4f}, log loss {scaling.log_loss:.4f}"


def _threshold_words(unsure: UnsureThreshold) -> str:
    if unsure.below is None:
        return "no threshold can be fitted"
    return f"below {unsure.below:.4f}: half of the mistakes lie there"


def _fitting_words(unsure: UnsureThreshold) -> str:
    if unsure.fitted_on == VALIDATION:
        return f"both fitted on {unsure.fitted_photos:,} validation photos, judged by these"
    return "both fitted on either half of these photos, judged by the other"


def _threshold_lines(unsure: UnsureThreshold) -> Iterator[str]:
    """Yield a table of what thresholds do; without a mistake there is none.

    Thresholds that leave out nothing, or everything, are not in it, but for the chosen one.
    """
    tried = dict(unsure.table)
    if unsure.below is not None and unsure.answered is not None:
        tried[unsure.below] = unsure.answered
    rows = [
        [f"  {below:.4f}", *map(_share, (each.kept, each.accuracy, each.mistakes_caught))]
        for below, each in sorted(tried.items(), key=lambda row: row[0])
        if each.mistakes_caught is not None and (below == unsure.below or 0 < each.kept < 1)
    ]
    if rows:
        yield ""
        yield from _table([["unsure below", "answered", "right", "mistakes caught"], *rows])


def _mistake_lines(mistakes: Sequence[Mistake]) -> Iterator[str]:
    for each in mistakes:
        label, predicted = one_line(each.label), one_line(each.predicted)
        yield f"  {one_line(each.name)}: {label} taken for {predicted} at {each.probability:.1%}"


def _class_names(evaluation: Evaluation) -> list[str]:
    return [one_line(name) for name in evaluation.judged.class_names]


def _share(share: float | None) -> str:
    return _NOTHING if share is None else f"{share:.1%}"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield aligned lines: the first column to the left, numbers to the right."""
    from rich.cells import cell_len  # some characters take two places on a terminal

    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        spaces = [" " * (width - cell_len(cell)) for width, cell in zip(widths, row, strict=True)]
        numbers = (f"{space}{cell}" for space, cell in zip(spaces[1:], row[1:], strict=True))
        yield "  ".join([f"{row[0]}{spaces[0]}", *numbers])
