"""Order what the training lane does, stop it, have it gone on with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.orm import Session

from serving.audit.log import Actor
from serving.db.tables import TrainingOrderRow
from serving.jobs.queue import MODELS_QUEUE, defer
from serving.jobs.training_kinds import KINDS
from serving.learning.order_errors import (
    TrainingNotResumableError,
    TrainingOrderOverError,
    TrainingRunningError,
)
from serving.learning.order_trail import record_order, record_state
from serving.learning.orders import (
    OPEN_STATES,
    RESUMABLE_STATES,
    find_by_key,
    find_open_order,
    lock_order,
)

WORK_OFF: Final = "hazardlens.work_off_training"
RESCORE_QUEUE: Final = "hazardlens.rescore_queue"
RESCORE: Final = "rescore"
"""The kind of order that runs no command: flights are processed anew, one after the other."""


def order_training(
    session: Session,
    actor: Actor,
    kind: str,
    subject: str,
    parameters: Mapping[str, object],
    *,
    reason: str = "",
    idempotency_key: str | None = None,
) -> TrainingOrderRow:
    """Order something; sent again under the same key, the same order is returned.

    Raises:
        TrainingRunningError: the same is ordered for the subject and not over.
        KeyReusedError: the key names another act.
    """
    earlier = find_by_key(session, actor.user_id, idempotency_key, (kind, subject))
    if earlier is not None:
        return earlier
    running = find_open_order(session, kind, subject)
    if running is not None:
        raise TrainingRunningError(running.id)
    order = TrainingOrderRow(
        kind=kind,
        subject=subject,
        parameters=dict(parameters),
        reason=reason,
        requested_by=actor.user_id,
        username=actor.username,
        idempotency_key=idempotency_key,
    )
    session.add(order)
    session.flush()
    session.refresh(order)
    defer_order(session, order)
    record_order(session, actor, order)
    return order


def cancel_order(session: Session, actor: Actor, order_id: int) -> TrainingOrderRow:
    """Stop an order; whoever works on it notices within a second. Again is harmless.

    Raises:
        TrainingOrderNotFoundError: there is no such order.
        TrainingOrderOverError: it is done or failed.
    """
    order = lock_order(session, order_id)
    if order.state == "cancelled":
        return order
    if order.state not in OPEN_STATES:
        raise TrainingOrderOverError(order.state)
    before = order.state
    order.state = "cancelled"
    order.seconds_left = None
    order.finished_at = datetime.now(UTC)
    record_state(session, actor, "cancel_training", order, before)
    return order


def resume_order(session: Session, actor: Actor, order_id: int) -> TrainingOrderRow:
    """Go on with an order that failed or was cancelled, with what is done already.

    Raises:
        TrainingOrderNotFoundError: there is no such order.
        TrainingNotResumableError: it is not over, or it is done.
        TrainingRunningError: another order for the same is not over.
    """
    order = lock_order(session, order_id)
    if order.state not in RESUMABLE_STATES:
        raise TrainingNotResumableError(order.state)
    running = find_open_order(session, order.kind, order.subject)
    if running is not None:
        raise TrainingRunningError(running.id)
    before = order.state
    order.state, order.attempts = "queued", 0
    order.finished_at = None
    order.failure_code = order.failure_message = order.failure_remedy = None
    defer_order(session, order)
    record_state(session, actor, "resume_training", order, before)
    return order


def defer_order(session: Session, order: TrainingOrderRow) -> None:
    """Have a worker take an order up; one that is over by then is left as it is."""
    if order.kind == RESCORE:
        defer(session, RESCORE_QUEUE, lane=MODELS_QUEUE, order_id=order.id)
    else:
        defer(session, WORK_OFF, lane=KINDS[order.kind].lane, order_id=order.id)
