"""Writing predictions down."""

import csv
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from catdog_gui.classify.export import (
    as_json,
    check_target,
    count_labels,
    write_csv,
    write_json_lines,
    write_kaggle,
)
from catdog_gui.classify.prediction import Prediction, PredictionTable
from tests.helpers.photos import write_photo
from training.errors import CatDogError, ConfigurationError

CLASSES = ("cat", "dog")


def rows_of(table: Path) -> list[list[str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, strict=True))


def test_the_table_is_byte_for_byte_as_agreed(tmp_path: Path) -> None:
    predictions = [
        Prediction(Path("a.jpg"), (0.25, 0.75)),
        Prediction(Path("b.jpg"), reason="the file is empty"),
        Prediction(Path("c.jpg"), (0.5123456789, 0.4876543211)),
    ]
    write_csv(tmp_path / "out.csv", predictions, CLASSES, 0.6)
    assert (tmp_path / "out.csv").read_bytes() == (
        b"path,label,confidence,status,reason,p_cat,p_dog\r\n"
        b"a.jpg,dog,0.750000,ok,,0.250000,0.750000\r\n"
        b"b.jpg,,,unreadable,the file is empty,,\r\n"
        b"c.jpg,unsure,0.512346,ok,,0.512346,0.487654\r\n"
    )


def test_a_table_of_no_photos_has_its_header(tmp_path: Path) -> None:
    write_csv(tmp_path / "out.csv", [], ("a", "b", "c"), 0.0)
    header = ["path", "label", "confidence", "status", "reason", "p_a", "p_b", "p_c"]
    assert rows_of(tmp_path / "out.csv") == [header]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows turns / into \\")
@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a,b.jpg", '"a,b.jpg"'),
        ('say "hi".jpg', '"say ""hi"".jpg"'),
        ("two\nlines.jpg", '"two\nlines.jpg"'),
        ("two\r\nlines.jpg", '"two\r\nlines.jpg"'),
        ("it's.jpg", "it's.jpg"),
        ("Größe/猫/🐱.jpg", "Größe/猫/🐱.jpg"),
    ],
)
def test_names_are_quoted_as_rfc_4180_says(tmp_path: Path, name: str, written: str) -> None:
    write_csv(tmp_path / "out.csv", [Prediction(Path(name), (0.0, 1.0))], CLASSES, 0.0)
    content = (tmp_path / "out.csv").read_bytes().decode()
    assert content.partition("\r\n")[2] == f"{written},dog,1.000000,ok,,0.000000,1.000000\r\n"
    assert rows_of(tmp_path / "out.csv")[1][0] == name


def test_class_names_are_quoted_too(tmp_path: Path) -> None:
    classes = ("a, b", 'the "c"')
    write_csv(tmp_path / "out.csv", [Prediction(Path("1.jpg"), (1.0, 0.0))], classes, 0.0)
    header, row = rows_of(tmp_path / "out.csv")
    assert header[-2:] == ["p_a, b", 'p_the "c"']
    assert row[1] == "a, b"


def test_names_that_are_no_valid_unicode_leave_a_valid_table(tmp_path: Path) -> None:
    predictions = [
        Prediction(Path("caf\udce9.jpg"), (0.0, 1.0)),
        Prediction(Path("plain.jpg"), (0.0, 1.0)),
    ]
    write_csv(tmp_path / "out.csv", predictions, CLASSES, 0.0)
    _, odd, plain = rows_of(tmp_path / "out.csv")
    assert odd[0].startswith("caf\\")
    assert plain[0] == "plain.jpg"


def write_a_table(target: Path) -> None:
    write_csv(target, [Prediction(Path("1.jpg"), (0.0, 1.0))], CLASSES, 0.0)


def write_a_submission(target: Path) -> None:
    write_kaggle(target, [Prediction(Path("1.jpg"), (0.0, 1.0))], CLASSES, species=False)


