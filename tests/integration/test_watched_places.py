"""Folders and buckets that become flights by themselves, once."""

from __future__ import annotations

import errno
import io
import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import obstore
import pytest
from moto.server import ThreadedMotoServer
from obstore.store import S3Store
from sqlalchemy import select

from detection.domain.errors import ConfigurationError
from serving.db.engine import open_engine
from serving.db.tables import AuditEventRow, FlightRow, PhotoRow, WatchedFileRow, WatchedFlightRow
from serving.jobs.context import WorkerContext
from serving.jobs.queue import UPLOADS_QUEUE
from serving.jobs.watching import PlaceWatcher, hold_watch
from serving.storage.places import FileChangedError, PlaceUnavailableError, open_places
from tests.factories import DrawnPose, draw_photo
from tests.job_runner import run_jobs

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
QUIET_S = 120.0


class Clock:
    """A watcher that is asked to look at given moments."""

    def __init__(self, context: WorkerContext, setting: str) -> None:
        self.context = context
        self.setting = setting
        self.now = START
        self.restart()

    def restart(self) -> None:
        """Begin anew with what the database remembers."""
        places = open_places(self.setting)
        self.watcher = PlaceWatcher(self.context.sessions, self.context.settings, places)

    def look_after(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.watcher.look(self.now)

    def settle(self) -> None:
        """Look until what is quiet is in and submitted."""
        self.look_after(1)
        self.look_after(QUIET_S)
        run_jobs(self.context, [UPLOADS_QUEUE])
        self.look_after(1)

    def flights(self) -> dict[str, FlightRow]:
        with self.context.sessions() as session:
            return {row.name: row for row in session.scalars(select(FlightRow))}

    def photos(self, name: str) -> set[str]:
        with self.context.sessions() as session:
            flight_id = self.flights()[name].id
            rows = session.scalars(select(PhotoRow).where(PhotoRow.flight_id == flight_id))
            return {row.name for row in rows}


@pytest.fixture
def dock(tmp_path: Path) -> Path:
    folder = tmp_path / "dock"
    folder.mkdir()
    return folder


@pytest.fixture
def clock(worker_context: WorkerContext, dock: Path) -> Clock:
    return Clock(worker_context, str(dock))


@pytest.fixture
def put(dock: Path) -> Callable[[str, int], Path]:
    """Return a function that writes a photo, different for every number."""

    def write(name: str, number: int) -> Path:
        path = dock / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return draw_photo(path, pose=DrawnPose(lat=29.56 + number * 1e-4), seed=number)

    return write


def test_each_folder_becomes_a_flight_when_it_is_quiet(
    clock: Clock, put: Callable[[str, int], Path], dock: Path
) -> None:
    put("架次一/DCIM/1.JPG", 1)
    put("two/2.JPG", 2)
    (dock / "two" / "notes.txt").write_text("no photo")
    clock.look_after(1)
    assert clock.flights() == {}
    put("two/3.JPG", 3)
    clock.look_after(QUIET_S)
    assert set(clock.flights()) == {"架次一"}
    clock.settle()
    assert clock.photos("架次一") == {"DCIM/1.JPG"}
    assert clock.photos("two") == {"2.JPG", "3.JPG"}
    assert {row.state for row in clock.flights().values()} == {"queued"}
    with clock.context.sessions() as session:
        acts = list(session.scalars(select(AuditEventRow.act).order_by(AuditEventRow.sequence)))
    assert acts.count("create_flight") == acts.count("submit_flight") == 2


def test_the_source_stays_as_it_is(
    clock: Clock, put: Callable[[str, int], Path], dock: Path
) -> None:
    path = put("one/1.JPG", 1)
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    clock.settle()
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [one.name for one in (dock / "one").iterdir()] == ["1.JPG"]


def test_a_copy_under_way_holds_its_folder(
    clock: Clock, put: Callable[[str, int], Path], dock: Path
) -> None:
    put("one/1.JPG", 1)
    part = dock / "one" / ".2.JPG.part"
    part.write_bytes(b"a")
    clock.look_after(1)
    part.write_bytes(b"ab")
    clock.look_after(QUIET_S)
    part.write_bytes(b"abc")
    clock.look_after(QUIET_S)
    assert clock.flights() == {}
    part.unlink()
    put("one/2.JPG", 2)
    clock.settle()
    assert clock.photos("one") == {"1.JPG", "2.JPG"}


def test_later_arrivals_make_a_flight_of_their_own(
    clock: Clock, put: Callable[[str, int], Path]
) -> None:
    put("one/1.JPG", 1)
    clock.settle()
    put("one/2.JPG", 2)
    clock.settle()
    assert clock.photos("one") == {"1.JPG"}
    assert clock.photos("one (2)") == {"2.JPG"}


def test_restarts_and_repetition_make_nothing_twice(
    clock: Clock, put: Callable[[str, int], Path]
) -> None:
    put("one/1.JPG", 1)
    clock.look_after(1)
    clock.restart()
    clock.settle()
    clock.restart()
    for _ in range(3):
        clock.settle()
    assert set(clock.flights()) == {"one"}
    assert clock.photos("one") == {"1.JPG"}


def test_a_watcher_that_was_killed_while_it_copied_goes_on(
    clock: Clock, put: Callable[[str, int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        put(f"one/{number}.JPG", number)
    clock.look_after(1)
    monkeypatch.setattr("serving.jobs.watching.note_taken", _die)
    with pytest.raises(MemoryError):
        clock.look_after(QUIET_S)
    monkeypatch.undo()
    clock.restart()
    clock.settle()
    assert clock.photos("one") == {"1.JPG", "2.JPG", "3.JPG"}
    assert set(clock.flights()) == {"one"}
    assert clock.flights()["one"].state == "queued"


def _die(*_: object) -> None:
    raise MemoryError


def test_a_file_that_changes_after_it_was_planned_comes_with_a_later_flight(
    clock: Clock, put: Callable[[str, int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    put("one/1.JPG", 1)
    put("one/2.JPG", 2)
    clock.look_after(1)
    monkeypatch.setattr(PlaceWatcher, "_take", lambda *_: None)
    clock.look_after(QUIET_S)
    monkeypatch.undo()
    put("one/2.JPG", 22)
    clock.settle()
    clock.settle()
    assert clock.photos("one") == {"1.JPG"}
    assert clock.photos("one (2)") == {"2.JPG"}


def test_a_bad_file_holds_up_no_other(
    clock: Clock, put: Callable[[str, int], Path], dock: Path
) -> None:
    put("one/1.JPG", 1)
    (dock / "one" / "bad.JPG").write_bytes(b"no photo")
    (dock / "none").mkdir()
    (dock / "none" / "bad.JPG").write_bytes(b"no photo either")
    clock.settle()
    assert clock.photos("one") == {"1.JPG"}
    assert clock.flights()["one"].state == "queued"
    assert clock.flights()["none"].state == "cancelled"


def test_a_file_that_cannot_be_read_holds_up_no_other_folder(
    clock: Clock, put: Callable[[str, int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Worn(io.FileIO):
        def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
            if "/one/" in str(self.name):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return super().readinto(buffer)

    put("one/1.JPG", 1)
    put("two/2.JPG", 2)
    monkeypatch.setattr("serving.storage.places.io.FileIO", Worn)
    clock.settle()
    assert clock.photos("two") == {"2.JPG"}
    assert clock.photos("one") == set()
    monkeypatch.undo()
    clock.settle()
    assert clock.photos("one") == {"1.JPG"}


def test_names_that_are_no_text_are_taken_too(clock: Clock, dock: Path) -> None:
    photo = draw_photo(dock / "1.JPG", seed=1)
    (dock / "one").mkdir()
    photo.rename(Path(os.fsdecode(os.fsencode(dock / "one") + b"/\xd5\xd5.JPG")))
    clock.settle()
    assert clock.flights()["one"].state == "queued"


def test_a_place_that_is_gone_loses_nothing_and_holds_up_no_other(
    worker_context: WorkerContext, dock: Path, put: Callable[[str, int], Path], tmp_path: Path
) -> None:
    clock = Clock(worker_context, f"{tmp_path / 'unplugged'}, {dock}")
    put("one/1.JPG", 1)
    clock.settle()
    assert clock.photos("one") == {"1.JPG"}
    dock.rename(tmp_path / "away")
    clock.settle()
    (tmp_path / "away").rename(dock)
    clock.settle()
    assert set(clock.flights()) == {"one"}


def test_a_flight_closed_by_hand_is_not_lost_and_not_doubled(
    clock: Clock, put: Callable[[str, int], Path]
) -> None:
    put("one/1.JPG", 1)
    clock.look_after(1)
    clock.look_after(QUIET_S)
    run_jobs(clock.context, [UPLOADS_QUEUE])
    with clock.context.sessions.begin() as session:
        session.scalars(select(FlightRow)).one().state = "cancelled"
    clock.settle()
    assert {row.state for row in clock.flights().values()} == {"cancelled"}
    with clock.context.sessions() as session:
        assert session.scalars(select(WatchedFlightRow.state)).all() == ["done"]
        assert len(session.scalars(select(WatchedFileRow)).all()) == 1


def test_a_file_that_is_written_while_it_is_read_is_left_alone(dock: Path) -> None:
    path = dock / "1.JPG"
    path.write_bytes(b"a" * 100)
    (place,) = open_places(str(dock))
    (found,) = place.list_files()
    with place.open(found) as stream:
        assert stream.read() == b"a" * 100
    path.write_bytes(b"b" * 200)
    with place.open(found) as stream, pytest.raises(FileChangedError):
        stream.read()


@pytest.mark.parametrize("setting", ["photos", "ftp://a/b", "s3://"])
def test_a_place_is_a_folder_or_a_bucket(setting: str) -> None:
    with pytest.raises(ConfigurationError, match="HAZARDLENS_WATCH"):
        open_places(setting)


def test_of_two_watchers_one_works(database_url: str) -> None:
    engine = open_engine(database_url, pool_size=2)
    asked = threading.Event()
    asked.set()
    with hold_watch(engine, threading.Event()) as first, hold_watch(engine, asked) as second:
        assert first is not None
        first()
        assert second is None
    # The database lets go a moment after the first one's connection is closed: wait for it.
    with hold_watch(engine, threading.Event()) as third:
        assert third is not None
    engine.dispose()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, bytes], None]]:
    """A bucket ``dock`` in a server of this test; yields what puts an object into it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    httpx.put(f"http://{host}:{port}/dock").raise_for_status()
    store = S3Store("dock", client_options={"allow_http": True})

    def put_object(key: str, body: bytes) -> None:
        obstore.put(store, key, body)

    yield put_object
    server.stop()


def test_a_bucket_is_watched_as_a_folder_is(
    worker_context: WorkerContext, bucket: Callable[[str, bytes], None], tmp_path: Path
) -> None:
    photos = [draw_photo(tmp_path / f"{n}.jpg", seed=n).read_bytes() for n in range(3)]
    bucket("media/架次一/DCIM/1.JPG", photos[0])
    bucket("media/two/2.JPG", photos[1])
    bucket("elsewhere/3.JPG", photos[2])
    clock = Clock(worker_context, "s3://dock/media")
    clock.settle()
    assert set(clock.flights()) == {"架次一", "two"}
    assert clock.photos("架次一") == {"DCIM/1.JPG"}
    bucket("media/two/4.JPG", photos[2])
    clock.restart()
    clock.settle()
    assert clock.photos("two (2)") == {"4.JPG"}
    assert {row.state for row in clock.flights().values()} == {"queued"}


def test_an_object_that_was_replaced_is_left_alone(bucket: Callable[[str, bytes], None]) -> None:
    bucket("replaced/1.JPG", b"first")
    (place,) = open_places("s3://dock/replaced/")
    (found,) = place.list_files()
    with place.open(found) as stream:
        assert stream.read() == b"first"
    bucket("replaced/1.JPG", b"other")
    with pytest.raises(FileChangedError):
        place.open(found)


@pytest.mark.usefixtures("bucket")
def test_a_bucket_that_is_not_there_is_told_of() -> None:
    (place,) = open_places("s3://nobody")
    with pytest.raises(PlaceUnavailableError):
        place.list_files()
