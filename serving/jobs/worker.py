"""The worker process: runs jobs, shows that it lives, gives back the jobs of dead workers."""

from __future__ import annotations

import asyncio
import logging
import signal

import procrastinate
from procrastinate.exceptions import ConnectorException

from serving.db.engine import libpq_url
from serving.jobs import tasks
from serving.jobs.context import WorkerContext
from serving.jobs.queue import QUEUES, queue

logger = logging.getLogger(__name__)

POLL_S = 2.0
PRUNE_AFTER_S = 60.0


async def run_worker(context: WorkerContext, database_url: str) -> None:
    """Work until asked to stop; a job that is running then goes back to the queue.

    Each lane of the queue runs one job at a time, beside the others. A lost database ends the
    worker with an error: whoever started it starts it again.
    """
    settings = context.settings
    connector = procrastinate.PsycopgConnector(
        conninfo=libpq_url(database_url), min_size=1, max_size=10
    )
    app = queue.with_connector(connector)
    async with app.open_async():
        work = asyncio.create_task(_run_lanes(app, context))
        rescue = asyncio.create_task(_give_back_for_ever(app, settings.stalled_after_s))
        _stop_on_signals(context, work)
        try:
            await _first_to_end(work, rescue)
        finally:
            rescue.cancel()


async def _run_lanes(app: procrastinate.App, context: WorkerContext) -> None:
    """Run every lane; one that fails ends the others, as one that is cancelled does."""
    async with asyncio.TaskGroup() as lanes:
        for lane in QUEUES:
            lanes.create_task(_run_lane(app, lane, context))


async def _run_lane(app: procrastinate.App, lane: str, context: WorkerContext) -> None:
    await app.run_worker_async(
        queues=[lane],
        concurrency=1,
        additional_context={tasks.CONTEXT_KEY: context},
        fetch_job_polling_interval=POLL_S,
        update_heartbeat_interval=context.settings.heartbeat_s,
        stalled_worker_timeout=PRUNE_AFTER_S,
        delete_jobs="successful",
        install_signal_handlers=False,
    )


async def _first_to_end(work: asyncio.Task[None], rescue: asyncio.Task[None]) -> None:
    """Wait for the work to end; a rescue that fails (no database) ends the work too."""
    await asyncio.wait({work, rescue}, return_when=asyncio.FIRST_COMPLETED)
    if not work.done():
        work.cancel()
    if rescue.done() and not rescue.cancelled():
        rescue.result()
    try:
        await work
    except asyncio.CancelledError:
        logger.info("worker stopped")


def _stop_on_signals(context: WorkerContext, work: asyncio.Task[None]) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        context.stopping.set()
        work.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)


async def _give_back_for_ever(app: procrastinate.App, stalled_after_s: float) -> None:
    """Put jobs whose worker shows no more life back into the queue."""
    while True:
        for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=stalled_after_s):
            logger.warning("job %s lost its worker and goes back to the queue", job.id)
            try:
                await app.job_manager.retry_job(job)
            except ConnectorException:
                logger.info("job %s was given back by another worker", job.id)
        await asyncio.sleep(POLL_S)
