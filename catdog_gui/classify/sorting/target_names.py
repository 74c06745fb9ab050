"""Which names are taken below the folder that photos are sorted into."""

import unicodedata
from pathlib import Path


def fold(name: str) -> str:
    """Return a name as file systems compare it that know neither case nor composition."""
    folded = unicodedata.normalize("NFC", name).casefold()
    return unicodedata.normalize("NFC", folded)


class TargetNames:
    """Knows what is in the target's folders, and what a sort plan will put there.

    It looks at every folder once.
    """

    def __init__(self) -> None:
        """Know of nothing yet."""
        self._folders: dict[str, dict[str, list[Path]]] = {}
        self._listed: dict[Path, dict[str, list[Path]]] = {}

    def takers(self, folder: Path, name: str) -> list[Path]:
        """Return where what has a name in a folder can be read: mostly nothing or one path."""
        return self._names_in(folder).get(fold(name), [])

    def take(self, folder: Path, name: str, source: Path) -> None:
        """Keep a name in a folder for what lies at `source`."""
        self._names_in(folder).setdefault(fold(name), []).append(source)

    def _names_in(self, folder: Path) -> dict[str, list[Path]]:
        names = self._listed.get(folder)
        if names is None:
            # Folders that differ in case only are one, should the file system think so.
            names = self._folders.setdefault(fold(str(folder)), {})
            self._listed[folder] = names
            for path in _listing(folder):
                names.setdefault(fold(path.name), []).append(path)
        return names


def _listing(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
