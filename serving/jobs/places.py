"""One place seen on different dates: candidates of several flights share the key of their place."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import select, text, true
from sqlalchemy.orm import Session

from detection.dedupe import KnownPlace, match_places
from detection.domain.finding import Candidate
from detection.domain.hazard import HazardClass
from serving.db.finding_columns import building_from_columns
from serving.db.tables import CandidateRow
from serving.flights.results import ground_from_row

LOCK_KEY = 0x4841_5A50  # "HAZP": two flights of one place never name it twice at once
MARGIN_M = 200.0
"""Candidates of another flight beyond this distance are not looked at: far more than the errors
of two flights together."""

HALF_TURN_DEG = 180.0
_METRES_PER_DEG = 111_320.0


def find_places(
    session: Session, flight_id: int, candidates: Sequence[Candidate]
) -> dict[str, str]:
    """Return the place key of each placed candidate by its own key.

    A place that no other flight has seen keeps the name that this flight gave it before.
    """
    placed = [candidate for candidate in candidates if candidate.ground is not None]
    if not placed:
        return {}
    # Held until the candidates are stored: a flight grouped at the same moment sees their places.
    session.execute(text("select pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
    matched = match_places(placed, list(_list_known(session, flight_id, placed)))
    named = _named_before(session, flight_id)
    return {
        key: named.get(key, key) if place_key == key else place_key
        for key, place_key in matched.items()
    }


def _list_known(
    session: Session, flight_id: int, placed: Iterable[Candidate]
) -> Iterator[KnownPlace]:
    """Yield the places of other flights that lie near this one's candidates."""
    lats = [candidate.lat for candidate in placed if candidate.lat is not None]
    lons = [candidate.lon for candidate in placed if candidate.lon is not None]
    north_deg = MARGIN_M / _METRES_PER_DEG
    east_deg = north_deg / max(0.01, math.cos(math.radians(max(map(abs, lats)))))
    crosses_seam = max(lons) - min(lons) > HALF_TURN_DEG  # then no box of longitudes is narrow
    near = (
        true()
        if crosses_seam
        else CandidateRow.lon.between(min(lons) - east_deg, max(lons) + east_deg)
    )
    rows = session.scalars(
        select(CandidateRow)
        .where(
            CandidateRow.flight_id != flight_id,
            CandidateRow.merged_into.is_(None),
            CandidateRow.place_key.is_not(None),
            CandidateRow.lat.between(min(lats) - north_deg, max(lats) + north_deg),
            near,
        )
        .order_by(CandidateRow.id)
    )
    for row in rows:
        ground = ground_from_row(row)
        if ground is not None and row.place_key is not None:
            thing = HazardClass(row.class_of_models).thing
            on_building = building_from_columns(row.on_building)
            yield KnownPlace(row.place_key, thing, ground, on_building)


def _named_before(session: Session, flight_id: int) -> dict[str, str]:
    statement = select(CandidateRow.key, CandidateRow.place_key).where(
        CandidateRow.flight_id == flight_id,
        CandidateRow.merged_into.is_(None),
        CandidateRow.place_key.is_not(None),
    )
    return {key: place_key for key, place_key in session.execute(statement) if place_key}
