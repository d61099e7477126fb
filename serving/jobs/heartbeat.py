"""Whether a worker lives, for the health check; light to import."""

from __future__ import annotations

from sqlalchemy import Engine, text


def seconds_since_heartbeat(engine: Engine) -> float | None:
    """Return how long ago a worker last showed life; None where none is registered."""
    statement = "select extract(epoch from now() - max(last_heartbeat)) from procrastinate_workers"
    with engine.connect() as connection:
        age = connection.scalar(text(statement))
    return None if age is None else float(age)
