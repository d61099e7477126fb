"""What the form of the queue offers to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from serving.db.tables import CandidateRow, FlightRow, LayerFeatureRow, LayerRow
from serving.flights.layers import ADMINISTRATIVE, LayerKind
from serving.web.queue_query import QueueQuery

MAX_FLIGHTS = 200
MAX_AREAS = 400
MAX_SITES = 200
LATEST = 2000


@dataclass(frozen=True, slots=True)
class AreaChoice:
    """An area of an imported layer; ``value`` as the filter has it."""

    value: str
    name: str


@dataclass(frozen=True, slots=True)
class QueueChoices:
    """Flights (newest first), sites, areas by level from large to small, and models."""

    flights: Sequence[FlightRow]
    sites: Sequence[str]
    areas: dict[str, list[AreaChoice]]
    models: list[str]

    def knows_area(self, value: str) -> bool:
        """Whether an area is among those offered."""
        return any(area.value == value for areas in self.areas.values() for area in areas)


def list_choices(session: Session, query: QueueQuery) -> QueueChoices:
    """Return what can be chosen. A flight that is chosen is offered even where the list ends."""
    newest = select(FlightRow).order_by(FlightRow.id.desc()).limit(MAX_FLIGHTS)
    flights = list(session.scalars(newest))
    if query.flight_id and all(row.id != query.flight_id for row in flights):
        chosen = session.get(FlightRow, query.flight_id)
        flights += [chosen] if chosen else []
    named = select(FlightRow.site).where(FlightRow.site.is_not(None)).distinct()
    sites = session.scalars(named.order_by(FlightRow.site).limit(MAX_SITES))
    return QueueChoices(
        flights, [each for each in sites if each], _areas(session), _models(session)
    )


def _areas(session: Session) -> dict[str, list[AreaChoice]]:
    """Return the areas of all layers; where there are very many, the small ones are left out."""
    found: dict[str, list[AreaChoice]] = {}
    room = MAX_AREAS
    for level in ADMINISTRATIVE:
        statement = (
            select(LayerFeatureRow.feature_id, LayerFeatureRow.name)
            .join(LayerRow, LayerRow.id == LayerFeatureRow.layer_id)
            .where(
                LayerRow.kind == LayerKind.AREAS,
                LayerRow.level == level.value,
                LayerRow.deleted_at.is_(None),
            )
            .order_by(LayerFeatureRow.layer_id, LayerFeatureRow.ordinal)
            .limit(room)
        )
        areas = [
            AreaChoice(f"{level.value}:{area_id}", name or area_id)
            for area_id, name in session.execute(statement)
        ]
        if areas:
            found[level.value] = areas
            room -= len(areas)
    return found


def _models(session: Session) -> list[str]:
    """Return the models of the latest candidates: to look at every one takes too long."""
    latest = select(CandidateRow.models).order_by(CandidateRow.id.desc()).limit(LATEST).subquery()
    statement = select(func.unnest(latest.c.models)).distinct()
    return sorted(session.scalars(statement))
