"""Connections to PostgreSQL through SQLAlchemy and psycopg 3."""

from __future__ import annotations

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from detection.domain.errors import ConfigurationError

CONNECT_TIMEOUT_S = 10


def sqlalchemy_url(database_url: str) -> str:
    """Return ``postgresql://…`` as SQLAlchemy with psycopg 3 wants it.

    Raises:
        ConfigurationError: the URL is not one of a PostgreSQL database.
    """
    try:
        url = make_url(database_url)
    except ArgumentError as error:
        raise _bad_url() from error
    if url.get_backend_name() not in {"postgresql", "postgres"}:
        raise _bad_url()
    return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def libpq_url(database_url: str) -> str:
    """Return the same address for psycopg itself, without the name of a driver."""
    url = make_url(sqlalchemy_url(database_url)).set(drivername="postgresql")
    return url.render_as_string(hide_password=False)


def open_engine(database_url: str, *, pool_size: int = 10) -> Engine:
    """Return an engine whose connections are tried before use: a restarted server is no error."""
    return create_engine(
        sqlalchemy_url(database_url),
        pool_pre_ping=True,
        pool_size=pool_size,
        max_overflow=pool_size,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "hazardlens"},
    )


def make_sessions(engine: Engine) -> sessionmaker[Session]:
    """Return the factory of sessions; rows stay readable after a commit."""
    return sessionmaker(engine, expire_on_commit=False)


def can_answer(engine: Engine) -> bool:
    """Whether the database answers a real query."""
    try:
        with engine.connect() as connection:
            connection.execute(text("select 1"))
    except SQLAlchemyError:  # refused, cut off, or no free connection
        return False
    return True


def _bad_url() -> ConfigurationError:
    # The URL itself is not repeated: it may hold a password.
    message = "HAZARDLENS_DATABASE_URL is not the address of a PostgreSQL database."
    return ConfigurationError(message, remedy="Write postgresql://user:password@host:5432/name.")
