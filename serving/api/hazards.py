"""Confirmed hazards: list and export."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from detection.domain.hazard import HazardClass
from serving.api.cursors import cursor_from_hazard, hazard_from_cursor
from serving.api.paging import PageDep
from serving.api.problems import describe_problems
from serving.api.schemas import MAX_ID, HazardPage, HazardPointItem, HazardPoints
from serving.api.views import view_hazard
from serving.deps import HazardReader, Services, ServicesDep, SessionDep
from serving.ledger.export import csv_from_hazards, geojson_from_hazards
from serving.ledger.hazards import (
    Hazard,
    HazardPosition,
    count_unplaced,
    each_hazard,
    list_hazards,
    list_points,
)
from serving.review.blind.tasks import blind_condition

router = APIRouter(tags=["hazards"])

MAX_POINTS = 20_000
"""More than these a map in a browser draws slowly; a city has fewer open shafts."""

FlightFilter = Annotated[int | None, Query(ge=1, le=MAX_ID)]


@router.get("/hazards", responses=describe_problems())
def read_hazards(
    person: HazardReader,
    session: SessionDep,
    page: PageDep,
    flight_id: FlightFilter = None,
    hazard_class: HazardClass | None = None,
) -> HazardPage:
    """List confirmed hazards, latest confirmation first."""
    found = list_hazards(
        session,
        limit=page.probe,
        after=hazard_from_cursor(page.cursor),
        flight_id=flight_id,
        hazard_class=hazard_class,
        hidden=blind_condition(person.user_id),
    )
    shown = found[: page.limit]
    more = len(found) > len(shown)
    return HazardPage(
        items=[view_hazard(hazard) for hazard in shown],
        next_cursor=cursor_from_hazard(_position(shown[-1])) if more else None,
    )


@router.get("/hazards/points", responses=describe_problems())
def read_points(person: HazardReader, session: SessionDep) -> HazardPoints:
    """Return where all hazards lie, for a map: the latest 20,000; and how many have no place."""
    hidden = blind_condition(person.user_id)
    found = list_points(session, limit=MAX_POINTS + 1, hidden=hidden)
    items = [HazardPointItem.model_validate(point) for point in found[:MAX_POINTS]]
    unplaced = count_unplaced(session, hidden=hidden)
    return HazardPoints(items=items, is_cut=len(found) > MAX_POINTS, unplaced=unplaced)


@router.get(
    "/export/hazards.geojson", response_class=StreamingResponse, responses=describe_problems()
)
def export_geojson(
    person: HazardReader,
    services: ServicesDep,
    flight_id: FlightFilter = None,
    hazard_class: HazardClass | None = None,
) -> StreamingResponse:
    """Return all hazards as GeoJSON (RFC 7946): lon, lat; without a place, geometry is null."""
    hazards = _all_hazards(services, person.user_id, flight_id, hazard_class)
    return _download(geojson_from_hazards(hazards), "application/geo+json", "hazards.geojson")


@router.get("/export/hazards.csv", response_class=StreamingResponse, responses=describe_problems())
def export_csv(
    person: HazardReader,
    services: ServicesDep,
    flight_id: FlightFilter = None,
    hazard_class: HazardClass | None = None,
) -> StreamingResponse:
    """Return all hazards as a table for spreadsheets (UTF-8 with byte order mark)."""
    hazards = _all_hazards(services, person.user_id, flight_id, hazard_class)
    return _download(csv_from_hazards(hazards), "text/csv; charset=utf-8", "hazards.csv")


def _all_hazards(
    services: Services, user_id: int, flight_id: int | None, hazard_class: HazardClass | None
) -> Iterator[Hazard]:
    # Its own session, for it has to live as long as the download.
    with services.sessions() as session:
        yield from each_hazard(
            session,
            flight_id=flight_id,
            hazard_class=hazard_class,
            hidden=blind_condition(user_id),
        )


def _position(hazard: Hazard) -> HazardPosition:
    return HazardPosition(hazard.confirmed_at, hazard.hazard_id)


def _download(parts: Iterator[str], media_type: str, name: str) -> StreamingResponse:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(
        (part.encode() for part in parts), media_type=media_type, headers=headers
    )
