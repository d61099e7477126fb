"""Job steps run twice, half, or with a photo that ends the process: nothing twice or missing."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from detection.domain.photo import Photo
from detection.pipeline import PhotoResult, detect_photos
from serving.accounts.roles import Role
from serving.accounts.users import create_user
from serving.db.tables import CandidateRow, DetectionRow, FlightRow, PhotoRow
from serving.flights.catalogue import Progress, count_progress
from serving.flights.results import geo_detection_from_row, list_geo_detections
from serving.flights.upload import receive_photo
from serving.jobs import chunk, grouping
from serving.jobs.context import WorkerContext
from serving.jobs.flights import GROUP_FLIGHT, cancel_flight, reprocess_flight, submit_flight
from serving.review.decision import Verdict
from serving.review.decisions import Reviewer, decide
from tests.factories import DrawnPose, draw_photo
from tests.job_runner import run_jobs
from tests.tiny_model import CRACK_XYXY_IN_TILE, write_tiny_segment_model

FlightOf = Callable[[int], FlightRow]


def submit(context: WorkerContext, flight_id: int) -> None:
    with context.sessions.begin() as session:
        submit_flight(session, flight_id)


def set_processing(context: WorkerContext, flight_id: int) -> list[int]:
    """Put a flight where its plan has run, and return its photos."""
    with context.sessions.begin() as session:
        session.execute(
            update(FlightRow).where(FlightRow.id == flight_id).values(state="processing")
        )
        photos = select(PhotoRow.id).where(PhotoRow.flight_id == flight_id)
        return list(session.scalars(photos.order_by(PhotoRow.id)))


def progress_of(context: WorkerContext, flight_id: int) -> Progress:
    with context.sessions() as session:
        return count_progress(session, [flight_id])[flight_id]


def count(session: Session, table: str) -> int:
    return int(session.scalar(text(f"select count(*) from {table}")) or 0)  # noqa: S608


def test_each_step_may_run_again_without_effect(
    worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    flight_id = flight_of(4).id
    photo_ids = set_processing(worker_context, flight_id)
    for _ in range(2):
        chunk.detect_chunk(worker_context, flight_id, photo_ids)
    for _ in range(2):
        grouping.group_flight(worker_context, flight_id)
    with worker_context.sessions.begin() as session:
        before = count(session, "candidates"), count(session, "sightings")
        assert count(session, "detections") == 4
        grouping.regroup(session, worker_context.store, flight_id)
        assert (count(session, "candidates"), count(session, "sightings")) == before == (4, 4)
        orders = text("select count(*) from procrastinate_jobs where task_name = :name")
        assert session.scalar(orders, {"name": GROUP_FLIGHT}) == 1  # not two


def test_chunk_that_breaks_off_goes_on_with_what_is_missing(
    worker_context: WorkerContext, flight_of: FlightOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    flight_id = flight_of(4).id
    photo_ids = set_processing(worker_context, flight_id)
    seen: list[str] = []
    monkeypatch.setattr(chunk, "detect_photos", break_off_at(2, seen))
    with pytest.raises(MemoryError):
        chunk.detect_chunk(worker_context, flight_id, photo_ids)
    assert progress_of(worker_context, flight_id).photos_done == 2
    monkeypatch.undo()
    chunk.detect_chunk(worker_context, flight_id, photo_ids)
    grouping.group_flight(worker_context, flight_id)
    assert progress_of(worker_context, flight_id) == Progress(4, 4, 0, 4)


def break_off_at(index: int, seen: list[str]) -> Callable[..., Iterator[PhotoResult]]:
    """Return a stand-in for the pipeline that dies at its n-th photo."""

    def detect(photos: Iterable[Photo], *args: object, **more: object) -> Iterator[PhotoResult]:
        for photo in photos:
            if len(seen) == index:
                raise MemoryError
            seen.append(photo.photo_id)
            yield from detect_photos([photo], *args, **more)  # type: ignore[arg-type]

    return detect


def test_photo_that_always_ends_the_work_fails_alone_and_by_name(
    worker_context: WorkerContext, flight_of: FlightOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    flight_id = flight_of(5).id
    submit(worker_context, flight_id)
    with worker_context.sessions() as session:
        bad = str(session.scalar(select(PhotoRow.id).order_by(PhotoRow.id).offset(1).limit(1)))

    def detect(photos: Iterable[Photo], *args: object, **more: object) -> Iterator[PhotoResult]:
        for photo in photos:
            if photo.photo_id == bad:
                raise MemoryError
            yield from detect_photos([photo], *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(chunk, "detect_photos", detect)
    monkeypatch.setattr("serving.jobs.tasks.RETRY.wait", 0)
    for _ in range(6):
        run_jobs(worker_context)
        with worker_context.sessions.begin() as session:
            session.execute(text("update procrastinate_jobs set scheduled_at = null"))
    assert progress_of(worker_context, flight_id) == Progress(5, 4, 1, 4)
    with worker_context.sessions() as session:
        failure = session.execute(text("select photo_id, code from ingest_failures")).one()
        assert tuple(failure) == (int(bad), "processing_crashed")
        assert session.scalar(select(FlightRow.state)) == "done"


def test_asked_to_stop_gives_untouched_photos_their_attempt_back(
    worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    flight_id = flight_of(4).id
    photo_ids = set_processing(worker_context, flight_id)
    worker_context.stopping.set()
    with pytest.raises(chunk.StoppingError):
        chunk.detect_chunk(worker_context, flight_id, photo_ids)
    with worker_context.sessions() as session:
        assert set(session.scalars(select(PhotoRow.attempts))) == {0}
    assert progress_of(worker_context, flight_id).photos_done == 0


def test_cancelled_flight_is_left_alone_by_its_chunks(
    worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    flight_id = flight_of(4).id
    submit(worker_context, flight_id)
    with worker_context.sessions.begin() as session:
        cancel_flight(session, flight_id)
    run_jobs(worker_context)
    with worker_context.sessions() as session:
        assert count(session, "detections") == 0
        assert session.scalar(select(FlightRow.state)) == "cancelled"


def test_grouping_again_keeps_decisions_and_rows(
    worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    flight_id = flight_of(4).id
    submit(worker_context, flight_id)
    run_jobs(worker_context)
    with worker_context.sessions.begin() as session:
        ids = list(session.scalars(select(CandidateRow.id).order_by(CandidateRow.id)))
        person = create_user(session, "someone", "a good password", Role.REVIEWER)
        reviewer = Reviewer(person.id, person.username, person.role, may_undo_others=False)
        decide(session, reviewer, ids[0], Verdict.CONFIRM)
        # As if another grouping had named them: the sightings say which is which.
        session.execute(update(CandidateRow).values(key=CandidateRow.key + "x"))
    with worker_context.sessions.begin() as session:
        grouping.regroup(session, worker_context.store, flight_id)
    with worker_context.sessions() as session:
        rows = list(session.scalars(select(CandidateRow).order_by(CandidateRow.id)))
        assert [row.id for row in rows] == ids
        assert [row.state for row in rows] == ["confirmed", "pending", "pending", "pending"]
        assert all(row.key.endswith("x") for row in rows), "a key that was given out is kept"
        assert count(session, "sightings") == 4


def test_long_flight_shows_candidates_before_its_end_and_keeps_their_decisions(
    worker_context: WorkerContext, flight_of: FlightOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    flight_id = flight_of(6).id
    photo_ids = set_processing(worker_context, flight_id)
    with worker_context.sessions.begin() as session:
        started = datetime.now(UTC)
        session.execute(update(FlightRow).values(started_at=started))
    grouping.group_so_far(worker_context, flight_id)
    chunk.detect_chunk(worker_context, flight_id, photo_ids[:1])
    grouping.group_so_far(worker_context, flight_id)
    assert progress_of(worker_context, flight_id).candidates == 1, "the first is shown at once"
    chunk.detect_chunk(worker_context, flight_id, photo_ids[1:3])
    grouping.group_so_far(worker_context, flight_id)
    assert progress_of(worker_context, flight_id).candidates == 1, "not at every chunk"
    monkeypatch.setattr(grouping, "REGROUP_AFTER", timedelta(0))
    monkeypatch.setattr(grouping, "REGROUP_AFTER_EACH", timedelta(0))
    grouping.group_so_far(worker_context, flight_id)
    assert progress_of(worker_context, flight_id) == Progress(6, 3, 0, 3)
    with worker_context.sessions.begin() as session:
        early = session.scalars(select(CandidateRow.id).order_by(CandidateRow.id)).all()
        person = create_user(session, "someone", "a good password", Role.REVIEWER)
        reviewer = Reviewer(person.id, person.username, person.role, may_undo_others=False)
        decide(session, reviewer, early[0], Verdict.REJECT)
    chunk.detect_chunk(worker_context, flight_id, photo_ids[3:])
    grouping.group_flight(worker_context, flight_id)
    assert progress_of(worker_context, flight_id) == Progress(6, 6, 0, 6)
    with worker_context.sessions() as session:
        states = dict(session.execute(select(CandidateRow.id, CandidateRow.state)).all())
        assert set(early) <= set(states)
        assert states[early[0]] == "rejected"


def test_grouping_job_of_an_earlier_run_does_not_end_the_next(
    worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    flight_id = flight_of(2).id
    submit(worker_context, flight_id)
    run_jobs(worker_context)
    with worker_context.sessions.begin() as session:
        reprocess_flight(session, flight_id).state = "processing"
    grouping.group_flight(worker_context, flight_id)
    with worker_context.sessions() as session:
        assert session.get_one(FlightRow, flight_id).state == "processing"


def test_candidate_that_vanished_is_deleted_only_if_nobody_touched_it(
    worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    flight_id = flight_of(3).id
    submit(worker_context, flight_id)
    run_jobs(worker_context)
    with worker_context.sessions.begin() as session:
        ids = list(session.scalars(select(CandidateRow.id).order_by(CandidateRow.id)))
        person = create_user(session, "someone", "a good password", Role.REVIEWER)
        reviewer = Reviewer(person.id, person.username, person.role, may_undo_others=False)
        decide(session, reviewer, ids[0], Verdict.CONFIRM)
    with worker_context.sessions.begin() as session:
        # The models now call two of the three covers intact: no candidates any more.
        session.execute(
            text(
                "update detections set hazard_class = 'manhole_ok' where id in"
                " (select detection_id from sightings where candidate_id = any(:ids))"
            ),
            {"ids": ids[:2]},
        )
        grouping.regroup(session, worker_context.store, flight_id)
    with worker_context.sessions() as session:
        rows = {row.id: row for row in session.scalars(select(CandidateRow))}
        assert set(rows) == {ids[0], ids[2]}
        assert rows[ids[0]].state == "confirmed"
        assert len(rows[ids[0]].sightings) == 1


def test_outline_of_a_model_of_masks_is_stored_with_its_box(
    worker_context: WorkerContext, flight_of: FlightOf, tmp_path: Path
) -> None:
    models_dir = write_tiny_segment_model(tmp_path / "models").parent
    settings = worker_context.settings.model_copy(update={"models_dir": models_dir})
    context = WorkerContext(settings, worker_context.sessions, worker_context.store)
    flight_id = flight_of(0).id
    wall = draw_photo(tmp_path / "wall.jpg", pose=DrawnPose(pitch_deg=-45.0), size_px=(640, 480))
    with wall.open("rb") as stream:
        receive_photo(
            context.sessions,
            context.store,
            flight_id=flight_id,
            file_name=wall.name,
            stream=stream,
            max_bytes=10**7,
        )
    submit(context, flight_id)
    run_jobs(context)
    with context.sessions() as session:
        found = geo_detection_from_row(session.scalars(select(DetectionRow)).one())
        (grouped,) = list_geo_detections(session, flight_id).values()
        assert count(session, "sightings") == 1
    assert grouped == replace(found, detection=replace(found.detection, polygons=()))
    (ring,) = found.detection.polygons
    x, y = zip(*ring, strict=True)
    edges = (min(x), min(y), max(x), max(y))
    assert edges == pytest.approx(found.detection.bbox_xyxy.xyxy, abs=1)
    assert edges == pytest.approx(CRACK_XYXY_IN_TILE, abs=8)


def test_photo_without_position_gives_an_unplaced_candidate(
    worker_context: WorkerContext, flight_of: FlightOf, tmp_path: Path
) -> None:
    flight_id = flight_of(0).id
    bare = draw_photo(tmp_path / "bare.jpg", pose=None, seed=9)
    row = receive_photo(
        worker_context.sessions,
        worker_context.store,
        flight_id=flight_id,
        file_name="bare.jpg",
        stream=io.BytesIO(bare.read_bytes()),
        max_bytes=10**7,
    )
    assert isinstance(row, PhotoRow)
    assert "no_position" in row.warnings
    submit(worker_context, flight_id)
    run_jobs(worker_context)
    with worker_context.sessions() as session:
        (candidate,) = session.scalars(select(CandidateRow))
        assert (candidate.lon, candidate.lat, candidate.error_m) == (None, None, None)
        assert candidate.unplaced_reason == "no_position"
