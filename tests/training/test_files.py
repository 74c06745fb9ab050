"""Files are replaced whole, and names are ones that every system can store."""

import os
import stat
import sys
from pathlib import Path

import pytest

from training.errors import ConfigurationError
from training.files import (
    LONGEST_NAME,
    as_file_name,
    check_name,
    making,
    replacing,
    write_bytes,
)


class PowerCutError(Exception):
    """What ends a block in the middle of writing."""


def cut_off_while_writing(path: Path) -> None:
    with replacing(path) as file:
        file.write(b"half of the new co")
        raise PowerCutError


def test_a_file_is_written_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "some" / "folder" / "file"
    write_bytes(path, b"content")
    assert path.read_bytes() == b"content"


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old and longer")
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


def test_an_error_leaves_the_old_file_whole_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(PowerCutError):
        cut_off_while_writing(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_no_file_where_there_was_none(tmp_path: Path) -> None:
    with pytest.raises(PowerCutError):
        cut_off_while_writing(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way_is_an_error_that_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken" / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="taken"):
        write_bytes(tmp_path / "taken", b"content")
    assert list(tmp_path.iterdir()) == [tmp_path / "taken"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_a_file_gets_the_mode_that_the_user_asks_for(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_bytes(tmp_path / "file", b"content")
    finally:
        after = os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640
    assert after == 0o027


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    name = "🐱" * (LONGEST_NAME // 4)
    path = tmp_path / f"{check_name(name, 'The name')}.catdog"
    write_bytes(path, b"content")
    assert path.read_bytes() == b"content"


@pytest.mark.parametrize(
    "name",
    [
        "baseline-1",
        "a",
        "my best run",
        "Kätzchen",
        "猫と犬",
        "кот",
        "🐱",
        "v1.2",
        "it's; $(x) & y",
        "コン",
    ],
)
def test_a_name_may_hold_any_script(name: str) -> None:
    assert check_name(name, "The run name") == name


@pytest.mark.parametrize(
    "name",
    [
        "", " ", "\t", " a", "a ", ".", "..", ".hidden", "a.", "a/b", "a\\b", "../a", "a:b", "a*",
        "a?", 'a"', "a<b", "a>b", "a|b", "a\nb", "a\0b", "a\x7f", "\u202egnp.exe", "caf\udce9",
        "con", "CON", "nul.txt", "Com1", "lpt9.catdog", "a" * (LONGEST_NAME + 1),
        "猫" * (LONGEST_NAME // 3 + 1),
    ],
)  # fmt: skip
def test_a_name_that_some_system_refuses_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="The run name") as refused:
        check_name(name, "The run name")
    assert str(refused.value).isprintable()


def test_what_was_made_takes_its_place(tmp_path: Path) -> None:
    target = tmp_path / "some" / "folder" / "größer 1.onnx"
    with making(target) as made:
        made.write_bytes(b"network")
        made.with_name("in between").touch()
        assert made.suffix == ".onnx"
        assert not target.exists()
    assert target.read_bytes() == b"network"
    assert list(target.parent.iterdir()) == [target]


def test_a_folder_that_was_made_takes_its_place(tmp_path: Path) -> None:
    target = tmp_path / "network"
    with making(target) as made:
        (made / "within").mkdir(parents=True)
        (made / "within" / "file").write_bytes(b"network")
    assert (target / "within" / "file").read_bytes() == b"network"
    assert list(tmp_path.iterdir()) == [target]


def test_nothing_is_left_of_what_was_not_made_to_its_end(tmp_path: Path) -> None:
    def cut_off_while_making() -> None:
        with making(tmp_path / "network") as made:
            made.write_bytes(b"half of the netw")
            raise PowerCutError

    with pytest.raises(PowerCutError):
        cut_off_while_making()
    with making(tmp_path / "other"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_replaced_by_what_is_made(tmp_path: Path) -> None:
    target = tmp_path / "network"

    def make_too_late() -> None:
        with making(target) as made:
            made.write_bytes(b"ours")
            target.write_bytes(b"theirs")

    with pytest.raises(FileExistsError):
        make_too_late()
    assert target.read_bytes() == b"theirs"
    with pytest.raises(FileExistsError), making(target):
        pytest.fail("there is nothing to make")
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    "text",
    ["cat 93%", "größer 1", "a/b\\c", "", "...", " x ", "CON", "nul.txt", "\x00", "\udc80",
     "\u202egpj.exe", "ä" * 200, "a" * 59 + "🐈"],
)  # fmt: skip
def test_any_text_makes_a_name_that_every_system_can_store(text: str) -> None:
    name = as_file_name(text, 60)
    assert check_name(name, "The name") == name
    assert len(name.encode()) <= 61


def test_a_text_that_can_be_a_name_is_kept() -> None:
    assert as_file_name("größer 1 cat 93%") == "größer 1 cat 93%"
