"""Look at the open queue anew with the models in force, flight by flight.

Flights are processed anew as a person would have it done: what was decided, merged and split by
hand is kept. One flight at a time, so that the photos that come in meanwhile are looked at between
two of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import and_, func, not_, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from detection.detectors.manifest import select_manifests
from detection.settings import load_settings
from serving.audit.log import SERVICE, Actor
from serving.db.tables import CandidateRow, FlightRow, TrainingOrderRow
from serving.flights.catalogue import lock_flight
from serving.flights.trail import flight_act
from serving.jobs.context import WorkerContext
from serving.jobs.flights import reprocess_flight
from serving.jobs.queue import MODELS_QUEUE, defer
from serving.jobs.training_orders import RESCORE, RESCORE_QUEUE, order_training
from serving.learning.order_errors import TrainingNothingToDoError
from serving.learning.order_trail import record_end
from serving.learning.orders import OPEN_STATES, lock_order

WAIT_S: Final = 2
ENDED: Final = ("done", "failed", "cancelled")
SUBJECT: Final = "queue"
HASH_CHARS: Final = 12


def list_outdated(session: Session, models_dir: Path) -> dict[int, int]:
    """Return how many pending candidates of each ended flight older weights have seen.

    Counted are weights of models that are in force in another version now; what a model that is
    switched off said is nothing that the others could say anew.

    Raises:
        ModelError: the models folder cannot be read.
        ConfigurationError: a setting of detection cannot be used.
    """
    outdated = _is_outdated(models_dir)
    rows = session.execute(
        select(CandidateRow.flight_id, func.count())
        .join(FlightRow, FlightRow.id == CandidateRow.flight_id)
        .where(
            CandidateRow.state == "pending",
            CandidateRow.merged_into.is_(None),
            FlightRow.state.in_(ENDED),
            FlightRow.submitted_at.is_not(None),
            outdated,
        )
        .group_by(CandidateRow.flight_id)
        .order_by(CandidateRow.flight_id.desc())
    )
    return dict(rows.all())


def order_rescoring(
    session: Session,
    actor: Actor,
    models_dir: Path,
    *,
    reason: str = "",
    idempotency_key: str | None = None,
) -> TrainingOrderRow:
    """Order the open queue to be looked at anew, the newest flight first.

    Raises:
        TrainingNothingToDoError: no pending candidate is of older weights.
        TrainingRunningError: it is ordered already and not over.
    """
    outdated = list_outdated(session, models_dir)
    if not outdated:
        message = "Every pending candidate was seen by the models in force."
        raise TrainingNothingToDoError(message)
    parameters = {"flights": list(outdated), "candidates": sum(outdated.values())}
    order = order_training(
        session,
        actor,
        RESCORE,
        SUBJECT,
        parameters,
        reason=reason,
        idempotency_key=idempotency_key,
    )
    order.total = order.total or len(outdated)
    return order


def rescore_next(context: WorkerContext, order_id: int) -> None:
    """Begin the next flight where the last one has ended; then look again in a moment.

    The flight and the mark of it are written together: a crash costs nothing.
    """
    with context.sessions.begin() as session:
        order = lock_order(session, order_id)
        if order.state not in OPEN_STATES:
            return
        order.state = "running"
        order.started_at = order.started_at or datetime.now(UTC)
        flights = _list_flights(order)
        while order.done < len(flights) and not _go_on(session, order, flights[order.done]):
            order.done += 1
            order.result = (order.result or {}) | {"begun": None}
        if order.done < len(flights):
            defer(session, RESCORE_QUEUE, lane=MODELS_QUEUE, wait_s=WAIT_S, order_id=order_id)
            return
        order.state = "done"
        order.finished_at = datetime.now(UTC)
        order.result = {"flights": len(flights)}
        record_end(session, order, {"flights": len(flights)})


def _go_on(session: Session, order: TrainingOrderRow, flight_id: int) -> bool:
    """Whether a flight still has to be waited for; begun where it was not."""
    flight = lock_flight(session, flight_id)
    begun = (order.result or {}).get("begun")
    if flight.state not in ENDED:
        return True
    if begun == flight_id:
        return False
    with flight_act(session, SERVICE, "reprocess_flight", flight_id):
        reprocess_flight(session, flight_id)
    order.result = (order.result or {}) | {"begun": flight_id}
    return True


def _list_flights(order: TrainingOrderRow) -> list[int]:
    listed = order.parameters.get("flights")
    return [int(each) for each in listed] if isinstance(listed, Sequence) else []


def _is_outdated(models_dir: Path) -> ColumnElement[bool]:
    """Return the condition that a model in force saw a candidate with other weights."""
    conditions = []
    for model in select_manifests(load_settings().models, models_dir):
        hashes = filter(None, (model.weights_sha256, model.int8_weights_sha256))
        present = [f"{model.name}@{digest[:HASH_CHARS]}" for digest in hashes]
        by_name = func.array_to_string(CandidateRow.models, " ").op("~")(rf"(^| ){model.name}@")
        conditions.append(and_(by_name, not_(CandidateRow.models.overlap(present))))
    return or_(*conditions)
