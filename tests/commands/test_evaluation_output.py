"""An evaluation in words and as JSON."""

import json
from collections.abc import Sequence

import numpy as np
import pytest

from catdog_gui.classify.evaluation import assess
from catdog_gui.classify.judging import JudgedPhotos
from catdog_gui.commands.evaluation_output import evaluation_lines, evaluation_values
from tests.helpers.judged import drawn, judged, judged_pairs

LABELS = [0, 0, 0, 0, 1, 1, 1, 1]
DOGS = [0.1, 0.2, 0.3, 0.9, 0.65, 0.75, 0.45, 0.95]


NEAR = "near duplicates of training photos"


EXPECTED = """\
75.0% (40.9% to 92.9%) of 8 photos (test) by pets

taken for  cat  dog
  cat        3    1
  dog        1    3

class  precision  recall     F1  photos
  cat      75.0%   75.0%  75.0%       4
  dog      75.0%   75.0%  75.0%       4

ROC AUC      0.8125
log loss     0.5695 (Brier score 0.1800)
calibration  says 77.5% and is right 75.0% of the time (ECE 0.3125)
temperature  0.72 gives ECE 0.2879, log loss 0.6186
unsure       below 0.6001: half of the mistakes lie there
             (both fitted on 8 validation photos, judged by these)

unsure below  answered   right  mistakes caught
  0.6000         87.5%   85.7%            50.0%
  0.6001         87.5%   85.7%            50.0%
  0.7000         75.0%   83.3%            50.0%
  0.8000         50.0%   75.0%            50.0%
  0.9000         37.5%   66.7%            50.0%
  0.9500         12.5%  100.0%           100.0%

worst mistakes
  3.jpg: cat taken for dog at 90.0%
  6.jpg: dog taken for cat at 55.0%"""


def spread(names: Sequence[str], photos: int = 400) -> JudgedPhotos:
    """Return answers about classes of these names, each taken for the next now and then."""
    classes = len(names)
    labels = np.arange(photos) % classes
    predicted = np.where(np.arange(photos) % 7 == 0, (labels + 1) % classes, labels)
    rows = np.full((photos, classes), 0.4 / (classes - 1))
    rows[np.arange(photos), predicted] = 0.6
    paths = tuple(f"{n}.jpg" for n in range(photos))
    return JudgedPhotos("all", tuple(names), paths, labels.astype(np.int64), rows)


def test_an_evaluation_reads_well() -> None:
    validation = judged_pairs(LABELS, [0.2, 0.4, 0.6, 0.1, 0.9, 0.7, 0.3, 0.8], "validation")
    evaluation = assess(judged_pairs(LABELS, DOGS, "test"), validation=validation)
    assert "\n".join(evaluation_lines(evaluation, "pets")) == EXPECTED


def test_numbers_stay_below_their_class_names_whatever_the_writing() -> None:
    lines = list(evaluation_lines(assess(spread(["猫", "a dog"])), "pets"))
    start = lines.index("taken for   猫  a dog")
    assert lines[start + 1 : start + 3] == ["  猫       171     29", "  a dog     29    171"]


def test_a_class_name_cannot_break_a_line() -> None:
    lines = list(evaluation_lines(assess(spread(["cat\nfish", "dog"])), "pets"))
    assert r"  cat\nfish" in {line.split("  1")[0].rstrip() for line in lines}
    assert not [line for line in lines if "\n" in line]


def test_of_many_classes_the_weakest_and_the_most_confused_are_told() -> None:
    lines = list(evaluation_lines(assess(spread([f"class {n:02}" for n in range(30)])), "pets"))
    assert "most often confused" in lines
    assert "  and 20 with a higher F1 or none: --json tells all" in lines
    assert max(map(len, lines)) < 100
    assert len(lines) < 60


def test_training_photos_among_the_judged_are_warned_of() -> None:
    answers = judged_pairs(LABELS, DOGS)
    warned = list(evaluation_lines(assess(answers, includes_training_photos=True), "pets"))
    assert warned[1] == "The model was trained on some of these photos: new ones will fare worse."
    assert warned[1] not in evaluation_lines(assess(answers), "pets")


@pytest.mark.parametrize(
    ("leaked", "line"),
    [
        (
            {"3.jpg", "0.jpg"},
            f"83.3% (43.6% to 97.0%) of 6 photos without 2 that are {NEAR}",
        ),
        (set(), "None of them is a near duplicate of a training photo."),
        (
            {f"{n}.jpg" for n in range(8)},
            f"All of them are {NEAR}: judge by others.",
        ),
    ],
)
def test_leaks_are_told_below_the_accuracy(leaked: set[str], line: str) -> None:
    evaluation = assess(judged_pairs(LABELS, DOGS), leaked=leaked)
    assert list(evaluation_lines(evaluation, "pets"))[1] == line


def test_without_a_mistake_there_is_nothing_to_fit_and_none_to_show() -> None:
    text = "\n".join(evaluation_lines(assess(judged_pairs([0, 1], [0.1, 0.9])), "pets"))
    assert "temperature  none can be fitted\nunsure       no threshold can be fitted" in text
    assert "both fitted" not in text
    assert "mistakes caught" not in text
    assert "worst mistakes" not in text


def test_scores_that_are_not_defined_are_dashes() -> None:
    answers = judged([0, 1], [(0.8, 0.1, 0.1), (0.3, 0.6, 0.1)])
    lines = list(evaluation_lines(assess(answers), "pets"))
    assert "  emu          –       –       –       0" in lines
    assert "ROC AUC      not defined: a class has no photo" in lines


def test_json_has_null_for_what_is_not_defined() -> None:
    answers = judged([0, 1], [(0.8, 0.1, 0.1), (0.3, 0.6, 0.1)])
    values = evaluation_values(assess(answers))
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values["roc_auc"] is values["without_leaks"] is None
    assert values["per_class"]["emu"] == {
        "precision": None,
        "recall": None,
        "f1": None,
        "roc_auc": None,
        "photos": 0,
    }
    assert values["unsure"]["below"] is values["calibration"]["scaling"]["temperature"] is None


def test_json_has_the_accuracy_without_leaks() -> None:
    values = evaluation_values(assess(judged_pairs(LABELS, DOGS), leaked={"3.jpg", "0.jpg"}))
    assert values["without_leaks"] == {
        "photos": 6,
        "accuracy": 5 / 6,
        "accuracy_low": pytest.approx(0.4365, abs=1e-4),
        "accuracy_high": pytest.approx(0.9699, abs=1e-4),
        "left_out": 2,
    }
    nothing = {"photos": 0, "accuracy": None, "accuracy_low": None, "accuracy_high": None}
    leaked = {f"{n}.jpg" for n in range(8)}
    values = evaluation_values(assess(judged_pairs(LABELS, DOGS), leaked=leaked))
    assert values["without_leaks"] == {**nothing, "left_out": 8}


def test_json_has_every_bin_threshold_and_class() -> None:
    values = evaluation_values(assess(drawn(50, 4)))
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert sum(each["photos"] for each in values["calibration"]["bins"]) == 50
    assert len(values["calibration"]["bins"]) == 15
    assert [each["below"] for each in values["unsure"]["table"]] == sorted(
        each["below"] for each in values["unsure"]["table"]
    )
    assert list(values["per_class"]) == ["cat", "dog", "emu", "fox"]
    assert sum(each["photos"] for each in values["per_class"].values()) == 50
