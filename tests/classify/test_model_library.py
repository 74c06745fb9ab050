"""The model library."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from catdog_gui.classify.model_library import ModelLibrary
from tests.classify.remaking import remake
from tests.helpers.models import origin, write_colour_model
from training.errors import CatDogError, ConfigurationError, ModelFileError
from training.model_file import KERAS, OPENVINO_BIN, OPENVINO_XML, read_model_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def library(folder: Path) -> ModelLibrary:
    return ModelLibrary(folder)


def write_dated_model(path: Path, created: str) -> Path:
    return remake(write_colour_model(path), {"created": created})


def test_a_folder_that_does_not_exist_holds_no_models(library: ModelLibrary) -> None:
    assert library.models() == []


def test_models_are_listed_newest_first(library: ModelLibrary, folder: Path) -> None:
    write_dated_model(folder / "b.catdog", "2026-01-02T00:00:00+00:00")
    write_dated_model(folder / "c.catdog", "2025-12-31T00:00:00+00:00")
    write_dated_model(folder / "a.catdog", "2026-01-01T00:00:00+00:00")
    assert [model.name for model in library.models()] == ["b", "a", "c"]


def test_models_of_the_same_second_are_listed_in_a_stable_order(
    library: ModelLibrary, folder: Path
) -> None:
    for name in ("c", "a", "d", "b", "e"):
        write_colour_model(folder / f"{name}.catdog")
    names = [model.name for model in library.models()]
    assert names in (sorted(names), sorted(names, reverse=True))


def test_a_model_is_listed_as_its_file_describes_it(library: ModelLibrary, folder: Path) -> None:
    path = write_colour_model(folder / "größer 1.catdog", ("blue", "green", "red"))
    (model,) = library.models()
    assert (model.name, model.path, model.bytes) == ("größer 1", path, path.stat().st_size)
    assert model.description == read_model_file(path).description


def test_damaged_files_do_not_break_the_listing(library: ModelLibrary, folder: Path) -> None:
    good = write_colour_model(folder / "good.catdog")
    (folder / "empty.catdog").touch()
    (folder / "text.catdog").write_text("not a model", encoding="utf-8")
    (folder / "cut.catdog").write_bytes(good.read_bytes()[:-3000])
    (folder / "folder.catdog").mkdir()
    (folder / "gone.catdog").symlink_to("nowhere")
    shutil.copy(good, folder / "not a model.txt")
    assert [model.name for model in library.models()] == ["good"]


@pytest.mark.parametrize(
    "size", [(float("inf"), 3), (float("nan"), 3), ("wide", "high"), (1, 2, 3)]
)
def test_a_file_that_describes_itself_as_nonsense_does_not_break_the_listing(
    library: ModelLibrary, folder: Path, size: tuple[object, ...]
) -> None:
    write_colour_model(folder / "good.catdog")
    remake(write_colour_model(folder / "odd.catdog"), {"image_size": size})
    assert [model.name for model in library.models()] == ["good"]


def test_a_dataset_whose_name_is_no_valid_unicode_can_be_described(
    library: ModelLibrary, folder: Path
) -> None:
    cafe = replace(origin(), name="caf\udce9")
    remake(write_colour_model(folder / "colours.catdog"), {"trained_on": cafe})
    assert [model.description.trained_on for model in library.models()] == [cafe]


def test_the_newest_model_is_used_when_none_is_chosen(library: ModelLibrary, folder: Path) -> None:
    write_dated_model(folder / "old.catdog", "2025-01-01T00:00:00+00:00")
    newest = write_dated_model(folder / "new.catdog", "2026-01-01T00:00:00+00:00")
    assert library.newest() == newest


def test_an_empty_library_has_no_newest_model(library: ModelLibrary) -> None:
    with pytest.raises(ModelFileError, match="There is no model yet"):
        library.newest()


def test_a_model_is_found_by_its_name(library: ModelLibrary, folder: Path) -> None:
    path = write_colour_model(folder / "größer 1.catdog")
    assert library.find("größer 1") == path


def test_a_name_in_the_library_goes_before_a_file(
    library: ModelLibrary, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = write_colour_model(folder / "colours.catdog")
    (tmp_path / "colours").write_text("a file of the same name", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert library.find("colours") == inside


def test_a_model_is_found_by_its_file(
    library: ModelLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_colour_model(tmp_path / "elsewhere" / "colours.catdog")
    assert library.find(str(path)) == path
    monkeypatch.chdir(path.parent)
    assert library.find("colours.catdog") == Path("colours.catdog")


def test_a_model_that_is_nowhere_is_refused_with_those_there_are(
    library: ModelLibrary, folder: Path
) -> None:
    write_colour_model(folder / "colours.catdog")
    with pytest.raises(ModelFileError, match=r"no model 'colors'.*\(colours\)"):
        library.find("colors")


@pytest.mark.parametrize("name", ["../models/colours", "a/b", "..", "x" * 300, "", "CON:"])
def test_a_name_that_no_file_can_have_finds_no_model(
    library: ModelLibrary, folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_colour_model(folder / "colours.catdog")
    monkeypatch.chdir(folder)
    with pytest.raises(CatDogError):
        read_model_file(library.find(name))


def test_an_added_model_is_in_the_library(
    library: ModelLibrary, folder: Path, tmp_path: Path
) -> None:
    path = write_colour_model(tmp_path / "colours.catdog")
    assert library.add(path) == folder / "colours.catdog"
    assert (folder / "colours.catdog").read_bytes() == path.read_bytes()
    assert [model.name for model in library.models()] == ["colours"]


def test_a_second_model_of_the_same_name_is_not_added(
    library: ModelLibrary, folder: Path, tmp_path: Path
) -> None:
    first = write_colour_model(folder / "colours.catdog").read_bytes()
    second = write_colour_model(tmp_path / "colours.catdog", ("blue", "green", "red"))
    with pytest.raises(ModelFileError, match="named 'colours' already"):
        library.add(second)
    assert (folder / "colours.catdog").read_bytes() == first


def test_a_damaged_model_is_not_added(library: ModelLibrary, folder: Path, tmp_path: Path) -> None:
    path = write_colour_model(tmp_path / "colours.catdog")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="refused"):
        library.add(path)
    assert not (folder / "colours.catdog").exists()


def test_a_model_that_answers_otherwise_is_not_added(
    library: ModelLibrary, folder: Path, tmp_path: Path
) -> None:
    path = write_colour_model(tmp_path / "colours.catdog")
    other = write_colour_model(tmp_path / "other.catdog", ("red", "blue"))
    network = read_model_file(other).members
    members = {name: network[name] for name in (OPENVINO_XML, OPENVINO_BIN)}
    with pytest.raises(ModelFileError, match="golden"):
        library.add(remake(path, members=members))
    assert library.models() == []


def test_a_library_that_cannot_be_written_to_says_so(tmp_path: Path) -> None:
    path = write_colour_model(tmp_path / "colours.catdog")
    (tmp_path / "file").touch()
    with pytest.raises(CatDogError, match="written"):
        ModelLibrary(tmp_path / "file" / "models").add(path)


def test_an_exported_model_file_is_the_same_file(
    library: ModelLibrary, folder: Path, tmp_path: Path
) -> None:
    path = write_colour_model(folder / "colours.catdog")
    target = tmp_path / "out" / "copy.catdog"
    assert library.export("colours", "catdog", target) == [target]
    assert target.read_bytes() == path.read_bytes()


def test_an_exported_keras_model_is_the_one_in_the_file(
    library: ModelLibrary, folder: Path, tmp_path: Path
) -> None:
    path = write_colour_model(folder / "colours.catdog")
    assert library.export("colours", "keras", tmp_path / "m.keras") == [tmp_path / "m.keras"]
    assert (tmp_path / "m.keras").read_bytes() == read_model_file(path).members[KERAS]


@pytest.mark.parametrize("target", ["net.xml", "net.bin", "net"])
def test_an_exported_openvino_model_is_two_files(
    library: ModelLibrary, folder: Path, tmp_path: Path, target: str
) -> None:
    members = read_model_file(write_colour_model(folder / "colours.catdog")).members
    written = library.export("colours", "openvino", tmp_path / target)
    assert written == [tmp_path / "net.xml", tmp_path / "net.bin"]
    assert [file.read_bytes() for file in written] == [members[OPENVINO_XML], members[OPENVINO_BIN]]


def test_a_dot_in_the_name_of_an_exported_openvino_model_is_kept(
    library: ModelLibrary, folder: Path, tmp_path: Path
) -> None:
    write_colour_model(folder / "colours.catdog")
    written = library.export("colours", "openvino", tmp_path / "colours v1.2")
    assert [file.name for file in written] == ["colours v1.2.xml", "colours v1.2.bin"]


@pytest.mark.parametrize(
    ("export_format", "standing"),
    [("catdog", "net.xml"), ("keras", "net.xml"), ("openvino", "net.xml"), ("openvino", "net.bin")],
)
def test_an_export_never_overwrites(
    library: ModelLibrary, folder: Path, tmp_path: Path, export_format: str, standing: str
) -> None:
    write_colour_model(folder / "colours.catdog")
    (tmp_path / standing).write_text("mine", encoding="utf-8")
    with pytest.raises(ModelFileError, match="exists already"):
        library.export("colours", export_format, tmp_path / "net.xml")
    assert (tmp_path / standing).read_text(encoding="utf-8") == "mine"
    assert {file.name for file in tmp_path.glob("net.*")} == {standing}


def test_an_export_does_not_take_the_place_of_a_dangling_link(
    library: ModelLibrary, folder: Path, tmp_path: Path
) -> None:
    write_colour_model(folder / "colours.catdog")
    (tmp_path / "link.catdog").symlink_to("nowhere")
    with pytest.raises(ModelFileError, match="exists already"):
        library.export("colours", "catdog", tmp_path / "link.catdog")
    assert (tmp_path / "link.catdog").is_symlink()


@pytest.mark.parametrize("export_format", ["catdog", "keras", "openvino"])
def test_an_export_to_where_nothing_can_be_written_says_so(
    library: ModelLibrary, folder: Path, tmp_path: Path, export_format: str
) -> None:
    write_colour_model(folder / "colours.catdog")
    (tmp_path / "file").touch()
    with pytest.raises(CatDogError, match="written"):
        library.export("colours", export_format, tmp_path / "file" / "model")


@pytest.mark.parametrize("export_format", ["catdog", "keras", "openvino"])
def test_an_export_to_a_folder_is_refused(
    library: ModelLibrary, folder: Path, export_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_colour_model(folder / "colours.catdog")
    monkeypatch.chdir(folder)
    with pytest.raises(CatDogError):
        library.export("colours", export_format, Path())
    assert [file.name for file in folder.iterdir()] == ["colours.catdog"]


def test_a_damaged_model_is_not_exported(
    library: ModelLibrary, folder: Path, tmp_path: Path
) -> None:
    path = write_colour_model(folder / "colours.catdog")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelFileError, match="refused"):
        library.export("colours", "catdog", tmp_path / "copy.catdog")
    assert not (tmp_path / "copy.catdog").exists()


def test_a_removed_model_is_gone(library: ModelLibrary, folder: Path) -> None:
    path = write_colour_model(folder / "colours.catdog")
    assert library.remove("colours") == path
    assert library.models() == []
    assert not path.exists()


def test_a_damaged_model_can_be_removed(library: ModelLibrary, folder: Path) -> None:
    folder.mkdir()
    (folder / "damaged.catdog").write_text("not a model", encoding="utf-8")
    library.remove("damaged")
    assert list(folder.iterdir()) == []


def test_a_model_the_library_does_not_have_cannot_be_removed(library: ModelLibrary) -> None:
    with pytest.raises(ModelFileError, match="no model 'colours'"):
        library.remove("colours")


def test_nothing_outside_the_library_is_removed(
    library: ModelLibrary, folder: Path, tmp_path: Path
) -> None:
    outside = write_colour_model(tmp_path / "colours.catdog")
    folder.mkdir()
    for name in ("../colours", str(outside.with_suffix(""))):
        with pytest.raises(ConfigurationError):
            library.remove(name)
    assert outside.exists()


def test_a_folder_named_like_a_model_is_not_removed(library: ModelLibrary, folder: Path) -> None:
    (folder / "colours.catdog").mkdir(parents=True)
    with pytest.raises(ModelFileError, match="cannot be removed"):
        library.remove("colours")
    assert (folder / "colours.catdog").is_dir()
