"""Say whether a permit is there, and take it back: one event in one transaction, under a lock."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from detection.domain.hazard import HazardClass
from serving.audit.log import Actor, Subject, record
from serving.db.permit_books import (
    ANSWER,
    UNDO,
    Permit,
    PermitAnswer,
    PermitBook,
    load_permits,
)
from serving.db.repeats import find_repeat
from serving.db.tables import CandidateRow, PermitEventRow
from serving.review.blind.tasks import blind_ids
from serving.review.correction_events import load_corrections_for
from serving.review.errors import (
    AlreadyUndoneError,
    CandidateMergedError,
    KeyReusedError,
    NotYourDecisionError,
)
from serving.review.permit_errors import (
    NoPermitsError,
    PermitChangedError,
    PermitNotFoundError,
    PermitSupersededError,
)
from serving.review.permits import CHECKED_CLASSES, find_holder
from serving.review.reviewer import Reviewer
from serving.review.seen import lock_rows
from serving.review.trail import best_photo_sha256


@dataclass(frozen=True, slots=True)
class PermitCheck:
    """What a person found of one permit; ``expected`` is the answer that they saw standing."""

    permit: Permit
    answer: PermitAnswer
    note: str | None = None
    expected: int | None = None


def check_permit(
    session: Session,
    reviewer: Reviewer,
    candidate_id: int,
    check: PermitCheck,
    *,
    idempotency_key: str | None = None,
) -> PermitEventRow:
    """Write one answer; the same key again returns the first event.

    Of somebody who reviews blind it is an opinion: nobody else sees it.

    Raises:
        CandidateNotFoundError: there is no such candidate.
        CandidateMergedError: it was merged into another.
        NoPermitsError: its class has no permits.
        PermitChangedError: somebody else has answered since the person looked.
        KeyReusedError: the key names another act.
    """
    row = lock_rows(session, [candidate_id])[candidate_id]
    earlier = find_repeat(session, PermitEventRow, reviewer.user_id, idempotency_key)
    if earlier is not None:
        if _content(earlier) != (candidate_id, ANSWER, check.permit.value, check.answer.value):
            raise KeyReusedError
        return earlier
    if row.merged_into is not None:
        raise CandidateMergedError(candidate_id, row.merged_into)
    corrections = load_corrections_for(session, row, reviewer.user_id)
    if HazardClass(corrections.class_of_candidate(row)) not in CHECKED_CLASSES:
        raise NoPermitsError(candidate_id)
    is_blind = bool(blind_ids(session, reviewer.user_id, [candidate_id]))
    book = load_permits(session, candidate_id, seen_blind_by=reviewer.user_id if is_blind else None)
    _check_seen(book, reviewer, row, check)
    event = PermitEventRow(
        candidate_id=candidate_id,
        kind=ANSWER,
        permit=check.permit.value,
        answer=check.answer.value,
        note=check.note or None,
        is_opinion=is_blind,
        idempotency_key=idempotency_key,
    )
    return _append(session, reviewer, event, before=book.standing_on(check.permit))


def undo_permit_check(
    session: Session, reviewer: Reviewer, event_id: int, *, idempotency_key: str | None = None
) -> PermitEventRow:
    """Take back the last standing answer on a permit; what was said before it holds again.

    Raises:
        PermitNotFoundError: there is no such answer.
        NotYourDecisionError: somebody else gave it.
        AlreadyUndoneError: it was taken back before.
        PermitSupersededError: a later answer on the same permit stands.
        KeyReusedError: the key names another act.
    """
    event = session.get(PermitEventRow, event_id)
    if event is None or event.kind == UNDO:
        raise PermitNotFoundError(event_id)
    holder = find_holder(session, event.candidate_id)
    lock_rows(session, [holder])
    earlier = find_repeat(session, PermitEventRow, reviewer.user_id, idempotency_key)
    if earlier is not None:
        if earlier.undoes != event_id:
            raise KeyReusedError
        return earlier
    if event.user_id != reviewer.user_id and not reviewer.may_undo_others:
        raise NotYourDecisionError
    blind_user = event.user_id if event.is_opinion else None
    book = load_permits(session, holder, seen_blind_by=blind_user)
    _check_undo(book, event)
    before = book.all_on(event.permit)[:-1]
    undone = PermitEventRow(
        candidate_id=event.candidate_id,  # where the answer is, wherever that is merged to
        kind=UNDO,
        permit=event.permit,
        answer=before[-1].answer if before else None,
        is_opinion=event.is_opinion,
        undoes=event.id,
        idempotency_key=idempotency_key,
    )
    return _append(session, reviewer, undone, before=event)


def _check_seen(
    book: PermitBook, reviewer: Reviewer, row: CandidateRow, check: PermitCheck
) -> None:
    """Refuse to speak over what somebody else said unseen; one's own word one knows."""
    standing, last = book.standing_on(check.permit), book.last_on(check.permit)
    is_as_seen = (standing.id if standing else None) == check.expected
    if not is_as_seen and (last is None or last.user_id != reviewer.user_id):
        raise PermitChangedError(row.id)


def _check_undo(book: PermitBook, event: PermitEventRow) -> None:
    if event.id in book.undone:
        message = f"Answer {event.id} was taken back already."
        raise AlreadyUndoneError(message, remedy="Nothing to do.")
    standing = book.standing_on(event.permit)
    if standing is not None and standing.id != event.id:
        raise PermitSupersededError(event.id)


def _append(
    session: Session, reviewer: Reviewer, event: PermitEventRow, *, before: PermitEventRow | None
) -> PermitEventRow:
    event.user_id, event.username = reviewer.user_id, reviewer.username
    event.role = reviewer.role
    session.add(event)
    session.flush()
    record(
        session,
        Actor(event.user_id, event.username, event.role),
        "undo_permit" if event.kind == UNDO else "check_permit",
        Subject("candidate", str(event.candidate_id)),
        before={"answer": before.answer, "note": before.note} if before else None,
        after={
            "permit": event.permit,
            "answer": event.answer,
            "permit_event": event.id,
            "is_opinion": event.is_opinion,
            "undoes": event.undoes,
            "note": event.note,
        },
        evidence_sha256=best_photo_sha256(session, event.candidate_id),
    )
    return event


def _content(event: PermitEventRow) -> tuple[int, str, str, str | None]:
    return event.candidate_id, event.kind, event.permit, event.answer
