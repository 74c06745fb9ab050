"""The model library: a folder of model files, each named as its model."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from training import model_file
from training.engine_requests import ask_engine
from training.errors import CatDogError, ModelFileError
from training.events import Progressed
from training.files import check_name, exists, is_ordinary_file, making, write_bytes
from training.model_file import (
    SUFFIX,
    ModelDescription,
    ModelFile,
    read_description,
    read_model_file,
)
from training.request_kinds import ExportModel, ImportModel

EXPORT_FORMATS = ("catdog", "keras", "onnx", "litert", "savedmodel", "openvino")
"""What a model can be exported as."""

_MEMBERS: Mapping[str, tuple[str, ...]] = {
    "catdog": (),
    "keras": (model_file.KERAS,),
    "openvino": (model_file.OPENVINO_XML, model_file.OPENVINO_BIN),
}
"""The formats that a model's file holds already, and the members that they take."""


@dataclass(frozen=True, slots=True)
class LibraryModel:
    """A model of the library, as its file describes it."""

    name: str
    path: Path
    bytes: int
    description: ModelDescription


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFile:
    """A Keras network in a file, and what the file does not say (see `ImportModel`)."""

    path: Path
    class_names: tuple[str, ...]
    image_size: tuple[int, int] | None = None
    scale: str | None = None


@dataclass(frozen=True, slots=True)
class AddedNetwork:
    """A network that is now a model of the library, and what had to be assumed about it."""

    path: Path
    notes: tuple[str, ...]


