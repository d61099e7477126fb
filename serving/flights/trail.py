"""What happens to flights and layers, as entries of the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from serving.audit.log import Actor, Subject, record
from serving.db.tables import FlightRow, LayerRow
from serving.flights.catalogue import lock_flight


def record_new_flight(session: Session, actor: Actor, flight: FlightRow) -> None:
    """Write down that a flight was opened."""
    after = {
        "name": flight.name,
        "kind": flight.kind,
        "site": flight.site,
        "views": flight.views,
        "state": "draft",
    }
    record(session, actor, "create_flight", Subject("flight", str(flight.id)), after=after)


@contextmanager
def flight_act(session: Session, actor: Actor, act: str, flight_id: int) -> Iterator[None]:
    """Write down the act that is done within, with the flight's state before and after.

    Raises:
        FlightNotFoundError: there is no such flight.
    """
    flight = lock_flight(session, flight_id)
    before = _state(flight)
    yield
    subject = Subject("flight", str(flight_id))
    record(session, actor, act, subject, before=before, after=_state(flight))


def record_new_layer(session: Session, actor: Actor, layer: LayerRow) -> None:
    """Write down that a file was taken in as a layer."""
    record(
        session,
        actor,
        "import_layer",
        Subject("layer", str(layer.id)),
        after=_layer(layer),
        evidence_sha256=layer.sha256,
    )


def record_deleted_layer(session: Session, actor: Actor, layer: LayerRow) -> None:
    """Write down that a layer was taken out of use."""
    record(
        session,
        actor,
        "delete_layer",
        Subject("layer", str(layer.id)),
        before=_layer(layer),
        evidence_sha256=layer.sha256,
    )


def _layer(layer: LayerRow) -> dict[str, object]:
    return {
        "name": layer.name,
        "kind": layer.kind,
        "level": layer.level,
        "features": layer.feature_count,
    }


def _state(flight: FlightRow) -> dict[str, object]:
    return {"state": flight.state, "run": flight.run}
