"""Several workers on one flight: together, and when one of them dies in the middle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, func, select, text, update

from detection.domain.photo import Photo
from detection.pipeline import PhotoResult, detect_photos
from serving.db.tables import CandidateRow, DetectionRow, FlightRow, PhotoRow, SightingRow
from serving.flights.catalogue import Progress, count_progress, lock_flight
from serving.flights.pace import estimate_left_s
from serving.flights.results import LookedAt, RunIdentity, requeue_all, store_results
from serving.jobs import chunk, grouping
from serving.jobs.chunking import order_chunks
from serving.jobs.context import WorkerContext
from serving.jobs.flights import (
    GROUP_FLIGHT,
    PLAN_FLIGHT,
    cancel_flight,
    reprocess_flight,
    submit_flight,
)
from serving.jobs.heartbeat import count_workers
from serving.jobs.loading import LoadedModels
from serving.jobs.media import settle_media
from serving.jobs.queue import QUEUE, QUEUES, SOON
from serving.jobs.storing import HELD, store_behind
from tests.job_runner import run_jobs

FlightOf = Callable[[int], FlightRow]


def second_worker(first: WorkerContext) -> WorkerContext:
    """Return what another process would hold."""
    return WorkerContext(first.settings, first.sessions, first.store)


def submit(context: WorkerContext, flight_id: int) -> None:
    with context.sessions.begin() as session:
        submit_flight(session, flight_id)


def check_exact(context: WorkerContext, flight_id: int, photos: int) -> None:
    """Every photo is done once, every detection shown by one candidate, the flight ended once."""
    with context.sessions() as session:
        assert count_progress(session, [flight_id])[flight_id] == Progress(
            photos, photos, 0, photos
        )
        each = select(func.count()).select_from(DetectionRow).group_by(DetectionRow.photo_id)
        assert list(session.scalars(each)) == [1] * photos
        assert session.scalar(select(func.count()).select_from(SightingRow)) == photos
        assert session.scalar(select(func.count()).select_from(CandidateRow)) == photos
        assert session.get_one(FlightRow, flight_id).state == "done"


def test_workers_that_take_the_same_photos_store_each_once(
    worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    flight_id = flight_of(6).id
    submit(worker_context, flight_id)
    with worker_context.sessions.begin() as session:
        lock_flight(session, flight_id).state = "processing"
        ids = list(session.scalars(select(PhotoRow.id).order_by(PhotoRow.id)))
    workers = [worker_context, second_worker(worker_context)]
    with ThreadPoolExecutor(2) as pool:
        looks = [pool.submit(chunk.detect_chunk, each, flight_id, ids) for each in workers]
        assert [look.result() for look in looks] == [None, None]
    with worker_context.sessions() as session:
        orders = text("select count(*) from procrastinate_jobs where task_name = :name")
        assert session.scalar(orders, {"name": GROUP_FLIGHT}) == 1, "the last one alone ends it"
    grouping.group_flight(worker_context, flight_id)
    check_exact(worker_context, flight_id, 6)


def test_worker_that_dies_beside_another_costs_nothing(
    worker_context: WorkerContext, flight_of: FlightOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    flight_id = flight_of(8).id
    submit(worker_context, flight_id)
    dead, first = threading.Event(), threading.Lock()

    def detect(photos: Iterable[Photo], *args: object, **more: object) -> Iterator[PhotoResult]:
        for number, photo in enumerate(photos):
            if number == 1 and not dead.is_set():
                with first:
                    if not dead.is_set():
                        dead.set()
                        raise MemoryError
            yield from detect_photos([photo], *args, **more)  # type: ignore[arg-type]  # as given

    monkeypatch.setattr(chunk, "detect_photos", detect)
    monkeypatch.setattr("serving.jobs.tasks.RETRY.wait", 0)
    for _ in range(3):
        with ThreadPoolExecutor(2) as pool:
            both = [worker_context, second_worker(worker_context)]
            for done in [pool.submit(run_jobs, each) for each in both]:
                done.result()
        with worker_context.sessions.begin() as session:
            session.execute(text("update procrastinate_jobs set scheduled_at = null"))
    assert dead.is_set()
    check_exact(worker_context, flight_id, 8)


def test_worker_does_not_wait_for_one_that_groups_the_flight(
    worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    flight_id = flight_of(3).id
    submit(worker_context, flight_id)
    with worker_context.sessions.begin() as session:
        lock_flight(session, flight_id).state = "processing"
        ids = list(session.scalars(select(PhotoRow.id).order_by(PhotoRow.id)))
    chunk.detect_chunk(worker_context, flight_id, ids[:1])
    with worker_context.sessions.begin() as other, ThreadPoolExecutor(1) as pool:
        lock_flight(other, flight_id)
        pool.submit(chunk.detect_chunk, worker_context, flight_id, ids[1:2]).result(20)
        pool.submit(grouping.group_so_far, worker_context, flight_id).result(20)
    with worker_context.sessions() as session:
        assert session.scalar(select(func.count()).select_from(CandidateRow)) == 0


def test_first_photos_of_a_new_flight_go_before_the_rest_of_an_older_one(
    worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    older, newer = flight_of(12).id, flight_of(2).id
    for flight_id in (older, newer):
        with worker_context.sessions.begin() as session:
            order_chunks(session, flight_id, largest=4)
    with worker_context.sessions() as session:
        waiting = session.execute(
            text(
                "select (args->>'flight_id')::bigint, priority from procrastinate_jobs"
                " where queue_name = :lane order by priority desc, id"
            ),
            {"lane": QUEUE},
        )
        order = [(int(flight_id), int(priority)) for flight_id, priority in waiting]
    assert order.index((newer, SOON)) < order.index((older, 0))
    assert {priority for flight_id, priority in order if flight_id == newer} == {SOON}


def test_new_flight_is_planned_before_what_already_waits(
    worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    submit(worker_context, flight_of(1).id)
    with worker_context.sessions() as session:
        planned = text("select priority from procrastinate_jobs where task_name = :name")
        assert session.scalar(planned, {"name": PLAN_FLIGHT}) == SOON


def test_flight_whose_videos_are_done_is_planned_before_what_already_waits(
    worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    flight_id = flight_of(1).id
    with worker_context.sessions.begin() as session:
        lock_flight(session, flight_id).state = "queued"
    settle_media(worker_context, flight_id)
    with worker_context.sessions() as session:
        planned = text("select priority from procrastinate_jobs where task_name = :name")
        assert session.scalar(planned, {"name": PLAN_FLIGHT}) == SOON


def test_flight_that_cannot_be_planned_is_given_up_with_a_reason(
    worker_context: WorkerContext, flight_of: FlightOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_: object) -> int:
        message = "no such thing"
        raise ValueError(message)

    monkeypatch.setattr("serving.jobs.tasks.leave_out_photos", break_off)
    monkeypatch.setattr("serving.jobs.tasks.MAX_JOB_ATTEMPTS", 3)
    monkeypatch.setattr("serving.jobs.tasks.RETRY.wait", 0)
    flight_id = flight_of(1).id
    submit(worker_context, flight_id)
    for _ in range(4):
        run_jobs(worker_context, [QUEUE])
        with worker_context.sessions.begin() as session:
            session.execute(text("update procrastinate_jobs set scheduled_at = null"))
    with worker_context.sessions() as session:
        flight = session.get_one(FlightRow, flight_id)
        assert (flight.state, flight.failure_code) == ("failed", "processing_failed")


def test_results_and_a_new_processing_do_not_wait_for_each_other(
    worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    """Both lock photos in the same order, wherever their rows lie in the table."""
    flight_id = flight_of(3).id
    with worker_context.sessions.begin() as session:
        ids = sorted(session.scalars(select(PhotoRow.id).where(PhotoRow.flight_id == flight_id)))
        first = update(PhotoRow).where(PhotoRow.id == ids[0])
        session.execute(first.values(blur_px=1.0))  # its row lies behind the others from now on

    def begin_anew() -> int:
        with worker_context.sessions.begin() as session:
            return requeue_all(session, flight_id)

    results = [LookedAt(each, (), RunIdentity("c" * 64, {})) for each in ids]
    with ThreadPoolExecutor(1) as pool, worker_context.sessions.begin() as session:
        store_results(session, results[:1])
        session.flush()
        waiting = pool.submit(begin_anew)
        wait_for_lock(worker_context)
        session.execute(text("set local lock_timeout = '2s'"))
        assert store_results(session, results[1:]) == 2
        session.commit()
        assert waiting.result(20) == 3


def wait_for_lock(context: WorkerContext) -> None:
    """Return as soon as somebody waits for a row that somebody else holds."""
    waits = text("select count(*) from pg_stat_activity where wait_event_type = 'Lock'")
    for _ in range(200):
        with context.sessions() as session:
            if session.scalar(waits):
                return
        time.sleep(0.05)
    pytest.fail("nobody waits")


def test_what_was_looked_at_for_an_earlier_processing_is_not_taken_for_the_new_one(
    worker_context: WorkerContext, flight_of: FlightOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    flight_id = flight_of(4).id
    submit(worker_context, flight_id)
    with worker_context.sessions.begin() as session:
        lock_flight(session, flight_id).state = "processing"
        ids = list(session.scalars(select(PhotoRow.id).order_by(PhotoRow.id)))

    def detect(photos: Iterable[Photo], *args: object, **more: object) -> Iterator[PhotoResult]:
        for number, photo in enumerate(photos):
            if number == 1:
                with worker_context.sessions.begin() as session:
                    cancel_flight(session, flight_id)
                    reprocess_flight(session, flight_id)
                    lock_flight(session, flight_id).state = "processing"
            yield from detect_photos([photo], *args, **more)  # type: ignore[arg-type]  # as given

    monkeypatch.setattr(chunk, "detect_photos", detect)
    monkeypatch.setattr(chunk, "LOOK_AGAIN_S", 0.0)
    chunk.detect_chunk(worker_context, flight_id, ids)
    with worker_context.sessions() as session:
        progress = count_progress(session, [flight_id])[flight_id]
    assert (progress.photos_total, progress.photos_done) == (4, 0)


def test_workers_are_counted_by_their_lanes_while_they_live(worker_context: WorkerContext) -> None:
    with worker_context.sessions.begin() as session:
        assert count_workers(session) == 1, "whoever asks is about to work"
        add = text(
            "insert into procrastinate_workers (last_heartbeat)"
            " values (now() - make_interval(secs => :age))"
        )
        for age, processes in ((0, 3), (60, 2)):
            for _ in range(processes * len(QUEUES)):
                session.execute(add, {"age": age})
        assert count_workers(session) == 3


def test_results_are_stored_together_and_all_of_them_when_the_work_breaks_off(
    worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    flight_id = flight_of(5).id
    with worker_context.sessions() as session:
        ids = list(session.scalars(select(PhotoRow.id).where(PhotoRow.flight_id == flight_id)))
        bind = session.get_bind()
    commits: list[object] = []
    event.listen(bind, "commit", commits.append)

    def store_and_break_off() -> None:
        with store_behind(worker_context.sessions) as store:
            for photo_id in ids:
                store(LookedAt(photo_id, (), RunIdentity("c" * 64, {})))
            raise MemoryError

    with pytest.raises(MemoryError):
        store_and_break_off()
    assert len(commits) < len(ids)
    with worker_context.sessions() as session:
        assert count_progress(session, [flight_id])[flight_id].photos_done == len(ids)


def test_database_that_refuses_results_ends_the_work(
    worker_context: WorkerContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        message = "disk full"
        raise OSError(message)

    monkeypatch.setattr("serving.jobs.storing.store_results", refuse)
    taken: list[int] = []

    def store_many() -> None:
        with store_behind(worker_context.sessions) as store:
            for number in range(100 * HELD):
                store(LookedAt(number))
                taken.append(number)

    with pytest.raises(OSError, match="disk full"):
        store_many()
    assert len(taken) < 10 * HELD, "nobody goes on working for nothing"


def test_photos_ahead_are_let_go_when_results_cannot_be_stored(
    worker_context: WorkerContext, flight_of: FlightOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error holds what was going on where it came up, until it is forgotten itself."""

    @contextmanager
    def refuse(*_: object) -> Iterator[Callable[[LookedAt], None]]:
        def store(_: LookedAt) -> None:
            message = "disk full"
            raise OSError(message)

        yield store

    monkeypatch.setattr(chunk, "store_behind", refuse)
    flight_id = flight_of(4).id
    submit(worker_context, flight_id)
    with worker_context.sessions.begin() as session:
        lock_flight(session, flight_id).state = "processing"
        ids = list(session.scalars(select(PhotoRow.id).order_by(PhotoRow.id)))
    before = set(threading.enumerate())
    with pytest.raises(OSError, match="disk full") as error:
        chunk.detect_chunk(worker_context, flight_id, ids)
    # The error holds its frames: what went below went because it was closed, not by chance.
    assert error.value.__traceback__ is not None
    left = {each.name for each in set(threading.enumerate()) - before}
    assert not {each for each in left if each.startswith(("ahead", "decode"))}


