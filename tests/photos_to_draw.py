"""Photos with what models said of them, straight into the database: for tests that draw."""

from __future__ import annotations

import hashlib
import random

from sqlalchemy import insert
from sqlalchemy.orm import Session

from serving.db.tables import CandidateRow, DetectionRow, FlightRow, PhotoRow, SightingRow
from serving.storage.objects import ObjectStore

WIDTH_PX, HEIGHT_PX = 4000, 3000
COVERS = ("manhole_missing", "manhole_broken", "manhole_ok", "added_storey")
WEIGHTS = "b" * 64


def put_in_photos(
    session: Session, store: ObjectStore, count: int, *, crack_every: int = 2, seed: int = 1
) -> int:
    """Put a flight of ``count`` photos in, each with one to three things and a candidate of each.

    Every ``crack_every``-th shows cracks (with outlines), the others covers and storeys.
    """
    chance = random.Random(seed)  # noqa: S311 - where things lie, no secret
    flight = FlightRow(name="巡查架次", kind="drone", state="done")
    session.add(flight)
    session.flush()
    for number in range(count):
        photo = _put_in_photo(session, store, flight.id, number)
        is_crack = number % crack_every == 0
        for ordinal in range(chance.randint(1, 3)):
            hazard_class = "facade_crack" if is_crack else chance.choice(COVERS)
            _put_in_detection(session, photo, ordinal, hazard_class, chance)
    return flight.id


def _put_in_photo(session: Session, store: ObjectStore, flight_id: int, number: int) -> PhotoRow:
    text = f"{flight_id} {number}".encode()
    sha256 = hashlib.sha256(text).hexdigest()
    path = store.path_of(sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    photo = PhotoRow(
        flight_id=flight_id,
        name=f"井盖 №{number:04d}.JPG",
        sha256=sha256,
        size_bytes=len(text),
        media_type="image/jpeg",
        width_px=WIDTH_PX,
        height_px=HEIGHT_PX,
        state="done",
    )
    session.add(photo)
    session.flush()
    return photo


def _put_in_detection(
    session: Session, photo: PhotoRow, ordinal: int, hazard_class: str, chance: random.Random
) -> None:
    left, top = chance.uniform(0, WIDTH_PX - 400), chance.uniform(0, HEIGHT_PX - 400)
    right, bottom = left + chance.uniform(20, 390), top + chance.uniform(20, 390)
    middle = (left + right) / 2
    ring = [[left, top], [right, (top + bottom) / 2], [middle, bottom]]
    score = chance.uniform(0.3, 0.95)
    detection = DetectionRow(
        flight_id=photo.flight_id,
        photo_id=photo.id,
        ordinal=ordinal,
        hazard_class=hazard_class,
        score=score,
        x_min=left,
        y_min=top,
        x_max=right,
        y_max=bottom,
        polygons=[ring] if hazard_class == "facade_crack" else [],
        model_name="crack" if hazard_class == "facade_crack" else "manhole",
        weights_sha256=WEIGHTS,
        config_hash="c" * 64,
        threshold=0.3,
    )
    session.add(detection)
    candidate = CandidateRow(
        flight_id=photo.flight_id,
        key=f"{photo.id}-{ordinal}",
        hazard_class=hazard_class,
        rank=1,
        score=score,
        config_hash="c" * 64,
    )
    session.add(candidate)
    session.flush()
    values = {"detection_id": detection.id, "candidate_id": candidate.id, "ordinal": 0}
    session.execute(insert(SightingRow).values(values))
