"""The catalog remembers, and never loses what the user said."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from catdog_gui.classify.catalog import CORRECTIONS_NAME, Catalog, Learnt
from catdog_gui.classify.catalog_database import FILE_NAME
from catdog_gui.classify.catalog_schema import MIGRATIONS, migrate, version_of
from catdog_gui.classify.corrections_log import Correction, CorrectionsLog
from training.errors import CatDogError
from training.photo_files import Stamp

READER = "reader 1"
PHOTO = Path("/photos/1.jpg")
OLD = Stamp(1000, 1_500_000_000_250_000_000, 1_500_000_000_250_000_000)
CONTENT = bytes(range(32))
KILLS = 50


def opened(folder: Path, told: list[str] | None = None, reader: str = READER) -> Catalog:
    return Catalog(folder, reader, (told if told is not None else []).append)


def learn(catalog: Catalog, path: Path = PHOTO, stamp: Stamp = OLD) -> int:
    model = catalog.model(b"key", "float32", "cats and dogs")
    catalog.learn([Learnt(path, stamp, CONTENT, "", (0.25, 0.75))], model)
    return model


def test_what_was_learnt_is_known_to_the_next_process(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        model = learn(catalog)
    with opened(tmp_path) as catalog:
        assert catalog.model(b"key", "float32", "another name") == model
        known = catalog.file(PHOTO, OLD, (model, model))
    assert known is not None
    assert (known.fingerprint, known.reason, known.correction) == (CONTENT, "", "")
    assert known.probabilities == (0.25, 0.75)


@pytest.mark.parametrize(
    "stamp", [OLD._replace(size=1), OLD._replace(modified=1), OLD._replace(changed=1)]
)
def test_a_changed_file_is_not_known(tmp_path: Path, stamp: Stamp) -> None:
    with opened(tmp_path) as catalog:
        model = learn(catalog)
        assert catalog.file(PHOTO, stamp, (model, model)) is None


def test_a_moved_file_is_known_by_its_content(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        model = learn(catalog)
        assert catalog.file(Path("/elsewhere/1.jpg"), OLD, (model, model)) is None
        known = catalog.content(CONTENT, (model, model))
    assert known is not None
    assert known.probabilities == (0.25, 0.75)


def test_another_model_or_precision_was_not_asked(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        learn(catalog)
        for key, precision in ((b"other", "float32"), (b"key", "auto")):
            other = catalog.model(key, precision, "other")
            known = catalog.file(PHOTO, OLD, (other, other))
            assert known is not None
            assert known.probabilities == ()


def test_what_another_reader_read_is_not_believed(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        learn(catalog)
    with opened(tmp_path, reader="reader 2") as catalog:
        model = catalog.model(b"key", "float32", "cats and dogs")
        known = catalog.file(PHOTO, OLD, (model, model))
    assert known is not None
    assert (known.reason, known.probabilities) == (None, ())


def test_a_reason_is_known_and_no_model_needed_for_it(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        model = catalog.model(b"key", "float32", "cats and dogs")
        catalog.learn([Learnt(PHOTO, OLD, CONTENT, "the file is damaged", ())], model)
        known = catalog.file(PHOTO, OLD, (0, 0))
    assert known is not None
    assert known.reason == "the file is damaged"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_no_unicode_are_remembered(tmp_path: Path) -> None:
    photo = Path(os.fsdecode(b"/photos/caf\xe9.jpg"))
    with opened(tmp_path) as catalog:
        model = learn(catalog, photo)
        catalog.correct(photo, CONTENT, "dog")
        known = catalog.file(photo, OLD, (model, model))
    assert known is not None
    assert known.correction == "dog"


def test_a_correction_stays_with_the_content_wherever_it_lies(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        catalog.correct(PHOTO, CONTENT, "cat")
        catalog.correct(PHOTO, CONTENT, "dog")
        assert catalog.corrections() == 1
        learn(catalog, Path("/elsewhere/1.jpg"))
    with opened(tmp_path, reader="reader 2") as catalog:
        known = catalog.content(CONTENT, (0, 0))
    assert known is not None
    assert known.correction == "dog"


def test_a_correction_can_be_withdrawn(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        catalog.correct(PHOTO, CONTENT, "cat")
        catalog.correct(PHOTO, CONTENT, "")
        assert catalog.corrections() == 0
    (tmp_path / FILE_NAME).unlink()
    with opened(tmp_path) as catalog:
        assert catalog.corrections() == 0


def damage_header(file: Path) -> None:
    file.write_bytes(b"not a database at all" * 500)


def damage_pages(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4096:] = np.random.default_rng(1).bytes(len(content) - 4096)
    file.write_bytes(content)


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:5000])


def empty_tables(file: Path) -> None:
    file.unlink()
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE something (else_ TEXT)")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("damage", [damage_header, damage_pages, cut_short, empty_tables])
def test_a_damaged_catalog_is_set_aside_with_a_word_and_all_corrections_stay(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    with opened(tmp_path) as catalog:
        learn(catalog)
        for number in range(300):
            catalog.correct(PHOTO, number.to_bytes(32, "big"), f"label {number}")
    damage(tmp_path / FILE_NAME)
    size = (tmp_path / FILE_NAME).stat().st_size
    told: list[str] = []
    with opened(tmp_path, told) as catalog:
        for _ in range(3):
            catalog.corrections()
            learn(catalog)
        assert catalog.corrections() == 300
        model = learn(catalog)
        assert catalog.file(PHOTO, OLD, (model, model)) is not None
    assert len(told) == 1
    assert "damaged" in told[0]
    (aside,) = tmp_path.glob("catalog-damaged-*.sqlite3")
    assert aside.stat().st_size == size
    assert str(aside) in told[0]


def test_a_catalog_that_vanished_is_begun_anew_with_all_corrections(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        catalog.correct(PHOTO, CONTENT, "dog")
    (tmp_path / FILE_NAME).unlink()
    with opened(tmp_path) as catalog:
        assert catalog.corrections() == 1


def test_a_cut_line_of_the_log_costs_that_line_only(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        catalog.correct(PHOTO, CONTENT, "dog")
    log = tmp_path / CORRECTIONS_NAME
    log.write_bytes(log.read_bytes() + b'{"fingerprint": "00", "lab')
    with opened(tmp_path) as catalog:
        catalog.correct(PHOTO, bytes(32), "cat")
    (tmp_path / FILE_NAME).unlink()
    with opened(tmp_path) as catalog:
        assert catalog.corrections() == 2


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"nonsense",
        b'{"fingerprint": 7, "label": "cat", "corrected": 1}',
        b'{"fingerprint": "zz", "label": "cat", "corrected": 1}',
        b'{"fingerprint": "00", "label": "cat", "corrected": "yesterday"}',
        b'{"fingerprint": "00", "label": "cat", "corrected": 1, "more": 2}',
        b"\xff\xfe",
    ],
)
def test_nonsense_in_the_log_is_passed_over(tmp_path: Path, line: bytes) -> None:
    (tmp_path / CORRECTIONS_NAME).write_bytes(line + b"\n")
    told: list[str] = []
    with opened(tmp_path, told) as catalog:
        assert catalog.corrections() == 0
    assert told == []


def test_a_catalog_of_a_newer_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    with opened(tmp_path):
        pass
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(CatDogError, match="newer CatDog Studio"):
        opened(tmp_path)
    assert not list(tmp_path.glob("catalog-damaged-*"))


def test_a_catalog_that_cannot_be_used_is_told_once_and_holds_nothing_up(tmp_path: Path) -> None:
    folder = tmp_path / "catalog"
    folder.write_text("not a folder", encoding="utf-8")
    told: list[str] = []
    with opened(folder, told) as catalog:
        model = learn(catalog)
        assert catalog.file(PHOTO, OLD, (model, model)) is None
        assert catalog.corrections() == 0
        with pytest.raises(CatDogError, match="cannot be kept"):
            catalog.correct(PHOTO, CONTENT, "cat")
    assert len(told) == 1
    assert "nothing is remembered" in told[0]


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "catalog.sqlite3", isolation_level=None)
    migrate(connection)
    broken = (*MIGRATIONS, "CREATE TABLE more (x);\nCREATE TABLE photo (x);")
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, broken)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert "more" not in tables
    assert version_of(connection) == len(MIGRATIONS)
    connection.close()


def test_each_migration_is_made_once(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "catalog.sqlite3", isolation_level=None)
    for migrations in (MIGRATIONS, (*MIGRATIONS, "CREATE TABLE more (x);")):
        migrate(connection, migrations)
        migrate(connection, migrations)
        assert version_of(connection) == len(migrations)
    connection.close()


def test_a_correction_that_only_reached_the_log_is_taken_over_later(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        catalog.correct(PHOTO, CONTENT, "dog")
        log = CorrectionsLog(tmp_path / CORRECTIONS_NAME)
        log.add(Correction(bytes(32).hex(), "cat", 1))
        assert catalog.content(bytes(32), (0, 0)) is None
    with opened(tmp_path) as catalog:
        known = catalog.content(bytes(32), (0, 0))
        assert known is not None
        assert known.correction == "cat"
        assert catalog.corrections() == 2


def test_a_log_that_was_begun_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        for number in range(5):
            catalog.correct(PHOTO, number.to_bytes(32, "big"), "dog")
    (tmp_path / CORRECTIONS_NAME).unlink()
    with opened(tmp_path) as catalog:
        catalog.correct(PHOTO, CONTENT, "cat")
        assert catalog.corrections() == 6


FULL_DISK = """
import resource, sys
from pathlib import Path
from catdog_gui.classify.corrections_log import Correction, CorrectionsLog
path = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, -1))
CorrectionsLog(path).add(Correction("00" * 32, "cat", 1))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of a file's size")
def test_a_correction_for_which_there_is_no_room_is_refused_and_leaves_no_part(
    tmp_path: Path,
) -> None:
    with opened(tmp_path) as catalog:
        catalog.correct(PHOTO, CONTENT, "dog")
    log = tmp_path / CORRECTIONS_NAME
    before = log.read_bytes()
    command = [sys.executable, "-c", FULL_DISK, str(log)]
    ended = subprocess.run(command, capture_output=True, check=False)
    assert b"OSError" in ended.stderr
    assert log.read_bytes() == before


