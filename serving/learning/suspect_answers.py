"""Answer a suspected label and take the answer back: one event in one transaction, under a lock."""

from __future__ import annotations

from sqlalchemy.orm import Session

from serving.accounts.roles import Role
from serving.accounts.users import Person
from serving.audit.log import Subject, record
from serving.db.repeats import find_repeat
from serving.db.tables import LabelSuspectRow, SuspectEventRow
from serving.learning.suspect_errors import (
    SuspectAnsweredError,
    SuspectAnswerUnfitError,
    SuspectNotFoundError,
)
from serving.learning.suspects import (
    OPEN,
    STATE_OF_ANSWER,
    SuspectAnswer,
    find_standing,
    list_answers,
    list_events,
)
from serving.review.errors import AlreadyUndoneError, KeyReusedError, NotYourDecisionError


def answer_suspect(
    session: Session,
    person: Person,
    suspect_id: int,
    answer: SuspectAnswer,
    *,
    note: str | None = None,
    idempotency_key: str | None = None,
) -> SuspectEventRow:
    """Write what a person says of a suspect; the same key again returns the first event.

    Raises:
        SuspectNotFoundError: there is no such suspect.
        SuspectAnsweredError: it is answered; that has to be taken back first.
        SuspectAnswerUnfitError: the answer does not fit what is suspected.
        KeyReusedError: the key names another act.
    """
    row = _lock(session, suspect_id)
    earlier = find_repeat(session, SuspectEventRow, person.user_id, idempotency_key)
    if earlier is not None:
        if (earlier.suspect_id, earlier.answer) != (suspect_id, answer.value):
            raise KeyReusedError
        return earlier
    if row.state != OPEN:
        raise SuspectAnsweredError(suspect_id)
    if answer not in list_answers(row):
        raise SuspectAnswerUnfitError(suspect_id, answer.value)
    event = SuspectEventRow(
        suspect_id=suspect_id,
        kind="answer",
        answer=answer.value,
        note=note or None,
        idempotency_key=idempotency_key,
    )
    return _append(session, person, row, event, state=STATE_OF_ANSWER[answer])


def undo_answer(
    session: Session, person: Person, event_id: int, *, idempotency_key: str | None = None
) -> SuspectEventRow:
    """Take an answer back; the suspect is open again.

    Raises:
        SuspectNotFoundError: there is no such answer.
        NotYourDecisionError: somebody else gave it.
        AlreadyUndoneError: it was taken back before.
        KeyReusedError: the key names another act.
    """
    event = session.get(SuspectEventRow, event_id)
    if event is None or event.kind != "answer":
        raise SuspectNotFoundError(event_id, what="answer")
    row = _lock(session, event.suspect_id)
    earlier = find_repeat(session, SuspectEventRow, person.user_id, idempotency_key)
    if earlier is not None:
        if earlier.undoes != event_id:
            raise KeyReusedError
        return earlier
    if event.user_id != person.user_id and person.role is not Role.ADMIN:
        raise NotYourDecisionError
    standing = find_standing(list_events(session, row.id))
    if standing is None or standing.id != event_id:
        message = f"Answer {event_id} was taken back already."
        raise AlreadyUndoneError(message, remedy="Nothing to do.")
    undone = SuspectEventRow(
        suspect_id=row.id, kind="undo", undoes=event_id, idempotency_key=idempotency_key
    )
    return _append(session, person, row, undone, state=OPEN)


def _append(
    session: Session,
    person: Person,
    row: LabelSuspectRow,
    event: SuspectEventRow,
    *,
    state: str,
) -> SuspectEventRow:
    before, row.state = row.state, state
    event.user_id, event.username = person.user_id, person.username
    event.role = person.role.value
    session.add(event)
    session.flush()
    record(
        session,
        person.actor,
        "undo_suspect" if event.kind == "undo" else "answer_suspect",
        Subject("suspect", str(row.id)),
        before={"state": before},
        after={
            "state": state,
            "suspect_event": event.id,
            "set_name": row.set_name,
            "note": event.note,
            "undoes": event.undoes,
        },
        evidence_sha256=row.crop_sha256,
    )
    return event


def _lock(session: Session, suspect_id: int) -> LabelSuspectRow:
    row = session.get(LabelSuspectRow, suspect_id, with_for_update=True)
    if row is None:
        raise SuspectNotFoundError(suspect_id)
    return row
