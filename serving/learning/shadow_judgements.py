"""Judge which of two models is right, and take it back: one event in one transaction, locked."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.accounts.roles import Role
from serving.accounts.users import Person
from serving.audit.log import Subject, record
from serving.db.repeats import find_repeat
from serving.db.tables import PhotoRow, ShadowDifferenceRow, ShadowJudgementRow
from serving.learning.shadow_errors import DifferenceJudgedError, DifferenceNotFoundError
from serving.review.errors import AlreadyUndoneError, KeyReusedError, NotYourDecisionError

OPEN = "open"


class Judgement(StrEnum):
    """Which of the two is right."""

    SHADOW = "shadow"
    CURRENT = "current"
    NEITHER = "neither"
    UNSURE = "unsure"


def judge_difference(
    session: Session,
    person: Person,
    difference_id: int,
    judgement: Judgement,
    *,
    note: str | None = None,
    idempotency_key: str | None = None,
) -> ShadowJudgementRow:
    """Write which model is right; the same key again returns the first event.

    Raises:
        DifferenceNotFoundError: there is no such difference.
        DifferenceJudgedError: it is judged; that has to be taken back first.
        KeyReusedError: the key names another act.
    """
    row = _lock(session, difference_id)
    earlier = find_repeat(session, ShadowJudgementRow, person.user_id, idempotency_key)
    if earlier is not None:
        if (earlier.difference_id, earlier.judgement) != (difference_id, judgement.value):
            raise KeyReusedError
        return earlier
    if row.state != OPEN:
        raise DifferenceJudgedError(difference_id)
    event = ShadowJudgementRow(
        difference_id=difference_id,
        kind="judgement",
        judgement=judgement.value,
        note=note or None,
        idempotency_key=idempotency_key,
    )
    return _append(session, person, row, event, state=judgement.value)


def undo_judgement(
    session: Session, person: Person, event_id: int, *, idempotency_key: str | None = None
) -> ShadowJudgementRow:
    """Take a judgement back; the difference is open again.

    Raises:
        DifferenceNotFoundError: there is no such judgement.
        NotYourDecisionError: somebody else gave it.
        AlreadyUndoneError: it was taken back before.
        KeyReusedError: the key names another act.
    """
    event = session.get(ShadowJudgementRow, event_id)
    if event is None or event.kind != "judgement":
        raise DifferenceNotFoundError(event_id, what="judgement")
    row = _lock(session, event.difference_id)
    earlier = find_repeat(session, ShadowJudgementRow, person.user_id, idempotency_key)
    if earlier is not None:
        if earlier.undoes != event_id:
            raise KeyReusedError
        return earlier
    if event.user_id != person.user_id and person.role is not Role.ADMIN:
        raise NotYourDecisionError
    standing = find_standing(session, row.id)
    if standing is None or standing.id != event_id:
        message = f"Judgement {event_id} was taken back already."
        raise AlreadyUndoneError(message, remedy="Nothing to do.")
    undone = ShadowJudgementRow(
        difference_id=row.id, kind="undo", undoes=event_id, idempotency_key=idempotency_key
    )
    return _append(session, person, row, undone, state=OPEN)


def find_standing(session: Session, difference_id: int) -> ShadowJudgementRow | None:
    """Return the judgement that was not taken back."""
    undone = select(ShadowJudgementRow.undoes).where(ShadowJudgementRow.undoes.is_not(None))
    statement = (
        select(ShadowJudgementRow)
        .where(ShadowJudgementRow.difference_id == difference_id)
        .where(ShadowJudgementRow.kind == "judgement", ShadowJudgementRow.id.not_in(undone))
        .order_by(ShadowJudgementRow.id.desc())
        .limit(1)
    )
    return session.scalar(statement)


def _append(
    session: Session,
    person: Person,
    row: ShadowDifferenceRow,
    event: ShadowJudgementRow,
    *,
    state: str,
) -> ShadowJudgementRow:
    before, row.state = row.state, state
    event.user_id, event.username = person.user_id, person.username
    event.role = person.role.value
    session.add(event)
    session.flush()
    record(
        session,
        person.actor,
        "undo_shadow" if event.kind == "undo" else "judge_shadow",
        Subject("shadow_difference", str(row.id)),
        before={"state": before},
        after={
            "state": state,
            "shadow_judgement": event.id,
            "models": [{"name": row.model_name, "version": row.version}],
            "flight_id": row.flight_id,
            "note": event.note,
            "undoes": event.undoes,
        },
        evidence_sha256=session.scalar(select(PhotoRow.sha256).where(PhotoRow.id == row.photo_id)),
    )
    return event


def _lock(session: Session, difference_id: int) -> ShadowDifferenceRow:
    row = session.get(ShadowDifferenceRow, difference_id, with_for_update=True)
    if row is None:
        raise DifferenceNotFoundError(difference_id)
    return row
