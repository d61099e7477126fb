"""Run the jobs of a queue within the test, until none is left.

Import as ``from tests.job_runner import run_jobs``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import procrastinate

from serving.db.engine import libpq_url
from serving.jobs import tasks
from serving.jobs.context import WorkerContext
from serving.jobs.queue import QUEUES, queue


def run_jobs(context: WorkerContext, lanes: Sequence[str] = QUEUES) -> None:
    """Work off everything that is in the queue now, as a worker process would."""
    asyncio.run(_run_jobs(context, lanes))


async def _run_jobs(context: WorkerContext, lanes: Sequence[str]) -> None:
    url = libpq_url(context.settings.database_url)
    app = queue.with_connector(procrastinate.PsycopgConnector(conninfo=url, min_size=1, max_size=3))
    async with app.open_async():
        await app.run_worker_async(
            queues=list(lanes),
            wait=False,
            listen_notify=False,
            additional_context={tasks.CONTEXT_KEY: context},
            install_signal_handlers=False,
            delete_jobs="successful",
        )
