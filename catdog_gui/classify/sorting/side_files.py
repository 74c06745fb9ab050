"""Side files: what other programs keep beside a photo and call like it."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath

from catdog_gui.classify.sorting.target_names import fold

NOTES = frozenset({".aae", ".xmp"})
"""Endings of edits and ratings, which are called `photo.xmp` or `photo.jpg.xmp`."""

RAW = frozenset(
    {
        ".3fr", ".arw", ".bay", ".cap", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff",
        ".gpr", ".iiq", ".k25", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef",
        ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
    }
)  # fmt: skip
"""Endings of what a camera's sensor saw, of which the photo was made."""


@dataclass(frozen=True, slots=True)
class SideFile:
    """A file that goes where its photo goes."""

    path: Path
    tail: str
    """What follows the photo's stem in its name, as .xmp or .jpg.xmp."""


class SideFiles:
    """Finds the side files of photos, and lists every folder once for that."""

    def __init__(self) -> None:
        """Have listed no folder yet."""
        self._names_in = cache(_names_by_stem)

    def of(self, photo: Path) -> list[SideFile]:
        """Return a photo's side files by name; links to files are among them."""
        names = self._names_in(photo.parent)
        alike = [SideFile(path, path.suffix) for path in names.get(fold(photo.stem), ())]
        longer = [
            SideFile(path, PurePath(path.stem).suffix + path.suffix)
            for path in names.get(fold(photo.name), ())
            if photo.suffix and path.suffix.lower() in NOTES
        ]
        return [each for each in (*alike, *longer) if each.path != photo]


def _names_by_stem(folder: Path) -> dict[str, list[Path]]:
    """Return a folder's side files by their stems; a folder that cannot be listed has none."""
    found: defaultdict[str, list[Path]] = defaultdict(list)
    try:
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() in NOTES | RAW:
                found[fold(path.stem)].append(path)
    except OSError:
        return {}
    return found
