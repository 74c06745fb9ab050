"""The tables of the catalog, and how each version of them became the next."""

import sqlite3

MIGRATIONS = (
    # 1: what a file held when it was last read, what models said of that, and what the user said.
    """
    CREATE TABLE content (
        id INTEGER PRIMARY KEY,
        fingerprint BLOB NOT NULL UNIQUE,  -- SHA-256 of the bytes
        reader TEXT NOT NULL,              -- what read it
        reason TEXT NOT NULL               -- why it is unreadable; empty if it is not
    );
    CREATE TABLE photo (
        path BLOB PRIMARY KEY,
        size INTEGER NOT NULL,
        modified INTEGER NOT NULL,         -- nanoseconds
        changed INTEGER NOT NULL,          -- nanoseconds
        content INTEGER NOT NULL REFERENCES content (id)
    ) WITHOUT ROWID;
    CREATE INDEX photo_content ON photo (content);
    CREATE TABLE model (
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL,                 -- what decides its answers
        precision TEXT NOT NULL,
        reader TEXT NOT NULL,
        name TEXT NOT NULL,
        UNIQUE (key, precision, reader)
    );
    CREATE TABLE answer (
        content INTEGER NOT NULL REFERENCES content (id),
        model INTEGER NOT NULL REFERENCES model (id) ON DELETE CASCADE,
        probabilities BLOB NOT NULL,       -- 32-bit floats, in the order of the model's classes
        answered INTEGER NOT NULL,         -- seconds since 1970
        PRIMARY KEY (content, model)
    ) WITHOUT ROWID;
    CREATE TABLE correction (
        content INTEGER PRIMARY KEY REFERENCES content (id),
        label TEXT NOT NULL,
        corrected INTEGER NOT NULL         -- seconds since 1970
    );
    CREATE TABLE log (applied INTEGER NOT NULL);  -- bytes of the log of corrections
    INSERT INTO log VALUES (0);
    """,
)
"""The scripts that lead from each version to the next; never changed once they were released."""

VERSION = len(MIGRATIONS)


def version_of(connection: sqlite3.Connection) -> int:
    """Return which version of the tables a database has; 0 if it is new."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def migrate(connection: sqlite3.Connection, migrations: tuple[str, ...] = MIGRATIONS) -> None:
    """Bring a database up to date, whole or not at all; two processes may try at once.

    Args:
        connection: In autocommit mode.
        migrations: The scripts from each version to the next.
    """
    if version_of(connection) >= len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for number in range(version_of(connection), len(migrations)):
            for statement in _statements(migrations[number]):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(migrations):d}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> list[str]:
    """Return a script's statements; `executescript` would end the transaction around them."""
    statements, statement = [], ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            statements.append(statement)
            statement = ""
    return statements
