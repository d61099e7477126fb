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

# What only the newer tables hold: a second run, of which one detection is shown and one of the
# first run too, a merge by hand with all its marks, a layer, a coverage, an opinion taken back.
NEW_ROWS = """
    insert into users (username, password_hash, role) values ('rev', 'x', 'reviewer');
    update flights set run = 2;
    update photos set run = 2, blur_px = 0.7;
    insert into detections
        (flight_id, photo_id, run, ordinal, hazard_class, score, x_min, y_min, x_max, y_max,
         model_name, weights_sha256, config_hash, threshold)
        select 1, 1, run, ordinal, 'manhole_missing', 0.9, 1, 2, 3, 4,
               'manhole', repeat('b', 64), repeat('c', 64), 0.3
        from (values (1, 1), (2, 0), (2, 1)) as found (run, ordinal);
    insert into candidates
        (flight_id, key, hazard_class, rank, score, config_hash, state, merged_into)
        values (1, 'n', 'manhole_missing', 1, 0.9, repeat('c', 64), 'pending', null),
               (1, 'k', 'manhole_missing', 1, 0.9, repeat('c', 64), 'pending', 1),
               (1, 'k', 'manhole_missing', 1, 0.9, repeat('c', 64), 'pending', 3);
    insert into sightings (detection_id, candidate_id, ordinal) values (3, 2, 0);
    insert into review_events
        (candidate_id, kind, verdict, state_before, state_after, undoes, user_id, username, role)
        values (3, 'decision', 'reject', 'pending', 'rejected', null, 1, 'rev', 'reviewer'),
               (3, 'undo', null, 'rejected', 'pending', 1, 1, 'rev', 'reviewer');
    insert into grouping_events
        (flight_id, candidate_id, candidate_ids, kind, parts, user_id, username, role)
        values (1, 1, '{1,3}', 'merge', '[]', 1, 'rev', 'reviewer');
    insert into layers
        (kind, name, crs, file_name, sha256, size_bytes, feature_count, fields, warnings,
         west, south, east, north, created_by)
        values ('buildings', 'a', 'EPSG:4326', 'a.geojson', repeat('d', 64), 9, 1, '{}', '[]',
                0, 0, 1, 1, 1);
    insert into layer_features
        (layer_id, ordinal, feature_id, west, south, east, north, geometry, properties)
        values (1, 0, 'B1', 0, 0, 1, 1, '', '{}');
    insert into flight_coverage (flight_id, state, requested_at) values (1, 'queued', now());
    insert into blind_tasks (candidate_id, kind, user_id, truth, revision)
        values (1, 'check', 1, 'confirm', 1);
    insert into check_marks (candidate_id, truth, marked_by) values (1, 'confirm', 1);
    insert into review_events
        (candidate_id, kind, verdict, state_before, state_after, undoes, task_id, user_id,
         username, role)
        values (1, 'opinion', 'reject', 'pending', 'rejected', null, 1, 1, 'rev', 'reviewer'),
               (1, 'undo', null, 'rejected', 'pending', 3, null, 1, 'rev', 'reviewer');
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


def test_newer_tables_can_be_left_again_without_losing_a_decision(engine: Engine) -> None:
    migrate(engine, "0003")
    with engine.begin() as connection:
        connection.execute(text(OLD_ROWS))
    upgrade_database(engine)
    with engine.begin() as connection:
        connection.execute(text(NEW_ROWS))
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "0003")
    with engine.begin() as connection:
        candidates = connection.execute(
            text("select id, state, key in ('k', 'n') from candidates order by id")
        ).all()
        shown = connection.execute(
            text("select candidate_id, detection_id from sightings order by candidate_id")
        ).all()
        detections = connection.execute(
            text("select id, ordinal from detections order by ordinal")
        ).all()
        events = connection.scalar(text("select count(*) from review_events"))
    # The one with a history has a key of its own now; the other one merged away is forgotten.
    assert candidates == [(1, "confirmed", True), (2, "pending", True), (3, "pending", False)]
    assert shown == [(1, 1), (2, 3)]
    assert detections == [(3, 0), (4, 1), (1, 2)]
    assert events == 2
    upgrade_database(engine)
    with make_sessions(engine)() as session:
        assert session.get_one(CandidateRow, 1).state == "confirmed"
        assert {row.run for row in session.scalars(select(DetectionRow))} == {1}


def test_migrations_lead_to_the_tables_that_the_code_knows(engine: Engine) -> None:
    upgrade_database(engine)
    ours = set(Base.metadata.tables)
    options = {"include_name": lambda name, kind, _parents: kind != "table" or name in ours}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
