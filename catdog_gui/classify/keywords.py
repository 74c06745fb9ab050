"""Labels as keywords in XMP side files, which digiKam, Lightroom and others read.

No photo is ever written to.
"""

import os
import re
import stat
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Self

from catdog_gui.classify.keyword_lists import EMPTY_PACKET, with_keyword
from catdog_gui.classify.scan import is_photo_name
from catdog_gui.classify.sorting.target_names import fold
from catdog_gui.classify.xmp import MOST_BYTES, packets_in
from training.dataset import RESERVED_LABELS
from training.errors import CatDogError
from training.files import exists, is_ordinary_file, replacing
from training.photo_files import Stamp
from training.progress import OnProgress, ShouldStop, never, no_progress

SUFFIX = ".xmp"
_MOST_TRIED = 4
"""How many packets of a photo are tried; a hostile one could hold many large ones that are none."""

# What XML 1.0 has no way to write, and control characters, which no program shows.
_REFUSED = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_MAY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


class SideFileError(CatDogError):
    """A side file is left as it is; the message is the reason, without the file's name."""


@dataclass(frozen=True, slots=True)
class KeywordsWritten:
    """What came of writing keywords."""

    written: int
    """Photos whose side files were made or changed."""
    unchanged: int
    """Photos whose side files say already what they should, or need not be."""
    refused: tuple[tuple[Path, str], ...]
    """Photos whose side files were left as they are, and why."""


def write_keywords(
    labelled: Iterable[tuple[Path, str]],
    *,
    on_progress: OnProgress = no_progress,
    should_stop: ShouldStop = never,
) -> KeywordsWritten:
    """Write each photo's label as a keyword into its side file, in place of the one before.

    Args:
        labelled: Photos and their labels. One that is unsure or unreadable gets no keyword, and
            loses one that was written before.
        on_progress: Told after every photo.
        should_stop: Asked before every photo; what was written until then stays.
    """
    photos = list(labelled)
    side_files = SideFiles(photo for photo, _ in photos)
    changed: list[bool] = []
    refused: list[tuple[Path, str]] = []
    for done, (photo, label) in enumerate(photos, start=1):
        if should_stop():
            break
        try:
            changed.append(_write(photo, side_files.of(photo), keyword_of(label)))
        except CatDogError as error:
            refused.append((photo, f"its side file is left as it is: {error}"))
        except OSError as error:
            refused.append((photo, f"its side file cannot be written: {error.strerror}"))
        on_progress(done, len(photos))
    return KeywordsWritten(sum(changed), len(changed) - sum(changed), tuple(refused))


def keyword_of(label: str) -> str:
    """Return a label in characters that XML allows; nothing for unsure and unreadable photos."""
    if not label or label in RESERVED_LABELS:
        return ""
    return _REFUSED.sub("_", " ".join(label.split())) or "_"


class SideFiles:
    """Knows which side file is a photo's, and lists every folder once for that."""

    def __init__(self, photos: Iterable[Path]) -> None:
        """Take the photos that will be asked for; not all are called like photos."""
        self._asked: defaultdict[Path, set[str]] = defaultdict(set)
        for photo in photos:
            self._asked[photo.parent].add(photo.name)
        self._names_in = cache(self._list)

    def of(self, photo: Path) -> Path:
        """Return where a photo's keyword is to be, whether there is a file or not.

        That is `a.xmp` for `a.jpg`, as Lightroom and Bridge have it and digiKam prefers it. It is
        `a.jpg.xmp`, as darktable and digiKam call it, if only that is there, or if `a.xmp` would be
        the side file of another photo too.

        Raises:
            OSError: The folder cannot be listed.
        """
        names = self._names_in(photo.parent)
        short, long = f"{photo.stem}{SUFFIX}", f"{photo.name}{SUFFIX}"
        is_shared = len(names.photos_by_stem[fold(photo.stem)]) > 1
        # a.jpg.png must not take the a.jpg.xmp of a.jpg, nor a photo itself be a side file.
        if is_shared or fold(photo.stem) in names.photos or fold(short) in names.photos:
            return photo.with_name(names.spelled(long))
        there = next((name for name in (short, long) if names.holds(name)), short)
        return photo.with_name(names.spelled(there))

    def _list(self, folder: Path) -> "_Names":
        asked = self._asked[folder]
        return _Names.among({*(path.name for path in folder.iterdir()), *asked}, asked)


