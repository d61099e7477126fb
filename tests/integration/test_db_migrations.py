"""A database of an earlier shape becomes the present one by itself, and keeps what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy import Engine, make_url, select, text

from serving.api.views import view_candidate
from serving.db.embedded import EmbeddedPostgres
from serving.db.engine import make_sessions, open_engine
from serving.db.migrate import alembic_config, upgrade_database
from serving.db.tables import Base, CandidateRow, DetectionRow
from serving.flights.results import geo_detection_from_row
from serving.settings import load_settings
from serving.supervisor.service import prepare_database

# One reviewed candidate, in the columns of revision 0001.
OLD_ROWS = """
    insert into flights (name, kind, state) values ('old', 'drone', 'done');
    insert into photos (flight_id, name, sha256, size_bytes, media_type, width_px, height_px)
        values (1, 'DJI_0001.JPG', repeat('a', 64), 9, 'image/jpeg', 4000, 3000);
    insert into detections
        (flight_id, photo_id, ordinal, hazard_class, score, x_min, y_min, x_max, y_max,
         model_name, weights_sha256, config_hash, threshold)
        values (1, 1, 0, 'manhole_missing', 0.9, 1, 2, 3, 4,
                'manhole', repeat('b', 64), repeat('c', 64), 0.3);
    insert into candidates (flight_id, key, hazard_class, rank, score, config_hash, state)
        values (1, 'k', 'manhole_missing', 1, 0.9, repeat('c', 64), 'confirmed');
    insert into sightings (detection_id, candidate_id, ordinal) values (1, 1, 0);
"""


@pytest.fixture
def empty_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A database without any table."""
    server = make_url(postgres_server.url)
    name = sql.Identifier("without_tables")
    admin = server.set(database="postgres").render_as_string()
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {} template template0").format(name))
        yield server.set(database="without_tables").render_as_string()
        connection.execute(sql.SQL("drop database {} with (force)").format(name))


@pytest.fixture
def engine(empty_url: str) -> Iterator[Engine]:
    engine = open_engine(empty_url, pool_size=1)
    yield engine
    engine.dispose()


def migrate(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), revision)


def test_database_of_the_first_release_is_brought_up_at_the_start(
    engine: Engine, empty_url: str, tmp_path: Path
) -> None:
    migrate(engine, "0001")
    with engine.begin() as connection:
        connection.execute(text(OLD_ROWS))
    prepare_database(load_settings(data_dir=tmp_path), empty_url)
    with make_sessions(engine)() as session:
        old = session.scalars(select(DetectionRow)).one()
        assert geo_detection_from_row(old).detection.polygons == ()
        candidate = view_candidate(session, session.scalars(select(CandidateRow.id)).one())
    assert candidate.state == "confirmed"
    assert [each.bbox_xyxy for each in candidate.sightings] == [(1, 2, 3, 4)]
    assert [each.polygons for each in candidate.sightings] == [[]]


def test_migrations_lead_to_the_tables_that_the_code_knows(engine: Engine) -> None:
    upgrade_database(engine)
    ours = set(Base.metadata.tables)
    options = {"include_name": lambda name, kind, _parents: kind != "table" or name in ours}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
