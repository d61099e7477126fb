"""One embedded PostgreSQL per test run, a fresh database per test, an HTTP client per role."""

from __future__ import annotations

import io
import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from psycopg import sql
from sqlalchemy import make_url
from sqlalchemy.orm import Session, sessionmaker

from detection.domain.photo import FlightKind
from serving.accounts import users
from serving.accounts.roles import Role
from serving.accounts.users import create_user
from serving.app import create_app, open_services
from serving.db.embedded import EmbeddedPostgres
from serving.db.engine import open_engine
from serving.db.migrate import upgrade_database
from serving.db.tables import FlightRow, PhotoRow
from serving.deps import Services
from serving.flights.catalogue import create_flight
from serving.flights.upload import receive_photo
from serving.jobs.context import WorkerContext
from serving.settings import ServingSettings, load_settings
from tests.factories import DrawnPose, draw_photo
from tests.second_looks import draw_always
from tests.tiny_model import ALTITUDE_AGL_M, write_tiny_model

PASSWORD = "a good password"
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def no_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is drawn for a second look and no check is hidden, unless a test says so."""
    draw_always(monkeypatch)


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not stir 64 MiB for each user and each sign-in; `test_accounts` looks at the real hash."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(users, "_hasher", hasher)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """A server of this test run alone, with a migrated template database."""
    folder = Path(tempfile.mkdtemp(prefix="hazardlens-test-"))
    server = EmbeddedPostgres(folder)
    engine = open_engine(server.ensure_up(), pool_size=1)
    upgrade_database(engine)
    engine.dispose()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A database of this test alone, with empty tables."""
    name = f"test_{next(_numbers)}"
    template = make_url(postgres_server.url)
    admin = template.set(database="postgres").render_as_string()
    with psycopg.connect(admin, autocommit=True) as connection:
        names = {"name": sql.Identifier(name), "template": sql.Identifier(str(template.database))}
        connection.execute(sql.SQL("create database {name} template {template}").format(**names))
        yield template.set(database=name).render_as_string()
        connection.execute(
            sql.SQL("drop database {name} with (force)").format(name=sql.Identifier(name))
        )


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tiny model."""
    return write_tiny_model(tmp_path_factory.mktemp("models")).parent


@pytest.fixture
def settings(tmp_path: Path, database_url: str, models_dir: Path) -> ServingSettings:
    return load_settings(
        data_dir=tmp_path / "data",
        database_url=database_url,
        models_dir=models_dir,
        max_upload_mb=5,
        chunk_photos=4,
        demo=False,
    )


@pytest.fixture(scope="session")
def apps() -> dict[tuple[int, int], FastAPI]:
    """Applications by how much they take in: to build one takes longer than most tests.

    A test that changes one makes its own.
    """
    return {}


@pytest.fixture
def app(settings: ServingSettings, apps: dict[tuple[int, int], FastAPI]) -> Iterator[FastAPI]:
    limits = (settings.max_upload_bytes, settings.max_transfer_bytes)
    if limits in apps:
        apps[limits].state.services = open_services(settings)
    else:
        apps[limits] = create_app(settings)
    yield apps[limits]
    apps[limits].state.services.engine.dispose()


@pytest.fixture
def services(app: FastAPI) -> Services:
    found = app.state.services
    assert isinstance(found, Services)
    return found


@pytest.fixture
def sessions(services: Services) -> sessionmaker[Session]:
    return services.sessions


@pytest.fixture
def worker_context(services: Services) -> WorkerContext:
    """What a worker process would hold, to run job steps within the test."""
    return WorkerContext(services.settings, services.sessions, services.store)


@pytest.fixture
def anonymous(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://testserver/api/v1", raise_server_exceptions=False)


@pytest.fixture
def sign_in(app: FastAPI, sessions: sessionmaker[Session]) -> Callable[[str, Role], TestClient]:
    """Return a function that adds a user and returns a client with a bearer token."""

    def sign_in_as(username: str, role: Role) -> TestClient:
        with sessions.begin() as session:
            create_user(session, username, PASSWORD, role)
        client = TestClient(app, base_url="http://testserver/api/v1", raise_server_exceptions=False)
        form = {"username": username, "password": PASSWORD}
        token = client.post("/auth/token", data=form).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        return client

    return sign_in_as


@pytest.fixture
def operator(sign_in: Callable[[str, Role], TestClient]) -> TestClient:
    return sign_in("operator", Role.OPERATOR)


@pytest.fixture
def reviewer(sign_in: Callable[[str, Role], TestClient]) -> TestClient:
    return sign_in("reviewer", Role.REVIEWER)


@pytest.fixture
def engineer(sign_in: Callable[[str, Role], TestClient]) -> TestClient:
    return sign_in("engineer", Role.ENGINEER)


@pytest.fixture
def admin(sign_in: Callable[[str, Role], TestClient]) -> TestClient:
    return sign_in("admin", Role.ADMIN)


@pytest.fixture
def draw_jpeg(tmp_path: Path) -> Callable[[int], bytes]:
    """Return a function that draws a photo, different for every number, 10 m further north."""

    def draw(number: int) -> bytes:
        pose = DrawnPose(lat=29.5647 + number * 1e-3, altitude_agl_m=ALTITUDE_AGL_M)
        return draw_photo(tmp_path / f"drawn_{number}.jpg", pose=pose, seed=number).read_bytes()

    return draw


@pytest.fixture
def flight_of(services: Services, draw_jpeg: Callable[[int], bytes]) -> Callable[[int], FlightRow]:
    """Return a function that makes a draft flight with that many photos."""

    def make(photos: int) -> FlightRow:
        with services.sessions.begin() as session:
            flight = create_flight(session, name="drawn", kind=FlightKind.DRONE)
        for number in range(photos):
            row = receive_photo(
                services.sessions,
                services.store,
                flight_id=flight.id,
                file_name=f"DJI_{number:04d}.JPG",
                stream=io.BytesIO(draw_jpeg(number)),
                max_bytes=10**7,
            )
            assert isinstance(row, PhotoRow)
        return flight

    return make
