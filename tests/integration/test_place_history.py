"""One place in several flights: what shows it, where, how large and how turned."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from serving.db.tables import FlightRow, PhotoRow
from serving.jobs.context import WorkerContext
from tests.integration.seen_covers import LAT, LON, see_covers

FlightOf = Callable[[int], FlightRow]


def test_other_flights_show_the_place_where_something_was_found_and_where_not(
    reviewer: TestClient, worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    found_flight, empty_flight, far_flight = (flight_of(1).id for _ in range(3))
    earlier = see_covers(worker_context, found_flight, places=1)[0]
    see_covers(worker_context, empty_flight, places=0)
    see_covers(worker_context, far_flight, places=0)
    _move(worker_context, far_flight, lat=LAT + 0.01)
    own_flight = flight_of(1).id
    own = see_covers(worker_context, own_flight, places=1)[0]
    answer = reviewer.get(f"/candidates/{own}/place").json()
    by_flight = {view["flight_id"]: view for view in answer["views"]}
    assert set(by_flight) == {found_flight, empty_flight}
    found, empty = by_flight[found_flight], by_flight[empty_flight]
    assert (found["candidate_id"], found["is_exact"]) == (earlier, True)
    assert (empty["candidate_id"], empty["is_exact"]) == (None, False)
    assert empty["error_m"] > 0
    (tie,) = answer["sightings"]
    # All hover over one spot: the place must be where the box is, as large and as turned.
    for view in (found, empty):
        assert view["shown"]["point_px"] == pytest.approx(tie["shown"]["point_px"], abs=1.0)
        assert view["shown"]["px_per_m"] == pytest.approx(tie["shown"]["px_per_m"])
        assert view["shown"]["turn_deg"] == pytest.approx(tie["shown"]["turn_deg"])


def test_views_of_turned_cameras_tell_by_how_much(
    reviewer: TestClient, worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    other = flight_of(1).id
    see_covers(worker_context, other, places=0)
    _move(worker_context, other, turn_deg=90.0, altitude_agl_m=40.0)
    own = see_covers(worker_context, flight_of(1).id, places=1)[0]
    answer = reviewer.get(f"/candidates/{own}/place").json()
    (tie,), (view,) = answer["sightings"], answer["views"]
    turned = (tie["shown"]["turn_deg"] - view["shown"]["turn_deg"]) % 360
    assert turned == pytest.approx(90.0, abs=0.5), "turning right turns the ground left"
    assert tie["shown"]["px_per_m"] == pytest.approx(2 * view["shown"]["px_per_m"], rel=1e-6)


def test_a_place_without_position_has_no_views(
    reviewer: TestClient, worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    see_covers(worker_context, flight_of(1).id, places=1)
    own = see_covers(worker_context, flight_of(1).id, places=1, is_placed=False)[0]
    answer = reviewer.get(f"/candidates/{own}/place").json()
    assert answer["views"] == []
    assert [each["shown"] for each in answer["sightings"]] == [None]


def test_counterpart_shows_the_middle_of_a_photo(
    operator: TestClient, worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    one, other, far = (flight_of(1).id for _ in range(3))
    for flight_id in (one, other, far):
        see_covers(worker_context, flight_id, places=0)
    _move(worker_context, far, lat=LAT + 0.01)
    with worker_context.sessions() as session:
        photo = session.scalars(select(PhotoRow).where(PhotoRow.flight_id == one)).one()
    path = f"/photos/{photo.id}/counterpart"
    answer = operator.get(path, params={"flight_id": other}).json()
    assert answer["other"]["flight_id"] == other
    middle = [photo.width_px / 2, photo.height_px / 2]
    assert answer["other_shown"]["point_px"] == pytest.approx(middle, abs=1.0)
    nothing = operator.get(path, params={"flight_id": far}).json()
    assert (nothing["other"], nothing["other_shown"]) == (None, None)
    assert nothing["shown"] is not None


def _move(
    context: WorkerContext,
    flight_id: int,
    *,
    lat: float = LAT,
    turn_deg: float = 0.0,
    altitude_agl_m: float | None = None,
) -> None:
    """Have the photos of a flight been taken elsewhere."""
    with context.sessions.begin() as session:
        for photo in session.scalars(select(PhotoRow).where(PhotoRow.flight_id == flight_id)):
            photo.lon, photo.lat = LON, lat
            photo.yaw_deg = (photo.yaw_deg or 0.0) + turn_deg
            photo.altitude_agl_m = altitude_agl_m or photo.altitude_agl_m
