"""`catdog classify --engine ray`."""

import csv
from pathlib import Path

import pytest

from tests.commands.programs import catdog
from tests.helpers.photos import write_photo
from tests.helpers.ray_cluster import require_ray


def rows_of(table: Path) -> list[list[str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@pytest.mark.usefixtures("model")
def test_a_cluster_gives_the_rows_of_the_local_engine_and_the_users_corrections(
    photos: Path, home: Path, tmp_path: Path
) -> None:
    require_ray()
    for number in range(10, 50):
        write_photo(photos / f"{number}.jpg", ("red", "blue")[number % 2], number)
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    assert catdog("correct", "blue", photos / "1.jpg", home=home).returncode == 0
    (photos / "1.jpg").rename(photos / "0.jpg")
    for table, engine in ((here, ()), (there, ("--engine", "ray"))):
        arguments = (photos, "--csv", table, "--precision", "float32", *engine)
        ended = catdog("classify", *arguments, home=home)
        assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
        assert len(ended.stderr.splitlines()) == 1
    local, remote = rows_of(here), rows_of(there)
    assert [row[:2] + row[3:5] for row in remote] == [row[:2] + row[3:5] for row in local]
    assert remote[1][1] == "blue"
    for one, other in zip(local[1:], remote[1:], strict=True):
        if one[5]:
            assert abs(float(one[5]) - float(other[5])) < 1e-4
