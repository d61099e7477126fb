"""What an upload remembers beside the user's state, so that it goes on after anything.

SQLite, because a killed process or a power cut then leaves the last whole state, and because the
one who writes holds it alone, on every system.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from detection.domain.errors import InvalidInputError
from serving.client.errors import UploadRunningError
from serving.client.sources import SourceFile

TABLES = """
create table if not exists upload (flight_id integer, is_submitted integer not null default 0);
create table if not exists hashes (
    path text primary key, size integer not null, mtime_ns integer not null, sha256 text not null
);
create table if not exists sent (sha256 text primary key, flight_id integer not null);
"""


def find_state_folder() -> Path:
    """Return where this user's programs keep their state (XDG)."""
    given = os.environ.get("XDG_STATE_HOME")
    base = Path(given) if given else Path.home() / ".local" / "state"
    return base / "hazardlens" / "uploads"


class Journal:
    """The memory of sending one source to one server as one person."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Use an open database; see `open_journal`."""
        self._database = database

    @property
    def flight_id(self) -> int | None:
        """The flight that the source is being sent to."""
        row = self._database.execute("select flight_id from upload").fetchone()
        return None if row is None else int(row[0])

    @property
    def is_submitted(self) -> bool:
        """Whether that flight was closed by us."""
        row = self._database.execute("select is_submitted from upload").fetchone()
        return row is not None and bool(row[0])

    def begin_flight(self, flight_id: int) -> None:
        """Remember to which flight the source is sent from now on."""
        with self._database:
            self._database.execute("delete from upload")
            self._database.execute("insert into upload (flight_id) values (?)", (flight_id,))

    def end_flight(self, hashes: Iterable[str]) -> None:
        """Remember that the flight was submitted, and with which files."""
        flight_id = self.flight_id
        with self._database:
            self._database.execute("update upload set is_submitted = 1")
            self._database.executemany(
                "insert or ignore into sent values (?, ?)",
                [(sha256, flight_id) for sha256 in hashes],
            )

    def find_earlier_flight(self, sha256: str) -> int | None:
        """Return the flight that was submitted with this file before."""
        query = "select flight_id from sent where sha256 = ?"
        row = self._database.execute(query, (sha256,)).fetchone()
        return None if row is None else int(row[0])

    def find_hash(self, file: SourceFile) -> str | None:
        """Return the hash of a file that has not changed since it was computed."""
        query = "select sha256 from hashes where path = ? and size = ? and mtime_ns = ?"
        row = self._database.execute(query, (file.name, file.size, file.mtime_ns)).fetchone()
        return None if row is None else str(row[0])

    def keep_hashes(self, hashes: Iterable[tuple[SourceFile, str]]) -> None:
        """Remember hashes, so that going on does not read the whole card again."""
        with self._database:
            self._database.executemany(
                "insert or replace into hashes values (?, ?, ?, ?)",
                [(file.name, file.size, file.mtime_ns, sha256) for file, sha256 in hashes],
            )


@contextmanager
def open_journal(folder: Path, server: str, username: str, source: Path) -> Iterator[Journal]:
    """Hold the journal of this server, person and source until the block ends.

    Raises:
        UploadRunningError: another command holds it.
        InvalidInputError: the folder cannot be written.
    """
    key = hashlib.sha256("\n".join([server, username, str(source)]).encode(errors="replace"))
    path = folder / f"{key.hexdigest()[:24]}.sqlite"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = sqlite3.connect(path, timeout=0, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        message = f"The journal {path} cannot be written: {error}."
        raise InvalidInputError(message, remedy="Name a folder with XDG_STATE_HOME.") from error
    try:
        _take(database, path, source)
        yield Journal(database)
    finally:
        database.close()


def _take(database: sqlite3.Connection, path: Path, source: Path) -> None:
    """Take the journal for this process alone; whoever is killed loses it at once."""
    try:
        database.execute("pragma locking_mode = exclusive")
        with database:
            database.executescript("begin immediate;" + TABLES + "commit;")
    except sqlite3.OperationalError as error:
        message = f"{source} is being sent by another command."
        remedy = f"Wait for that one, or end it. (journal: {path})"
        raise UploadRunningError(message, remedy=remedy) from error
    except sqlite3.DatabaseError as error:
        message = f"The journal {path} is damaged."
        remedy = "Delete it; the server knows what it has, so nothing is sent twice."
        raise InvalidInputError(message, remedy=remedy) from error
