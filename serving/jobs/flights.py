"""Start, stop and repeat the processing of a flight."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from detection.domain.errors import EmptyFlightError, HazardLensError
from serving.db.tables import FlightRow, PhotoRow
from serving.flights.catalogue import get_flight, lock_flight
from serving.flights.coverage import want_coverage
from serving.flights.errors import (
    FlightNotOpenError,
    FlightStateError,
    NothingLeftOutError,
    NothingToRetryError,
)
from serving.flights.media import has_waiting_media
from serving.flights.results import requeue_all, requeue_failed, requeue_left_out
from serving.jobs.intake import close_files
from serving.jobs.queue import COVERAGE_QUEUE, MEDIA_QUEUE, SOON, defer

PLAN_FLIGHT = "hazardlens.plan_flight"
DETECT_CHUNK = "hazardlens.detect_chunk"
GROUP_FLIGHT = "hazardlens.group_flight"
COVER_FLIGHT = "hazardlens.cover_flight"
SETTLE_MEDIA = "hazardlens.settle_media"


def submit_flight(session: Session, flight_id: int, *, leave_out_open: bool = False) -> FlightRow:
    """Close a draft for uploads and order its processing, in one transaction.

    Announced files that are not in yet stop it, or are refused by name where they are to be left
    out.

    Raises:
        FlightNotFoundError: there is no such flight.
        FlightNotOpenError: it was submitted before.
        UploadsOpenError: announced files are not in yet, and they are not to be left out.
        EmptyFlightError: it has no photo.
    """
    flight = lock_flight(session, flight_id)
    if flight.state != "draft":
        raise FlightNotOpenError(flight.state)
    close_files(session, flight_id, leave_out_open=leave_out_open)
    if not has_waiting_media(session, flight_id):  # else it is ordered when they are done
        order_coverage(session, flight_id)
    flight.submitted_at = datetime.now(UTC)
    _order(session, flight)
    return flight


def order_coverage(session: Session, flight_id: int) -> None:
    """Order what a flight covers to be computed, with its photos and the layers of now.

    Raises:
        FlightNotFoundError: there is no such flight.
        EmptyFlightError: it has no photo.
    """
    get_flight(session, flight_id)
    if not session.scalar(select(exists().where(PhotoRow.flight_id == flight_id))):
        message = "The flight has no photo that can be used."
        raise EmptyFlightError(message, remedy="Upload at least one photo, then submit again.")
    want_coverage(session, flight_id)
    defer(session, COVER_FLIGHT, lane=COVERAGE_QUEUE, flight_id=flight_id)


def cancel_flight(session: Session, flight_id: int) -> FlightRow:
    """Stop a flight; what was found stays, running chunks stop after their present photo.

    Raises:
        FlightNotFoundError: there is no such flight.
        FlightStateError: it is over already.
    """
    flight = lock_flight(session, flight_id)
    if flight.state not in {"draft", "queued", "processing"}:
        message = f"The flight is {flight.state}; there is nothing to cancel."
        raise FlightStateError(message, remedy="Nothing to do.")
    flight.state = "cancelled"
    flight.finished_at = datetime.now(UTC)
    return flight


def retry_flight(session: Session, flight_id: int) -> FlightRow:
    """Process again what failed or was cut off; what is done is not done again.

    Raises:
        FlightNotFoundError: there is no such flight.
        FlightStateError: it is still being worked on, or was never submitted.
        NothingToRetryError: every photo is done.
    """
    flight = lock_flight(session, flight_id)
    if flight.state not in {"done", "failed", "cancelled"} or flight.submitted_at is None:
        message = f"The flight is {flight.state}; only an ended flight can be tried again."
        remedy = "Submit it if it is a draft, or wait until it has ended."
        raise FlightStateError(message, remedy=remedy)
    requeued = requeue_failed(session, flight_id)
    if flight.state == "done" and not requeued:
        raise NothingToRetryError
    _order(session, flight)
    return flight


def reprocess_flight(session: Session, flight_id: int) -> FlightRow:
    """Look at every photo of an ended flight anew, with the models and layers of now.

    Candidates stay in the queue meanwhile; what was decided, merged and split by hand is kept.

    Raises:
        FlightNotFoundError: there is no such flight.
        FlightStateError: it is still being worked on, or was never submitted.
    """
    flight = lock_flight(session, flight_id)
    if flight.state not in {"done", "failed", "cancelled"} or flight.submitted_at is None:
        message = f"The flight is {flight.state}; only an ended flight can be processed anew."
        remedy = "Submit it if it is a draft, or wait until it has ended."
        raise FlightStateError(message, remedy=remedy)
    flight.run += 1
    requeue_all(session, flight_id)
    order_coverage(session, flight_id)
    _order(session, flight)
    return flight


def look_at_rest(session: Session, flight_id: int) -> FlightRow:
    """Look at the photos of an ended flight that were left out; what is done stays as it is.

    Raises:
        FlightNotFoundError: there is no such flight.
        FlightStateError: it is still being worked on, or was never submitted.
        NothingLeftOutError: every photo was looked at.
    """
    flight = lock_flight(session, flight_id)
    if flight.state not in {"done", "failed", "cancelled"} or flight.submitted_at is None:
        message = f"The flight is {flight.state}; the rest can be looked at when it has ended."
        remedy = "Submit it if it is a draft, or wait until it has ended."
        raise FlightStateError(message, remedy=remedy)
    if not requeue_left_out(session, flight_id):
        raise NothingLeftOutError
    flight.views = 0
    _order(session, flight)
    return flight


def fail_flight(session: Session, flight_id: int, error: HazardLensError) -> None:
    """End a flight that cannot be worked on at all (no model, no readable configuration)."""
    flight = lock_flight(session, flight_id)
    if flight.state in {"queued", "processing"}:
        flight.state = "failed"
        flight.finished_at = datetime.now(UTC)
        flight.failure_code = error.code
        flight.failure_message = error.message
        flight.failure_remedy = error.remedy


def _order(session: Session, flight: FlightRow) -> None:
    flight.state = "queued"
    flight.finished_at = flight.grouping_at = flight.grouped_at = None
    flight.started_at = None
    flight.failure_code = flight.failure_message = flight.failure_remedy = None
    session.flush()
    if has_waiting_media(session, flight.id):
        defer(session, SETTLE_MEDIA, lane=MEDIA_QUEUE, flight_id=flight.id)
    else:
        defer(session, PLAN_FLIGHT, priority=SOON, flight_id=flight.id)