@pytest.mark.parametrize("write", [write_a_table, write_a_submission])
def test_a_write_that_fails_leaves_the_old_table_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]
) -> None:
    target = tmp_path / "out.csv"
    target.write_text("what was there", encoding="utf-8")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CatDogError, match=r"out\.csv cannot be written: No space left on device"):
        write(target)
    assert target.read_text(encoding="utf-8") == "what was there"
    assert list(tmp_path.iterdir()) == [target]


def test_a_table_in_a_folder_that_cannot_be_made_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CatDogError, match=r"out\.csv cannot be written"):
        write_csv(tmp_path / "file" / "out.csv", [], CLASSES, 0.0)


def test_a_submission_is_ordered_by_id_and_holds_the_probability_of_dog(tmp_path: Path) -> None:
    predictions = [
        Prediction(Path("test/10.jpg"), (0.25, 0.75)),
        Prediction(Path("test/9.jpg"), (0.9, 0.1)),
        Prediction(Path("test/100.jpg"), (0.5, 0.5)),
    ]
    write_kaggle(tmp_path / "out.csv", predictions, CLASSES, species=False)
    assert (tmp_path / "out.csv").read_bytes() == (
        b"id,label\r\n9,0.100000\r\n10,0.750000\r\n100,0.500000\r\n"
    )


def test_the_species_column_says_which_is_more_probable(tmp_path: Path) -> None:
    predictions = [
        Prediction(Path("1.jpg"), (0.25, 0.75)),
        Prediction(Path("2.jpg"), (0.75, 0.25)),
    ]
    write_kaggle(tmp_path / "out.csv", predictions, CLASSES, species=True)
    assert rows_of(tmp_path / "out.csv") == [
        ["id", "label", "Species"],
        ["1", "0.750000", "dog"],
        ["2", "0.250000", "cat"],
    ]


@pytest.mark.parametrize("classes", [("Dogs", "Cats"), ("dog", "cat"), ("DOG", "bird", "cat")])
def test_the_dog_is_found_whatever_its_place_and_case(
    tmp_path: Path, classes: tuple[str, ...]
) -> None:
    probabilities = (0.875, *[0.125 / (len(classes) - 1)] * (len(classes) - 1))
    predictions = [Prediction(Path("1.jpg"), probabilities)]
    write_kaggle(tmp_path / "out.csv", predictions, classes, species=True)
    assert rows_of(tmp_path / "out.csv")[1] == ["1", "0.875000", "dog"]


def test_an_unreadable_photo_is_submitted_as_one_half(tmp_path: Path) -> None:
    predictions = [Prediction(Path("7.jpg"), reason="the file is empty")]
    write_kaggle(tmp_path / "out.csv", predictions, CLASSES, species=False)
    assert rows_of(tmp_path / "out.csv")[1] == ["7", "0.500000"]


@pytest.mark.parametrize(
    ("name", "number"), [("17.jpg", "17"), ("cat.17.jpg", "17"), ("dog.0.jpeg", "0")]
)
def test_the_id_is_the_number_in_the_name(tmp_path: Path, name: str, number: str) -> None:
    write_kaggle(tmp_path / "o.csv", [Prediction(Path(name), (0.0, 1.0))], CLASSES, species=False)
    assert rows_of(tmp_path / "o.csv")[1][0] == number


@pytest.mark.parametrize("name", ["fido.jpg", "cat.jpg", "².jpg"])
def test_a_photo_without_a_number_is_not_submitted(tmp_path: Path, name: str) -> None:
    predictions = [Prediction(Path(name), (0.0, 1.0))]
    with pytest.raises(ConfigurationError, match=rf"{name} has no number in its name"):
        write_kaggle(tmp_path / "out.csv", predictions, CLASSES, species=False)
    assert not (tmp_path / "out.csv").exists()


def test_two_photos_of_one_id_are_not_submitted(tmp_path: Path) -> None:
    predictions = [
        Prediction(Path("cat.1.jpg"), (1.0, 0.0)),
        Prediction(Path("dog.1.jpg"), (0.0, 1.0)),
    ]
    with pytest.raises(ConfigurationError, match="1"):
        write_kaggle(tmp_path / "out.csv", predictions, CLASSES, species=False)
    assert not (tmp_path / "out.csv").exists()


