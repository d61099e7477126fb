"""Note the head of the audit log every few minutes, in the data folder and in the log."""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy.exc import SQLAlchemyError

from serving.audit.anchors import note_head
from serving.audit.entries import read_head
from serving.jobs.context import WorkerContext

logger = logging.getLogger(__name__)

ANCHOR_EVERY_S = 600.0


async def anchor_for_ever(context: WorkerContext, every_s: float = ANCHOR_EVERY_S) -> None:
    """Note the head now and then; what goes wrong is told and tried again."""
    while True:
        await asyncio.to_thread(anchor_head, context)
        await asyncio.sleep(every_s)


def anchor_head(context: WorkerContext) -> None:
    """Note the head of this moment, unless it was noted before."""
    try:
        with context.sessions() as session:
            head = read_head(session)
        if note_head(context.settings.resolved_data_dir, head):
            logger.info("head of the audit log: %s", head)
    except (OSError, SQLAlchemyError) as error:
        logger.warning("the head of the audit log was not noted: %s", error)
