"""The catalog: what is known of photos, so that no photo is read twice and no word is lost."""

import os
import sqlite3
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import time
from types import TracebackType
from typing import Self

from catdog_gui.classify.catalog_database import CatalogDatabase, transaction
from catdog_gui.classify.corrections_log import Correction, CorrectionsLog
from training.errors import CatDogError
from training.photo_files import Stamp

CORRECTIONS_NAME = "corrections.jsonl"
_KNOWN = """
    SELECT content.fingerprint, content.reader, content.reason, correction.label, (
        SELECT probabilities FROM answer
        WHERE answer.content = content.id AND answer.model IN (?, ?) LIMIT 1
    )
    FROM content LEFT JOIN correction ON correction.content = content.id
"""
_KNOWN_FILE = (
    _KNOWN
    + """ JOIN photo ON photo.content = content.id
    WHERE photo.path = ? AND photo.size = ? AND photo.modified = ? AND photo.changed = ?"""
)
_KNOWN_CONTENT = _KNOWN + " WHERE content.fingerprint = ?"
_ADD_CONTENT = """
    INSERT INTO content (fingerprint, reader, reason) VALUES (?, ?, ?)
    ON CONFLICT (fingerprint) DO UPDATE SET reader = excluded.reader, reason = excluded.reason
"""
_ADD_PHOTO = """
    INSERT OR REPLACE INTO photo (path, size, modified, changed, content)
    VALUES (?, ?, ?, ?, (SELECT id FROM content WHERE fingerprint = ?))
"""
_ADD_ANSWER = """
    INSERT OR REPLACE INTO answer (content, model, probabilities, answered)
    VALUES ((SELECT id FROM content WHERE fingerprint = ?), ?, ?, ?)
"""
_ADD_MODEL = "INSERT OR IGNORE INTO model (key, precision, reader, name) VALUES (?, ?, ?, ?)"
_MODEL = "SELECT id FROM model WHERE key = ? AND precision = ? AND reader = ?"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a content."""

    fingerprint: bytes
    """SHA-256."""
    reason: str | None
    """Why it is unreadable, empty if it is readable, nothing if that is not known."""
    probabilities: tuple[float, ...]
    """What the models that were asked about say; empty if they were never asked."""
    correction: str
    """What the user says; empty if nothing."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What was found out about a photo file."""

    path: Path
    stamp: Stamp
    fingerprint: bytes
    reason: str
    probabilities: tuple[float, ...]


class Catalog:
    """What is known of photos, in a folder; to be used in one thread (see `CatalogDatabase`)."""

    def __init__(
        self, folder: Path, reader: str, tell: Callable[[str], None] = lambda words: None
    ) -> None:
        """Use the catalog in a folder, which is made if need be.

        Args:
            folder: Where it lies.
            reader: What reads photos; what another one found out is not believed.
            tell: Told in one sentence what is wrong with the catalog, if something is.

        Raises:
            CatDogError: A newer version of this program wrote it.
        """
        self._log = CorrectionsLog(folder / CORRECTIONS_NAME)
        self._database = CatalogDatabase(folder, self._log, tell)
        self._reader = reader

    def __enter__(self) -> Self:
        """Return the catalog itself."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self._database.close()

    def model(self, key: bytes, precision: str, name: str) -> int:
        """Return the number that answers of a model are filed under; 0 if nothing is filed.

        Args:
            key: What is another whenever the model may answer otherwise.
            precision: What it computes in.
            name: What people call it.
        """

        def find(connection: sqlite3.Connection) -> int:
            unique = (key, precision, self._reader)
            with transaction(connection):
                connection.execute(_ADD_MODEL, (*unique, name))
                (number,) = connection.execute(_MODEL, unique).fetchone()
            return int(number)

        return self._database.use(find, 0)

    def file(self, path: Path, stamp: Stamp, models: tuple[int, int]) -> Known | None:
        """Return what is known of a photo file, if it was not changed since it was read.

        Args:
            path: The file.
            stamp: What it is like now.
            models: The numbers of models whose answers will do.
        """
        values = (*models, _filed(path), *stamp)
        return self._known(_KNOWN_FILE, values)

    def content(self, fingerprint: bytes, models: tuple[int, int]) -> Known | None:
        """Return what is known of a content, wherever it lay."""
        values = (*models, fingerprint)
        return self._known(_KNOWN_CONTENT, values)

    def learn(self, photos: Sequence[Learnt], model: int) -> None:
        """Remember what was found out about photos, all or nothing."""
        now = int(time())

        def add(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                connection.executemany(
                    _ADD_CONTENT,
                    [(photo.fingerprint, self._reader, photo.reason) for photo in photos],
                )
                connection.executemany(
                    _ADD_PHOTO,
                    [(_filed(photo.path), *photo.stamp, photo.fingerprint) for photo in photos],
                )
                connection.executemany(
                    _ADD_ANSWER,
                    [
                        (photo.fingerprint, model, _packed(photo.probabilities), now)
                        for photo in photos
                        if photo.probabilities
                    ],
                )

        self._database.use(add, None)

    def correct(
        self, path: Path, fingerprint: bytes, label: str, stamp: Stamp | None = None
    ) -> None:
        """Keep what the user says that a photo shows; an empty label withdraws it.

        Args:
            path: Where the photo is.
            fingerprint: SHA-256 of its content.
            label: A class name.
            stamp: The file's when it had that content, if that is known and settled.

        Raises:
            CatDogError: It cannot be kept.
        """
        correction = Correction(fingerprint.hex(), label, int(time()), _printable(path))
        try:
            self._log.add(correction)
        except OSError as error:
            raise CatDogError(
                f"The correction of {path} cannot be kept ({error.strerror}): make room on the "
                f"disk of {self._database.file.parent}, and correct it again."
            ) from error

        self._database.catch_up()
        if stamp is not None:
            values = (_filed(path), *stamp, fingerprint)
            self._database.use(lambda connection: connection.execute(_ADD_PHOTO, values), None)

    def corrections(self) -> int:
        """Return how many photos the user corrected."""

        def count(connection: sqlite3.Connection) -> int:
            (number,) = connection.execute("SELECT COUNT(*) FROM correction").fetchone()
            return int(number)

        return self._database.use(count, 0)

    def _known(self, query: str, values: tuple[object, ...]) -> Known | None:
        row = self._database.use(lambda connection: _first_row(connection, query, values), None)
        if row is None:
            return None
        fingerprint, reader, reason, label, probabilities = row
        same_reader = reader == self._reader
        return Known(
            fingerprint,
            reason if same_reader else None,
            _unpacked(probabilities) if same_reader and probabilities else (),
            label or "",
        )


def _first_row(
    connection: sqlite3.Connection, query: str, values: tuple[object, ...]
) -> tuple[bytes, str, str, str | None, bytes | None] | None:
    row: tuple[bytes, str, str, str | None, bytes | None] | None
    row = connection.execute(query, values).fetchone()
    return row


def _filed(path: Path) -> bytes:
    """Return what a path is filed under: its bytes, made absolute, links left as they are."""
    return os.fsencode(os.path.normpath(path.absolute()))


def _printable(path: Path) -> str:
    return os.fsencode(os.path.normpath(path.absolute())).decode("utf-8", "backslashreplace")


def _packed(probabilities: tuple[float, ...]) -> bytes:
    return struct.pack(f"<{len(probabilities)}f", *probabilities)


def _unpacked(content: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(content) // 4}f", content)
