"""Finding the photos in files and folders."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread

from catdog_gui.classify.sorting.side_files import NOTES, RAW
from training.errors import DatasetError
from training.files import exists, is_folder
from training.photo_files import HEAD_BYTES, PHOTO_SUFFIXES, begins_like_photo

CHUNK = 500
"""How many photos a scan hands over at once."""


def find_photos(
    paths: Iterable[Path],
    *,
    recursive: bool = True,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Path]:
    """Return the photos that files and folders hold (see `iter_photos`)."""
    return list(iter_photos(paths, recursive=recursive, should_stop=should_stop))


def iter_photos(
    paths: Iterable[Path],
    *,
    recursive: bool = True,
    without: Path | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[Path]:
    """Yield the photos that files and folders hold, each once, in a stable order.

    A file that is named is always taken, whatever it is. In a folder whatever is called like a
    photo is one, be it readable or not, and so is a file of another name that begins like one,
    unless it is called like what a camera's sensor saw; links to folders are not followed, so that
    no loop is.

    Args:
        paths: Files and folders, in the order in which they shall come.
        recursive: Look into subfolders as well.
        without: A folder that is left out unless it is named itself.
        should_stop: Asked at every folder; what was found until then has been yielded.

    Raises:
        DatasetError: A path does not exist, or a folder cannot be listed.
    """
    seen: set[str] = set()
    paths = list(paths)
    left_out = None if without is None else _normal(without)
    for path in paths:
        if is_folder(path):
            photos: Iterable[Path] = _in_folder(path, recursive, left_out, should_stop)
        else:
            check_paths([path])
            photos = (path,)
        if len(paths) == 1:
            yield from photos  # a walk meets nothing twice
            return
        for photo in photos:
            normal = _normal(photo)
            if normal not in seen:
                seen.add(normal)
                yield photo


def check_paths(paths: Iterable[Path]) -> None:
    """Make sure that files and folders are there before any work begins.

    Raises:
        DatasetError: A path does not exist, or a folder cannot be listed.
    """
    for path in paths:
        if is_folder(path):
            with _listed(path):
                continue
        if not exists(path) and not _is_link(path):
            raise DatasetError(f"There is no photo or folder {path}: check the path.")


class PhotoScan(Iterator[Path]):
    """Looks for photos in a thread of its own, and yields them while it goes on looking."""

    def __init__(self, look: Callable[[], Iterable[Path]]) -> None:
        """Begin to look.

        Args:
            look: Yields photos; called in the thread, whose errors come out of the iterator.
        """
        self.total = 0
        """How many photos there are, once all are found; 0 until then."""
        self._found: SimpleQueue[list[Path] | Exception | None] = SimpleQueue()
        self._at_hand: deque[Path] = deque()
        self._over = Event()
        Thread(target=self._look, args=(look,), name="scan", daemon=True).start()

    def __next__(self) -> Path:
        """Return the next photo, waiting until it is found.

        Raises:
            StopIteration: There are no more.
            DatasetError: As looking does.
        """
        while not self._at_hand:
            found = self._found.get()
            if isinstance(found, Exception):
                raise found
            if found is None:
                self._found.put(None)
                raise StopIteration
            self._at_hand.extend(found)
        return self._at_hand.popleft()

    def close(self) -> None:
        """Look no further."""
        self._over.set()

    def _look(self, look: Callable[[], Iterable[Path]]) -> None:
        chunk: list[Path] = []
        total = 0
        try:
            for photo in look():
                chunk.append(photo)
                total += 1
                if len(chunk) == CHUNK or total == 1:
                    self._found.put(chunk)
                    chunk = []
                if self._over.is_set():
                    break
        except Exception as error:  # whoever waits for photos is to be told
            self._found.put(error)
        self.total = total
        self._found.put(chunk)
        self._found.put(None)


def _normal(path: Path) -> str:
    """Return the one spelling of a path; links are left as they are."""
    return os.path.normpath(path.absolute())


def _is_link(path: Path) -> bool:
    """Tell whether a path is a link, even if it leads nowhere."""
    try:
        return path.is_symlink()
    except OSError:
        return False


def is_photo_name(path: Path) -> bool:
    """Tell whether a file's name ends as a photo's does; hidden files are none."""
    return path.suffix.lower() in PHOTO_SUFFIXES and not path.name.startswith(".")


def _in_folder(
    root: Path, recursive: bool, left_out: str | None, should_stop: Callable[[], bool]
) -> Iterator[Path]:
    """Walk a folder; one below it that cannot be listed is passed over, as file managers do."""
    folders = [root]
    while folders:
        folder = folders.pop()
        if folder is not root and should_stop():
            return
        try:
            found = _entries(folder)
        except DatasetError:
            if folder is root:
                raise
            continue
        yield from (folder / entry.name for entry in found if _is_photo(entry))
        if recursive:
            below = [folder / entry.name for entry in found if _is_own_folder(entry)]
            folders += [each for each in reversed(below) if _normal(each) != left_out]


def _entries(folder: Path) -> "list[os.DirEntry[str]]":
    with _listed(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


@contextmanager
def _listed(folder: Path) -> "Iterator[Iterator[os.DirEntry[str]]]":
    try:
        with os.scandir(folder) as entries:
            yield entries
    except OSError as error:
        raise DatasetError(f"The folder {folder} cannot be listed: {error.strerror}.") from error


def _is_photo(entry: "os.DirEntry[str]") -> bool:
    """Tell whether what lies in a folder is to be shown as a photo, readable or not."""
    if entry.name.startswith("."):
        return False
    suffix = _suffix(entry.name)
    if suffix in PHOTO_SUFFIXES:
        return True
    return suffix not in NOTES | RAW and _begins_like_photo(entry)


def _suffix(name: str) -> str:
    """Return how a name ends, in lower case; a `Path` for each of many files would take long."""
    stem, dot, ending = name.rpartition(".")
    return f".{ending}".lower() if stem and dot and ending else ""


def _begins_like_photo(entry: "os.DirEntry[str]") -> bool:
    try:
        if not entry.is_file(follow_symlinks=False):
            return False
        with Path(entry.path).open("rb") as file:
            return begins_like_photo(file.read(HEAD_BYTES))
    except OSError:
        return False


def _is_own_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
    except OSError:
        return False
