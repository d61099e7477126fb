"""Photos of the queue are cut into tiles before anybody opens them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastapi.testclient import TestClient
from sqlalchemy import delete, select, text, update

from serving.db.tables import CandidateRow, DetectionRow, FlightRow, PhotoRow, SightingRow
from serving.jobs.context import WorkerContext
from serving.jobs.grouping import group_flight
from serving.jobs.pictures import CUT_PHOTOS, _list_first_photos, cut_photos
from tests.integration.seen_covers import see_covers

FlightOf = Callable[[int], FlightRow]


def _pyramids(context: WorkerContext) -> list[Path]:
    return sorted(context.settings.cache_dir.rglob("pyramid_*.tif"))


def test_the_best_photo_of_each_candidate_is_cut_once(
    reviewer: TestClient, worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    flight_id = flight_of(3).id
    candidate_id = see_covers(worker_context, flight_id, places=1)[0]
    cut_photos(worker_context, flight_id)
    (pyramid,) = _pyramids(worker_context)
    made = pyramid.stat().st_mtime_ns
    shown = reviewer.get(f"/candidates/{candidate_id}").json()["sightings"]
    best = max(shown, key=lambda each: each["score"])
    with worker_context.sessions() as session:
        assert session.get_one(PhotoRow, best["photo_id"]).sha256 == pyramid.parent.name
    cut_photos(worker_context, flight_id)
    assert [each.stat().st_mtime_ns for each in _pyramids(worker_context)] == [made]


def test_what_comes_first_in_the_queue_is_cut_first(
    worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    """Each of three candidates is seen in another photo alone."""
    flight_id = flight_of(3).id
    ids = see_covers(worker_context, flight_id, places=3)
    with worker_context.sessions.begin() as session:
        photos = session.scalars(
            select(PhotoRow).where(PhotoRow.flight_id == flight_id).order_by(PhotoRow.id)
        ).all()
        for index, (candidate_id, photo) in enumerate(zip(ids, photos, strict=True)):
            row = session.get_one(CandidateRow, candidate_id)
            row.tier, row.risk_key = "urgent" if index == 1 else "normal", float(index)
            own = SightingRow.candidate_id == candidate_id
            elsewhere = select(DetectionRow.id).where(DetectionRow.photo_id != photo.id)
            session.execute(delete(SightingRow).where(own, SightingRow.detection_id.in_(elsewhere)))
            session.execute(update(SightingRow).where(own).values(ordinal=0))
        listed = [sha256 for sha256, _ in _list_first_photos(session, flight_id)]
        assert listed == [photos[index].sha256 for index in (1, 2, 0)]


def test_a_photo_that_is_gone_holds_up_no_other(
    worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    one, other = flight_of(1).id, flight_of(1).id
    for flight_id in (one, other):
        see_covers(worker_context, flight_id, places=1)
    with worker_context.sessions() as session:
        sha256 = session.scalars(select(PhotoRow.sha256).where(PhotoRow.flight_id == one)).one()
    other_bytes = worker_context.store.path_of(sha256)
    other_bytes.unlink()
    cut_photos(worker_context, one)
    assert _pyramids(worker_context) == []


def test_the_end_of_a_flight_orders_the_cutting(
    worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    flight_id = flight_of(1).id
    with worker_context.sessions.begin() as session:
        flight = session.get_one(FlightRow, flight_id)
        flight.state, flight.grouping_at = "processing", flight.created_at
    group_flight(worker_context, flight_id)
    with worker_context.sessions() as session:
        ordered = text("select args from procrastinate_jobs where task_name = :name")
        assert list(session.scalars(ordered, {"name": CUT_PHOTOS})) == [{"flight_id": flight_id}]
