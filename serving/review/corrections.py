"""Correct a box or a class, and take it back: one event in one transaction, under a lock.

Detections stay as the models wrote them; what a person says lies over them. The class of a whole
candidate is kept in its row too, because queue and ledger are sorted by it.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from detection.domain.hazard import HazardClass
from detection.taxonomy import load_taxonomy
from serving.audit.log import Actor, Subject, record
from serving.db.repeats import find_repeat
from serving.db.tables import CandidateRow, CorrectionEventRow
from serving.review.blind.tasks import blind_ids
from serving.review.correction_checks import (
    Correction,
    describe_present,
    describe_wanted,
    find_sighting,
)
from serving.review.correction_events import (
    CorrectionKind,
    Target,
    class_from_event,
    load_corrections,
    seen_box_of,
)
from serving.review.decisions import Reviewer
from serving.review.errors import (
    AlreadyUndoneError,
    CandidateMergedError,
    CorrectionChangedError,
    CorrectionNotFoundError,
    CorrectionSupersededError,
    InvalidCorrectionError,
    KeyReusedError,
    NotYourDecisionError,
    WhyInvalid,
)
from serving.review.risk import refresh as refresh_risk
from serving.review.seen import lock_rows
from serving.review.trail import best_photo_sha256


def correct(
    session: Session,
    reviewer: Reviewer,
    candidate_id: int,
    correction: Correction,
    *,
    note: str | None = None,
    idempotency_key: str | None = None,
) -> CorrectionEventRow:
    """Write one correction; the same key again returns the first event.

    Of somebody who reviews blind it is an opinion: nobody else sees it, and nothing changes.

    Raises:
        CandidateNotFoundError: there is no such candidate.
        CandidateMergedError: it was merged into another.
        CorrectionChangedError: it was corrected since the person looked.
        InvalidCorrectionError: nothing would change, or the box or the class cannot be.
        KeyReusedError: the key names another act.
    """
    row = lock_rows(session, [candidate_id])[candidate_id]
    earlier = find_repeat(session, CorrectionEventRow, reviewer.user_id, idempotency_key)
    if earlier is not None:
        if earlier.candidate_id != candidate_id or earlier.kind != correction.target.kind:
            raise KeyReusedError
        return earlier
    if row.merged_into is not None:
        raise CandidateMergedError(candidate_id, row.merged_into)
    sighting = find_sighting(session, row, correction.detection_id)
    is_blind = bool(blind_ids(session, reviewer.user_id, [candidate_id]))
    known = load_corrections(session, row, seen_blind_by=reviewer.user_id if is_blind else None)
    standing = known.standing_on(correction.target)
    if (standing.id if standing else None) != correction.expected:
        raise CorrectionChangedError(candidate_id)
    before = describe_present(row, sighting, correction.target, known)
    after = describe_wanted(session, sighting, correction)
    if before == after:
        raise InvalidCorrectionError(WhyInvalid.UNCHANGED)
    event = CorrectionEventRow(
        kind=correction.target.kind.value,
        before=before,
        after=after,
        note=note,
        is_opinion=is_blind,
        idempotency_key=idempotency_key,
    )
    if sighting is not None:
        box = seen_box_of(session, sighting)
        event.photo_sha256, event.thing = box.photo_sha256, box.thing
        event.seen_bbox_xyxy = list(box.bbox_xyxy)
    return _append(session, reviewer, row, event)


def undo_correction(
    session: Session, reviewer: Reviewer, event_id: int, *, idempotency_key: str | None = None
) -> CorrectionEventRow:
    """Take back the last standing correction of a box or a class; what was before holds again.

    Raises:
        CorrectionNotFoundError: there is no such correction.
        NotYourDecisionError: somebody else made it.
        AlreadyUndoneError: it was taken back before.
        CorrectionSupersededError: a later correction of the same stands.
        KeyReusedError: the key names another act.
    """
    event = session.get(CorrectionEventRow, event_id)
    if event is None or event.kind == CorrectionKind.UNDO:
        raise CorrectionNotFoundError(event_id)
    holder = _find_holder(session, event)
    candidate = lock_rows(session, [holder])[holder]
    earlier = find_repeat(session, CorrectionEventRow, reviewer.user_id, idempotency_key)
    if earlier is not None:
        if earlier.undoes != event_id:
            raise KeyReusedError
        return earlier
    if event.user_id != reviewer.user_id and not reviewer.may_undo_others:
        raise NotYourDecisionError
    _check_undo(session, candidate, event)
    undone = CorrectionEventRow(
        kind=CorrectionKind.UNDO.value,
        before=event.after,
        after=event.before,
        is_opinion=event.is_opinion,
        undoes=event.id,
        idempotency_key=idempotency_key,
        photo_sha256=event.photo_sha256,
        thing=event.thing,
        seen_bbox_xyxy=event.seen_bbox_xyxy,
    )
    return _append(session, reviewer, candidate, undone)


def _find_holder(session: Session, event: CorrectionEventRow) -> int:
    """Return the candidate that shows the sighting now; a class stays with its candidate."""
    candidate_id = event.candidate_id
    while event.photo_sha256 is not None:
        merged_into = session.scalar(
            select(CandidateRow.merged_into).where(CandidateRow.id == candidate_id)
        )
        if merged_into is None:
            break
        candidate_id = merged_into
    return candidate_id


def _check_undo(session: Session, candidate: CandidateRow, event: CorrectionEventRow) -> None:
    blind_user = event.user_id if event.is_opinion else None
    known = load_corrections(session, candidate, seen_blind_by=blind_user)
    statement = select(CorrectionEventRow.id).where(CorrectionEventRow.undoes == event.id)
    if session.scalar(statement) is not None:
        message = f"Correction {event.id} was taken back already."
        raise AlreadyUndoneError(message, remedy="Nothing to do.")
    target = known.targets.get(event.id)
    if target is not None and known.all_on(target)[-1].id != event.id:
        raise CorrectionSupersededError(event.id)


# ------------------------------------------------------------------ what is written


def _append(
    session: Session, reviewer: Reviewer, row: CandidateRow, event: CorrectionEventRow
) -> CorrectionEventRow:
    event.flight_id, event.candidate_id = row.flight_id, row.id
    event.user_id, event.username = reviewer.user_id, reviewer.username
    event.role = reviewer.role
    session.add(event)
    session.flush()
    if event.photo_sha256 is None and not event.is_opinion:
        _refresh_class(session, row)
    _record(session, event)
    return event


def _refresh_class(session: Session, row: CandidateRow) -> None:
    """Set the class in the row from the events, which alone are the truth."""
    own = Target(CorrectionKind.CLASS, None)
    standing = load_corrections(session, row).standing_on(own)
    of_models = row.class_of_models
    row.hazard_class = of_models if standing is None else class_from_event(standing)
    row.model_class = None if standing is None else of_models
    row.rank = load_taxonomy()[HazardClass(row.hazard_class)].attention_order
    refresh_risk(session, row)
    session.flush()


def _record(session: Session, event: CorrectionEventRow) -> None:
    is_undo = event.kind == CorrectionKind.UNDO
    record(
        session,
        Actor(event.user_id, event.username, event.role),
        "undo_correction" if is_undo else f"correct_{event.kind}",
        Subject("candidate", str(event.candidate_id)),
        before=event.before,
        after={
            **(event.after or {}),
            "correction_event": event.id,
            "is_opinion": event.is_opinion,
            "undoes": event.undoes,
            "note": event.note,
        },
        evidence_sha256=event.photo_sha256 or best_photo_sha256(session, event.candidate_id),
    )
