"""Videos and tracks that were sent with a flight: photos, places, order, repetition."""

from __future__ import annotations

import io
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, select

from detection.domain.photo import FlightKind
from serving.db.tables import FlightMediaRow, IngestFailureRow, PhotoRow
from serving.flights.catalogue import create_flight, get_flight
from serving.jobs.context import WorkerContext
from serving.jobs.flights import submit_flight
from serving.jobs.intake import take_file
from serving.jobs.media import apply_tracks, ingest_media, ingest_video, settle_media
from serving.jobs.queue import MEDIA_QUEUE, UPLOADS_QUEUE
from tests.drawn_videos import LAT, LON, draw_frames, draw_video, subtitle_at
from tests.factories import DrawnPose, draw_photo
from tests.job_runner import run_jobs

STEP_M = 6.0


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Four seconds over 18 m, with its subtitles beside it."""
    texts = [subtitle_at(STEP_M * second) for second in range(4)]
    return draw_video(tmp_path / "DJI_0001.MP4", draw_frames(40), subtitles=texts)


@pytest.fixture
def flight_id(worker_context: WorkerContext) -> int:
    with worker_context.sessions.begin() as session:
        return create_flight(session, name="drawn", kind=FlightKind.DRONE).id


def take(context: WorkerContext, flight_id: int, path: Path, name: str | None = None) -> None:
    take_file(
        context.sessions,
        context.settings,
        flight_id=flight_id,
        path=name or path.name,
        stream=io.BytesIO(path.read_bytes()),
    )


def check(context: WorkerContext) -> None:
    """Have checked and read what was sent."""
    run_jobs(context, [UPLOADS_QUEUE, MEDIA_QUEUE])


def submit(context: WorkerContext, flight_id: int) -> None:
    with context.sessions.begin() as session:
        submit_flight(session, flight_id)
    run_jobs(context)


def photos_of(context: WorkerContext, flight_id: int) -> list[PhotoRow]:
    with context.sessions() as session:
        statement = select(PhotoRow).where(PhotoRow.flight_id == flight_id)
        return list(session.scalars(statement.order_by(PhotoRow.name)))


def media_of(context: WorkerContext, flight_id: int) -> dict[str, FlightMediaRow]:
    with context.sessions() as session:
        rows = session.scalars(select(FlightMediaRow).where(FlightMediaRow.flight_id == flight_id))
        return {row.name: row for row in rows}


def failures_of(context: WorkerContext, flight_id: int) -> set[tuple[str, str]]:
    with context.sessions() as session:
        rows = session.scalars(
            select(IngestFailureRow).where(IngestFailureRow.flight_id == flight_id)
        )
        return {(row.file_name, row.code) for row in rows}


def state_of(context: WorkerContext, flight_id: int) -> str:
    with context.sessions() as session:
        return get_flight(session, flight_id).state


@pytest.mark.parametrize("order", ["video first", "track first", "together"])
def test_a_video_becomes_photos_with_the_places_of_its_track(
    worker_context: WorkerContext, flight_id: int, video: Path, order: str
) -> None:
    files = [video, video.with_suffix(".SRT")]
    for file in reversed(files) if order == "track first" else files:
        take(worker_context, flight_id, file, f"DCIM/{file.name}")
        if order != "together":
            check(worker_context)
    check(worker_context)
    photos = photos_of(worker_context, flight_id)
    media = media_of(worker_context, flight_id)
    assert [photo.name.rpartition("_")[0] for photo in photos] == ["DCIM/DJI_0001.MP4/frame"] * len(
        photos
    )
    assert len(photos) == 4  # every 5 m of 18 m
    assert all(photo.lat is not None and photo.blur_px is not None for photo in photos)
    assert media["DCIM/DJI_0001.MP4"].state == "done"
    assert media["DCIM/DJI_0001.MP4"].frames == len(photos)
    assert failures_of(worker_context, flight_id) == set()
    assert all(worker_context.store.path_of(photo.sha256).is_file() for photo in photos)
    assert not list((worker_context.settings.resolved_data_dir / "work").iterdir())


def test_a_submitted_flight_of_one_video_is_looked_at_whole(
    worker_context: WorkerContext, flight_id: int, video: Path
) -> None:
    for file in (video, video.with_suffix(".SRT")):
        take(worker_context, flight_id, file)
    check(worker_context)
    submit(worker_context, flight_id)
    assert state_of(worker_context, flight_id) == "done"
    assert {photo.state for photo in photos_of(worker_context, flight_id)} == {"done"}


def test_a_video_without_a_track_is_named_and_used(
    worker_context: WorkerContext, flight_id: int, tmp_path: Path
) -> None:
    take(worker_context, flight_id, draw_video(tmp_path / "a.mp4", draw_frames(25)))
    check(worker_context)
    photos = photos_of(worker_context, flight_id)
    assert photos
    assert all(photo.lat is None for photo in photos)
    assert failures_of(worker_context, flight_id) == {("a.mp4", "no_track")}
    assert media_of(worker_context, flight_id)["a.mp4"].state == "done"


def test_a_late_track_replaces_the_frames_that_were_chosen_without_it(
    worker_context: WorkerContext, flight_id: int, video: Path
) -> None:
    take(worker_context, flight_id, video)
    check(worker_context)
    assert failures_of(worker_context, flight_id) == {("DJI_0001.MP4", "no_track")}
    take(worker_context, flight_id, video.with_suffix(".SRT"))
    check(worker_context)
    photos = photos_of(worker_context, flight_id)
    assert len(photos) == media_of(worker_context, flight_id)["DJI_0001.MP4"].frames == 4
    assert all(photo.lat is not None for photo in photos)
    assert failures_of(worker_context, flight_id) == set()


def test_doing_it_again_changes_nothing(
    worker_context: WorkerContext, flight_id: int, video: Path
) -> None:
    for file in (video, video.with_suffix(".SRT")):
        take(worker_context, flight_id, file)
    check(worker_context)
    before = [(photo.id, photo.name, photo.lat) for photo in photos_of(worker_context, flight_id)]
    for medium in media_of(worker_context, flight_id).values():
        ingest_media(worker_context, flight_id, medium.id)
    settle_media(worker_context, flight_id)
    after = [(photo.id, photo.name, photo.lat) for photo in photos_of(worker_context, flight_id)]
    assert after == before


def test_what_a_killed_run_left_behind_is_no_hindrance(
    worker_context: WorkerContext, flight_id: int, video: Path
) -> None:
    take(worker_context, flight_id, video)
    check(worker_context)
    (medium,) = media_of(worker_context, flight_id).values()
    left = worker_context.settings.resolved_data_dir / "work" / f"media-{medium.id}"
    left.mkdir(parents=True)
    (left / "medium.mp4").write_bytes(b"half")
    ingest_video(worker_context, medium.id)
    assert media_of(worker_context, flight_id)["DJI_0001.MP4"].state == "done"
    assert not left.exists()


def test_two_workers_on_one_video_do_not_disturb_each_other(
    worker_context: WorkerContext, flight_id: int, video: Path
) -> None:
    for file in (video, video.with_suffix(".SRT")):
        take(worker_context, flight_id, file)
    check(worker_context)
    medium = media_of(worker_context, flight_id)["DJI_0001.MP4"]
    with ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(ingest_video, worker_context, medium.id) for _ in range(3)]
    assert [run.result() for run in runs] == [None] * 3
    assert media_of(worker_context, flight_id)["DJI_0001.MP4"].state == "done"
    assert len(photos_of(worker_context, flight_id)) == 4


def test_a_cancelled_flight_gets_no_frames(
    worker_context: WorkerContext, flight_id: int, video: Path
) -> None:
    take(worker_context, flight_id, video)
    with worker_context.sessions.begin() as session:
        get_flight(session, flight_id).state = "cancelled"
    check(worker_context)
    assert photos_of(worker_context, flight_id) == []


def test_a_flight_whose_only_video_gives_no_photo_says_so(
    worker_context: WorkerContext, flight_id: int, video: Path
) -> None:
    take(worker_context, flight_id, video)
    check(worker_context)
    with worker_context.sessions.begin() as session:
        session.execute(delete(PhotoRow))
        (medium,) = session.scalars(select(FlightMediaRow))
        medium.state = "waiting"
        worker_context.store.path_of(medium.sha256).write_bytes(b"damaged meanwhile")
    submit(worker_context, flight_id)
    with worker_context.sessions() as session:
        flight = get_flight(session, flight_id)
        assert (flight.state, flight.failure_code) == ("failed", "empty_flight")
    assert ("DJI_0001.MP4", "unreadable_video") in failures_of(worker_context, flight_id)


def write_rtk_log(path: Path, numbers: range, *, lat: float, lon: float, step: float) -> Path:
    rows = "".join(
        f"{n}\t100.0\t[2211]\t3,N\t0,E\t75,V\t{lat + n * step:.10f},Lat\t{lon + 5e-6:.10f},Lon\t"
        "355.0,Ellh\t0.014, 0.013, 0.029\t50,Q\n"
        for n in numbers
    )
    path.write_text(rows, encoding="utf-8")
    return path


def test_an_rtk_log_betters_the_photos_of_its_folder_before_they_are_looked_at(
    worker_context: WorkerContext, flight_id: int, tmp_path: Path
) -> None:
    for number in (1, 2, 3):
        pose = DrawnPose(lat=LAT + number * 1e-4, lon=LON)
        photo = draw_photo(tmp_path / f"DJI_000{number}.JPG", pose=pose, seed=number)
        take(worker_context, flight_id, photo, f"one/{photo.name}")
    log = write_rtk_log(tmp_path / "t.MRK", range(1, 4), lat=LAT, lon=LON, step=1e-4)
    take(worker_context, flight_id, log, "one/t.MRK")
    check(worker_context)
    submit(worker_context, flight_id)
    photos = photos_of(worker_context, flight_id)
    assert len(photos) == 3
    assert all("mrk+rtk" in (photo.pose_source or "") for photo in photos)
    assert all(photo.lon == pytest.approx(LON + 5e-6, abs=1e-9) for photo in photos)
    assert {photo.state for photo in photos} == {"done"}
    assert media_of(worker_context, flight_id)["one/t.MRK"].state == "done"
    apply_tracks(worker_context, flight_id)
    assert [photo.lon for photo in photos_of(worker_context, flight_id)] == [
        photo.lon for photo in photos
    ]


def test_a_track_that_cannot_be_read_is_named_and_holds_nothing(
    worker_context: WorkerContext, flight_id: int, tmp_path: Path
) -> None:
    take(worker_context, flight_id, draw_photo(tmp_path / "a.jpg", pose=DrawnPose()))
    (tmp_path / "way.gpx").write_text("no track")
    take(worker_context, flight_id, tmp_path / "way.gpx")
    check(worker_context)
    submit(worker_context, flight_id)
    assert state_of(worker_context, flight_id) == "done"
    assert ("way.gpx", "unreadable_track") in failures_of(worker_context, flight_id)
    assert media_of(worker_context, flight_id)["way.gpx"].state == "failed"


def test_a_video_out_of_an_archive_meets_its_track(
    worker_context: WorkerContext, flight_id: int, video: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "card.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for file in (video, video.with_suffix(".SRT")):
            packed.write(file, f"DCIM/{file.name}")
    take(worker_context, flight_id, archive)
    check(worker_context)
    photos = photos_of(worker_context, flight_id)
    assert len(photos) == 4
    assert all(photo.lat is not None for photo in photos)


def test_the_frames_are_on_the_list_of_the_flight(
    worker_context: WorkerContext, flight_id: int, video: Path, operator: TestClient
) -> None:
    take(worker_context, flight_id, video)
    check(worker_context)
    items = operator.get(f"/flights/{flight_id}/photos").json()["items"]
    assert [item["name"].startswith("DJI_0001.MP4/frame_") for item in items] == [True] * len(items)
    assert items