def test_photo_that_is_done_is_not_stored_again(
    worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    flight_id = flight_of(2).id
    with worker_context.sessions.begin() as session:
        ids = list(session.scalars(select(PhotoRow.id).where(PhotoRow.flight_id == flight_id)))
        results = [LookedAt(each, (), RunIdentity("c" * 64, {})) for each in ids]
        assert store_results(session, results[:1]) == 1
        assert store_results(session, results) == 1
        assert store_results(session, results) == 0


def test_time_left_is_that_of_the_present_pace(
    worker_context: WorkerContext, flight_of: FlightOf
) -> None:
    flight_id = flight_of(10).id
    now = datetime.now(UTC)
    with worker_context.sessions.begin() as session:
        flight = lock_flight(session, flight_id)
        flight.started_at = now - timedelta(seconds=60)
        ids = list(session.scalars(select(PhotoRow.id).order_by(PhotoRow.id)))
        long_ago = now - timedelta(days=1)
        for photo_ids, done_at in ((ids[:2], long_ago), (ids[2:6], now)):
            of_these = update(PhotoRow).where(PhotoRow.id.in_(photo_ids))
            session.execute(of_these.values(state="done", processed_at=done_at))
        progress = count_progress(session, [flight_id])[flight_id]
        assert estimate_left_s(session, flight, progress, now) == pytest.approx(60.0)
        flight.started_at = now - timedelta(hours=1)
        assert estimate_left_s(session, flight, progress, now) == pytest.approx(180.0)
        assert estimate_left_s(session, flight, progress, now + timedelta(minutes=10)) is None


def test_models_are_loaded_and_have_looked_before_the_first_flight(
    worker_context: WorkerContext, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    worker_context.warm_up()
    seen: list[str] = []

    def load(*_: object) -> LoadedModels:
        seen.append("loaded")
        raise AssertionError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("serving.jobs.context.load_models", load)
        assert worker_context.models().detectors
    assert not seen
    (tmp_path / "none").mkdir()
    without = worker_context.settings.model_copy(update={"models_dir": tmp_path / "none"})
    WorkerContext(without, worker_context.sessions, worker_context.store).warm_up()
    assert "the models cannot be loaded" in caplog.text
