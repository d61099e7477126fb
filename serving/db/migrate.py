"""Bring the database to the present shape. Safe to call from many processes at once."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, Engine, text

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_KEY = 0x4841_5A4C  # "HAZL": one number that all our processes agree on


def upgrade_database(engine: Engine) -> None:
    """Apply what is missing of our tables and of the queue's, in one transaction under a lock."""
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
        command.upgrade(alembic_config(connection), "head")
        _create_queue_tables(connection)


def alembic_config(connection: Connection) -> Config:
    """Return an alembic configuration that works on ``connection``."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _create_queue_tables(connection: Connection) -> None:
    if connection.scalar(text("select to_regclass('procrastinate_jobs')")) is None:
        # Straight to the driver: the script is full of colons and percent signs.
        driver = connection.connection.driver_connection
        if driver is None:
            message = "the connection was closed under us"
            raise RuntimeError(message)
        driver.execute(SchemaManager.get_schema())
