"""Shares of the queue that people were given. A share is a filter of its owner, not a fence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from detection.domain.hazard import HazardClass
from serving.audit.log import Actor, Subject, record
from serving.db.tables import AssignmentRow, FlightRow, UserRow
from serving.review.errors import AssignmentNotFoundError, InvalidAssignmentError


@dataclass(frozen=True, slots=True)
class Share:
    """What all its candidates have in common. ``area`` is ``level:area_id``."""

    hazard_class: HazardClass | None = None
    flight_id: int | None = None
    area: str | None = None
    area_name: str | None = None


def assign(
    session: Session, by: Actor, user_id: int, share: Share, *, deciding: Sequence[str]
) -> AssignmentRow:
    """Give a person a share; one that they have already is returned as it is.

    ``deciding`` are the roles that may decide.

    Raises:
        InvalidAssignmentError: there is no such person any more, they may not decide, or there is
            no such flight.
    """
    # Two clicks at once: the second waits here and then finds what the first gave.
    owner = session.scalar(select(UserRow).where(UserRow.id == user_id).with_for_update())
    _check(session, owner, user_id, share, deciding)
    there = _find_same(session, user_id, share)
    if there is not None:
        return there
    level, _, area_id = (share.area or "").partition(":")
    row = AssignmentRow(
        user_id=user_id,
        hazard_class=share.hazard_class.value if share.hazard_class else None,
        flight_id=share.flight_id,
        area_level=level or None,
        area_id=area_id or None,
        area_name=share.area_name,
        created_by=by.user_id,
    )
    session.add(row)
    session.flush()
    given = {"user_id": user_id} | {name: value for name, value in asdict(share).items() if value}
    record(session, by, "assign", _subject(row), after=given)
    return row


def end(session: Session, by: Actor, assignment_id: int) -> None:
    """Take a share back.

    Raises:
        AssignmentNotFoundError: there is no such share, or it has ended.
    """
    statement = select(AssignmentRow).where(AssignmentRow.id == assignment_id).with_for_update()
    row = session.scalar(statement)
    if row is None or row.ended_at is not None:
        raise AssignmentNotFoundError(assignment_id)
    row.ended_by = by.user_id
    row.ended_at = datetime.now(UTC)
    session.flush()
    record(session, by, "end_assignment", _subject(row), before={"user_id": row.user_id})


def list_open(session: Session) -> Sequence[AssignmentRow]:
    """Return the shares that have not ended, by person."""
    statement = select(AssignmentRow).where(AssignmentRow.ended_at.is_(None))
    return session.scalars(statement.order_by(AssignmentRow.user_id, AssignmentRow.id)).all()


def list_deciders(session: Session, roles: Sequence[str]) -> Sequence[UserRow]:
    """Return the people of some roles who may be given a share, by name."""
    statement = select(UserRow).where(UserRow.disabled_at.is_(None), UserRow.role.in_(roles))
    return session.scalars(statement.order_by(UserRow.username)).all()


def _check(
    session: Session, owner: UserRow | None, user_id: int, share: Share, deciding: Sequence[str]
) -> None:
    if owner is None or owner.disabled_at is not None:
        message = f"There is no person {user_id}."
        raise InvalidAssignmentError(message, remedy="Choose somebody who can sign in.")
    if owner.role not in deciding:
        message = f"{owner.username} may not decide."
        raise InvalidAssignmentError(message, remedy="Choose a reviewer or an arbiter.")
    if share.flight_id is not None and session.get(FlightRow, share.flight_id) is None:
        message = f"There is no flight {share.flight_id}."
        raise InvalidAssignmentError(message, remedy="Choose one of the flights.")


def _find_same(session: Session, user_id: int, share: Share) -> AssignmentRow | None:
    level, _, area_id = (share.area or "").partition(":")
    wanted = {
        AssignmentRow.hazard_class: share.hazard_class,
        AssignmentRow.flight_id: share.flight_id,
        AssignmentRow.area_level: level or None,
        AssignmentRow.area_id: area_id or None,
    }
    same = [column.is_not_distinct_from(value) for column, value in wanted.items()]
    statement = select(AssignmentRow).where(
        AssignmentRow.user_id == user_id, AssignmentRow.ended_at.is_(None), *same
    )
    return session.scalar(statement.limit(1))


def _subject(row: AssignmentRow) -> Subject:
    return Subject("assignment", str(row.id))
