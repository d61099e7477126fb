"""What a person did last and may take back: one stack over all kinds of acts, latest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session, aliased

from serving.db.permit_books import ANSWER
from serving.db.tables import (
    BulkActMemberRow,
    BulkActRow,
    CorrectionEventRow,
    GroupingEventRow,
    PermitEventRow,
    ReviewEventRow,
)
from serving.review.decision import CandidateState


@dataclass(frozen=True, slots=True)
class StandingAct:
    """An act that stands, with what undoing it would bring back.

    ``kind`` is decision, grouping, bulk, correction or permit; ``undo_path`` is below ``/api/v1``.
    ``state_before`` is the state of its candidates before it, None where it changed none.
    """

    kind: str
    act_id: int
    candidate_ids: tuple[int, ...]
    verdict: str | None
    state_before: str | None
    made_at: datetime
    undo_path: str


Provider = Callable[[Session, int, int], list[StandingAct]]


def list_standing_acts(session: Session, user_id: int, limit: int) -> list[StandingAct]:
    """Return the acts of a person that can be undone now, latest first.

    What somebody else decided, merged or corrected over since is not among them.
    """
    found = [act for provide in PROVIDERS for act in provide(session, user_id, limit)]
    return sorted(found, key=lambda act: (act.made_at, act.act_id), reverse=True)[:limit]


def _decisions(session: Session, user_id: int, limit: int) -> list[StandingAct]:
    later = aliased(ReviewEventRow)
    is_later = exists().where(
        later.candidate_id == ReviewEventRow.candidate_id,
        later.kind == "decision",
        later.id > ReviewEventRow.id,
        ~_is_undone(later),
    )
    in_bulk = exists().where(BulkActMemberRow.event_id == ReviewEventRow.id)
    statement = (
        select(ReviewEventRow)
        .where(ReviewEventRow.user_id == user_id, ReviewEventRow.kind != "undo")
        .where(~_is_undone(ReviewEventRow), ~in_bulk)
        .where((ReviewEventRow.kind == "opinion") | ~is_later)
        .order_by(ReviewEventRow.id.desc())
        .limit(limit)
    )
    return [_from_decision(row) for row in session.scalars(statement)]


def _from_decision(row: ReviewEventRow) -> StandingAct:
    # To whoever gave an opinion the candidate was pending, whatever others had decided.
    before = CandidateState.PENDING.value if row.kind == "opinion" else row.state_before
    return StandingAct(
        "decision",
        row.id,
        (row.candidate_id,),
        row.verdict,
        before,
        row.created_at,
        f"/decisions/{row.id}/undo",
    )


def _bulk_acts(session: Session, user_id: int, limit: int) -> list[StandingAct]:
    undo = aliased(BulkActRow)
    statement = (
        select(BulkActRow)
        .where(BulkActRow.user_id == user_id, BulkActRow.kind != "undo")
        .where(~exists().where(undo.undoes == BulkActRow.id))
        .order_by(BulkActRow.id.desc())
        .limit(limit)
    )
    acts = [_from_bulk(session, row) for row in session.scalars(statement)]
    return [act for act in acts if act.candidate_ids]


def _from_bulk(session: Session, row: BulkActRow) -> StandingAct:
    statement = (
        select(ReviewEventRow.candidate_id)
        .join(BulkActMemberRow, BulkActMemberRow.event_id == ReviewEventRow.id)
        .where(BulkActMemberRow.bulk_id == row.id, ~_is_undone(ReviewEventRow))
        .order_by(ReviewEventRow.candidate_id != row.anchor_id, ReviewEventRow.candidate_id)
    )
    ids = tuple(session.scalars(statement))
    return StandingAct("bulk", row.id, ids, None, "pending", row.created_at, f"/bulk/{row.id}/undo")


def _groupings(session: Session, user_id: int, limit: int) -> list[StandingAct]:
    later, undo = aliased(GroupingEventRow), aliased(GroupingEventRow)
    undone = exists().where(undo.undoes == GroupingEventRow.id)
    later_undo = aliased(GroupingEventRow)
    is_later = exists().where(
        later.flight_id == GroupingEventRow.flight_id,
        later.candidate_ids.overlap(GroupingEventRow.candidate_ids),
        later.kind != "undo",
        later.id > GroupingEventRow.id,
        ~exists().where(later_undo.undoes == later.id),
    )
    statement = (
        select(GroupingEventRow)
        .where(GroupingEventRow.user_id == user_id, GroupingEventRow.kind != "undo")
        .where(~undone, ~is_later)
        .order_by(GroupingEventRow.id.desc())
        .limit(limit)
    )
    return [
        StandingAct(
            "grouping",
            row.id,
            (row.candidate_id, *(each for each in row.candidate_ids if each != row.candidate_id)),
            None,
            None,
            row.created_at,
            f"/groupings/{row.id}/undo",
        )
        for row in session.scalars(statement)
    ]


def _corrections(session: Session, user_id: int, limit: int) -> list[StandingAct]:
    later, undo, later_undo = (aliased(CorrectionEventRow) for _ in range(3))
    undone = exists().where(undo.undoes == CorrectionEventRow.id)
    is_later = exists().where(
        later.candidate_id == CorrectionEventRow.candidate_id,
        later.kind == CorrectionEventRow.kind,
        later.photo_sha256.is_not_distinct_from(CorrectionEventRow.photo_sha256),
        later.is_opinion == CorrectionEventRow.is_opinion,
        later.id > CorrectionEventRow.id,
        ~exists().where(later_undo.undoes == later.id),
    )
    statement = (
        select(CorrectionEventRow)
        .where(CorrectionEventRow.user_id == user_id, CorrectionEventRow.kind != "undo")
        .where(~undone, ~is_later)
        .order_by(CorrectionEventRow.id.desc())
        .limit(limit)
    )
    return [
        StandingAct(
            "correction",
            row.id,
            (row.candidate_id,),
            None,
            None,
            row.created_at,
            f"/corrections/{row.id}/undo",
        )
        for row in session.scalars(statement)
    ]


def _permit_checks(session: Session, user_id: int, limit: int) -> list[StandingAct]:
    later, undo, later_undo = (aliased(PermitEventRow) for _ in range(3))
    undone = exists().where(undo.undoes == PermitEventRow.id)
    is_later = exists().where(
        later.candidate_id == PermitEventRow.candidate_id,
        later.permit == PermitEventRow.permit,
        later.kind == ANSWER,
        later.is_opinion == PermitEventRow.is_opinion,
        later.id > PermitEventRow.id,
        ~exists().where(later_undo.undoes == later.id),
    )
    statement = (
        select(PermitEventRow)
        .where(PermitEventRow.user_id == user_id, PermitEventRow.kind == ANSWER)
        .where(~undone, ~is_later)
        .order_by(PermitEventRow.id.desc())
        .limit(limit)
    )
    return [
        StandingAct(
            "permit",
            row.id,
            (row.candidate_id,),
            None,
            None,
            row.created_at,
            f"/permit-checks/{row.id}/undo",
        )
        for row in session.scalars(statement)
    ]


def _is_undone(row: type[ReviewEventRow]) -> ColumnElement[bool]:
    undo = aliased(ReviewEventRow)
    return exists().where(undo.undoes == row.id)


PROVIDERS: Sequence[Provider] = (_decisions, _bulk_acts, _groupings, _corrections, _permit_checks)
