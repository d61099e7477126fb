"""Answers on permits, turned from rows into what holds; read by review and by the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from serving.db.tables import CandidateRow, PermitEventRow

ANSWER, UNDO = "answer", "undo"


class Permit(StrEnum):
    """The three papers that a building stands on."""

    LAND = "land"
    PLANNING = "planning"
    CONSTRUCTION = "construction"


class PermitAnswer(StrEnum):
    """Whether a permit is there, as far as a person could find out."""

    YES = "yes"
    NO = "no"
    TO_CHECK = "to_check"


@dataclass(frozen=True, slots=True)
class PermitBook:
    """What was said of the permits of a candidate that a person may see, oldest first."""

    events: tuple[PermitEventRow, ...] = ()

    @property
    def undone(self) -> set[int]:
        """Numbers of the answers that were taken back."""
        return {event.undoes for event in self.events if event.undoes is not None}

    def all_on(self, permit: str) -> list[PermitEventRow]:
        """Return the answers on a permit that were not taken back, oldest first."""
        undone = self.undone
        return [
            event
            for event in self.events
            if event.permit == permit and event.kind == ANSWER and event.id not in undone
        ]

    def standing_on(self, permit: str) -> PermitEventRow | None:
        """Return the answer that holds: the last one that was not taken back."""
        return next(reversed(self.all_on(permit)), None)

    def last_on(self, permit: str) -> PermitEventRow | None:
        """Return what was done last about a permit, be it a taking back."""
        return next((event for event in reversed(self.events) if event.permit == permit), None)


def load_permits(
    session: Session, candidate_id: int, *, seen_blind_by: int | None = None
) -> PermitBook:
    """Return what was said of one candidate; see :func:`load_books`."""
    return load_books(session, [candidate_id], seen_blind_by=seen_blind_by)[candidate_id]


def load_books(
    session: Session, candidate_ids: Iterable[int], *, seen_blind_by: int | None = None
) -> dict[int, PermitBook]:
    """Return what was said of candidates, and of those that were merged into them.

    ``seen_blind_by`` is somebody who reviews them blind: they see what they said themselves alone.
    """
    heads = _with_merged(session, candidate_ids)
    statement = select(PermitEventRow).where(
        PermitEventRow.candidate_id.in_(list(heads)), _visible(seen_blind_by)
    )
    events: dict[int, list[PermitEventRow]] = {head: [] for head in heads.values()}
    for event in session.scalars(statement.order_by(PermitEventRow.id)):
        events[heads[event.candidate_id]].append(event)
    return {head: PermitBook(tuple(said)) for head, said in events.items()}


def _with_merged(session: Session, candidate_ids: Iterable[int]) -> dict[int, int]:
    """Return candidates and all that were merged into them, each with the one that holds it."""
    heads = {each: each for each in candidate_ids}
    newest = list(heads)
    while newest:
        statement = select(CandidateRow.id, CandidateRow.merged_into)
        rows = session.execute(statement.where(CandidateRow.merged_into.in_(newest))).all()
        found = {row.id: heads[row.merged_into] for row in rows if row.id not in heads}
        heads |= found
        newest = list(found)
    return heads


def _visible(seen_blind_by: int | None) -> ColumnElement[bool]:
    if seen_blind_by is None:
        return PermitEventRow.is_opinion.is_(False)
    return PermitEventRow.is_opinion & (PermitEventRow.user_id == seen_blind_by)
