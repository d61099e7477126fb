"""Candidates, people's words and looks of them, for the tests of what to label next and drift.

Import as ``from tests.integration.labelling_seed import ...``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from detection.appearance import vector_to_bytes
from serving.db.tables import (
    CandidateRow,
    DetectionAppearanceRow,
    DetectionRow,
    FlightRow,
    LabelAnnotationRow,
    LabelProjectRow,
    LabelTaskRow,
    PhotoRow,
    SightingRow,
)

WEIGHTS = "a" * 64
VECTOR_WIDTH = 8


def add_flight(
    session: Session, *, camera: str = "FC3582", days_ago: float = 1.0, site: str | None = None
) -> FlightRow:
    """Add a flight that is done, of one camera."""
    moment = datetime.now(UTC) - timedelta(days=days_ago)
    row = FlightRow(name=f"{camera} {days_ago:g}", kind="drone", state="done", site=site)
    row.submitted_at = row.finished_at = row.created_at = moment
    session.add(row)
    session.flush()
    session.info[row.id] = camera
    return row


def add_photo(
    session: Session, flight: FlightRow, *, altitude_m: float = 40.0, lat: float = 29.5
) -> PhotoRow:
    """Add a photo that was looked at; nothing of it lies in the store."""
    number = session.info.setdefault("photos", 0) + 1
    session.info["photos"] = number
    row = PhotoRow(
        flight_id=flight.id,
        name=f"DJI_{number:04d}.JPG",
        sha256=f"{flight.id:032x}{number:032x}",
        size_bytes=1,
        media_type="image/jpeg",
        width_px=400,
        height_px=300,
        captured_at="2026-11-02T10:00:00",
        camera_model=session.info[flight.id],
        state="done",
        lat=lat,
        lon=106.5,
        altitude_agl_m=altitude_m,
    )
    session.add(row)
    session.flush()
    return row


def add_candidate(
    session: Session,
    photo: PhotoRow,
    *,
    score: float = 0.5,
    threshold: float = 0.3,
    hazard_class: str = "facade_crack",
    state: str = "pending",
    place_key: str | None = None,
    looks: int | None = None,
    model: str = "crack",
) -> CandidateRow:
    """Add a candidate with one sighting; ``looks`` gives it an appearance, one of a few."""
    number = session.info.setdefault("candidates", 0) + 1
    session.info["candidates"] = number
    found = DetectionRow(
        flight_id=photo.flight_id,
        photo_id=photo.id,
        ordinal=number,
        hazard_class=hazard_class,
        score=score,
        x_min=10.0,
        y_min=10.0,
        x_max=60.0,
        y_max=60.0,
        model_name=model,
        weights_sha256=WEIGHTS,
        config_hash="c" * 64,
        threshold=threshold,
    )
    row = CandidateRow(
        flight_id=photo.flight_id,
        key=f"candidate-{photo.flight_id}-{number}",
        hazard_class=hazard_class,
        rank=1,
        score=score,
        config_hash="c" * 64,
        state=state,
        place_key=place_key,
    )
    if state != "pending":
        row.decided_at = datetime.now(UTC)
    session.add_all([found, row])
    session.flush()
    session.add(SightingRow(detection_id=found.id, candidate_id=row.id, ordinal=0))
    if looks is not None:
        session.add(
            DetectionAppearanceRow(
                detection_id=found.id, weights_sha256=WEIGHTS, vector=vector_of(looks)
            )
        )
    session.flush()
    return row


def draw(session: Session, photo: PhotoRow) -> None:
    """Let somebody have drawn a crack on a photo."""
    if session.get(LabelProjectRow, "outlines") is None:
        session.add(
            LabelProjectRow(
                geometry="outlines", url="http://board", project_id=1, settings_sha256="e" * 64
            )
        )
        session.flush()
    task = LabelTaskRow(
        key=f"outlines:{photo.sha256[:32]}:{photo.flight_id}",
        geometry="outlines",
        photo_id=photo.id,
        photo_sha256=photo.sha256,
        flight_id=photo.flight_id,
        state="drawn",
    )
    session.add(task)
    session.flush()
    session.add(
        LabelAnnotationRow(
            label_task_id=task.id,
            task_key=task.key,
            photo_id=photo.id,
            photo_sha256=photo.sha256,
            flight_id=photo.flight_id,
            width_px=photo.width_px,
            height_px=photo.height_px,
            geometry="outlines",
            classes=["facade_crack"],
            board_task_id=task.id,
            annotation_id=task.id,
            revision="1",
            annotator="#1 anna",
            edited_by="#1 anna",
            kind="annotated",
            shapes=[{"hazard_class": "facade_crack", "bbox_xyxy": [1.0, 1.0, 9.0, 9.0]}],
            drawn_at=datetime.now(UTC),
        )
    )
    session.flush()


def vector_of(looks: int) -> bytes:
    """Return an appearance: ``looks`` and ``looks + 1`` are at right angles to each other."""
    vector = np.zeros(VECTOR_WIDTH, dtype=np.float32)
    vector[looks % VECTOR_WIDTH] = 1.0
    return vector_to_bytes(vector)


def list_candidates(session: Session) -> list[CandidateRow]:
    """Return all candidates in the order in which they came."""
    return list(session.scalars(select(CandidateRow).order_by(CandidateRow.id)))
