"""A flight of which enough good photos are looked at, and then the rest."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text, update

from detection.domain.photo import FlightKind
from serving.db.tables import FlightRow, PhotoRow
from serving.deps import Services
from serving.flights.catalogue import Progress, count_progress, create_flight
from serving.flights.results import requeue_left_out
from serving.flights.upload import receive_photo
from serving.jobs import view_choice
from serving.jobs.context import WorkerContext
from serving.jobs.flights import cancel_flight, reprocess_flight, submit_flight
from serving.jobs.grouping import load_scene
from serving.jobs.view_choice import leave_out_photos, look_at_stand_ins
from tests.factories import DrawnPose, draw_photo
from tests.job_runner import run_jobs
from tests.tiny_model import ALTITUDE_AGL_M

PHOTOS = 5


@pytest.fixture
def hover(services: Services, tmp_path: Path) -> Callable[[int | None], int]:
    """Return a function that makes a draft flight of photos of one spot."""

    def make(views: int | None) -> int:
        with services.sessions.begin() as session:
            flight = create_flight(session, name="hover", kind=FlightKind.DRONE, views=views)
        for number in range(PHOTOS):
            pose = DrawnPose(altitude_agl_m=ALTITUDE_AGL_M)
            content = draw_photo(tmp_path / f"{number}.jpg", pose=pose, seed=number).read_bytes()
            name, stream = f"DJI_{number:04d}.JPG", io.BytesIO(content)
            row = receive_photo(
                services.sessions,
                services.store,
                flight_id=flight.id,
                file_name=name,
                stream=stream,
                max_bytes=10**7,
            )
            assert isinstance(row, PhotoRow)
        return flight.id

    return make


def work_off(context: WorkerContext, flight_id: int) -> Progress:
    with context.sessions.begin() as session:
        submit_flight(session, flight_id)
    run_jobs(context)
    return progress_of(context, flight_id)


def progress_of(context: WorkerContext, flight_id: int) -> Progress:
    with context.sessions() as session:
        return count_progress(session, [flight_id])[flight_id]


def test_enough_photos_are_looked_at_and_the_rest_when_asked_for(
    worker_context: WorkerContext, hover: Callable[[int | None], int], operator: TestClient
) -> None:
    flight_id = hover(2)
    progress = work_off(worker_context, flight_id)
    assert (progress.photos_done, progress.photos_left_out) == (2, 3)
    answer = operator.get(f"/flights/{flight_id}").json()
    assert (answer["state"], answer["progress"]["photos_left_out"]) == ("done", 3)
    assert operator.post(f"/flights/{flight_id}/rest").status_code == 202
    run_jobs(worker_context)
    progress = progress_of(worker_context, flight_id)
    assert (progress.photos_done, progress.photos_left_out) == (PHOTOS, 0)
    answer = operator.post(f"/flights/{flight_id}/rest")
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_left_out")


@pytest.mark.parametrize("views", [None, 0])
def test_without_a_wish_every_photo_is_looked_at(
    worker_context: WorkerContext, hover: Callable[[int | None], int], views: int | None
) -> None:
    progress = work_off(worker_context, hover(views))
    assert (progress.photos_done, progress.photos_left_out) == (PHOTOS, 0)


def test_poor_photos_do_not_count_and_what_is_left_out_says_nothing(
    worker_context: WorkerContext, hover: Callable[[int | None], int]
) -> None:
    flight_id = hover(1)
    with worker_context.sessions.begin() as session:
        ids = list(session.scalars(select(PhotoRow.id).order_by(PhotoRow.id)))
        session.execute(update(PhotoRow).where(PhotoRow.id.in_(ids[:3])).values(blur_px=4.0))
    progress = work_off(worker_context, flight_id)
    assert (progress.photos_done, progress.photos_left_out) == (1, 4)
    with worker_context.sessions() as session:
        done = session.scalars(select(PhotoRow.id).where(PhotoRow.state == "done")).one()
        assert done == ids[3]
        assert set(load_scene(session, worker_context.store, flight_id).photos) == {str(done)}


def test_another_photo_stands_in_for_one_that_fails(
    worker_context: WorkerContext, hover: Callable[[int | None], int]
) -> None:
    flight_id = hover(1)
    with worker_context.sessions() as session:
        first, second = list(session.scalars(select(PhotoRow).order_by(PhotoRow.id)))[:2]
    for row in (first, second):  # the second would stand in for the first
        path = worker_context.store.path_of(row.sha256)
        path.chmod(0o600)
        path.write_bytes(b"no photo any more")
    progress = work_off(worker_context, flight_id)
    assert (progress.photos_failed, progress.photos_done, progress.photos_left_out) == (2, 1, 2)
    with worker_context.sessions() as session:
        assert session.get_one(FlightRow, flight_id).state == "done"
    assert look_at_stand_ins(worker_context, flight_id) == 0


def test_a_flight_processed_anew_is_looked_at_whole(
    worker_context: WorkerContext, hover: Callable[[int | None], int], operator: TestClient
) -> None:
    flight_id = hover(1)
    assert work_off(worker_context, flight_id).photos_left_out == 4
    assert operator.post(f"/flights/{flight_id}/reprocess").status_code == 202
    run_jobs(worker_context)
    assert progress_of(worker_context, flight_id).photos_done == PHOTOS


def test_choosing_twice_changes_nothing_and_a_cancelled_flight_is_left_alone(
    worker_context: WorkerContext, hover: Callable[[int | None], int]
) -> None:
    flight_id = hover(2)
    assert leave_out_photos(worker_context, flight_id) == 0  # a draft
    with worker_context.sessions.begin() as session:
        submit_flight(session, flight_id)
    assert [leave_out_photos(worker_context, flight_id) for _ in range(2)] == [3, 0]
    assert progress_of(worker_context, flight_id).photos_left_out == 3
    with worker_context.sessions.begin() as session:
        session.execute(update(FlightRow).values(state="cancelled"))
    assert leave_out_photos(worker_context, flight_id) == 0


def test_a_photo_that_is_tried_again_is_not_left_out_now(
    worker_context: WorkerContext, hover: Callable[[int | None], int], operator: TestClient
) -> None:
    flight_id = hover(1)
    assert work_off(worker_context, flight_id).photos_left_out == 4
    with worker_context.sessions.begin() as session:
        failed = update(PhotoRow).where(PhotoRow.state == "done")
        session.execute(failed.values(state="failed", blur_px=4.0))  # others would be chosen now
    assert operator.post(f"/flights/{flight_id}/retry").status_code == 202
    run_jobs(worker_context)
    progress = progress_of(worker_context, flight_id)
    assert (progress.photos_done, progress.photos_left_out) == (1, 4)


def test_a_flight_begun_anew_while_its_photos_are_chosen_is_looked_at_whole(
    worker_context: WorkerContext,
    hover: Callable[[int | None], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flight_id = hover(1)
    with worker_context.sessions.begin() as session:
        submit_flight(session, flight_id)
    choose = view_choice._choose

    def choose_slowly(context: WorkerContext, number: int, wanted: int) -> list[int]:
        left_out = choose(context, number, wanted)
        with worker_context.sessions.begin() as session:
            cancel_flight(session, flight_id)
            reprocess_flight(session, flight_id)
        return left_out

    monkeypatch.setattr(view_choice, "_choose", choose_slowly)
    assert leave_out_photos(worker_context, flight_id) == 0
    assert progress_of(worker_context, flight_id).photos_left_out == 0


def test_the_rest_of_a_very_large_flight_is_looked_at(worker_context: WorkerContext) -> None:
    """A statement takes 65,535 values."""
    with worker_context.sessions.begin() as session:
        flight = create_flight(session, name="large", kind=FlightKind.DRONE, views=1)
        photos = text(
            "insert into photos (flight_id, name, sha256, size_bytes, media_type, width_px,"
            " height_px, state) select :flight_id, 'DJI_' || each, lpad(each::text, 64, '0'), 1,"
            " 'image/jpeg', 1, 1, 'left_out' from generate_series(1, 66000) each"
        )
        session.execute(photos, {"flight_id": flight.id})
        assert requeue_left_out(session, flight.id) == 66000
    assert progress_of(worker_context, flight.id).photos_left_out == 0