class ModelLibrary:
    """The models in a folder."""

    def __init__(self, folder: Path) -> None:
        """Look in `folder`, which need not exist."""
        self._folder = folder

    def models(self) -> list[LibraryModel]:
        """Return all models that can be described, newest first."""
        described = []
        for path in self._folder.glob(f"*{SUFFIX}"):
            try:
                size = path.stat().st_size
                described.append(LibraryModel(path.stem, path, size, read_description(path)))
            except (ModelFileError, OSError):
                continue  # a damaged file is told of when someone asks for it by name
        return sorted(described, key=lambda m: (m.description.created, m.name), reverse=True)

    def path_of(self, name: str) -> Path:
        """Return where the model of that name is or would be.

        Raises:
            ConfigurationError: The name cannot be a file's.
        """
        return self._folder / f"{check_name(name, 'The model name')}{SUFFIX}"

    def find(self, name_or_file: str) -> Path:
        """Return the model file that a name in the library, or else a path, stands for.

        Raises:
            ModelFileError: There is neither.
        """
        try:
            path = self.path_of(name_or_file)
        except CatDogError:
            path = Path(name_or_file)
        if is_ordinary_file(path):
            return path
        if exists(Path(name_or_file)):
            return Path(name_or_file)
        known = ", ".join(model.name for model in self.models()) or "none yet"
        raise ModelFileError(
            f"There is no model {name_or_file!r}, neither in the library ({known}) nor as a file."
        )

    def newest(self) -> Path:
        """Return the model to use when none was chosen.

        Raises:
            ModelFileError: The library is empty.
        """
        models = self.models()
        if not models:
            raise ModelFileError("There is no model yet: train one, or name a model file.")
        return models[0].path

    def add(self, path: Path, name: str | None = None) -> Path:
        """Copy a model file, once verified, into the library and return where it is now.

        Args:
            path: The model file.
            name: What the model is to be called; by default as its file.

        Raises:
            ModelFileError: It is refused, or its name is taken.
        """
        from catdog_gui.classify.classifier import Classifier

        Classifier.open(path)
        target = self._free_path(name or path.stem)
        _write(target, path.read_bytes())
        return target

    def add_network(
        self,
        network: NetworkFile,
        name: str | None = None,
        *,
        on_progress: Callable[[Progressed], None] = lambda event: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> AddedNetwork | None:
        """Make a model of a Keras network in a file; return nothing if stopped.

        Args:
            network: The file, and what it does not say itself.
            name: What the model is to be called; by default as its file.
            on_progress: Told how far it is.
            should_stop: Asked while it takes a while.

        Raises:
            ModelFileError: The name is taken, or the library cannot be written to.
            TrainingError: The file is refused, with the reason.
        """
        from catdog_gui.classify.classifier import Classifier

        target = self._free_path(name or network.path.stem)
        with made_at(target) as made:
            request = ImportModel(
                file=str(network.path.absolute()),
                target=str(made.absolute()),
                class_names=network.class_names,
                image_size=network.image_size,
                scale=network.scale,
            )
            answer = ask_engine(request, on_progress=on_progress, should_stop=should_stop)
            if answer is None:
                return None
            Classifier.open(made)
        return AddedNetwork(target, answer.notes)

    def export(
        self,
        name: str,
        export_format: str,
        target: Path,
        *,
        on_progress: Callable[[Progressed], None] = lambda event: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> list[Path]:
        """Write a model in another format and return what was written, nothing if stopped.

        Args:
            name: A model's name, or its file.
            export_format: One of `EXPORT_FORMATS`.
            target: The file to write; for `savedmodel` a folder.
            on_progress: Told how far it is, if that takes a while.
            should_stop: Asked while it takes a while.

        Raises:
            ModelFileError: The model is refused, or a file would be overwritten.
            TrainingError: It cannot be converted.
        """
        source = read_model_file(self.find(name))
        if export_format in _MEMBERS:
            return _export_members(source, _MEMBERS[export_format], target)
        with made_at(target) as made:
            request = ExportModel(
                model=str(source.path.absolute()),
                export_format=export_format,
                target=str(made.absolute()),
            )
            answer = ask_engine(request, on_progress=on_progress, should_stop=should_stop)
        return [target] if answer else []

    def _free_path(self, name: str) -> Path:
        target = self.path_of(name)
        if target.exists():
            raise ModelFileError(
                f"The library has a model named {name!r} already: choose another name for this one."
            )
        return target

    def remove(self, name: str) -> Path:
        """Delete a model from the library and return where it was.

        Raises:
            ModelFileError: The library has no such model.
        """
        path = self.path_of(name)
        try:
            path.unlink()
        except FileNotFoundError as error:
            raise ModelFileError(f"The library has no model {name!r}.") from error
        except OSError as error:
            raise ModelFileError(f"{path} cannot be removed: {error.strerror}.") from error
        return path


def _export_members(source: ModelFile, members: Sequence[str], target: Path) -> list[Path]:
    """Write members of a model file, or all of it, whole or not at all."""
    contents = {target: source.path.read_bytes()}
    if members:
        contents = {
            target if len(members) == 1 else _with_ending(target, Path(member).suffix): (
                source.members[member]
            )
            for member in members
        }
    for file in contents:
        if exists(file) or file.is_symlink():
            raise ModelFileError(f"{file} exists already and is left as it is.")
    try:
        for file, content in contents.items():
            _write(file, content)
    except ModelFileError:
        for file in contents:
            with suppress(OSError):
                file.unlink(missing_ok=True)  # none of them was there before
        raise
    return list(contents)


@contextmanager
def made_at(target: Path) -> Iterator[Path]:
    """Yield where to make what then takes its place at `target`.

    Raises:
        ModelFileError: It is taken, or cannot be written to.
    """
    try:
        with making(target) as made:
            yield made
    except OSError as error:
        if isinstance(error, FileExistsError) and error.filename == str(target):
            raise ModelFileError(f"{target} exists already and is left as it is.") from error
        raise ModelFileError(f"{target} cannot be written: {error.strerror or error}.") from error


def _with_ending(target: Path, ending: str) -> Path:
    """Exchange the ending of either of OpenVINO's files, and add it to any other name."""
    stem = target.stem if target.suffix in {".xml", ".bin"} else target.name
    if not stem:
        raise ModelFileError(f"{target} is a folder: name a file to write to.")
    return target.parent / f"{stem}{ending}"


def _write(file: Path, content: bytes) -> None:
    try:
        write_bytes(file, content)
    except OSError as error:
        raise ModelFileError(f"{file} cannot be written: {error.strerror or error}.") from error
