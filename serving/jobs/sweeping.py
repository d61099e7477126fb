"""What is due now and then: forget uploads that nobody goes on with, look at the drift."""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy.exc import SQLAlchemyError

from serving.flights.uploads import sweep_uploads
from serving.jobs.context import WorkerContext
from serving.jobs.drifting import order_drift_check_if_due
from serving.jobs.file_checks import folder_of
from serving.jobs.shadow import compare_shadows

logger = logging.getLogger(__name__)

SWEEP_EVERY_S = 3600.0


async def sweep_for_ever(context: WorkerContext, every_s: float = SWEEP_EVERY_S) -> None:
    """Sweep at the start and every hour; what goes wrong is told and tried again."""
    while True:
        await asyncio.to_thread(sweep_once, context)
        await asyncio.to_thread(compare_shadows, context)
        await asyncio.to_thread(order_what_is_due, context)
        await asyncio.sleep(every_s)


def sweep_once(context: WorkerContext) -> None:
    """Forget what expired; its files stay announced."""
    try:
        with context.sessions.begin() as session:
            swept = sweep_uploads(session, folder_of(context))
    except (OSError, SQLAlchemyError) as error:
        logger.warning("expired uploads were not removed: %s", error)
        return
    if swept:
        logger.info("%d files of expired uploads were removed", swept)


def order_what_is_due(context: WorkerContext) -> None:
    """Order the look at the drift that is made once a day."""
    try:
        with context.sessions.begin() as session:
            order_drift_check_if_due(session)
    except SQLAlchemyError as error:
        logger.warning("no look at the drift was ordered: %s", error)
