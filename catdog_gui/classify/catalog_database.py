"""The catalog's database: opened, kept in one piece, and begun anew if it is damaged."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from catdog_gui.classify.catalog_schema import VERSION, migrate, version_of
from catdog_gui.classify.corrections_log import Correction, CorrectionsLog
from training.errors import CatDogError
from training.file_lock import lock_file

FILE_NAME = "catalog.sqlite3"
LOCK_NAME = "catalog.lock"
BUSY_SECONDS = 30.0
"""How long another process may keep the database for itself."""

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})
_ADD_UNREAD = "INSERT OR IGNORE INTO content (fingerprint, reader, reason) VALUES (?, '', '')"
_CORRECT = """
    INSERT OR REPLACE INTO correction (content, label, corrected)
    VALUES ((SELECT id FROM content WHERE fingerprint = ?), ?, ?)
"""
_WITHDRAW = """
    DELETE FROM correction WHERE content = (SELECT id FROM content WHERE fingerprint = ?)
"""
Returned = TypeVar("Returned")


class CatalogDatabase:
    """A database that several processes may use, each connection in one thread.

    A database that cannot be used costs time and no more: what is wrong is told once, and then
    nothing is known. One that is damaged is set aside, and a new one begun with all corrections.
    """

    def __init__(self, folder: Path, log: CorrectionsLog, tell: Callable[[str], None]) -> None:
        """Open the database in a folder, which is made if need be.

        Args:
            folder: Where it lies.
            log: The corrections that a new one begins with.
            tell: Told in one sentence what is wrong, if something is.

        Raises:
            CatDogError: A newer version of this program wrote it.
        """
        self.file = folder / FILE_NAME
        self._log = log
        self._tell = tell
        self._connection: sqlite3.Connection | None = None
        self._guarded(self._open, None)

    def close(self) -> None:
        """Close it; from then on nothing is known."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def use(self, work: Callable[[sqlite3.Connection], Returned], otherwise: Returned) -> Returned:
        """Return what `work` does with the database, or something else where that fails."""
        connection = self._connection
        if connection is None:
            return otherwise
        return self._guarded(lambda: work(connection), otherwise)

    def _guarded(self, work: Callable[[], Returned], otherwise: Returned) -> Returned:
        try:
            return work()
        except (sqlite3.Error, OSError) as error:
            self.close()
            if isinstance(error, sqlite3.Error) and _primary(error) in _DAMAGE:
                self._begin_anew()
            else:
                self._tell(
                    f"The catalog {self.file} cannot be used ({error}), so that nothing is "
                    "remembered: see whether its folder can be written to and has room."
                )
            return otherwise

    def _open(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.file, BUSY_SECONDS, isolation_level=None)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        if version_of(connection) > VERSION:
            raise CatDogError(
                f"The catalog {self.file} was written by a newer CatDog Studio: use that one."
            )
        migrate(connection)
        self._catch_up(connection)

    def catch_up(self) -> None:
        """Take over the corrections that the log has and the database has not."""
        self.use(self._catch_up, None)

    def _catch_up(self, connection: sqlite3.Connection) -> None:
        with transaction(connection):
            (applied,) = connection.execute("SELECT applied FROM log").fetchone()
            corrections, end = self._log.since(applied)
            for correction in corrections:
                _note(connection, correction)
            if end != applied:
                connection.execute("UPDATE log SET applied = ?", (end,))

    def _begin_anew(self) -> None:
        """Set the damaged database aside, unless another process did, and use a new one."""
        try:
            with (self.file.parent / LOCK_NAME).open("ab") as lock:
                lock_file(lock, wait=True)
                if self._is_damaged():
                    aside = self._set_aside()
                    self._tell(
                        "The catalog was damaged and is made anew, so photos are read once more; "
                        f"all corrections are kept. The damaged one is {aside}."
                    )
                self._open()
        except (sqlite3.Error, OSError) as error:
            self.close()
            self._tell(
                f"The catalog {self.file} is damaged and cannot be made anew ({error}): move it "
                "away by hand."
            )

    def _is_damaged(self) -> bool:
        try:
            with closing(sqlite3.connect(self.file, BUSY_SECONDS)) as connection:
                (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                connection.execute("SELECT * FROM photo, content, model, answer, correction, log")
        except sqlite3.DatabaseError:
            return True
        return bool(answer != "ok")

    def _set_aside(self) -> Path:
        """Give the database and its companions other names, and return its own."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
        aside = self.file.with_name(f"catalog-damaged-{now}-{os.getpid()}.sqlite3")
        for ending in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                Path(f"{self.file}{ending}").rename(f"{aside}{ending}")
        return aside


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write all that the block writes, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _note(connection: sqlite3.Connection, correction: Correction) -> None:
    """Write a correction into a database; one without a label withdraws the one before."""
    fingerprint = bytes.fromhex(correction.fingerprint)
    connection.execute(_ADD_UNREAD, (fingerprint,))
    if correction.label:
        connection.execute(_CORRECT, (fingerprint, correction.label, correction.corrected))
    else:
        connection.execute(_WITHDRAW, (fingerprint,))


def _primary(error: sqlite3.Error) -> int:
    """Return the first part of SQLite's error code; the rest only tells where it happened."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF
