"""The queue: procrastinate on our PostgreSQL. Tasks are registered by :mod:`serving.jobs.tasks`."""

from __future__ import annotations

import procrastinate
from sqlalchemy.orm import Session

QUEUE = "flights"
COVERAGE_QUEUE = "coverage"
"""A lane of its own: what was not covered is told while other flights are still looked at."""

QUEUES = (QUEUE, COVERAGE_QUEUE)
RETRY_WAIT_S = 1

queue = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())
"""The app that names the tasks. Its connector is never opened: jobs are written on the connection
of the caller's transaction, so that a job exists exactly when what it works on exists."""


def defer(session: Session, task_name: str, *, lane: str = QUEUE, **arguments: object) -> None:
    """Write a job in the transaction of ``session``."""
    connection = session.connection().connection.driver_connection
    job = queue.configure_task(task_name, connection=connection, queue=lane)
    job.defer(**arguments)  # type: ignore[arg-type]  # arguments are numbers and lists of them
