"""Finding the photos in files and folders."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from training.errors import DatasetError
from training.files import exists, is_folder
from training.images import PHOTO_SUFFIXES


def find_photos(
    paths: Iterable[Path],
    *,
    recursive: bool = True,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Path]:
    """Return the photos that files and folders hold, each once, in a stable order.

    A file that is named is always taken, whatever its ending. In a folder whatever ends like a
    photo is, be it readable or not; links to folders are not followed, so that no loop is.

    Args:
        paths: Files and folders, in the order in which they shall come.
        recursive: Look into subfolders as well.
        should_stop: Asked at every folder; what was found until then is returned.

    Raises:
        DatasetError: A path does not exist, or a folder cannot be listed.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if is_folder(path):
            photos: Iterable[Path] = _in_folder(path, recursive, should_stop)
        elif exists(path) or _is_link(path):
            photos = (path,)
        else:
            raise DatasetError(f"There is no photo or folder {path}: check the path.")
        for photo in photos:
            found.setdefault(_normal(photo), photo)
    return list(found.values())


def _normal(path: Path) -> Path:
    """Return the one spelling of a path; links are left as they are."""
    return Path(os.path.normpath(path.absolute()))


def _is_link(path: Path) -> bool:
    """Tell whether a path is a link, even if it leads nowhere."""
    try:
        return path.is_symlink()
    except OSError:
        return False


def is_photo_name(path: Path) -> bool:
    """Tell whether a file's name ends as a photo's does; hidden files are none."""
    return path.suffix.lower() in PHOTO_SUFFIXES and not path.name.startswith(".")


def _in_folder(root: Path, recursive: bool, should_stop: Callable[[], bool]) -> Iterator[Path]:
    try:
        entries = sorted(root.iterdir())
    except OSError as error:
        raise DatasetError(f"The folder {root} cannot be listed: {error.strerror}.") from error
    yield from _photos_among(entries)
    if recursive:
        for folder in entries:
            if should_stop():
                return
            if _is_own_folder(folder):
                yield from _in_subfolder(folder, should_stop)


def _in_subfolder(root: Path, should_stop: Callable[[], bool]) -> Iterator[Path]:
    """Walk a subfolder; one that cannot be listed is passed over, as file managers do."""
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if not name.startswith("."))
        if should_stop():
            return
        yield from _photos_among(sorted(Path(folder, name) for name in (*files, *names)))


def _photos_among(entries: Iterable[Path]) -> Iterator[Path]:
    return (entry for entry in entries if is_photo_name(entry))


def _is_own_folder(path: Path) -> bool:
    return is_folder(path) and not path.is_symlink() and not path.name.startswith(".")
