"""The embedded database, the demo flight and the commands: first start, second start, mishaps."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, func, select
from sqlalchemy.orm import Session, sessionmaker

from detection.domain.errors import ConfigurationError
from serving.db.embedded import EmbeddedPostgres
from serving.db.engine import make_sessions
from serving.db.migrate import upgrade_database
from serving.db.tables import FlightRow, PhotoRow
from serving.deps import Services
from serving.settings import ServingSettings
from serving.supervisor.claims import claim_data_dir, listen
from serving.supervisor.demo import DemoFlight, find_or_create_demo
from tests.factories import draw_flight

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder with a long name and Chinese characters below a private parent."""
    parent = Path(tempfile.mkdtemp(prefix="hazardlens-start-"))
    folder = parent / "数据 文件夹" / ("x" * 80)
    folder.mkdir(parents=True)
    yield folder
    EmbeddedPostgres(folder).stop()
    shutil.rmtree(parent, ignore_errors=True)


def run_command(data_dir: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"HAZARDLENS_NEW_PASSWORD": "a good password"}
    environment.pop("HAZARDLENS_DATABASE_URL", None)
    return subprocess.run(
        [sys.executable, "-m", "hazardlens", *words, "--data-dir", str(data_dir)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_database_survives_kill_9_and_a_stale_pid_file(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    url = server.ensure_up()
    with psycopg.connect(url) as connection:
        connection.execute("create table kept (n int)")
        connection.execute("insert into kept values (42)")
    pid_file = data_dir / "postgres" / "postmaster.pid"
    os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGKILL)
    while server.is_up():
        time.sleep(0.05)
    # As after a restart of a container: the number now belongs to somebody else.
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert EmbeddedPostgres(data_dir).ensure_up() == url
    with psycopg.connect(url) as connection:
        assert connection.execute("select n from kept").fetchall() == [(42,)]
    server.stop()
    assert not server.is_up()
    server.stop()


def test_half_made_cluster_is_made_again(data_dir: Path) -> None:
    draft = data_dir / "postgres.new"
    draft.mkdir()
    (draft / "PG_VERSION").write_text("18\n")
    assert EmbeddedPostgres(data_dir).ensure_up()


def test_many_processes_may_start_and_migrate_at_once(data_dir: Path) -> None:
    errors: list[BaseException] = []

    def start() -> None:
        try:
            engine = create_engine(
                EmbeddedPostgres(data_dir).ensure_up().replace("postgresql", "postgresql+psycopg")
            )
            upgrade_database(engine)
            engine.dispose()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_user_commands_leave_the_database_as_they_found_it(data_dir: Path) -> None:
    added = run_command(data_dir, "user", "add", "li", "--role", "engineer")
    assert added.returncode == 0, added.stderr
    assert not EmbeddedPostgres(data_dir).is_up()
    EmbeddedPostgres(data_dir).ensure_up()
    listed = run_command(data_dir, "user", "list")
    assert "li\tengineer" in listed.stdout
    assert EmbeddedPostgres(data_dir).is_up()
    twice = run_command(data_dir, "user", "add", "LI")
    assert twice.returncode != 0
    assert "already a user" in twice.stderr
    absent = run_command(data_dir, "user", "disable", "nobody")
    assert "no user nobody" in absent.stderr


def test_second_service_on_the_same_folder_says_so(data_dir: Path) -> None:
    with claim_data_dir(data_dir):
        second = run_command(data_dir, "serve", "--port", "0")
    assert second.returncode == 7
    assert f"served already by process {os.getpid()}" in second.stderr


def test_port_in_use_says_so_before_anything_is_started(data_dir: Path) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        answer = run_command(data_dir, "serve", "--port", port)
    assert answer.returncode == 8
    assert f"Port {port} is in use" in answer.stderr
    assert not (data_dir / "postgres").exists()


@pytest.fixture
def demo(
    services: Services, settings: ServingSettings, monkeypatch: pytest.MonkeyPatch
) -> DemoFlight:
    """A demo flight whose rendering is four drawn photos, and which is not followed."""
    folder = settings.resolved_data_dir / "demo-flight"
    monkeypatch.setattr(DemoFlight, "_follow", lambda *_: None)

    def render(_: DemoFlight) -> Path:
        if not folder.is_dir():
            draw_flight(folder, photos=4)
        return folder

    monkeypatch.setattr(DemoFlight, "_render", render)
    return DemoFlight(settings, services.engine, threading.Event())


def count_demo(sessions: sessionmaker[Session]) -> tuple[int, int, list[str]]:
    with sessions() as session:
        flights = session.scalar(select(func.count()).select_from(FlightRow)) or 0
        photos = session.scalar(select(func.count()).select_from(PhotoRow)) or 0
        return flights, photos, list(session.scalars(select(FlightRow.state)))


def test_demo_flight_is_made_once(demo: DemoFlight, sessions: sessionmaker[Session]) -> None:
    for _ in range(3):
        demo.run()
    assert count_demo(sessions) == (1, 4, ["queued"])


def test_demo_flight_that_was_cut_off_goes_on(
    demo: DemoFlight, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ConfigurationError("cut off")  # noqa: EM101, TRY003 - a message for this test

    with monkeypatch.context() as patch:
        patch.setattr("serving.supervisor.demo.submit_flight", fail)
        with pytest.raises(ConfigurationError):
            demo.run()
    assert count_demo(sessions) == (1, 4, ["draft"])
    demo.run()
    assert count_demo(sessions) == (1, 4, ["queued"])


def test_no_demo_where_there_is_other_data(
    demo: DemoFlight, services: Services, engine_sessions: sessionmaker[Session]
) -> None:
    with engine_sessions.begin() as session:
        session.add(FlightRow(name="real", kind="drone"))
    demo.run()
    with services.sessions.begin() as session:
        assert find_or_create_demo(session) is None
    assert count_demo(engine_sessions)[0] == 1


@pytest.fixture
def engine_sessions(services: Services) -> sessionmaker[Session]:
    engine: Engine = services.engine
    return make_sessions(engine)
