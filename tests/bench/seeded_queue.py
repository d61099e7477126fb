"""A queue of any length, put into a database by COPY, with a few real photos behind it.

What is seeded looks like what the worker stores: every candidate has sightings in photos that lie
in the store, classes and scores as flights bring them, areas, exposure, and an age of up to four
weeks. Candidates are ranked as the service ranks them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import LiteralString

import psycopg
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from detection.domain.hazard import HazardClass
from detection.domain.photo import FlightKind
from serving.db.engine import libpq_url, make_sessions, open_engine
from serving.db.tables import FlightRow, PhotoRow
from serving.flights.catalogue import create_flight
from serving.flights.upload import receive_photo
from serving.jobs.grouping import rank_classes
from serving.review.risk import Exposed, base_risk, columns_from_exposed, risk_key
from serving.review.rules import ReviewRules, load_rules
from serving.review.tiers import tier_of
from serving.storage.objects import ObjectStore
from tests.factories import DrawnPose, draw_photo

SHARES = {
    HazardClass.MANHOLE_MISSING: 0.05,
    HazardClass.MANHOLE_BROKEN: 0.20,
    HazardClass.FACADE_CRACK: 0.60,
    HazardClass.ADDED_STOREY: 0.15,
}
MODELS = {
    HazardClass.MANHOLE_MISSING: ("manhole", "a" * 64),
    HazardClass.MANHOLE_BROKEN: ("manhole", "a" * 64),
    HazardClass.FACADE_CRACK: ("facade_crack", "b" * 64),
    HazardClass.ADDED_STOREY: ("added_storey", "d" * 64),
}
EXPOSED = (
    (),
    (),
    (),
    (Exposed("key_place", "第一小学", 42.0),),
    (Exposed("storeys", value=5.0),),
    (Exposed("storeys", value=7.0), Exposed("commercial", "商住")),
)
GO_ON_COUNTING = (
    "select setval(pg_get_serial_sequence('candidates', 'id'), max(id)) from candidates",
    "select setval(pg_get_serial_sequence('detections', 'id'), max(id)) from detections",
)
CONFIG_HASH = "c" * 64
OLDEST = timedelta(days=28)
GRIDS = 40
PHOTO_PX = (1200, 900)
LON, LAT = 106.55, 29.56


@dataclass(frozen=True, slots=True)
class SeededQueue:
    """What was put in: flights, their photos, and the candidates from first to last number."""

    flight_ids: tuple[int, ...]
    photo_ids: tuple[int, ...]
    first_candidate: int
    candidates: int


@dataclass(frozen=True, slots=True)
class _Drawn:
    """One candidate as it will be stored."""

    hazard_class: HazardClass
    score: float
    flight: int
    exposed: tuple[Exposed, ...]
    created_at: datetime
    grid: int
    box: tuple[float, float, float, float]


def seed_queue(
    database_url: str,
    data_dir: Path,
    folder: Path,
    *,
    candidates: int = 100_000,
    photos: int = 4,
    flights: int = 20,
    sightings: int = 2,
    photo_px: tuple[int, int] = PHOTO_PX,
    seed: int = 1,
) -> SeededQueue:
    """Store ``flights`` flights with ``photos`` photos each, and pending candidates in them.

    The photos of all flights are the same few files. Each candidate has ``sightings`` sightings
    (no more than ``photos``), in different photos of its flight.
    """
    engine = open_engine(database_url)
    sessions = make_sessions(engine)
    files = [
        draw_photo(
            folder / f"DJI_{number:04d}.JPG",
            size_px=photo_px,
            pose=DrawnPose(lon=LON, lat=LAT + number * 1e-4),
            seed=number,
        )
        for number in range(photos)
    ]
    photo_ids = _store_flights(sessions, ObjectStore(data_dir), files, flights)
    engine.dispose()
    drawn = list(_draw(candidates, flights, photo_px, random.Random(seed)))  # noqa: S311 - no secret
    with psycopg.connect(libpq_url(database_url)) as connection:
        first = _copy_candidates(connection, drawn, list(photo_ids))
        _copy_sightings(connection, drawn, list(photo_ids.values()), first, sightings)
        for statement in GO_ON_COUNTING:
            connection.execute(statement)
        connection.commit()
        connection.autocommit = True
        connection.execute("vacuum analyze candidates, detections, sightings, queue_tallies")
    flat = tuple(photo for each in photo_ids.values() for photo in each)
    return SeededQueue(tuple(photo_ids), flat, first, candidates)


def _store_flights(
    sessions: sessionmaker[Session], store: ObjectStore, files: list[Path], flights: int
) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for number in range(flights):
        with sessions.begin() as session:
            name, site = f"Seeded queue {number + 1}", f"Site {number % 5 + 1}"
            flight_id = create_flight(session, name=name, kind=FlightKind.DRONE, site=site).id
        found[flight_id] = [_receive(sessions, store, flight_id, path) for path in files]
        with sessions.begin() as session:
            _finish(session, flight_id)
    return found


def _finish(session: Session, flight_id: int) -> None:
    flight = session.get_one(FlightRow, flight_id)
    flight.state = "done"
    flight.submitted_at = flight.finished_at = datetime.now(UTC)
    photos = update(PhotoRow).where(PhotoRow.flight_id == flight_id)
    session.execute(photos.values(state="done"))


def _receive(
    sessions: sessionmaker[Session], store: ObjectStore, flight_id: int, path: Path
) -> int:
    with path.open("rb") as stream:
        row = receive_photo(
            sessions,
            store,
            flight_id=flight_id,
            file_name=path.name,
            stream=stream,
            max_bytes=10**8,
        )
    assert isinstance(row, PhotoRow)
    return row.id


def _draw(
    candidates: int, flights: int, photo_px: tuple[int, int], dice: random.Random
) -> Iterator[_Drawn]:
    now = datetime.now(UTC)
    classes, weights = list(SHARES), list(SHARES.values())
    width, height = photo_px
    for _ in range(candidates):
        left, top = dice.uniform(10, width - 120), dice.uniform(10, height - 120)
        yield _Drawn(
            hazard_class=dice.choices(classes, weights)[0],
            score=round(dice.betavariate(2.0, 2.5), 6),
            flight=dice.randrange(flights),
            exposed=dice.choice(EXPOSED),
            created_at=now - OLDEST * dice.random(),
            grid=dice.randrange(GRIDS),
            box=(left, top, left + dice.uniform(20, 100), top + dice.uniform(20, 100)),
        )


def _copy_candidates(
    connection: psycopg.Connection, drawn: list[_Drawn], flight_ids: list[int]
) -> int:
    """Write the candidates; returns the number of the first."""
    first = _next_id(connection, "candidates")
    rules, ranks = load_rules(), rank_classes()
    columns = (
        "id, flight_id, key, hazard_class, rank, score, lon, lat, error_m, cov_ee_m2, cov_en_m2,"
        " cov_nn_m2, method, config_hash, is_ambiguous, areas, tier, risk_key, exposure,"
        " ranked_by, models, created_at"
    )
    with connection.cursor().copy(f"copy candidates ({columns}) from stdin") as copy:
        for number, each in enumerate(drawn):
            name, weights = MODELS[each.hazard_class]
            copy.write_row(
                (
                    first + number,
                    flight_ids[each.flight],
                    f"seeded-{first + number}",
                    each.hazard_class.value,
                    ranks[each.hazard_class],
                    each.score,
                    LON + each.grid * 1e-4,
                    LAT + (number % 100) * 1e-6,
                    3.0,
                    1.5,
                    0.0,
                    1.5,
                    "flat_ground",
                    CONFIG_HASH,
                    number % 11 == 0,
                    json.dumps(_areas(each.grid), ensure_ascii=False),
                    tier_of(each.hazard_class, each.score, rules.tiers).value,
                    _key(each, rules),
                    json.dumps(columns_from_exposed(each.exposed), ensure_ascii=False),
                    rules.order_hash,
                    [f"{name}@{weights[:12]}"],
                    each.created_at,
                )
            )
    return first


def _copy_sightings(
    connection: psycopg.Connection,
    drawn: list[_Drawn],
    photos: list[list[int]],
    first: int,
    sightings: int,
) -> None:
    next_id = _next_id(connection, "detections")
    ordinal = 1_000_000  # far from what a worker would store for these photos
    columns = (
        "id, flight_id, photo_id, run, ordinal, hazard_class, score, x_min, y_min, x_max, y_max,"
        " model_name, weights_sha256, config_hash, threshold"
    )
    rows = connection.execute("select id, flight_id from photos").fetchall()
    flight_of: dict[int, int] = dict(rows)
    shown: list[tuple[int, int, int]] = []
    with connection.cursor().copy(f"copy detections ({columns}) from stdin") as copy:
        for number, each in enumerate(drawn):
            own = photos[each.flight]
            name, weights = MODELS[each.hazard_class]
            for view in range(min(sightings, len(own))):
                photo_id = own[(number + view) % len(own)]
                copy.write_row(
                    (
                        next_id,
                        flight_of[photo_id],
                        photo_id,
                        1,
                        ordinal,
                        each.hazard_class.value,
                        each.score,
                        *each.box,
                        name,
                        weights,
                        CONFIG_HASH,
                        0.25,
                    )
                )
                shown.append((next_id, first + number, view))
                next_id, ordinal = next_id + 1, ordinal + 1
    with connection.cursor().copy(
        "copy sightings (detection_id, candidate_id, ordinal) from stdin"
    ) as copy:
        for row in shown:
            copy.write_row(row)


def _next_id(connection: psycopg.Connection, table: LiteralString) -> int:
    row = connection.execute(f"select coalesce(max(id), 0) + 1 from {table}").fetchone()  # noqa: S608 - our own words
    assert row is not None
    return int(row[0])


def _key(each: _Drawn, rules: ReviewRules) -> float:
    base = base_risk(each.hazard_class, each.score, each.exposed, rules)
    return risk_key(base, each.created_at, rules.days_to_double)


def _areas(grid: int) -> list[dict[str, object]]:
    street = grid // 10
    named = (
        ("street", f"S{street}", f"第{street + 1}街道"),
        ("grid", f"G{grid}", f"网格{grid + 1}"),
    )
    return [
        {"level": level, "area_id": area_id, "name": name, "near_border": False}
        for level, area_id, name in named
    ]
