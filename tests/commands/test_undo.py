"""`catdog undo`, and the words and values of a sort."""

import json
from pathlib import Path

import pytest

from catdog_gui.classify.sorting.sort_plan import SortMethod
from catdog_gui.classify.sorting.sorter import SortOutcome
from catdog_gui.commands.sorting import outcome_values, outcome_words, plan_values, plan_words
from catdog_gui.commands.undo import undo
from tests.helpers.sorting import names_in, planned, sorted_into, tree_of, write_file
from training.errors import CatDogError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name in ("1.jpg", "1.xmp", "2.jpg"):
        write_file(folder / name)
    return folder


@pytest.fixture
def moved(root: Path, tmp_path: Path, home: Path) -> SortOutcome:
    """Return a sort that moved two photos and a side file."""
    photos = [("1.jpg", "cat"), ("2.jpg", "dog")]
    return sorted_into(root, tmp_path / "sorted", photos, home / "journals", method=SortMethod.MOVE)


def run(*arguments: str) -> None:
    undo.main(list(arguments), standalone_mode=False)


def test_the_newest_sort_is_undone(
    root: Path, moved: SortOutcome, capsys: pytest.CaptureFixture[str]
) -> None:
    run()
    assert names_in(root) == ["1.jpg", "1.xmp", "2.jpg"]
    assert f"3 files brought back as before the sort of {moved.journal}" in capsys.readouterr().out


def test_a_sort_is_undone_by_its_name(
    root: Path, moved: SortOutcome, capsys: pytest.CaptureFixture[str]
) -> None:
    assert moved.journal
    run(moved.journal.stem, "--json")
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "journal": str(moved.journal),
        "back": [str(root / name) for name in ("2.jpg", "1.jpg", "1.xmp")],
        "refused": [],
        "stopped": False,
    }


def test_what_does_not_come_back_is_listed_and_is_a_failure(
    root: Path, moved: SortOutcome, capsys: pytest.CaptureFixture[str]
) -> None:
    write_file(root / "1.jpg", "another")
    with pytest.raises(CatDogError, match="1 file could not be brought back"):
        run()
    place = moved.plan.target / "cat" / "1.jpg"
    assert f"left {place}: another file is at {root / '1.jpg'}\n" in capsys.readouterr().out
    assert set(tree_of(root)) == {"1.jpg", "1.xmp", "2.jpg"}


def test_a_target_that_is_away_is_a_failure_and_can_be_undone_later(
    root: Path, moved: SortOutcome, tmp_path: Path
) -> None:
    target = moved.plan.target
    target.rename(tmp_path / "away")
    with pytest.raises(CatDogError, match="Nothing was undone"):
        run()
    (tmp_path / "away").rename(target)
    run()
    assert names_in(root) == ["1.jpg", "1.xmp", "2.jpg"]


def test_a_foreign_journal_keeps_nobody_from_undoing_but_is_refused_by_name(
    root: Path, moved: SortOutcome, home: Path
) -> None:
    (home / "journals" / "zz.jsonl").write_text('{"line": "sort"}\n', encoding="utf-8")
    with pytest.raises(CatDogError, match=r"zz\.jsonl is no journal of a sort"):
        run("zz")
    assert moved.journal
    run()
    assert names_in(root) == ["1.jpg", "1.xmp", "2.jpg"]


def test_nothing_to_undo_is_a_failure() -> None:
    with pytest.raises(CatDogError, match="nothing to undo"):
        run()


def test_a_plan_is_told_step_by_step(root: Path, tmp_path: Path) -> None:
    target = tmp_path / "sorted"
    write_file(target / "cat" / "1.jpg", "another")
    write_file(target / "dog" / "2.jpg", "the content of 2.jpg")
    plan = planned(root, target, [("1.jpg", "cat"), ("2.jpg", "dog"), ("no\n.jpg", "dog")])
    words = plan_words(plan)
    assert words[:4] == [
        f"{root / '1.xmp'} -> {target / 'cat' / '1 (2).xmp'}",
        f"{root / '1.jpg'} -> {target / 'cat' / '1 (2).jpg'}",
        f"left {root}/no\\n.jpg: it is not there any more",
        "cat: 1 photo, 0.0 MB",
    ]
    assert words[4].startswith(f"copy 1 photo and 1 side file to {target}: needs 0.0 MB of ")
    assert words[5:] == [
        "1 file skipped, since their equals are there",
        "2 files numbered, since other files have their names",
    ]


def test_a_plan_in_json_holds_all_of_it(root: Path, tmp_path: Path) -> None:
    target = tmp_path / "sorted"
    plan = planned(root, target, [("2.jpg", "dog"), ("none.jpg", "dog")])
    values = json.loads(json.dumps(plan_values(plan)))
    assert values.pop("bytes_free") > 0
    assert values == {
        "target": str(target),
        "method": "copy",
        "labels": {"dog": {"photos": 1, "bytes": 20}},
        "side_files": 0,
        "bytes_needed": 20,
        "steps": [
            {
                "source": str(root / "2.jpg"),
                "target": str(target / "dog" / "2.jpg"),
                "label": "dog",
                "kind": "photo",
                "bytes": 20,
                "numbered": False,
            }
        ],
        "skipped": [],
        "left": [{"path": str(root / "none.jpg"), "reason": "it is not there any more"}],
    }


def test_an_outcome_says_how_to_undo_it(moved: SortOutcome) -> None:
    assert moved.journal
    assert outcome_words(moved) == [
        f"moved 2 photos and 1 side file to {moved.plan.target}",
        f"`catdog undo {moved.journal.stem}` brings everything back",
    ]
    values = json.loads(json.dumps(outcome_values(moved)))
    assert values["journal"] == str(moved.journal)
    assert len(values["sorted"]) == 3
    assert (values["stopped"], values["failure"], values["incomplete"]) == (False, "", "")
