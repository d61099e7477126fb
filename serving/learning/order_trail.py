"""What happens to orders for the training lane, as entries of the audit log."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from serving.audit.log import SERVICE, Actor, Subject, record
from serving.db.tables import TrainingOrderRow


def record_order(session: Session, actor: Actor, order: TrainingOrderRow) -> None:
    """Write down that something was ordered, with what it is to be made of and why."""
    after = {
        "kind": order.kind,
        "subject": order.subject,
        "reason": order.reason,
        "parameters": order.parameters,
    }
    record(session, actor, "order_training", _subject(order), after=after)


def record_state(
    session: Session, actor: Actor, act: str, order: TrainingOrderRow, before: str
) -> None:
    """Write down that a person cancelled an order or had it gone on with."""
    subject = _subject(order)
    after = {"state": order.state}
    record(session, actor, act, subject, before={"state": before}, after=after)


def record_end(session: Session, order: TrainingOrderRow, told: Mapping[str, object]) -> None:
    """Write down how an order ended; ``told`` is the short form of what came of it."""
    after = {
        "state": order.state,
        "kind": order.kind,
        "subject": order.subject,
        "failure_code": order.failure_code,
        **told,
    }
    record(session, SERVICE, "end_training", _subject(order), after=after)


def _subject(order: TrainingOrderRow) -> Subject:
    return Subject("training_order", str(order.id))
