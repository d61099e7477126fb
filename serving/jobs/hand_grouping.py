"""Merge and split candidates by hand: at once, written down, and kept.

Each act is one transaction under a lock of its flight and its candidates. It says what the person
saw (``revision`` and state of each candidate): where that has changed meanwhile, nothing is done.
What the queue shows is changed at once; the event makes later groupings of the flight agree.

Only a pending candidate may be merged away, so that no decision ever vanishes from the lists. It
keeps its row and its history, hidden behind the candidate that it became a part of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from psycopg.errors import LockNotAvailable
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from detection.domain.hazard import HazardClass
from serving.db.repeats import find_repeat
from serving.db.tables import CandidateRow, DetectionRow, GroupingEventRow
from serving.flights.catalogue import lock_flight
from serving.jobs.partition import show_exactly
from serving.review.decision import CandidateState
from serving.review.decisions import Reviewer
from serving.review.errors import (
    CandidateChangedError,
    CandidateNotFoundError,
    FlightBusyError,
    InvalidMergeError,
    InvalidSplitError,
    KeyReusedError,
    MergeOfDecidedError,
)
from serving.review.grouping import GroupingKind
from serving.review.grouping_events import (
    Part,
    append_event,
    list_seen_boxes,
)
from serving.review.seen import Seen, lock_seen
from serving.storage.objects import ObjectStore

LOCK_WAIT_MS = 5000


def merge_candidates(
    session: Session,
    store: ObjectStore,
    reviewer: Reviewer,
    target: Seen,
    others: Sequence[Seen],
    *,
    note: str | None = None,
    idempotency_key: str | None = None,
) -> GroupingEventRow:
    """Say that ``others`` show the same thing as ``target``, which takes their photos.

    Raises:
        CandidateNotFoundError: one of them does not exist.
        CandidateMergedError: one of them was merged into another meanwhile.
        CandidateChangedError: one of them has other photos than the person saw.
        AlreadyDecidedError: the target is in another state than the person saw.
        MergeOfDecidedError: one of the others was decided.
        InvalidMergeError: they cannot be one thing.
        FlightBusyError: the flight is being grouped.
        KeyReusedError: the key names another act.
    """
    seen = [target, *others]
    ids = [each.candidate_id for each in seen]
    if len(set(ids)) != len(ids):
        message = "A candidate cannot be merged with itself."
        raise InvalidMergeError(message, remedy="Name other candidates.")
    with flight_locked(session, target.candidate_id):
        earlier = find_repeat(session, GroupingEventRow, reviewer.user_id, idempotency_key)
        if earlier is not None:
            return _same_act(earlier, GroupingKind.MERGE, ids)
        rows = lock_seen(session, seen)
        row, rest = rows[target.candidate_id], [rows[each.candidate_id] for each in others]
        check_merge(row, rest)
        boxes = list_seen_boxes(session, ids)
        parts = [Part(each, tuple(boxes[each].values())) for each in ids]
        event = append_event(
            session,
            reviewer,
            row,
            GroupingKind.MERGE,
            parts=parts,
            note=note,
            idempotency_key=idempotency_key,
        )
        hide_behind(session, row, rest)
        show_exactly(
            session, store, row.flight_id, {row.id: [d for each in ids for d in boxes[each]]}
        )
    return event


def split_candidate(
    session: Session,
    store: ObjectStore,
    reviewer: Reviewer,
    seen: Seen,
    detection_ids: Sequence[int],
    *,
    note: str | None = None,
    idempotency_key: str | None = None,
) -> GroupingEventRow:
    """Say that some sightings of a candidate show another thing: it becomes a candidate.

    The decision on the first stands; the new one is pending. Where none of the sightings shows a
    hazard, they leave the candidate and no new one is made.

    Raises:
        CandidateNotFoundError: there is no such candidate.
        CandidateMergedError: it was merged into another meanwhile.
        CandidateChangedError: it has other photos than the person saw.
        AlreadyDecidedError: it is in another state than the person saw.
        InvalidSplitError: nothing would be left of it, or nothing leaves it.
        FlightBusyError: the flight is being grouped.
        KeyReusedError: the key names another act.
    """
    with flight_locked(session, seen.candidate_id):
        earlier = find_repeat(session, GroupingEventRow, reviewer.user_id, idempotency_key)
        if earlier is not None:
            return _same_act(earlier, GroupingKind.SPLIT, [seen.candidate_id])
        row = lock_seen(session, [seen])[seen.candidate_id]
        boxes = list_seen_boxes(session, [row.id])[row.id]
        leaving = [d for d in boxes if d in set(detection_ids)]
        staying = [d for d in boxes if d not in set(detection_ids)]
        _check_split(session, row, detection_ids, leaving, staying)
        other = _add_candidate(session, row) if shows_hazard(session, leaving) else None
        event = append_event(
            session,
            reviewer,
            row,
            GroupingKind.SPLIT,
            parts=[
                Part(row.id, tuple(boxes[d] for d in staying)),
                Part(other.id if other else None, tuple(boxes[d] for d in leaving)),
            ],
            note=note,
            idempotency_key=idempotency_key,
        )
        shown = {row.id: staying} | ({other.id: leaving} if other else {})
        show_exactly(session, store, row.flight_id, shown)
    return event


# ------------------------------------------------------------------ what may be done


def check_merge(row: CandidateRow, others: Sequence[CandidateRow]) -> None:
    """Whether ``others`` may become a part of ``row``.

    Raises:
        InvalidMergeError: they are of another kind or flight, or ``row`` is a duplicate.
        MergeOfDecidedError: one of the others was decided.
    """
    if row.state == CandidateState.DUPLICATE.value:
        message = f"Candidate {row.id} is a duplicate; another one stands for it."
        raise InvalidMergeError(message, remedy="Merge into the one that stands for it.")
    for other in others:
        if other.state != CandidateState.PENDING.value:
            raise MergeOfDecidedError(other.id, other.state)
        if other.flight_id != row.flight_id:
            message = f"Candidate {other.id} is of another flight."
            remedy = "Candidates of one place are tied by it; merge only within a flight."
            raise InvalidMergeError(message, remedy=remedy)
        if HazardClass(other.class_of_models).thing != HazardClass(row.class_of_models).thing:
            message = f"Candidates {row.id} and {other.id} are different kinds of things."
            raise InvalidMergeError(message, remedy="Reject the one that is wrong.")


def _check_split(
    session: Session,
    row: CandidateRow,
    wanted: Sequence[int],
    leaving: Sequence[int],
    staying: Sequence[int],
) -> None:
    if len(leaving) != len(set(wanted)):
        raise CandidateChangedError(row.id)
    if not leaving or not staying or not shows_hazard(session, staying):
        message = f"Nothing that shows a hazard would be left of candidate {row.id}."
        remedy = "Choose some of its photos, not all; to drop it, reject it."
        raise InvalidSplitError(message, remedy=remedy)


def _same_act(event: GroupingEventRow, kind: GroupingKind, ids: Sequence[int]) -> GroupingEventRow:
    is_same = event.kind == kind and event.candidate_id == ids[0]
    if not is_same or not set(ids) <= set(event.candidate_ids):
        raise KeyReusedError
    return event


def shows_hazard(session: Session, detection_ids: Sequence[int]) -> bool:
    """Whether any of the detections is of a hazard class; without one there is no candidate."""
    statement = select(DetectionRow.hazard_class).where(DetectionRow.id.in_(detection_ids))
    return any(HazardClass(each).is_hazard for each in session.scalars(statement))


# ------------------------------------------------------------------ locks


@contextmanager
def flight_locked(session: Session, candidate_id: int) -> Iterator[None]:
    """Lock the flight of a candidate, as grouping does; wait a little, not for ever.

    Raises:
        CandidateNotFoundError: there is no such candidate.
        FlightBusyError: the flight is being grouped.
    """
    row = session.get(CandidateRow, candidate_id)
    if row is None:
        raise CandidateNotFoundError(candidate_id)
    session.execute(text(f"set local lock_timeout = {LOCK_WAIT_MS}"))
    try:
        lock_flight(session, row.flight_id)
        yield
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable):
            raise FlightBusyError from error
        raise


# ------------------------------------------------------------------ what is done


def hide_behind(session: Session, row: CandidateRow, others: Sequence[CandidateRow]) -> None:
    """Take candidates out of the lists, for their photos are those of ``row`` now.

    Who was hidden behind one of them before stays so: each undo opens one door.
    """
    for other in others:
        other.merged_into = row.id
        other.revision += 1
    session.flush()


def _add_candidate(session: Session, row: CandidateRow) -> CandidateRow:
    """Add the candidate that is split off ``row``; what it shows is put in afterwards."""
    text_of_key = f"{row.key}|{row.id}|{row.revision}"
    key = hashlib.sha256(text_of_key.encode()).hexdigest()[:20]
    other = CandidateRow(
        flight_id=row.flight_id,
        key=key,
        place_key=key,
        hazard_class=row.class_of_models,
        rank=row.rank,
        score=row.score,
        config_hash=row.config_hash,
    )
    session.add(other)
    session.flush()
    return other
