"""The sealed model file: read as written, or refused with a reason."""

import hashlib
import io
import json
import os
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.models import SIZE, array_bytes, describe, write_colour_model
from training.errors import ModelFileError
from training.model_file import (
    DESCRIPTION,
    FORMAT_VERSION,
    GOLDEN_INPUTS,
    GOLDEN_PROBABILITIES,
    HISTORY,
    IMPORTED,
    MEMBERS,
    read_description,
    read_model_file,
    write_model_file,
)

CONTENTS = {name: f"the bytes of {name}".encode() for name in MEMBERS}
LONGEST_MESSAGE = 400
Reader = Callable[[Path], object]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colour_model(tmp_path_factory.mktemp("models") / "colours.catdog")


def refusal(path: Path, read: Reader = read_model_file) -> str:
    """Return why a model file is refused, having checked that it is said in a single line."""
    with pytest.raises(ModelFileError) as refused:
        read(path)
    message = str(refused.value)
    assert str(path) in message
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < LONGEST_MESSAGE + len(str(path))
    return message


def members_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed_elsewhere(
    path: Path, members: Mapping[str, bytes], packing: int = zipfile.ZIP_STORED
) -> Path:
    """Write members as another program would: whatever they are, and without a seal."""
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def described_as(model: Path, path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Copy a model file with its description changed and its seal left out."""
    members = members_of(model)
    values = json.loads(members[DESCRIPTION])
    change(values)
    return packed_elsewhere(path, {**members, DESCRIPTION: json.dumps(values).encode()})


def test_a_model_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "Kätzchen 猫.catdog"
    description = replace(
        describe(("Kätzchen", '猫 "q"')), unsure_below=0.75, versions={"keras": "3"}
    )
    write_model_file(path, description, CONTENTS)
    file = read_model_file(path)
    assert file.description == description
    assert file.members == CONTENTS
    assert file.name == "Kätzchen 猫"
    assert read_description(path) == description


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_model_file(tmp_path / name, describe(), CONTENTS)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("names", [MEMBERS[1:], (*MEMBERS, "surplus")])
def test_a_file_of_other_members_is_not_written(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="a model file holds"):
        write_model_file(tmp_path / "m.catdog", describe(), dict.fromkeys(names, b""))
    assert list(tmp_path.iterdir()) == []


def test_a_model_file_is_a_stored_zip_that_any_program_reads(model: Path) -> None:
    with zipfile.ZipFile(model) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [DESCRIPTION, *MEMBERS]


def test_a_model_file_packed_again_by_another_program_is_read(model: Path, tmp_path: Path) -> None:
    again = packed_elsewhere(tmp_path / "again.catdog", members_of(model))
    assert read_model_file(again).members == read_model_file(model).members


def test_golden_photos_are_read(model: Path) -> None:
    golden = read_model_file(model).golden()
    assert golden.inputs.shape == (2, *SIZE, 3)
    assert golden.probabilities.shape == (2, 2)


def test_every_single_changed_byte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "small.catdog"
    write_model_file(path, describe(), CONTENTS)
    assert read_model_file(path).members == CONTENTS
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    accepted = []
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= int(random.integers(1, 256))
        path.write_bytes(changed)
        try:
            read_model_file(path)
        except ModelFileError:
            continue
        accepted.append(place)
    assert not accepted


def test_a_description_alone_is_read_or_refused_whatever_byte_is_changed(
    model: Path, tmp_path: Path
) -> None:
    whole = model.read_bytes()
    directory = whole.index(b"PK\x01\x02")
    path = tmp_path / "changed.catdog"
    refused = 0
    for place in (*range(2000), *range(directory, len(whole))):
        changed = bytearray(whole)
        changed[place] ^= 0x53
        path.write_bytes(changed)
        try:
            read_description(path)
        except ModelFileError:
            refused += 1
    assert refused > 1000


def test_a_file_cut_short_anywhere_is_refused(model: Path, tmp_path: Path) -> None:
    whole = model.read_bytes()
    path = tmp_path / "short.catdog"
    lengths = (*range(0, len(whole) - 300, 29), *range(len(whole) - 300, len(whole)))
    accepted = []
    for length in lengths:
        path.write_bytes(whole[:length])
        try:
            read_model_file(path)
        except ModelFileError:
            continue
        accepted.append(len(whole) - length)
    assert not accepted


def test_a_file_with_bytes_before_or_behind_is_refused(model: Path, tmp_path: Path) -> None:
    whole = model.read_bytes()
    for content in (b"x" + whole, whole + b"x", whole + b"\0", whole + whole):
        (tmp_path / "more.catdog").write_bytes(content)
        assert refusal(tmp_path / "more.catdog")


def test_each_refusal_is_one_line_that_names_the_file(model: Path, tmp_path: Path) -> None:
    whole = model.read_bytes()
    path = tmp_path / "damaged.catdog"
    for place in range(0, len(whole), 101):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert refusal(path)
        path.write_bytes(whole[:place])
        assert refusal(path)


@pytest.mark.parametrize(
    "name",
    ["../evil", "golden/../../evil", "/etc/evil", "..\\evil", "\\evil", "C:\\evil", "C:evil"],
)
def test_a_path_outside_the_file_is_refused(model: Path, tmp_path: Path, name: str) -> None:
    path = packed_elsewhere(tmp_path / "evil.catdog", {**members_of(model), name: b"evil"})
    assert "a path outside its folder" in refusal(path)


def test_an_unknown_member_is_refused(model: Path, tmp_path: Path) -> None:
    path = packed_elsewhere(tmp_path / "m.catdog", {**members_of(model), "virus.py": b"evil"})
    assert "'virus.py'" in refusal(path)


@pytest.mark.parametrize("name", [DESCRIPTION, *MEMBERS])
def test_a_missing_member_is_refused(model: Path, tmp_path: Path, name: str) -> None:
    members = members_of(model)
    del members[name]
    assert f"lacks {name}" in refusal(packed_elsewhere(tmp_path / "m.catdog", members))


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_a_member_that_is_there_twice_is_refused(model: Path, tmp_path: Path) -> None:
    path = packed_elsewhere(tmp_path / "m.catdog", members_of(model))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(HISTORY, b"another")
    assert "named twice" in refusal(path)


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packed_members_are_refused(model: Path, tmp_path: Path, packing: int) -> None:
    assert "packed" in refusal(packed_elsewhere(tmp_path / "m", members_of(model), packing))


def test_a_packed_description_is_not_unpacked_for_a_list(model: Path, tmp_path: Path) -> None:
    members = members_of(model)
    path = packed_elsewhere(tmp_path / "m.catdog", members, zipfile.ZIP_DEFLATED)
    assert refusal(path, read_description)


@pytest.mark.parametrize("name", MEMBERS)
def test_another_member_with_the_old_checksum_is_refused(
    model: Path, tmp_path: Path, name: str
) -> None:
    path = packed_elsewhere(tmp_path / "m.catdog", {**members_of(model), name: b"changed"})
    assert f"the checksum of {name} is wrong" in refusal(path)


@pytest.mark.parametrize("read", [read_model_file, read_description])
@pytest.mark.parametrize("version", [0, FORMAT_VERSION + 1, "2.0", None])
def test_an_unknown_version_is_said_to_be_one(
    model: Path, tmp_path: Path, version: object, read: Reader
) -> None:
    path = described_as(model, tmp_path / "m", lambda v: v.update(format_version=version))
    message = refusal(path, read)
    assert f"format version {version!r}" in message
    assert "newer CatDog Studio" in message


@pytest.mark.parametrize("read", [read_model_file, read_description])
@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"5", b"[]", b'"text"', b"{}", b"\xff\xfe", b"[" * 200_000],
    ids=lambda content: content[:8].decode("latin-1"),
)
def test_a_description_that_is_none_is_refused(
    model: Path, tmp_path: Path, content: bytes, read: Reader
) -> None:
    path = packed_elsewhere(tmp_path / "m", {**members_of(model), DESCRIPTION: content})
    assert refusal(path, read)


@pytest.mark.parametrize("read", [read_model_file, read_description])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("class_names", []),
        ("class_names", ["cat"]),
        ("class_names", ["cat", "cat"]),
        ("class_names", None),
        ("image_size", [150]),
        ("image_size", [0, 150]),
        ("image_size", [150, 1_000_000]),
        ("image_size", ["wide", "high"]),
        ("image_size", [float("inf"), 150]),
        ("image_size", [float("nan"), 150]),
        ("output", "softplus"),
        ("output", ["sigmoid"]),
        ("trained_on", None),
        ("trained_on", {}),
        ("metrics", None),
        ("metrics", {}),
        ("metrics", {"split": "validation", "photos": 0, "correct": 0, "loss": 0.5}),
        ("metrics", {"split": "validation", "photos": 5, "correct": 6, "loss": 0.5}),
        ("metrics", {"split": "validation", "photos": "5", "correct": 5, "loss": 0.5}),
        ("unsure_below", "often"),
        ("preprocessing", 5),
        ("versions", [1, 2]),
        ("sha256", None),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(
    model: Path, tmp_path: Path, key: str, value: object, read: Reader
) -> None:
    path = described_as(model, tmp_path / "m", lambda values: values.update({key: value}))
    assert refusal(path, read)


def test_only_an_imported_model_may_know_neither_its_photos_nor_its_metrics(
    model: Path, tmp_path: Path
) -> None:
    unknown = {"recipe": IMPORTED, "trained_on": None, "metrics": None}
    path = described_as(model, tmp_path / "m", lambda values: values.update(unknown))
    description = read_description(path)
    assert (description.recipe, description.trained_on, description.metrics) == (
        IMPORTED,
        None,
        None,
    )
    trained = {**unknown, "recipe": "baseline"}
    assert refusal(described_as(model, tmp_path / "n", lambda values: values.update(trained)))


@pytest.mark.parametrize("key", ["class_names", "image_size", "trained_on", "metrics", "sha256"])
def test_a_description_that_lacks_something_is_refused(
    model: Path, tmp_path: Path, key: str
) -> None:
    assert refusal(described_as(model, tmp_path / "m", lambda values: values.pop(key)))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such paths")
@pytest.mark.parametrize("read", [read_model_file, read_description])
def test_what_is_no_file_is_refused(tmp_path: Path, read: Reader) -> None:
    empty = tmp_path / "empty.catdog"
    empty.touch()
    assert "no model file" in refusal(tmp_path / "none.catdog", read)
    assert "cannot be read" in refusal(tmp_path, read)
    assert "not a model file" in refusal(empty, read)
    assert refusal(tmp_path / ("a" * 300), read)


@pytest.mark.timeout(10)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
@pytest.mark.parametrize("read", [read_model_file, read_description])
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path, read: Reader) -> None:
    os.mkfifo(tmp_path / "pipe.catdog")
    assert refusal(tmp_path / "pipe.catdog", read)


def test_a_photo_and_another_zip_are_refused(tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(b"\xff\xd8\xff\xe0 no zip")
    assert "not a model file" in refusal(tmp_path / "photo")
    assert refusal(packed_elsewhere(tmp_path / "zip", {"cat.1.jpg": b"photo"}))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (GOLDEN_INPUTS, b"no array"),
        (GOLDEN_INPUTS, b""),
        (GOLDEN_INPUTS, array_bytes(np.zeros((0, *SIZE, 3), np.uint8))),
        (GOLDEN_INPUTS, array_bytes(np.zeros((2, 3, 3, 3), np.uint8))),
        (GOLDEN_INPUTS, array_bytes(np.zeros((2, *SIZE, 3), np.float32))),
        (GOLDEN_INPUTS, array_bytes(np.array(3, np.uint8))),
        (GOLDEN_PROBABILITIES, array_bytes(np.zeros((1, 2), np.float32))),
        (GOLDEN_PROBABILITIES, array_bytes(np.zeros((2, 3), np.float32))),
        (GOLDEN_PROBABILITIES, b"\x93NUMPY\x01\x00\x76\x00{'descr': '|O', rubbish"),
    ],
)
def test_golden_photos_that_do_not_fit_are_refused(
    model: Path, tmp_path: Path, name: str, content: bytes
) -> None:
    members = {key: value for key, value in members_of(model).items() if key != DESCRIPTION}
    path = tmp_path / "m.catdog"
    write_model_file(path, describe(), {**members, name: content})
    assert "golden photos" in refusal(path, lambda file: read_model_file(file).golden())


def test_golden_photos_that_hold_code_do_not_run_it(model: Path, tmp_path: Path) -> None:
    objects = io.BytesIO()
    np.save(objects, np.array([Path("evil")], dtype=object), allow_pickle=True)
    members = {key: value for key, value in members_of(model).items() if key != DESCRIPTION}
    path = tmp_path / "m.catdog"
    write_model_file(path, describe(), {**members, GOLDEN_INPUTS: objects.getvalue()})
    assert "golden photos" in refusal(path, lambda file: read_model_file(file).golden())


def test_reading_writes_nothing(model: Path, tmp_path: Path, home: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    path = folder / "m.catdog"
    path.write_bytes(model.read_bytes())
    before = (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).digest())
    written = WrittenFiles()
    with written:
        read_model_file(path).golden()
        read_description(path)
    assert written.paths == []
    assert list(folder.iterdir()) == [path]
    assert not home.exists()
    assert (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).digest()) == before


class WrittenFiles:
    """Hears of every file that Python opens to write, while it listens: an audit hook stays."""

    def __init__(self) -> None:
        """Hear of nothing yet."""
        self.paths: list[str] = []
        self._listening = False
        sys.addaudithook(self._hear)

    def __enter__(self) -> None:
        """Begin to listen."""
        self._listening = True

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        self._listening = False

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._listening and event == "open":
            path, mode, flags = arguments
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                self.paths.append(f"{path} {mode}")
