"""Users: create, sign in, change, list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from detection.domain.errors import InvalidInputError
from serving.accounts.errors import (
    NotSignedInError,
    UserExistsError,
    UserNotFoundError,
    WeakPasswordError,
    WrongPasswordError,
)
from serving.accounts.roles import Role
from serving.accounts.tokens import TokenClaims
from serving.audit.log import SERVICE, Actor, Subject, record
from serving.db.tables import UserRow

MIN_PASSWORD_CHARS = 8
MAX_USERNAME_CHARS = 64
VERIFIED_AT_ONCE = 4
ADMIN_USERNAME = "admin"

_hasher = PasswordHasher()
# One check takes 64 MiB: a flood of sign-ins has to wait, not to fill the memory.
_verifying = BoundedSemaphore(VERIFIED_AT_ONCE)


@dataclass(frozen=True, slots=True)
class Person:
    """A user who has signed in."""

    user_id: int
    username: str
    role: Role

    @property
    def actor(self) -> Actor:
        """The person as the audit log names them."""
        return Actor(self.user_id, self.username, self.role.value)


def create_user(
    session: Session, username: str, password: str, role: Role, *, by: Actor = SERVICE
) -> UserRow:
    """Add a user.

    Raises:
        UserExistsError: the name is taken (letter case does not count).
        WeakPasswordError: the password is too short.
        InvalidInputError: the name is empty, too long or cannot be printed.
    """
    username = username.strip()
    if not username or len(username) > MAX_USERNAME_CHARS or not username.isprintable():
        message = f"A user name has 1 to {MAX_USERNAME_CHARS} printable characters."
        raise InvalidInputError(message, remedy="Choose another name.")
    values = {"username": username, "password_hash": hash_password(password), "role": role.value}
    statement = insert(UserRow).values(values).on_conflict_do_nothing().returning(UserRow)
    row = session.scalar(statement)
    if row is None:
        message = f"There is already a user {username}."
        raise UserExistsError(message, remedy="Choose another name.")
    record(session, by, "create_user", _subject(row), after={"role": role.value})
    return row


def authenticate(session: Session, username: str, password: str) -> UserRow:
    """Return the user whose name and password fit.

    An unknown name costs as much time as a wrong password, so that names cannot be probed.

    Raises:
        WrongPasswordError: they do not fit, or the user is disabled.
    """
    row = _find(session, username)
    try:
        with _verifying:
            _hasher.verify(row.password_hash if row else _decoy_hash(), password)
    except VerificationError as error:
        raise WrongPasswordError from error
    if row is None or row.disabled_at is not None:
        raise WrongPasswordError
    return row


def load_person(session: Session, claims: TokenClaims) -> Person:
    """Return who a token stands for now.

    Raises:
        NotSignedInError: the user is gone or disabled, or the password was changed since.
    """
    row = session.get(UserRow, claims.user_id)
    if row is None or row.disabled_at is not None or row.token_version != claims.token_version:
        raise NotSignedInError
    return Person(row.id, row.username, Role(row.role))


def claims_of(row: UserRow) -> TokenClaims:
    """Return what a token for this user has to say."""
    return TokenClaims(row.id, row.token_version)


def list_users(session: Session) -> list[UserRow]:
    """Return all users in the order they were added."""
    return list(session.scalars(select(UserRow).order_by(UserRow.id)))


def set_password(session: Session, username: str, password: str, *, by: Actor = SERVICE) -> None:
    """Give a user a new password; every session opened with the old one ends.

    Raises:
        UserNotFoundError: there is no such user.
        WeakPasswordError: the password is too short.
    """
    row = _need(session, username)
    row.password_hash = hash_password(password)
    row.token_version += 1
    record(session, by, "set_password", _subject(row))


def set_role(session: Session, username: str, role: Role, *, by: Actor = SERVICE) -> None:
    """Give a user another role; it holds from their next request on.

    Raises:
        UserNotFoundError: there is no such user.
    """
    row = _need(session, username)
    before, row.role = row.role, role.value
    record(
        session, by, "set_role", _subject(row), before={"role": before}, after={"role": role.value}
    )


def disable_user(session: Session, username: str, *, by: Actor = SERVICE) -> None:
    """Shut a user out at once; what they did stays.

    Raises:
        UserNotFoundError: there is no such user.
    """
    row = _need(session, username)
    row.disabled_at = datetime.now(UTC)
    row.token_version += 1
    record(session, by, "disable_user", _subject(row))


def ensure_admin(session: Session, password: str) -> bool:
    """Create the user ``admin`` where there is no user at all; True if it was created."""
    if session.scalar(select(func.count()).select_from(UserRow)):
        return False
    create_user(session, ADMIN_USERNAME, password, Role.ADMIN)
    return True


def hash_password(password: str) -> str:
    """Return the argon2 hash of a password.

    Raises:
        WeakPasswordError: it is too short.
    """
    if len(password) < MIN_PASSWORD_CHARS:
        message = f"The password has fewer than {MIN_PASSWORD_CHARS} characters."
        raise WeakPasswordError(message, remedy="Choose a longer one.")
    return _hasher.hash(password)


def _subject(row: UserRow) -> Subject:
    return Subject("user", str(row.id))


@cache
def _decoy_hash() -> str:
    return _hasher.hash("nobody has this password")


def _find(session: Session, username: str) -> UserRow | None:
    name = username.strip().lower()
    if not name.isprintable():
        return None  # no user has such a name, and PostgreSQL refuses to look for some of them
    return session.scalar(select(UserRow).where(func.lower(UserRow.username) == name))


def _need(session: Session, username: str) -> UserRow:
    row = _find(session, username)
    if row is None:
        message = f"There is no user {username}."
        raise UserNotFoundError(message, remedy="See `hazardlens user list`.")
    return row
