"""Work off an order of the training lane: its commands one after the other, then what they left."""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import update

from detection.domain.errors import HazardLensError
from serving.db.tables import TrainingOrderRow
from serving.jobs.chunk import StoppingError
from serving.jobs.context import WorkerContext
from serving.jobs.training_kinds import KINDS
from serving.jobs.training_orders import defer_order
from serving.jobs.training_process import CommandEndedError, run_step
from serving.jobs.training_steps import Assignment, Result, Step, Told
from serving.learning.order_errors import TrainingBrokeOffError, TrainingCommandFailedError
from serving.learning.order_trail import record_end
from serving.learning.orders import OPEN_STATES, folder_of, get_order, lock_order

logger = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 3
"""An order at which the process ends so often is given up; a person may have it gone on with."""


def work_off(context: WorkerContext, order_id: int) -> None:
    """Do what an order asks for; done again after a crash it goes on where it was.

    Where a worker that was thought dead is still at it, that one goes on.

    Raises:
        StoppingError: the process is asked to end before it is done.
        CommandEndedError: a command was ended; the next attempt goes on.
    """
    folder = folder_of(context.settings.resolved_data_dir, order_id)
    folder.mkdir(parents=True, exist_ok=True)
    with _held(folder) as is_free:
        if is_free:
            _work_off(context, order_id, folder)
        else:
            logger.warning("order %d is being worked on by another worker", order_id)


@contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """Hold the folder of an order; False where another process does. A dead one holds nothing."""
    with (folder / ".lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _work_off(context: WorkerContext, order_id: int, folder: Path) -> None:
    order = _begin(context, order_id)
    if order is None:
        return
    try:
        result = _do_all(context, order, folder)
    except HazardLensError as error:
        _fail(context, order_id, error)
        return
    if result is None:
        _leave(context, order_id)
    else:
        _finish(context, order_id, result)


def _do_all(context: WorkerContext, order: TrainingOrderRow, folder: Path) -> Result | None:
    """Return what came of the commands; None where nobody wants it any more."""
    if order.attempts > MAX_ATTEMPTS:
        raise TrainingBrokeOffError(order.attempts - 1)
    kind = KINDS[order.kind]
    for step in kind.plan(_assign(context, order, folder)):
        if not _do(context, order, step, folder):
            return None
    return kind.take_in(context, order, folder)


def give_up(context: WorkerContext, order_id: int) -> None:
    """Write that an order failed again and again."""
    _fail(context, order_id, TrainingBrokeOffError(MAX_ATTEMPTS))


def _begin(context: WorkerContext, order_id: int) -> TrainingOrderRow | None:
    """Count the attempt before the work: it is the only trace of one that kills us."""
    with context.sessions.begin() as session:
        order = lock_order(session, order_id)
        if order.state not in OPEN_STATES:
            return None
        order.state = "running"
        order.attempts += 1
        order.started_at = order.started_at or datetime.now(UTC)
        session.flush()
        session.expunge(order)
        return order


def _assign(context: WorkerContext, order: TrainingOrderRow, folder: Path) -> Assignment:
    return Assignment(
        order_id=order.id,
        subject=order.subject,
        parameters=order.parameters,
        reason=order.reason,
        username=order.username,
        folder=folder,
        settings=context.settings,
    )


def _do(context: WorkerContext, order: TrainingOrderRow, step: Step, folder: Path) -> bool:
    """Run a step that is not done yet; False where the order is not wanted any more."""
    if step.leaves is not None and step.leaves.exists():
        return True
    progress = _Progress(context, order.id)
    progress.report(Told(step.name, 0, 0, None))
    try:
        wanted = run_step(
            step, folder, context.settings, report=progress.report, is_unwanted=progress.is_unwanted
        )
    except CommandEndedError:
        if order.attempts >= MAX_ATTEMPTS:
            raise TrainingBrokeOffError(order.attempts) from None
        raise
    if wanted and step.leaves is not None and not step.leaves.exists():
        message = f"The command {step.name} ended without leaving {step.leaves.name}."
        raise TrainingCommandFailedError(message, remedy="See the log below.")
    return wanted


class _Progress:
    """Tells the row how far the work is, and the work whether anybody still wants it."""

    def __init__(self, context: WorkerContext, order_id: int) -> None:
        self._context = context
        self._order_id = order_id
        self._told: Told | None = None

    def report(self, told: Told) -> None:
        if told == self._told:
            return
        self._told = told
        running = (TrainingOrderRow.id == self._order_id, TrainingOrderRow.state == "running")
        with self._context.sessions.begin() as session:
            session.execute(
                update(TrainingOrderRow)
                .where(*running)
                .values(
                    stage=told.stage or None,
                    done=told.done,
                    total=told.total,
                    seconds_left=told.seconds_left,
                )
            )

    def is_unwanted(self) -> bool:
        if self._context.stopping.is_set():
            return True
        with self._context.sessions() as session:
            return get_order(session, self._order_id).state != "running"


def _leave(context: WorkerContext, order_id: int) -> None:
    """Leave an order that was cancelled; one that the stopping process leaves is taken up again."""
    with context.sessions.begin() as session:
        order = lock_order(session, order_id)
        if order.state == "queued":
            # Cancelled and gone on with before we let go: whoever took the new job found us here.
            defer_order(session, order)
        if order.state != "running":
            return
        order.attempts -= 1
    raise StoppingError


def _fail(context: WorkerContext, order_id: int, error: HazardLensError) -> None:
    logger.warning("order %d: %s", order_id, error)

    def write(order: TrainingOrderRow) -> Result:
        order.state = "failed"
        order.failure_code, order.failure_message = error.code, error.message
        order.failure_remedy = error.remedy
        return {}

    _end(context, order_id, write)


def _finish(context: WorkerContext, order_id: int, result: Result) -> None:
    def write(order: TrainingOrderRow) -> Result:
        order.state = "done"
        order.result = result
        return {key: value for key, value in result.items() if isinstance(value, str | int | float)}

    _end(context, order_id, write)


def _end(
    context: WorkerContext, order_id: int, write: Callable[[TrainingOrderRow], Result]
) -> None:
    """End an order once; one that was cancelled meanwhile stays so."""
    with context.sessions.begin() as session:
        order = lock_order(session, order_id)
        if order.state != "running":
            return
        told = write(order)
        order.seconds_left = None
        order.finished_at = datetime.now(UTC)
        record_end(session, order, told)
