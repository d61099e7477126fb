"""What a worker does with Label Studio: send what waits, take in what was drawn, look now and then.

Trouble on the way is written down where the page shows it; the next look tries again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from detection.domain.errors import HazardLensError
from serving.db.tables import LabelPushRow
from serving.jobs.context import WorkerContext
from serving.jobs.label_orders import order_look_if_due
from serving.labelstudio.board import Board, open_board
from serving.labelstudio.problems import note_failure
from serving.labelstudio.projects import list_project_rows
from serving.labelstudio.sync import Synced, push, reconcile
from serving.labelstudio.webhook import work_off_events

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 30.0
Act = Callable[[Board], list[Synced]]


def push_labels(context: WorkerContext) -> None:
    """Send what waits."""
    _tell(context, _with_board(context, push))


def reconcile_labels(context: WorkerContext) -> None:
    """Send, take in, tidy up."""
    _tell(context, _with_board(context, reconcile))


def take_in_labels(context: WorkerContext) -> None:
    """Look at the tasks that Label Studio told us of."""
    try:
        with open_board(context.settings, context.sessions, context.store) as board:
            work_off_events(board)
    except HazardLensError as error:
        _note_for_all(context, error)


async def look_for_ever(context: WorkerContext, every_s: float = LOOK_EVERY_S) -> None:
    """Have the projects looked at whenever it is due; without Label Studio nothing happens."""
    while True:
        await asyncio.to_thread(look_if_due, context)
        await asyncio.sleep(every_s)


def look_if_due(context: WorkerContext) -> None:
    """Order a look at the projects where it is due."""
    if not context.settings.label_studio_url:
        return
    try:
        with context.sessions.begin() as session:
            order_look_if_due(session, context.settings.label_sync_min)
    except SQLAlchemyError as error:
        logger.warning("the look at Label Studio was not ordered: %s", error)


def _with_board(context: WorkerContext, act: Act) -> list[Synced]:
    try:
        with open_board(context.settings, context.sessions, context.store) as board:
            return act(board)
    except HazardLensError as error:
        _note_for_all(context, error)
        return [Synced("all", error=error)]


def _note_for_all(context: WorkerContext, error: HazardLensError) -> None:
    with context.sessions.begin() as session:
        for row in list_project_rows(session):
            note_failure(session, row.geometry, error)


def _tell(context: WorkerContext, outcomes: list[Synced]) -> None:
    """Say of orders that still wait why they do."""
    failed = [each.error for each in outcomes if each.error is not None]
    for each in outcomes:
        told = (each.geometry, each.sent, each.taken.new_rows)
        logger.info("Label Studio, %s: %d tasks sent, %d drawings new", *told)
    if failed:
        with context.sessions.begin() as session:
            session.execute(
                update(LabelPushRow)
                .where(LabelPushRow.state == "queued")
                .values(
                    state="failed",
                    finished_at=datetime.now(UTC),
                    failure_code=failed[0].code,
                    failure_message=failed[0].message,
                    failure_remedy=failed[0].remedy,
                )
            )
