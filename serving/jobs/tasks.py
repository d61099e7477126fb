"""The queue's tasks. Each may be run again at any time: every step writes what is missing only."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from procrastinate import JobContext, RetryStrategy
from sqlalchemy import select
from sqlalchemy.orm import Session

from detection.domain.errors import HazardLensError
from serving.db.tables import PhotoRow
from serving.flights.catalogue import lock_flight
from serving.jobs import chunk, coverage, grouping, shadow
from serving.jobs.context import WorkerContext
from serving.jobs.flights import (
    COVER_FLIGHT,
    DETECT_CHUNK,
    GROUP_FLIGHT,
    PLAN_FLIGHT,
    fail_flight,
)
from serving.jobs.queue import COVERAGE_QUEUE, QUEUE, RETRY_WAIT_S, defer, queue

logger = logging.getLogger(__name__)

CONTEXT_KEY = "worker"
MAX_JOB_ATTEMPTS = 100

MAX_COVERAGE_ATTEMPTS = 5

RETRY = RetryStrategy(max_attempts=MAX_JOB_ATTEMPTS, wait=RETRY_WAIT_S)
COVERAGE_RETRY = RetryStrategy(max_attempts=MAX_COVERAGE_ATTEMPTS, wait=RETRY_WAIT_S)


class GivenUpError(HazardLensError):
    """A step of a flight failed again and again."""

    code = "processing_failed"


@queue.task(name=PLAN_FLIGHT, queue=QUEUE, pass_context=True, retry=RETRY)
def plan_flight(job: JobContext, flight_id: int) -> None:
    """Cut a flight into chunks; the chunks and the new state are written together."""
    context = _context(job)
    with context.sessions.begin() as session:
        flight = lock_flight(session, flight_id)
        if flight.state != "queued":
            return
        flight.state = "processing"
        flight.started_at = datetime.now(UTC)
        session.flush()
        for photo_ids in _chunks(session, flight_id, context.settings.chunk_photos):
            defer(session, DETECT_CHUNK, flight_id=flight_id, photo_ids=photo_ids)
        chunk.order_grouping_if_complete(session, flight_id)


@queue.task(name=DETECT_CHUNK, queue=QUEUE, pass_context=True, retry=RETRY)
def detect_chunk(job: JobContext, flight_id: int, photo_ids: list[int]) -> None:
    """Look at the photos of a chunk that still wait."""
    context = _context(job)
    if _is_given_up(job, context, flight_id):
        return
    try:
        chunk.detect_chunk(context, flight_id, photo_ids)
        grouping.group_so_far(context, flight_id)
        shadow.look_beside(context, flight_id, photo_ids)
    except HazardLensError as error:
        # Somebody has to mend this (a model, a setting); repeating would not.
        logger.error("flight %d cannot be processed: %s", flight_id, error)  # noqa: TRY400
        with context.sessions.begin() as session:
            fail_flight(session, flight_id, error)


@queue.task(name=GROUP_FLIGHT, queue=QUEUE, pass_context=True, retry=RETRY)
def group_flight(job: JobContext, flight_id: int) -> None:
    """Turn the detections of a flight into candidates and end it."""
    context = _context(job)
    if not _is_given_up(job, context, flight_id):
        grouping.group_flight(context, flight_id)


@queue.task(name=COVER_FLIGHT, queue=COVERAGE_QUEUE, pass_context=True, retry=COVERAGE_RETRY)
def cover_flight(job: JobContext, flight_id: int) -> None:
    """Compute what a flight covers; the flight goes on without, should it fail again and again."""
    context = _context(job)
    if job.job.attempts < MAX_COVERAGE_ATTEMPTS - 1:
        coverage.cover_flight(context, flight_id)
        return
    message = f"The coverage could not be computed; {job.job.attempts} attempts broke off."
    error = GivenUpError(message, remedy="See the log of the worker, then compute it again.")
    coverage.give_up(context, flight_id, error)


def _context(job: JobContext) -> WorkerContext:
    context = job.additional_context[CONTEXT_KEY]
    if not isinstance(context, WorkerContext):
        message = "the worker was started without its context"
        raise TypeError(message)
    return context


def _chunks(session: Session, flight_id: int, size: int) -> list[list[int]]:
    waiting = select(PhotoRow.id).where(PhotoRow.flight_id == flight_id, PhotoRow.state == "queued")
    ids = list(session.scalars(waiting.order_by(PhotoRow.id)))
    return [ids[start : start + size] for start in range(0, len(ids), size)]


def _is_given_up(job: JobContext, context: WorkerContext, flight_id: int) -> bool:
    if job.job.attempts < MAX_JOB_ATTEMPTS - 1:
        return False
    message = f"A step of this flight failed {job.job.attempts} times."
    error = GivenUpError(message, remedy="See the log of the worker, then try again.")
    with context.sessions.begin() as session:
        fail_flight(session, flight_id, error)
    return True
