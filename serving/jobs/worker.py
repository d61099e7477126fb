"""The worker process: runs jobs, shows that it lives, gives back the jobs of dead workers."""

from __future__ import annotations

import asyncio
import logging
import signal
from concurrent.futures import ThreadPoolExecutor

import procrastinate
from procrastinate.exceptions import ConnectorException

from serving.db.engine import libpq_url
from serving.jobs import tasks
from serving.jobs.anchoring import anchor_for_ever
from serving.jobs.change_orders import order_placing_if_needed
from serving.jobs.context import WorkerContext
from serving.jobs.labelling import look_for_ever
from serving.jobs.queue import QUEUES, TRAINING_QUEUE, UPLOADS_QUEUE, queue
from serving.jobs.ranking import order_ranking_if_outdated
from serving.jobs.sweeping import sweep_for_ever
from serving.jobs.training_worker import show_life_for_ever

logger = logging.getLogger(__name__)

POLL_S = 2.0
SIDE_BY_SIDE = {UPLOADS_QUEUE: 3}
"""Checking a file is waiting for the disk as much as it is decoding."""

OTHER_THREADS = 4
"""For what the worker does now and then beside its jobs: sweep, note the head of the audit log,
look whether Label Studio is due; and at its start, load the models."""

SHARED_CONNECTIONS = 6
"""Of the queue, for all lanes together; besides, each lane listens on one of its own. Few, because
several workers share what a server of PostgreSQL allows, 100 by itself."""

PRUNE_AFTER_S = 60.0


async def run_worker(context: WorkerContext, database_url: str) -> None:
    """Work until asked to stop; a job that is running then goes back to the queue.

    Each lane of the queue runs one job at a time (or a few), beside the others. A lost database
    ends the worker with an error: whoever started it starts it again.
    """
    settings = context.settings
    give_every_job_a_thread(asyncio.get_running_loop())
    with context.sessions.begin() as session:
        order_ranking_if_outdated(session)
        order_placing_if_needed(session)
    connector = procrastinate.PsycopgConnector(
        conninfo=libpq_url(database_url), min_size=1, max_size=len(QUEUES) + SHARED_CONNECTIONS
    )
    app = queue.with_connector(connector)
    async with app.open_async():
        work = asyncio.create_task(_run_lanes(app, context))
        rescue = asyncio.create_task(_give_back_for_ever(app, settings.stalled_after_s))
        anchors = asyncio.create_task(anchor_for_ever(context))
        sweeps = asyncio.create_task(sweep_for_ever(context))
        looks = asyncio.create_task(look_for_ever(context))
        asyncio.get_running_loop().run_in_executor(None, context.warm_up)
        _stop_on_signals(context, work)
        try:
            await _first_to_end(work, rescue)
        finally:
            rescue.cancel()
            anchors.cancel()
            sweeps.cancel()
            looks.cancel()


async def run_training_worker(context: WorkerContext, database_url: str, device: str) -> None:
    """Work off the lane ``training`` until asked to stop, and show the pages that somebody does."""
    connector = procrastinate.PsycopgConnector(
        conninfo=libpq_url(database_url), min_size=1, max_size=4
    )
    app = queue.with_connector(connector)
    async with app.open_async():
        work = asyncio.create_task(_run_lane(app, TRAINING_QUEUE, context))
        rescue = asyncio.create_task(_give_back_for_ever(app, context.settings.stalled_after_s))
        life = asyncio.create_task(show_life_for_ever(context, device))
        _stop_on_signals(context, work)
        try:
            await _first_to_end(work, rescue)
        finally:
            rescue.cancel()
            life.cancel()
            await asyncio.wait({life})


def give_every_job_a_thread(loop: asyncio.AbstractEventLoop) -> None:
    """Let as many jobs run side by side as the lanes allow.

    By itself Python gives four threads more than there are processors. On two of them, a video and
    pictures to be cut could let the files of whoever stands on site wait, lane or no lane.
    """
    jobs = sum(SIDE_BY_SIDE.get(lane, 1) for lane in QUEUES)
    threads = ThreadPoolExecutor(jobs + OTHER_THREADS, thread_name_prefix="job")
    loop.set_default_executor(threads)


async def _run_lanes(app: procrastinate.App, context: WorkerContext) -> None:
    """Run every lane; one that fails ends the others, as one that is cancelled does."""
    async with asyncio.TaskGroup() as lanes:
        for lane in QUEUES:
            lanes.create_task(_run_lane(app, lane, context))


async def _run_lane(app: procrastinate.App, lane: str, context: WorkerContext) -> None:
    await app.run_worker_async(
        queues=[lane],
        concurrency=SIDE_BY_SIDE.get(lane, 1),
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