def test_a_model_without_cats_and_dogs_makes_no_submission(tmp_path: Path) -> None:
    predictions = [Prediction(Path("1.jpg"), (0.0, 1.0))]
    with pytest.raises(ConfigurationError, match="not of blue, red"):
        write_kaggle(tmp_path / "out.csv", predictions, ("blue", "red"), species=False)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    "name",
    ["photo.jpg", "photo.JPEG", "photo.png", "model.catdog", "m.CATDOG", "data.zip", "m.keras"],
)
def test_a_table_is_not_written_over_a_photo_or_a_model(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="named like a photo or a model"):
        check_target(tmp_path / name)


def test_a_table_is_not_written_over_a_folder(tmp_path: Path) -> None:
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(ConfigurationError, match="is a folder"):
        check_target(tmp_path / "out.csv")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no FIFOs in folders")
def test_a_table_does_not_take_the_place_of_a_device(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "device")
    with pytest.raises(ConfigurationError, match="device"):
        check_target(tmp_path / "device")


@pytest.mark.parametrize("name", ["out.csv", "out.txt", "no ending", "a.jpg.csv"])
def test_a_table_may_be_named_otherwise_and_replace_a_table(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    check_target(tmp_path / name)
    check_target(tmp_path / "not yet" / name)
    assert (tmp_path / name).exists()


def test_a_table_never_takes_the_place_of_something_else(tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "photo without ending")
    table = tmp_path / "named.csv"
    table.write_text("not a photo", encoding="utf-8")
    (tmp_path / "essay.docx").write_bytes(b"PK an essay")
    for target in (photo, tmp_path / "essay.docx"):
        with pytest.raises(ConfigurationError, match="is no table"):
            check_target(target)
    with pytest.raises(ConfigurationError, match="is one of the photos"):
        check_target(table, [table])


def test_labels_are_counted_with_unsure_and_unreadable_ones() -> None:
    predictions = [
        Prediction(Path("1.jpg"), (0.1, 0.9)),
        Prediction(Path("2.jpg"), (0.2, 0.8)),
        Prediction(Path("3.jpg"), (0.5, 0.5)),
        Prediction(Path("4.jpg"), reason="the file is empty"),
    ]
    assert count_labels(predictions, CLASSES, 0.7) == {"dog": 2, "unsure": 1, "unreadable": 1}


def test_json_holds_what_the_table_holds() -> None:
    predictions = (
        Prediction(Path("caf\udce9.jpg"), (0.25, 0.75)),
        Prediction(Path("b.jpg"), reason="the file is empty"),
        Prediction(Path("c.jpg"), (0.9, 0.1), correction="red"),
    )
    table = PredictionTable(predictions, ("blue", "red"), 0.8)
    assert json.loads(json.dumps(as_json(table))) == {
        "classes": ["blue", "red"],
        "unsure_below": 0.8,
        "counts": {"unsure": 1, "unreadable": 1, "red": 1},
        "photos": [
            {
                "path": "caf\udce9.jpg",
                "label": "unsure",
                "confidence": 0.75,
                "status": "ok",
                "reason": "",
                "corrected": False,
                "probabilities": {"blue": 0.25, "red": 0.75},
            },
            {
                "path": "b.jpg",
                "label": "",
                "confidence": None,
                "status": "unreadable",
                "reason": "the file is empty",
                "corrected": False,
                "probabilities": {},
            },
            {
                "path": "c.jpg",
                "label": "red",
                "confidence": 0.9,
                "status": "ok",
                "reason": "",
                "corrected": True,
                "probabilities": {"blue": 0.9, "red": 0.1},
            },
        ],
    }


def test_a_name_that_a_spreadsheet_would_run_is_made_harmless(tmp_path: Path) -> None:
    name = '=HYPERLINK("http:x")&"1.jpg'
    write_csv(tmp_path / "out.csv", [Prediction(Path(name), (0.0, 1.0))], ("+cat", "dog"), 0.0)
    header, row = rows_of(tmp_path / "out.csv")
    assert row[0] == f"'{name}"
    assert header[5] == "p_+cat"


def test_a_label_that_a_spreadsheet_would_run_is_made_harmless(tmp_path: Path) -> None:
    write_csv(tmp_path / "out.csv", [Prediction(Path("1.jpg"), (1.0, 0.0))], ("@cat", "dog"), 0.0)
    assert rows_of(tmp_path / "out.csv")[1][1] == "'@cat"


def test_json_lines_hold_a_photo_each(tmp_path: Path) -> None:
    predictions = [Prediction(Path(f"{number}\n.jpg"), (0.25, 0.75)) for number in range(3)]
    write_json_lines(tmp_path / "out.jsonl", predictions, CLASSES, 0.0)
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["path"] for line in lines] == ["0\n.jpg", "1\n.jpg", "2\n.jpg"]
    write_json_lines(tmp_path / "out.jsonl", [], CLASSES, 0.0)  # its own file may be written again
    check_target(tmp_path / "out.jsonl")


