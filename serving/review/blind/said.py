"""What counts of what was said blindly, read from the events: pairs of verdicts, answers to checks.

A verdict taken back within ``slip_s`` seconds was a slip of the finger and does not count. Taken
back later, it counts still: the person may have looked at the other's verdict meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session, aliased

from serving.db.tables import BlindTaskRow, CandidateRow, ReviewEventRow
from serving.review.blind.checks import truth_of_candidate
from serving.review.blind.machine import TaskKind
from serving.review.rules import load_rules

DRAWN = (TaskKind.URGENT.value, TaskKind.SAMPLE.value)
"""What was asked for was chosen because it is doubtful: agreement there is no measure of people."""


@dataclass(frozen=True, slots=True)
class SecondLook:
    """Two verdicts on one candidate, the second said blindly, on the same photos."""

    hazard_class: str
    first_by: int
    first: str
    second_by: int
    second: str


@dataclass(frozen=True, slots=True)
class CheckAnswer:
    """What somebody said of a candidate of which the truth is known."""

    user_id: int
    truth: str
    said: str


def list_second_looks(session: Session, since: datetime) -> list[SecondLook]:
    """Return every pair of verdicts whose second was said since then, one for each task."""
    first, first_undo = aliased(ReviewEventRow), aliased(ReviewEventRow)
    opinion, undo = aliased(ReviewEventRow), aliased(ReviewEventRow)
    statement = (
        select(
            BlindTaskRow.id.label("task_id"),
            CandidateRow.hazard_class,
            first.user_id.label("first_by"),
            first.verdict.label("first"),
            opinion.user_id.label("user_id"),
            opinion.verdict.label("said"),
            opinion.created_at,
            undo.created_at.label("undone_at"),
        )
        .join(CandidateRow, CandidateRow.id == BlindTaskRow.candidate_id)
        .join(opinion, opinion.task_id == BlindTaskRow.id)
        .join(first, first.id == BlindTaskRow.about_id)
        .outerjoin(undo, undo.undoes == opinion.id)
        .outerjoin(first_undo, first_undo.undoes == first.id)
        .where(
            opinion.kind == "opinion",
            opinion.id > first.id,
            opinion.created_at >= since,
            BlindTaskRow.kind.in_(DRAWN),
            BlindTaskRow.same_evidence,
            first_undo.id.is_(None) | (first_undo.created_at - first.created_at > _slip()),
        )
        .order_by(opinion.id)
    )
    return [
        SecondLook(row.hazard_class, row.first_by, row.first, row.user_id, row.said)
        for row in _first_meant(session.execute(statement))
    ]


def list_check_answers(session: Session, since: datetime) -> list[CheckAnswer]:
    """Return every answer to a check since then, as long as what it held for true still is."""
    opinion, undo = aliased(ReviewEventRow), aliased(ReviewEventRow)
    statement = (
        select(
            BlindTaskRow.id.label("task_id"),
            BlindTaskRow.truth,
            opinion.user_id,
            opinion.verdict.label("said"),
            opinion.created_at,
            undo.created_at.label("undone_at"),
        )
        .join(CandidateRow, CandidateRow.id == BlindTaskRow.candidate_id)
        .join(opinion, opinion.task_id == BlindTaskRow.id)
        .outerjoin(undo, undo.undoes == opinion.id)
        .where(
            BlindTaskRow.kind == TaskKind.CHECK.value,
            BlindTaskRow.truth == truth_of_candidate(),
            opinion.kind == "opinion",
            opinion.created_at >= since,
        )
        .order_by(opinion.id)
    )
    return [
        CheckAnswer(row.user_id, row.truth, row.said)
        for row in _first_meant(session.execute(statement))
    ]


def _first_meant(rows: Iterable[Row[Any]]) -> list[Row[Any]]:
    """Return of each task the first answer that was no slip; ``rows`` are in their order."""
    meant: dict[int, Row[Any]] = {}
    for row in rows:
        is_slip = row.undone_at is not None and row.undone_at - row.created_at <= _slip()
        if not is_slip:
            meant.setdefault(row.task_id, row)
    return list(meant.values())


def _slip() -> timedelta:
    return timedelta(seconds=load_rules().second_review.slip_s)