def correcting(folder: Path, first: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.helpers.correcting", str(folder), str(first)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def test_fifty_kills_lose_no_correction(tmp_path: Path) -> None:
    kept: list[int] = []
    generator = np.random.default_rng(1)
    for _ in range(KILLS):
        with correcting(tmp_path, len(kept)) as process:
            assert process.stdout is not None
            kept += [int(process.stdout.readline()) for _ in range(generator.integers(1, 21))]
            process.kill()
            kept += [int(line) for line in process.stdout.read().splitlines()]
    assert kept == list(range(len(kept)))
    with opened(tmp_path) as catalog:
        for number in kept:
            known = catalog.content(number.to_bytes(32, "big"), (0, 0))
            assert known is not None
            assert known.correction == f"label {number}"


def test_two_processes_at_once_lose_nothing(tmp_path: Path) -> None:
    def run(first: int) -> list[int]:
        with correcting(tmp_path, first) as process:
            assert process.stdout is not None
            numbers = [int(process.stdout.readline()) for _ in range(100)]
            process.kill()
            return numbers

    with ThreadPoolExecutor() as threads:
        kept = [number for numbers in threads.map(run, (0, 10_000)) for number in numbers]
    told: list[str] = []
    with opened(tmp_path, told) as catalog:
        assert catalog.corrections() >= len(kept) == 200
        for number in kept:
            assert catalog.content(number.to_bytes(32, "big"), (0, 0)) is not None
    assert told == []