CORRECTED = Prediction(Path("7.jpg"), (0.9, 0.1), correction="dog")


def test_a_correction_goes_before_the_model_in_every_table(tmp_path: Path) -> None:
    write_csv(tmp_path / "out.csv", [CORRECTED], CLASSES, 0.95)
    assert rows_of(tmp_path / "out.csv")[1] == [
        "7.jpg", "dog", "0.900000", "ok", "", "0.900000", "0.100000",
    ]  # fmt: skip
    write_kaggle(tmp_path / "kaggle.csv", [CORRECTED], CLASSES, species=True)
    assert rows_of(tmp_path / "kaggle.csv")[1] == ["7", "1.000000", "dog"]
    assert count_labels([CORRECTED], CLASSES, 0.95) == {"dog": 1}


@pytest.mark.parametrize(
    ("prediction", "told"),
    [
        (Prediction(Path("7.jpg"), (0.1, 0.3, 0.6)), ["0.300000", "dog"]),
        (Prediction(Path("7.jpg"), (0.3, 0.1, 0.6)), ["0.100000", "cat"]),
        (Prediction(Path("7.jpg"), (0.9, 0.1, 0.0), correction="dog"), ["1.000000", "dog"]),
        (Prediction(Path("7.jpg"), (0.2, 0.8, 0.0), correction="cat"), ["0.000000", "cat"]),
    ],
)
def test_a_model_that_knows_neither_submits_as_well(
    tmp_path: Path, prediction: Prediction, told: list[str]
) -> None:
    classes = ("cat", "dog", "neither")
    write_kaggle(tmp_path / "out.csv", [prediction], classes, species=True)
    assert rows_of(tmp_path / "out.csv")[1] == ["7", *told]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_a_link_to_a_photo_is_not_written_through(tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "a.jpg")
    (tmp_path / "out.csv").symlink_to(photo)
    with pytest.raises(ConfigurationError, match="named like a photo"):
        check_target(tmp_path / "out.csv")


def test_a_photo_that_is_called_a_table_is_not_written_over(tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "b.csv")
    with pytest.raises(ConfigurationError, match="is left as it is"):
        check_target(photo)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_a_target_that_is_a_loop_of_links_is_refused(tmp_path: Path) -> None:
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    with pytest.raises(ConfigurationError, match="leads nowhere"):
        check_target(loop)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_photos_that_are_loops_of_links_hinder_no_table(tmp_path: Path) -> None:
    loop = tmp_path / "loop.jpg"
    loop.symlink_to(loop)
    check_target(tmp_path / "out.csv", [loop])
    with pytest.raises(ConfigurationError):
        check_target(loop, [loop])


def test_a_photo_that_the_user_calls_something_else_keeps_the_species_the_model_prefers(
    tmp_path: Path,
) -> None:
    prediction = Prediction(Path("3.jpg"), (0.9, 0.1), correction="horse")
    write_kaggle(tmp_path / "out.csv", [prediction], CLASSES, species=True)
    assert rows_of(tmp_path / "out.csv")[1] == ["3", "0.000000", "cat"]
