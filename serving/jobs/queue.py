"""The queue: procrastinate on our PostgreSQL. Tasks are registered by :mod:`serving.jobs.tasks`."""

from __future__ import annotations

import procrastinate
from sqlalchemy.orm import Session

QUEUE = "flights"
COVERAGE_QUEUE = "coverage"
"""A lane of its own: what was not covered is told while other flights are still looked at."""

UPLOADS_QUEUE = "uploads"
"""Whoever stands on site waits for a word on their files: detection is not in front of them."""

MEDIA_QUEUE = "media"
"""A video takes minutes to become photos; photos that are sent meanwhile do not wait for it."""

RANKING_QUEUE = "ranking"
"""100,000 candidates take a minute to be put in order anew; nobody's photos wait for that."""

APPEARANCE_QUEUE = "appearance"
"""What a reviewer wants compared does not wait for the flights that are still looked at."""

PICTURES_QUEUE = "pictures"
"""Photos are cut into tiles before anybody looks, and nothing waits for that."""

CHANGE_QUEUE = "change"
"""A comparison of two flights takes a quarter of an hour; nothing else waits for it."""

MODELS_QUEUE = "models"
"""To take a model back is urgent: nothing that takes long is in front of it."""

TRAINING_QUEUE = "training"
"""Hours of work, for workers that can train; see ``hazardlens worker --training``."""

LEARNING_QUEUE = "learning"
"""What to label next, and drift: seconds, for which an engineer waits in front of the page."""

LABELS_QUEUE = "labels"
"""Label Studio may be slow or away; nothing waits for it but what is drawn there."""

CALIBRATION_QUEUE = "calibration"
"""Somebody waits to label: the flights that are still looked at are not in front of them."""

QUEUES = (
    QUEUE,
    COVERAGE_QUEUE,
    UPLOADS_QUEUE,
    MEDIA_QUEUE,
    RANKING_QUEUE,
    APPEARANCE_QUEUE,
    PICTURES_QUEUE,
    CHANGE_QUEUE,
    CALIBRATION_QUEUE,
    MODELS_QUEUE,
    LEARNING_QUEUE,
    LABELS_QUEUE,
)
"""What every worker works off; the lane ``training`` is for those that can train."""

RETRY_WAIT_S = 1

SOON = 1
"""Priority of what somebody waits for in front of a page; everything else has 0."""

queue = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())
"""The app that names the tasks. Its connector is never opened: jobs are written on the connection
of the caller's transaction, so that a job exists exactly when what it works on exists."""


def defer(
    session: Session,
    task_name: str,
    *,
    lane: str = QUEUE,
    wait_s: int = 0,
    lock: str | None = None,
    priority: int = 0,
    **arguments: object,
) -> None:
    """Write a job in the transaction of ``session``, to be run in ``wait_s`` seconds at least.

    Of jobs with one ``lock`` all workers together run one at a time. Of those that wait in a lane
    the greatest ``priority`` comes first, then the oldest.
    """
    connection = session.connection().connection.driver_connection
    later = {"seconds": wait_s} if wait_s else None
    job = queue.configure_task(
        task_name,
        connection=connection,
        queue=lane,
        schedule_in=later,
        lock=lock,
        priority=priority,
    )
    job.defer(**arguments)  # type: ignore[arg-type]  # arguments are numbers and lists of them
