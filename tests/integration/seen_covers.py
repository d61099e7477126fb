"""A flight whose covers were each seen in every photo, put in as the worker puts it in.

Import as ``from tests.integration.seen_covers import see_covers``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import select, update

from detection.domain.finding import CrackMeasure, Detection, GeoDetection, OnBuilding
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from serving.db.tables import CandidateRow, FlightRow
from serving.flights.results import RunIdentity, store_detections
from serving.jobs.context import WorkerContext
from serving.jobs.grouping import regroup
from tests.hovering import hover, place

CONFIG_HASH = "c" * 64
LON, LAT = 106.55, 29.5


def see_covers(
    context: WorkerContext,
    flight_id: int,
    *,
    places: int = 3,
    classes: Mapping[int, HazardClass] | None = None,
    shift_px: float = 0.0,
    config_hash: str = CONFIG_HASH,
    on_building: OnBuilding | None = None,
    measure: CrackMeasure | None = None,
    is_placed: bool = True,
) -> list[int]:
    """Store what a model says of every photo that waits, group, and return the candidates.

    They come in the order of their places, which lie 6 m apart. ``classes`` says what a place is
    where it is no missing cover; ``shift_px`` moves the boxes, as another model would.
    """
    with context.sessions.begin() as session:
        flight = session.get_one(FlightRow, flight_id)
        run = RunIdentity(config_hash, {})
        for photo in hover(session, flight_id, lon=LON, lat=LAT):
            found = []
            for number in range(places):
                hazard_class = (classes or {}).get(number, HazardClass.MANHOLE_MISSING)
                left_px = 20.0 + 70.0 * number + shift_px
                box = BBox(left_px, 60.0, left_px + 24.0, 84.0)
                score = 0.9 - number / 100 - photo.id % 7 / 1000
                seen = Detection(str(photo.id), hazard_class, score, box, "manhole", "a" * 64)
                geo = place(seen, photo) if is_placed else GeoDetection(seen, None, "no_position")
                found.append(replace(geo, on_building=on_building, measure=measure))
            store_detections(session, photo.id, found, run)
        regroup(session, context.store, flight_id)
        flight.state = "done"
    with context.sessions.begin() as session:
        session.execute(
            update(FlightRow)
            .where(FlightRow.id == flight_id, FlightRow.submitted_at.is_(None))
            .values(submitted_at=FlightRow.created_at)
        )
    return list_shown(context, flight_id)


def list_shown(context: WorkerContext, flight_id: int) -> list[int]:
    """Return the candidates of a flight that are in the queue, oldest first by place."""
    with context.sessions() as session:
        statement = select(CandidateRow).where(
            CandidateRow.flight_id == flight_id, CandidateRow.merged_into.is_(None)
        )
        rows = session.scalars(statement)
        return [row.id for row in sorted(rows, key=_place_in_photo)]


def _place_in_photo(row: CandidateRow) -> tuple[float, int]:
    return row.sightings[0].detection.x_min, row.id
