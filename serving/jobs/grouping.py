"""Detections of a flight become candidates in the queue, meanwhile and at the end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from detection.dedupe import group_candidates
from detection.domain.finding import Candidate, GeoDetection
from detection.taxonomy import load_taxonomy
from serving.db.tables import DetectionRow, PhotoRow
from serving.flights.catalogue import lock_flight
from serving.flights.photo_rows import photo_from_row
from serving.flights.results import list_geo_detections
from serving.jobs.context import WorkerContext
from serving.review.intake import FoundCandidate, store_candidates
from serving.storage.objects import ObjectStore

REGROUP_AFTER = timedelta(seconds=15)


def group_flight(context: WorkerContext, flight_id: int) -> None:
    """Group the stored detections and end the flight, in one transaction; again is harmless."""
    with context.sessions.begin() as session:
        flight = lock_flight(session, flight_id)
        if flight.state != "processing":
            return
        regroup(session, context.store, flight_id)
        flight.state = "done"
        flight.finished_at = flight.grouped_at = datetime.now(UTC)


def group_so_far(context: WorkerContext, flight_id: int) -> None:
    """Show reviewers what was found so far, now and then, while a long flight is worked on.

    Candidates that grow later keep their rows, and with them what was decided.
    """
    with context.sessions.begin() as session:
        flight = lock_flight(session, flight_id)
        last = flight.grouped_at or flight.started_at
        now = datetime.now(UTC)
        if flight.state != "processing" or flight.grouping_at is not None or last is None:
            return
        if now - last >= REGROUP_AFTER:
            regroup(session, context.store, flight_id)
            flight.grouped_at = now


def regroup(session: Session, store: ObjectStore, flight_id: int) -> None:
    """Make the queue show what the detections stored so far say."""
    detections = list_geo_detections(session, flight_id)
    rows = session.scalars(select(PhotoRow).where(PhotoRow.flight_id == flight_id))
    photos = {str(row.id): photo_from_row(row, store.path_of(row.sha256)) for row in rows}
    candidates = group_candidates(list(detections.values()), photos)
    ranks = {key: entry.attention_order for key, entry in load_taxonomy().items()}
    hashes = _config_hashes(session, flight_id)
    row_ids = {found: row_id for row_id, found in detections.items()}
    found = [_found(candidate, row_ids, hashes) for candidate in candidates]
    store_candidates(session, flight_id, found, ranks)


def _found(
    candidate: Candidate, row_ids: Mapping[GeoDetection, int], hashes: Mapping[int, str]
) -> FoundCandidate:
    ids = tuple(row_ids[sighting] for sighting in candidate.sightings)
    return FoundCandidate(candidate, ids, hashes[ids[0]])


def _config_hashes(session: Session, flight_id: int) -> dict[int, str]:
    statement = select(DetectionRow.id, DetectionRow.config_hash)
    rows = session.execute(statement.where(DetectionRow.flight_id == flight_id))
    return dict(rows.all())
