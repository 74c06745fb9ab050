"""Finding photos in files and folders."""

import os
import sys
from itertools import count
from pathlib import Path

import pytest

from catdog_gui.classify.scan import find_photos, is_photo_name
from training.errors import DatasetError

not_on_windows = pytest.mark.skipif(sys.platform == "win32", reason="Windows lacks this")


def touch(root: Path, *names: str) -> list[Path]:
    files = [root / name for name in names]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return files


def names_in(root: Path, photos: list[Path]) -> list[str]:
    return [photo.relative_to(root).as_posix() for photo in photos]


def test_photos_come_in_the_same_order_however_they_were_made(tmp_path: Path) -> None:
    names = ["b.jpg", "a/2.jpg", "a.jpg", "a/1.jpg", "c/z/1.png", "c/y.png"]
    touch(tmp_path / "one", *names)
    touch(tmp_path / "two", *reversed(names))
    one = names_in(tmp_path / "one", find_photos([tmp_path / "one"]))
    assert one == names_in(tmp_path / "two", find_photos([tmp_path / "two"]))
    assert sorted(one) == sorted(names)


def test_a_folder_own_photos_come_before_those_of_its_subfolders(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "z.jpg", "a/b/1.jpg")
    assert names_in(tmp_path, find_photos([tmp_path])) == ["z.jpg", "a/1.jpg", "a/b/1.jpg"]


def test_paths_are_searched_in_the_order_in_which_they_are_given(tmp_path: Path) -> None:
    second, first, third = touch(tmp_path, "b/1.jpg", "c/1.jpg", "a/1.jpg")
    assert find_photos([first, second.parent, third]) == [first, second, third]


def test_subfolders_are_left_out_on_request(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg", "deep/2.jpg")
    assert names_in(tmp_path, find_photos([tmp_path], recursive=False)) == ["1.jpg"]


def test_only_files_that_end_like_photos_are_found_in_folders(tmp_path: Path) -> None:
    wanted = ["a.JPG", "b.jpeg", "c.PNG", "d.webp", "e.tif", "f.gif", "g.bmp", "h.avif"]
    touch(tmp_path, *wanted, "notes.txt", "jpg", "x.jpg.bak", "no ending", "clip.mp4")
    assert names_in(tmp_path, find_photos([tmp_path])) == wanted


@pytest.mark.parametrize("name", ["letter.txt", "no ending", ".hidden.jpg", "x.JPG"])
def test_a_named_file_is_taken_whatever_its_ending(tmp_path: Path, name: str) -> None:
    (file,) = touch(tmp_path, name)
    assert find_photos([file]) == [file]


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, ".a.jpg", ".thumbnails/1.jpg", "b/.cache/2.jpg", "b/._3.jpg", "b/4.jpg")
    assert names_in(tmp_path, find_photos([tmp_path])) == ["b/4.jpg"]


def test_a_hidden_folder_that_is_named_is_searched(tmp_path: Path) -> None:
    (photo,) = touch(tmp_path, ".private/1.jpg")
    assert find_photos([photo.parent]) == [photo]


def test_a_photo_given_twice_is_found_once(tmp_path: Path) -> None:
    photo, other = touch(tmp_path, "a/1.jpg", "a/2.jpg")
    found = find_photos([other, photo.parent, photo, photo.parent, tmp_path])
    assert found == [other, photo]


def test_a_photo_given_by_two_spellings_of_its_path_is_found_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a/1.jpg")
    monkeypatch.chdir(tmp_path)
    found = find_photos([Path("a"), tmp_path / "a", Path("a/../a/1.jpg")])
    assert found == [Path("a/1.jpg")]


@not_on_windows
def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere", "1.jpg")
    touch(tmp_path / "root", "2.jpg", "deep/3.jpg")
    (tmp_path / "root" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root" / "deep" / "link").symlink_to(tmp_path / "elsewhere")
    found = find_photos([tmp_path / "root"])
    assert names_in(tmp_path / "root", found) == ["2.jpg", "deep/3.jpg"]


@not_on_windows
def test_a_link_to_a_folder_that_is_named_is_searched(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere", "1.jpg")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    assert find_photos([link]) == [link / "1.jpg"]


@not_on_windows
def test_links_to_photos_are_taken(tmp_path: Path) -> None:
    (photo,) = touch(tmp_path / "elsewhere", "1.jpg")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "2.jpg").symlink_to(photo)
    assert names_in(tmp_path, find_photos([tmp_path / "root"])) == ["root/2.jpg"]


@not_on_windows
def test_loops_of_links_do_no_harm(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg", "deep/2.jpg")
    (tmp_path / "deep" / "up").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / "self.jpg").symlink_to(tmp_path / "self.jpg")
    assert names_in(tmp_path, find_photos([tmp_path])) == ["1.jpg", "self.jpg", "deep/2.jpg"]


@not_on_windows
def test_a_dangling_link_named_like_a_photo_is_found(tmp_path: Path) -> None:
    link = tmp_path / "gone.jpg"
    link.symlink_to(tmp_path / "nowhere.jpg")
    assert find_photos([tmp_path]) == [link]
    assert find_photos([link]) == [link]


@pytest.mark.parametrize("parent", [".", "deep"])
def test_a_folder_named_like_a_photo_is_found_and_searched(tmp_path: Path, parent: str) -> None:
    touch(tmp_path, f"{parent}/x.jpg/1.jpg")
    folder = tmp_path / parent / "x.jpg"
    assert find_photos([tmp_path]) == [folder, folder / "1.jpg"]


def test_a_path_that_does_not_exist_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nowhere\.jpg"):
        find_photos([tmp_path / "nowhere.jpg"])


def test_a_path_too_long_for_the_system_is_refused_like_any_other(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="There is no photo or folder"):
        find_photos([tmp_path / ("x" * 300)])


def test_an_empty_folder_holds_no_photos(tmp_path: Path) -> None:
    assert find_photos([tmp_path]) == []


@not_on_windows
@pytest.mark.parametrize(
    "name",
    [
        "two words.jpg",
        "Größe größer.jpg",
        "猫和狗.jpg",
        "🐱🐶.jpg",
        'it\'s "quoted".jpg',
        "two\nlines.jpg",
        "tab\there.jpg",
        "-csv.jpg",
        "%s {0} $HOME *.jpg",
    ],
)
def test_any_name_is_found(tmp_path: Path, name: str) -> None:
    folder = name.removesuffix(".jpg")
    touch(tmp_path, name, f"{folder}/{name}")
    assert names_in(tmp_path, find_photos([tmp_path])) == [name, f"{folder}/{name}"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_no_valid_unicode_are_found(tmp_path: Path) -> None:
    names = [os.fsdecode(b"caf\xe9.jpg"), os.fsdecode(b"\xff\xfe.jpg")]
    touch(tmp_path, *names)
    assert {photo.name for photo in find_photos([tmp_path])} == set(names)


def test_a_stop_returns_what_was_found_until_then(tmp_path: Path) -> None:
    touch(tmp_path, "0.jpg", "a/1.jpg", "b/2.jpg", "c/3.jpg")
    asked = count(1)
    found = find_photos([tmp_path], should_stop=lambda: next(asked) > 1)
    assert names_in(tmp_path, found) == ["0.jpg", "a/1.jpg"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.jpg", True), ("a.JpEg", True), (".jpg", False), (".a.jpg", False), ("a.txt", False)],
)
def test_a_photo_is_told_by_its_name(name: str, expected: bool) -> None:
    assert is_photo_name(Path(name)) is expected
