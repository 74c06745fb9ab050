"""What photo files hold, as far as it is known without reading them again."""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

from training.files import write_bytes

MOST_DATASETS = 16
"""Of how many datasets it is remembered: those used last."""
_FOLDER = "photo-keys"
_PAIR = 2


class PhotoKeys:
    """The checksums of a dataset's photo files, believed while the files seem unchanged.

    Whether a file seems unchanged is told by its stamp, which is made of its size and times.
    """

    def __init__(self, root: Path, dataset: Path) -> None:
        """Remember the photos of the dataset at a path in a file below `root`."""
        name = hashlib.sha256(str(dataset.absolute()).encode("utf-8", "surrogateescape"))
        self._file = root / _FOLDER / f"{name.hexdigest()[:24]}.json"
        self._known = _read(self._file)
        if self._known:
            with suppress(OSError):
                os.utime(self._file)  # it was of use just now, so it is not the first to go
        self._learnt: dict[str, tuple[str, str]] = {}

    def get(self, name: str, stamp: str | None) -> str | None:
        """Return the checksum of a photo file, or nothing if it is to be read (again)."""
        known = self._known.get(name)
        return known[1] if known is not None and known[0] == stamp else None

    def learn(self, name: str, stamp: str | None, key: str) -> None:
        """Note the checksum of a photo file whose stamp was taken before it was read."""
        if stamp is not None:
            self._learnt[name] = (stamp, key)

    def save(self) -> None:
        """Write what was learnt, if anything; it costs time, and nothing else, if that fails."""
        if not self._learnt:
            return
        self._known = {**_read(self._file), **self._learnt}  # another run may have written, too
        self._learnt = {}
        with suppress(OSError):
            write_bytes(self._file, json.dumps(self._known).encode())
            _forget_all_but_the_latest(self._file.parent)


def _read(file: Path) -> dict[str, tuple[str, str]]:
    """Return each photo's stamp and checksum; nothing if that is not what the file holds."""
    try:
        values = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(values, dict):
        return {}
    return {
        name: (pair[0], pair[1])
        for name, pair in values.items()
        if isinstance(pair, list) and len(pair) == _PAIR and all(isinstance(x, str) for x in pair)
    }


def _forget_all_but_the_latest(folder: Path) -> None:
    files = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[MOST_DATASETS:]:
        file.unlink(missing_ok=True)
