"""The queue's tasks. Each may be run again at any time: every step writes what is missing only."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from procrastinate import JobContext, RetryStrategy

from detection.domain.errors import HazardLensError
from serving.flights.catalogue import lock_flight
from serving.flights.errors import DiskFullError
from serving.jobs import (
    appearance,
    calibration,
    change,
    choosing,
    chunk,
    coverage,
    drifting,
    file_checks,
    grouping,
    labelling,
    media,
    pictures,
    ranking,
    rescoring,
    shadow,
    training,
    unpacking,
)
from serving.jobs.calibration_orders import LOOK_FOR_CALIBRATION
from serving.jobs.change_orders import COMPARE_FLIGHTS, PLACE_FLIGHTS
from serving.jobs.chunking import order_chunks
from serving.jobs.context import WorkerContext
from serving.jobs.flights import (
    COVER_FLIGHT,
    DETECT_CHUNK,
    GROUP_FLIGHT,
    PLAN_FLIGHT,
    SETTLE_MEDIA,
    fail_flight,
)
from serving.jobs.intake import (
    CHECK_FILES,
    INGEST_MEDIA,
    UNPACK_ARCHIVE,
    order_check,
    order_unpacking,
)
from serving.jobs.label_orders import PUSH_LABELS, RECONCILE_LABELS, TAKE_IN_LABELS
from serving.jobs.queue import (
    APPEARANCE_QUEUE,
    CALIBRATION_QUEUE,
    CHANGE_QUEUE,
    COVERAGE_QUEUE,
    LABELS_QUEUE,
    LEARNING_QUEUE,
    MEDIA_QUEUE,
    MODELS_QUEUE,
    PICTURES_QUEUE,
    QUEUE,
    RANKING_QUEUE,
    RETRY_WAIT_S,
    TRAINING_QUEUE,
    UPLOADS_QUEUE,
    queue,
)
from serving.jobs.training_orders import RESCORE_QUEUE, WORK_OFF
from serving.jobs.view_choice import leave_out_photos

logger = logging.getLogger(__name__)

CONTEXT_KEY = "worker"
MAX_JOB_ATTEMPTS = 100

MAX_COVERAGE_ATTEMPTS = 5
MAX_MEDIA_ATTEMPTS = 4

MAX_CHECK_ATTEMPTS = 5
"""A file at which the check breaks off so often is refused, so that it holds up no other."""

DISK_FULL_WAIT_S = 30

RETRY = RetryStrategy(max_attempts=MAX_JOB_ATTEMPTS, wait=RETRY_WAIT_S)
COVERAGE_RETRY = RetryStrategy(max_attempts=MAX_COVERAGE_ATTEMPTS, wait=RETRY_WAIT_S)
MEDIA_RETRY = RetryStrategy(max_attempts=MAX_MEDIA_ATTEMPTS, wait=RETRY_WAIT_S)


class GivenUpError(HazardLensError):
    """A step of a flight failed again and again."""

    code = "processing_failed"


@queue.task(name=PLAN_FLIGHT, queue=QUEUE, pass_context=True, retry=RETRY)
def plan_flight(job: JobContext, flight_id: int) -> None:
    """Cut a flight into chunks; the chunks and the new state are written together."""
    context = _context(job)
    if _is_given_up(job, context, flight_id):
        return
    try:
        leave_out_photos(context, flight_id)
    except HazardLensError as error:
        logger.error("flight %d cannot be processed: %s", flight_id, error)  # noqa: TRY400 - no bug
        with context.sessions.begin() as session:
            fail_flight(session, flight_id, error)
        return
    with context.sessions.begin() as session:
        flight = lock_flight(session, flight_id)
        if flight.state != "queued":
            return
        flight.state = "processing"
        flight.started_at = datetime.now(UTC)
        session.flush()
        order_chunks(session, flight_id, context.settings.chunk_photos)
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


@queue.task(name=INGEST_MEDIA, queue=MEDIA_QUEUE, pass_context=True, retry=MEDIA_RETRY)
def ingest_media(job: JobContext, flight_id: int, media_id: int) -> None:
    """Do with a video or track what can be done while its flight is still open."""
    media.ingest_media(_context(job), flight_id, media_id)


@queue.task(name=SETTLE_MEDIA, queue=MEDIA_QUEUE, pass_context=True, retry=RETRY)
def settle_media(job: JobContext, flight_id: int) -> None:
    """Finish the media of a submitted flight, then order its coverage and its processing."""
    context = _context(job)
    if job.job.attempts >= MAX_MEDIA_ATTEMPTS:
        media.give_up_media(context, flight_id)
    media.settle_media(context, flight_id)


@queue.task(name=ranking.RANK_QUEUE, queue=RANKING_QUEUE, pass_context=True, retry=COVERAGE_RETRY)
def rank_queue(job: JobContext, box: list[float] | None = None) -> None:
    """Put candidates in order anew: those in a box, or those that older rules put in order."""
    ranking.rank_queue(_context(job), None if box is None else (box[0], box[1], box[2], box[3]))


@queue.task(name=pictures.CUT_PHOTOS, queue=PICTURES_QUEUE, pass_context=True, retry=COVERAGE_RETRY)
def cut_photos(job: JobContext, flight_id: int) -> None:
    """Cut the photos that reviewers will look at first, so that they open at once."""
    pictures.cut_photos(_context(job), flight_id)


@queue.task(
    name=appearance.DESCRIBE_FLIGHT,
    queue=APPEARANCE_QUEUE,
    pass_context=True,
    retry=COVERAGE_RETRY,
)
def describe_flight(job: JobContext, flight_id: int) -> None:
    """Compute what the things of a flight look like; nothing else waits for it."""
    appearance.describe_flight(_context(job), flight_id)


@queue.task(name=PLACE_FLIGHTS, queue=COVERAGE_QUEUE, pass_context=True, retry=COVERAGE_RETRY)
def place_flights(job: JobContext, arrived: int | None = None) -> None:
    """Say which baseline flights belong to, and have compared what has just arrived."""
    change.place_flights(_context(job), arrived)


@queue.task(name=COMPARE_FLIGHTS, queue=CHANGE_QUEUE, pass_context=True, retry=RETRY)
def compare_flights(job: JobContext, run_id: int) -> None:
    """Compare two flights, or measure the roofs of one."""
    context = _context(job)
    if job.job.attempts < MAX_JOB_ATTEMPTS - 1:
        change.compare_flights(context, run_id)
    else:
        change.give_up(context, run_id)


@queue.task(name=WORK_OFF, queue=TRAINING_QUEUE, pass_context=True, retry=RETRY)
def work_off_training(job: JobContext, order_id: int) -> None:
    """Do what was ordered of the training lane."""
    context = _context(job)
    if job.job.attempts < MAX_JOB_ATTEMPTS - 1:
        training.work_off(context, order_id)
    else:
        training.give_up(context, order_id)


@queue.task(name=RESCORE_QUEUE, queue=MODELS_QUEUE, pass_context=True, retry=RETRY)
def rescore_queue(job: JobContext, order_id: int) -> None:
    """Have the next flight of the open queue looked at with the models in force."""
    rescoring.rescore_next(_context(job), order_id)


@queue.task(
    name=choosing.CHOOSE_PHOTOS, queue=LEARNING_QUEUE, pass_context=True, retry=COVERAGE_RETRY
)
def choose_photos(job: JobContext, selection_id: int) -> None:
    """Choose what to label next."""
    context = _context(job)
    if job.job.attempts < MAX_COVERAGE_ATTEMPTS - 1:
        choosing.choose(context, selection_id)
        return
    message = f"The selection could not be made; {job.job.attempts} attempts broke off."
    error = GivenUpError(message, remedy="See the log of the worker, then order it again.")
    choosing.give_up(context, selection_id, error)


@queue.task(
    name=drifting.CHECK_DRIFT, queue=LEARNING_QUEUE, pass_context=True, retry=COVERAGE_RETRY
)
def check_drift(job: JobContext) -> None:
    """Look whether scores and confirmations change by more than chance."""
    drifting.check_drift(_context(job))


@queue.task(name=LOOK_FOR_CALIBRATION, queue=CALIBRATION_QUEUE, pass_context=True, retry=RETRY)
def look_for_calibration(job: JobContext, calibration_id: int) -> None:
    """Look at the photos of a camera for its calibration."""
    context = _context(job)
    if job.job.attempts < MAX_COVERAGE_ATTEMPTS - 1:
        calibration.look_for_calibration(context, calibration_id)
    else:
        calibration.give_up(context, calibration_id)


@queue.task(name=PUSH_LABELS, queue=LABELS_QUEUE, pass_context=True, retry=RETRY)
def push_labels(job: JobContext) -> None:
    """Send to Label Studio what waits."""
    labelling.push_labels(_context(job))


@queue.task(name=RECONCILE_LABELS, queue=LABELS_QUEUE, pass_context=True, retry=RETRY)
def reconcile_labels(job: JobContext) -> None:
    """Look at every task in Label Studio."""
    labelling.reconcile_labels(_context(job))


@queue.task(name=TAKE_IN_LABELS, queue=LABELS_QUEUE, pass_context=True, retry=RETRY)
def take_in_labels(job: JobContext) -> None:
    """Look at the tasks that Label Studio told us of."""
    labelling.take_in_labels(_context(job))


@queue.task(name=CHECK_FILES, queue=UPLOADS_QUEUE, pass_context=True, retry=RETRY)
def check_files(job: JobContext, file_ids: list[int]) -> None:
    """Check files that are here whole and take them in."""
    context = _context(job)
    if job.job.attempts >= MAX_CHECK_ATTEMPTS:
        file_checks.give_up_first(context, file_ids)
        with context.sessions.begin() as session:
            order_check(session, file_checks.list_waiting(context, file_ids))
        return
    for file_id in file_checks.list_waiting(context, file_ids):
        if context.stopping.is_set():
            raise chunk.StoppingError
        try:
            file_checks.check_file(context, file_id)
        except DiskFullError as error:
            logger.error("file %d waits: %s", file_id, error)  # noqa: TRY400 - no bug
            with context.sessions.begin() as session:
                waiting = file_checks.list_waiting(context, file_ids)
                order_check(session, waiting, wait_s=DISK_FULL_WAIT_S)
            return


@queue.task(name=UNPACK_ARCHIVE, queue=UPLOADS_QUEUE, pass_context=True, retry=RETRY)
def unpack_archive(job: JobContext, file_id: int) -> None:
    """Take the next entries out of an archive."""
    context = _context(job)
    if job.job.attempts >= MAX_CHECK_ATTEMPTS:
        with context.sessions.begin() as session:
            entries = unpacking.list_entry_ids(session, file_id)
            order_unpacking(session, file_id)
        file_checks.give_up_first(context, entries or [file_id])
        return
    try:
        unpacking.unpack_some(context, file_id)
    except DiskFullError as error:
        logger.error("archive %d waits: %s", file_id, error)  # noqa: TRY400 - no bug
        with context.sessions.begin() as session:
            order_unpacking(session, file_id, wait_s=DISK_FULL_WAIT_S)


def _context(job: JobContext) -> WorkerContext:
    context = job.additional_context[CONTEXT_KEY]
    if not isinstance(context, WorkerContext):
        message = "the worker was started without its context"
        raise TypeError(message)
    return context


def _is_given_up(job: JobContext, context: WorkerContext, flight_id: int) -> bool:
    if job.job.attempts < MAX_JOB_ATTEMPTS - 1:
        return False
    message = f"A step of this flight failed {job.job.attempts} times."
    error = GivenUpError(message, remedy="See the log of the worker, then try again.")
    with context.sessions.begin() as session:
        fail_flight(session, flight_id, error)
    return True
