"""What a flight covers, as a row and files: asked for, computed by a job, read by the pages."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from detection.domain.errors import HazardLensError
from serving.db.tables import FlightCoverageRow
from serving.flights.errors import CoverageNotReadyError
from serving.storage.objects import ObjectStore

MEDIA_TYPES: Final[dict[str, str]] = {
    "coverage.json": "application/json",
    "footprints.geojson": "application/geo+json",
    "targets.geojson": "application/geo+json",
    "refly.geojson": "application/geo+json",
    "refly.kml": "application/vnd.google-earth.kml+xml",
}
"""The files of a coverage by name."""

MAX_FILE_BYTES: Final = 2**31


def want_coverage(session: Session, flight_id: int) -> None:
    """Note that the coverage of a flight is to be computed (again); what there is stays readable.

    Raises nothing where it is wanted already: what is computed next sees the latest photos.
    """
    now = datetime.now(UTC)
    values = {"flight_id": flight_id, "state": "queued", "requested_at": now}
    statement = insert(FlightCoverageRow).values(values)
    statement = statement.on_conflict_do_update(
        index_elements=["flight_id"], set_={"state": "queued", "requested_at": now}
    )
    session.execute(statement)


def find_coverage(session: Session, flight_id: int) -> FlightCoverageRow | None:
    """Return the coverage of a flight; None where nobody asked for it."""
    return session.get(FlightCoverageRow, flight_id, populate_existing=True)


def store_coverage(
    session: Session,
    flight_id: int,
    *,
    requested_at: datetime,
    layer_ids: list[int],
    summary: Mapping[str, object],
    files: Mapping[str, str],
) -> None:
    """Write a result. Where more was asked for meanwhile, the coverage stays queued for it."""
    row = _lock(session, flight_id)
    row.computed_at = datetime.now(UTC)
    row.layer_ids = layer_ids
    row.summary = dict(summary)
    row.files = dict(files)
    row.failure_code = row.failure_message = row.failure_remedy = None
    if row.requested_at == requested_at:
        row.state = "done"


def store_coverage_failure(
    session: Session, flight_id: int, error: HazardLensError, *, requested_at: datetime
) -> None:
    """Write why the coverage cannot be computed; an earlier result stays readable.

    Where more was asked for meanwhile, the coverage stays queued for it.
    """
    row = _lock(session, flight_id)
    if row.requested_at != requested_at:
        return
    row.state = "failed"
    row.failure_code = error.code
    row.failure_message = error.message
    row.failure_remedy = error.remedy


def keep_files(store: ObjectStore, contents: Mapping[str, bytes]) -> dict[str, str]:
    """Write files to the object store; returns the SHA-256 of each by its name."""
    kept = {}
    for name, content in contents.items():
        with store.stage(io.BytesIO(content), max_bytes=MAX_FILE_BYTES, suffix=".part") as staged:
            store.keep(staged)
            kept[name] = staged.sha256
    return kept


def find_coverage_file(session: Session, store: ObjectStore, flight_id: int, name: str) -> Path:
    """Return where a file of the last coverage lies.

    Raises:
        CoverageNotReadyError: none was computed yet.
    """
    row = find_coverage(session, flight_id)
    sha256 = (row.files or {}).get(name) if row is not None else None
    if sha256 is None:
        raise CoverageNotReadyError
    return store.path_of(sha256)


def _lock(session: Session, flight_id: int) -> FlightCoverageRow:
    statement = select(FlightCoverageRow).where(FlightCoverageRow.flight_id == flight_id)
    return session.scalars(statement.with_for_update()).one()