@dataclass(frozen=True, slots=True)
class _Names:
    """The names in a folder, looked up as by file systems that know no case."""

    photos: frozenset[str]
    photos_by_stem: dict[str, list[str]]
    side_files: dict[str, str]
    """Their names as they are written."""

    @classmethod
    def among(cls, names: Iterable[str], asked: Collection[str]) -> Self:
        """Sort names out; those that are asked for are photos, however they are called."""
        paths = [Path(name) for name in sorted(names)]
        photos = [path for path in paths if path.name in asked or is_photo_name(path)]
        by_stem: dict[str, list[str]] = {}
        for photo in photos:
            by_stem.setdefault(fold(photo.stem), []).append(photo.name)
        written = [path.name for path in paths if path.suffix.lower() == SUFFIX]
        # A name that is there in several cases is itself before it is another.
        side_files = {fold(name): name for name in written} | {name: name for name in written}
        return cls(frozenset(fold(photo.name) for photo in photos), by_stem, side_files)

    def holds(self, name: str) -> bool:
        """Tell whether there is a side file of a name."""
        return fold(name) in self.side_files

    def spelled(self, name: str) -> str:
        """Return a name as it is written in the folder; as it is, if it is not there."""
        return self.side_files.get(name) or self.side_files.get(fold(name), name)


def _write(photo: Path, side_file: Path, keyword: str) -> bool:
    """Bring a side file up to date, and tell whether that took a change.

    Raises:
        CatDogError: The photo is not there, or the side file is to be left as it is.
        OSError: The side file cannot be read or written.
    """
    before = _status(side_file)
    if before is None and not keyword:
        return False
    if not exists(photo):
        raise SideFileError("the photo is not there")
    if before is None:
        _replace(side_file, None, with_keyword(_own_packet(photo), keyword))
        return True
    packet = _read(side_file, before)
    changed = with_keyword(packet, keyword)
    if changed == packet:
        return False
    if not before.st_mode & _MAY_WRITE or not os.access(side_file, os.W_OK):
        raise SideFileError("it is read-only")
    _replace(side_file, before, changed)
    return True


def _status(side_file: Path) -> os.stat_result | None:
    try:
        return side_file.lstat()
    except FileNotFoundError:
        return None


def _read(side_file: Path, status: os.stat_result) -> bytes:
    if stat.S_ISLNK(status.st_mode):
        raise SideFileError("it is a link")
    if not stat.S_ISREG(status.st_mode):
        raise SideFileError("it is no ordinary file")
    if status.st_size > MOST_BYTES:
        raise SideFileError(f"it is larger than {MOST_BYTES // 1_000_000} MB")
    return side_file.read_bytes()


def _replace(side_file: Path, before: os.stat_result | None, content: bytes) -> None:
    """Put content in a side file's place, if that is still as it was before."""
    with replacing(side_file) as file:
        file.write(content)
        now = _status(side_file)
        if (now and Stamp.of(now)) != (before and Stamp.of(before)):
            raise SideFileError("another program has just written it, so try again")
    if before:
        side_file.chmod(stat.S_IMODE(before.st_mode))


def _own_packet(photo: Path) -> bytes:
    """Return the XMP that a photo holds itself, for a side file to begin with.

    Once there is a side file, digiKam no longer looks at the XMP within the photo, so that ratings
    and keywords there would seem lost. No decoder is asked: a hostile photo could crash it.
    """
    try:
        if not is_ordinary_file(photo):
            return EMPTY_PACKET
        with photo.open("rb") as file:
            tried = islice(packets_in(file), _MOST_TRIED)
            return next(filter(_is_understood, tried), EMPTY_PACKET)
    except OSError:
        return EMPTY_PACKET


def _is_understood(packet: bytes) -> bool:
    try:
        with_keyword(packet, "")
    except CatDogError:
        return False
    return True
