"""Model files and runs that hold nonsense, with every checksum right."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.models import write_colour_model
from tests.helpers.training_configs import small_config
from training.errors import ModelFileError, RunError
from training.model_file import GOLDEN_INPUTS, read_description, read_model_file
from training.runs import Run, RunState


def change_description(path: Path, *keys: str, value: object) -> Path:
    """Change a value deep in model.json, in a zip that bears no seal, and return its path."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    description: dict[str, Any] = json.loads(members["model.json"])
    place = description
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    members["model.json"] = json.dumps(description).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("metrics", "photos"), 10**400),
        (("metrics", "photos"), float("inf")),
        (("metrics", "photos"), 2.5),
        (("metrics", "photos"), "5"),
        (("metrics", "correct"), -1),
        (("metrics", "split"), ["a"]),
        (("metrics", "loss"), "low"),
        (("trained_on", "split", "seed"), -5),
        (("trained_on", "split", "seed"), "x"),
        (("unsure_below",), float("nan")),
        (("unsure_below",), 2),
        (("class_names",), ["blue", "unsure"]),
        (("class_names",), ["blue", ""]),
        (("class_names",), ["blue", "Blue"]),
        (("class_names",), ["blue", "red\u001b[2J"]),
        (("recipe",), "base\nline"),
        (("recipe",), 5),
        (("image_size",), [1e400, 10]),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(
    tmp_path: Path, keys: tuple[str, ...], value: object
) -> None:
    path = change_description(write_colour_model(tmp_path / "m.catdog"), *keys, value=value)
    for read in (read_model_file, read_description):
        with pytest.raises(ModelFileError, match="does not make sense"):
            read(path)


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': (",
        b"(" * 4000,
        b"{'descr': ('b',), 'fortran_order': False, 'shape': (1,)}",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000, 64, 64, 3)}",
    ],
)
def test_a_golden_array_whose_header_is_hostile_is_refused(tmp_path: Path, header: bytes) -> None:
    file = read_model_file(write_colour_model(tmp_path / "m.catdog"))
    array = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    members = {**file.members, GOLDEN_INPUTS: array}
    hostile = type(file)(file.path, file.description, members)
    with pytest.raises(ModelFileError, match="golden"):
        hostile.golden()


@pytest.mark.parametrize("history", [b"\xff\xfe", b"epoch,loss\n1,x\n"])
def test_a_history_that_cannot_be_read_is_a_run_error(tmp_path: Path, history: bytes) -> None:
    config = small_config(tmp_path, "run")
    run = Run(Path(config.run_folder))
    run.create(config)
    (run.folder / "history.csv").write_bytes(history)
    with pytest.raises(RunError, match="history of run 'run'"):
        run.history()


@pytest.mark.parametrize("pid", [-1, 10**30])
def test_a_run_with_an_impossible_process_is_not_running(tmp_path: Path, pid: int) -> None:
    config = small_config(tmp_path, "run")
    run = Run(Path(config.run_folder))
    run.create(config)
    record = json.loads((run.folder / "run.json").read_text("utf-8"))
    record["process"]["pid"] = pid
    (run.folder / "run.json").write_text(json.dumps(record), "utf-8")
    assert run.read().state is RunState.FAILED
