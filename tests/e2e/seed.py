"""Candidates for the review tests, put in as the worker puts them in."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from detection.domain.finding import Detection
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from detection.domain.photo import FlightKind
from serving.db.engine import make_sessions, open_engine
from serving.db.tables import CandidateRow, FlightRow, PhotoRow
from serving.flights.catalogue import create_flight
from serving.flights.results import RunIdentity, store_detections
from serving.flights.upload import receive_photo
from serving.jobs.grouping import regroup
from serving.storage.objects import ObjectStore
from tests.factories import draw_flight
from tests.hovering import hover, place

CLASSES = (HazardClass.MANHOLE_MISSING, HazardClass.MANHOLE_BROKEN)
WEIGHTS_SHA256 = "a" * 64
THRESHOLD = 0.35
PHOTOS = 2
PLACES = 4

_seeds = count(1)


def seed_candidates(
    database_url: str,
    data_dir: Path,
    folder: Path,
    *,
    outlined: bool = False,
    lat: float | None = None,
) -> list[int]:
    """Store a flight of two photos whose four places were each seen in both.

    The places are covers, or, if ``outlined``, cracks with the outline that a model of masks
    draws. Flights of one ``lat`` show the same places; without it each has its own. Returns the
    candidates' numbers in the order of the queue.
    """
    engine = open_engine(database_url)
    sessions = make_sessions(engine)
    store = ObjectStore(data_dir)
    flight_id = _upload(sessions, store, folder, lat)
    thresholds = {("manhole", hazard_class): THRESHOLD for hazard_class in CLASSES}
    thresholds[("facade_crack", HazardClass.FACADE_CRACK)] = THRESHOLD
    run = RunIdentity("c" * 64, thresholds)
    see = _see_crack if outlined else _see_cover
    with sessions.begin() as session:
        for photo in hover(session, flight_id):
            found = [place(see(photo, number), photo) for number in range(PLACES)]
            store_detections(session, photo.id, found, run)
        regroup(session, store, flight_id)
        flight = session.get_one(FlightRow, flight_id)
        flight.state = "done"
        flight.submitted_at = flight.finished_at = func.now()
        queue = (
            select(CandidateRow.id)
            .where(CandidateRow.flight_id == flight_id)
            .order_by(CandidateRow.rank, CandidateRow.score.desc(), CandidateRow.id)
        )
        ids = list(session.scalars(queue))
    engine.dispose()
    return ids


def _upload(
    sessions: sessionmaker[Session], store: ObjectStore, folder: Path, lat: float | None
) -> int:
    number = next(_seeds)
    with sessions.begin() as session:
        flight_id = create_flight(session, name=f"Seeded {number}", kind=FlightKind.DRONE).id
    # Another latitude for each flight: other bytes, and places that never meet.
    for path in draw_flight(folder, PHOTOS, lat=lat or 29.5 + number / 100):
        with path.open("rb") as stream:
            receive_photo(
                sessions,
                store,
                flight_id=flight_id,
                file_name=path.name,
                stream=stream,
                max_bytes=10_000_000,
            )
    return flight_id


def _see_cover(photo: PhotoRow, place: int) -> Detection:
    hazard_class = CLASSES[place % len(CLASSES)]
    left_px = 20.0 + 70.0 * place
    box = BBox(left_px, 60.0, left_px + 40.0, 100.0)
    return Detection(str(photo.id), hazard_class, 0.9 - place / 10, box, "manhole", WEIGHTS_SHA256)


def _see_crack(photo: PhotoRow, place: int) -> Detection:
    """Return a crack of two pieces, one above the other, that touch all sides of their box."""
    left_px = 20.0 + 70.0 * place
    upper = [(2, 0), (6, 0), (18, 24), (26, 40), (20, 40), (10, 24)]
    lower = [(22, 50), (27, 50), (36, 70), (30, 90), (24, 90), (28, 70)]
    polygons = tuple(tuple((left_px + x, 60.0 + y) for x, y in ring) for ring in (upper, lower))
    return Detection(
        str(photo.id),
        HazardClass.FACADE_CRACK,
        0.9 - place / 10,
        BBox(left_px + 2, 60.0, left_px + 36, 150.0),
        "facade_crack",
        WEIGHTS_SHA256,
        polygons,
    )
