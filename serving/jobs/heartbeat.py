"""Which workers live, for the health check and for sharing out work; light to import."""

from __future__ import annotations

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from serving.jobs.queue import QUEUES

LIVES_S = 10.0
"""A worker that has shown no life for so long is not counted on."""


def seconds_since_heartbeat(engine: Engine) -> float | None:
    """Return how long ago a worker last showed life; None where none is registered."""
    statement = "select extract(epoch from now() - max(last_heartbeat)) from procrastinate_workers"
    with engine.connect() as connection:
        age = connection.scalar(text(statement))
    return None if age is None else float(age)


def count_workers(session: Session) -> int:
    """Return how many processes share the work now, one at least: each registers once a lane."""
    statement = (
        "select count(*) from procrastinate_workers"
        " where last_heartbeat > now() - make_interval(secs => :lives_s)"
    )
    lanes = session.scalar(text(statement), {"lives_s": LIVES_S}) or 0
    return max(1, int(lanes) // len(QUEUES))
