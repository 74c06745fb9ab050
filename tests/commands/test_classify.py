"""`catdog classify`."""

import csv
import hashlib
import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from catdog_gui.classify.catalog import Catalog
from catdog_gui.classify.prediction import Prediction
from catdog_gui.commands import classify
from tests.classify.remaking import remake
from tests.commands.programs import SECONDS, run_here, started
from tests.helpers.models import write_colour_model
from tests.helpers.photos import photo_bytes, write_photo
from training.images import READER

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows lacks this")

HEADER = ["path", "label", "confidence", "status", "reason", "p_blue", "p_red"]


def rows_of(table: Path) -> list[list[str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, strict=True))


@pytest.fixture
def cats_and_dogs(home: Path) -> Path:
    """Return a newer model, which takes blue photos for cats and red ones for dogs."""
    path = write_colour_model(home / "models" / "pets.catdog")
    return remake(path, {"class_names": ("cat", "dog"), "created": "2030-01-01T00:00:00+00:00"})


@pytest.mark.usefixtures("model")
def test_every_photo_is_answered_on_a_line_of_its_own(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here("classify", photos, "--precision", "float32") == 0
    output = capsys.readouterr()
    first, second, third = output.out.splitlines()
    assert first.startswith(f"{photos / '1.jpg'}: red 9")
    assert second.startswith(f"{photos / '2.jpg'}: blue 9")
    assert third == f"{photos / '3.jpg'}: unreadable: the file is empty"
    assert output.err == "3 photos by colours in float32: 1 blue, 1 red, 1 unreadable\n"


@pytest.mark.usefixtures("model")
def test_json_is_one_object_and_all_there_is(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here("classify", photos, "--json") == 0
    output = capsys.readouterr()
    assert output.err == ""
    told = json.loads(output.out)
    assert list(told) == [
        "model", "precision", "known", "classes", "unsure_below", "counts", "photos",
    ]  # fmt: skip
    assert told["counts"] == {"red": 1, "blue": 1, "unreadable": 1}
    keys = ["path", "label", "confidence", "status", "reason", "corrected", "probabilities"]
    assert [list(photo) for photo in told["photos"]] == [keys] * 3
    assert list(told["photos"][0]["probabilities"]) == ["blue", "red"]


@pytest.mark.usefixtures("model")
def test_the_table_holds_a_row_for_every_photo(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "new folder" / "out.csv"
    assert run_here("classify", photos, "--csv", table) == 0
    rows = rows_of(table)
    assert rows[0] == HEADER
    assert [row[:2] for row in rows[1:]] == [
        [str(photos / "1.jpg"), "red"],
        [str(photos / "2.jpg"), "blue"],
        [str(photos / "3.jpg"), ""],
    ]
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("model")
def test_the_table_and_json_agree(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here("classify", photos, "--json", "--csv", tmp_path / "out.csv") == 0
    told = json.loads(capsys.readouterr().out)["photos"]
    rows = [dict(zip(HEADER, row, strict=True)) for row in rows_of(tmp_path / "out.csv")[1:]]
    for photo, row in zip(told, rows, strict=True):
        for key in ("path", "label", "status", "reason"):
            assert photo[key] == row[key]
        for name, probability in photo["probabilities"].items():
            assert f"{probability:.6f}" == row[f"p_{name}"]


@pytest.mark.usefixtures("model")
def test_less_certain_photos_are_unsure_on_request(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here("classify", photos, "--json", "--unsure-below", "1") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["unsure_below"] == 1
    assert told["counts"] == {"unsure": 2, "unreadable": 1}


def test_the_model_own_threshold_counts_unless_told_otherwise(
    model: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    remake(model, {"unsure_below": 1.0})
    assert run_here("classify", photos, "--json") == 0
    assert json.loads(capsys.readouterr().out)["counts"] == {"unsure": 2, "unreadable": 1}
    assert run_here("classify", photos, "--json", "--unsure-below", "0") == 0
    assert json.loads(capsys.readouterr().out)["counts"] == {"red": 1, "blue": 1, "unreadable": 1}


@pytest.mark.usefixtures("model")
def test_subfolders_are_left_out_on_request(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_photo(photos / "deep" / "4.jpg", "red")
    assert run_here("classify", photos, "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["photos"]) == 4
    assert run_here("classify", photos, "--json", "--no-recursive") == 0
    assert len(json.loads(capsys.readouterr().out)["photos"]) == 3


@pytest.mark.usefixtures("model", "cats_and_dogs")
def test_the_newest_model_answers_unless_one_is_named(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here("classify", photos, "--json") == 0
    assert json.loads(capsys.readouterr().out)["model"] == "pets"
    assert run_here("classify", photos, "--json", "--model", "colours") == 0
    assert json.loads(capsys.readouterr().out)["model"] == "colours"


@pytest.mark.usefixtures("model")
def test_an_empty_model_name_does_not_stand_for_the_newest(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here("classify", photos, "--model", "") != 0
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("cats_and_dogs")
def test_a_submission_is_written_as_kaggle_wants_it(photos: Path, tmp_path: Path) -> None:
    write_photo(photos / "10.jpg", "red")
    target = tmp_path / "submission.csv"
    assert run_here("classify", photos, "--kaggle", target, "--species") == 0
    header, *rows = rows_of(target)
    assert header == ["id", "label", "Species"]
    assert [row[0] for row in rows] == ["1", "2", "3", "10"]
    assert [row[2] for row in rows] == ["dog", "cat", "dog", "dog"]
    assert rows[2][1] == "0.500000"
    assert run_here("classify", photos, "--kaggle", target) == 0
    assert rows_of(target) == [["id", "label"], *(row[:2] for row in rows)]


@pytest.mark.usefixtures("model")
def test_a_submission_the_model_cannot_make_is_refused_before_the_work(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> Iterator[list[Prediction]]:
        pytest.fail("photos were classified for a submission that nothing can become of")

    monkeypatch.setattr(classify, "classify_with_catalog", never)
    assert run_here("classify", photos, "--kaggle", tmp_path / "submission.csv") == 1


@pytest.mark.usefixtures("cats_and_dogs")
def test_one_file_cannot_be_both_table_and_submission(photos: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    assert run_here("classify", photos, "--csv", target, "--kaggle", target) != 0
    assert not target.exists()


@pytest.mark.usefixtures("model")
def test_the_photos_themselves_are_left_as_they_are(photos: Path, tmp_path: Path) -> None:
    before = {file: file.read_bytes() for file in photos.iterdir()}
    assert run_here("classify", photos, "--csv", tmp_path / "out.csv") == 0
    assert {file: file.read_bytes() for file in photos.iterdir()} == before


@on_posix
@pytest.mark.usefixtures("model")
def test_a_name_of_two_lines_is_printed_on_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = write_photo(tmp_path / "two\nlines.jpg", "red")
    assert run_here("classify", photo) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@pytest.mark.usefixtures("model")
def test_a_name_that_is_no_valid_unicode_is_classified_like_any_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = write_photo(tmp_path / os.fsdecode(b"caf\xe9.jpg"), "red")
    assert run_here("classify", photo) == 0
    assert ": red 9" in capsys.readouterr().out
    assert run_here("classify", photo, "--json", "--csv", tmp_path / "out.csv") == 0
    (told,) = json.loads(capsys.readouterr().out)["photos"]
    assert told["path"] == str(photo)
    assert rows_of(tmp_path / "out.csv")[1][1] == "red"


@on_posix
@pytest.mark.usefixtures("model")
def test_an_interrupted_program_shows_a_bar_on_a_terminal_and_keeps_a_prefix(
    tmp_path: Path, home: Path
) -> None:
    first = tmp_path / "many" / "0000.jpg"
    first.parent.mkdir()
    first.write_bytes(photo_bytes("red", size=(1000, 800)))
    photos = [first, *(first.with_name(f"{number:04}.jpg") for number in range(1, 1500))]
    for photo in photos[1:]:
        photo.hardlink_to(first)
    terminal, end = os.openpty()
    shown = b""
    arguments = ("classify", first.parent, "--csv", tmp_path / "out.csv")
    with started(*arguments, home=home, environment={"TERM": "xterm"}, stderr=end) as process:
        os.close(end)
        while b"classifying" not in shown:
            shown += os.read(terminal, 4096)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)
    os.close(terminal)
    assert process.returncode == 130
    kept = [row[0] for row in rows_of(tmp_path / "out.csv")[1:]]
    assert 0 < len(kept) < len(photos)
    assert kept == [str(photo) for photo in photos[: len(kept)]]


@pytest.mark.usefixtures("model")
def test_unchanged_photos_are_answered_from_memory_and_the_same(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_old(photos)
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    assert run_here("classify", photos, "--csv", first) == 0
    assert "known from before" not in capsys.readouterr().err
    assert run_here("classify", photos, "--csv", second) == 0
    told = capsys.readouterr().err
    assert told == "3 photos by colours: 1 blue, 1 red, 1 unreadable (3 known from before)\n"
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.usefixtures("model")
def test_fresh_answers_are_asked_for_on_request(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_old(photos)
    assert run_here("classify", photos) == 0
    assert run_here("classify", photos, "--fresh", "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["known"] == 0


def make_old(photos: Path) -> None:
    """Have photos look as if they were taken long ago, so that they are known to be unchanged."""
    for photo in photos.iterdir():
        os.utime(photo, (1_500_000_000, 1_500_000_001.25))


@pytest.mark.usefixtures("model")
def test_photos_are_sorted_by_label_and_brought_back(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {file.name: file.read_bytes() for file in photos.iterdir()}
    target = tmp_path / "sorted"
    assert run_here("classify", photos, "--sort-into", target, "--move", "--dry-run") == 0
    assert not target.exists()
    assert f"{photos / '1.jpg'} -> {target / 'red' / '1.jpg'}" in capsys.readouterr().out
    assert run_here("classify", photos, "--sort-into", target, "--move") == 0
    assert {str(file.relative_to(target)) for file in target.rglob("*.jpg")} == {
        str(Path("red", "1.jpg")),
        str(Path("blue", "2.jpg")),
    }
    assert [file.name for file in photos.iterdir()] == ["3.jpg"]
    assert run_here("undo") == 0
    assert {file.name: file.read_bytes() for file in photos.iterdir()} == before
    assert not target.exists()


@pytest.mark.usefixtures("model")
def test_photos_that_were_sorted_are_not_sorted_again(photos: Path) -> None:
    target = photos / "sorted"
    for _ in range(2):
        assert run_here("classify", photos, "--sort-into", target) == 0
        assert len(list(target.rglob("*.jpg"))) == 2


@pytest.mark.parametrize(
    "options",
    [
        ("--move",),
        ("--dry-run",),
        ("--sort-into", "out", "--move", "--copy"),
        ("--sort-into", "out", "--move", "--link"),
        ("--address", "auto"),
        ("--precision", "float16"),
        ("--engine", "spark"),
    ],
)
@pytest.mark.usefixtures("model")
def test_options_that_contradict_each_other_are_refused(
    photos: Path, options: Sequence[str]
) -> None:
    assert run_here("classify", photos, *options) == 2


@pytest.mark.usefixtures("model")
def test_labels_are_written_as_keywords_and_travel_with_their_photos(
    photos: Path, tmp_path: Path
) -> None:
    target = tmp_path / "sorted"
    assert run_here("classify", photos, "--write-keywords", "--sort-into", target) == 0
    assert "red" in (photos / "1.xmp").read_text(encoding="utf-8")
    assert (target / "red" / "1.xmp").read_bytes() == (photos / "1.xmp").read_bytes()
    assert not (photos / "3.xmp").exists()


@pytest.mark.usefixtures("model")
def test_json_tells_what_became_of_keywords_and_the_sort(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--write-keywords", "--sort-into", tmp_path / "sorted", "--json")
    assert run_here("classify", photos, *arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["keywords"]["written"] == 2
    assert len(told["sort"]["sorted"]) == 4


@pytest.mark.usefixtures("model")
def test_json_lines_agree_with_json(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = tmp_path / "out.jsonl"
    assert run_here("classify", photos, "--json", "--jsonl", lines) == 0
    told = json.loads(capsys.readouterr().out)["photos"]
    assert [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()] == told


@pytest.mark.usefixtures("model")
def test_what_the_user_corrected_is_in_every_output(
    photos: Path, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_old(photos)
    photo = photos / "1.jpg"
    with Catalog(home / "catalog", READER) as catalog:
        catalog.correct(photo, hashlib.sha256(photo.read_bytes()).digest(), "blue")
    outputs = ("--csv", tmp_path / "o.csv", "--sort-into", tmp_path / "sorted", "--write-keywords")
    assert run_here("classify", photos, "--json", *outputs) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["photos"][0]["label"], told["photos"][0]["corrected"]) == ("blue", True)
    assert told["counts"] == {"blue": 2, "unreadable": 1}
    assert rows_of(tmp_path / "o.csv")[1][1] == "blue"
    assert (tmp_path / "sorted" / "blue" / "1.jpg").exists()
    assert "blue" in (photos / "1.xmp").read_text(encoding="utf-8")
    assert run_here("classify", photo) == 0
    assert capsys.readouterr().out == f"{photo}: blue (corrected)\n"
