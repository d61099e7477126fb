"""Which database to use: the one that the settings name, or the embedded one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from serving.db.embedded import DatabaseStartError, EmbeddedPostgres
from serving.db.engine import can_answer, open_engine
from serving.settings import ServingSettings, make_data_dir

WAIT_S = 30.0


def embedded_server(settings: ServingSettings) -> EmbeddedPostgres | None:
    """Return the embedded server; None where the settings name an outside database."""
    return None if settings.database_url else EmbeddedPostgres(make_data_dir(settings))


def bring_up_database(settings: ServingSettings) -> str:
    """Return the address of a database that answers, starting the embedded one if need be.

    Raises:
        DatabaseStartError: it does not answer.
        ConfigurationError: its address or the data folder cannot be used.
    """
    server = embedded_server(settings)
    if server is not None:
        return server.ensure_up()
    engine = open_engine(settings.database_url, pool_size=1)
    deadline = time.monotonic() + WAIT_S
    while not can_answer(engine):
        if time.monotonic() > deadline:
            message = f"The database of HAZARDLENS_DATABASE_URL does not answer for {WAIT_S:.0f} s."
            raise DatabaseStartError(message, remedy="Check the address and that it is running.")
        time.sleep(0.5)
    engine.dispose()
    return settings.database_url


@contextmanager
def database_for_command(settings: ServingSettings) -> Iterator[str]:
    """Yield the address of the database for a short command, leaving it as it was found."""
    server = embedded_server(settings)
    was_up = server is None or server.is_up()
    try:
        yield bring_up_database(settings)
    finally:
        if server is not None and not was_up:
            server.stop()
