"""How much and how fast people decide, read from the events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Date, Float, cast, func, select
from sqlalchemy.orm import Session, aliased

from serving.db.tables import ReviewEventRow
from serving.review.rules import load_rules

TIME_ZONE = "Asia/Shanghai"
"""The working day of the teams; China has one time."""

SAID = ("decision", "opinion")


@dataclass(frozen=True, slots=True)
class Load:
    """The verdicts of one person: by what they say, by day, how many were taken back.

    ``median_s`` is the median time from one act to the next, of ``timed`` pairs of acts; None
    where there is none.
    """

    verdicts: dict[str, int]
    undone: int
    per_day: dict[date, int]
    median_s: float | None
    timed: int


def load_by_person(session: Session, since: datetime) -> dict[int, Load]:
    """Return how much each person decided since then, by the person's number."""
    verdicts = _count_verdicts(session, since)
    undone = _count_undone(session, since)
    days = _count_days(session, since)
    speeds = _measure_speed(session, since)
    return {
        user_id: Load(
            said, undone.get(user_id, 0), days.get(user_id, {}), *speeds.get(user_id, (None, 0))
        )
        for user_id, said in verdicts.items()
    }


def _count_verdicts(session: Session, since: datetime) -> dict[int, dict[str, int]]:
    statement = (
        select(ReviewEventRow.user_id, ReviewEventRow.verdict, func.count())
        .where(ReviewEventRow.kind.in_(SAID), ReviewEventRow.created_at >= since)
        .group_by(ReviewEventRow.user_id, ReviewEventRow.verdict)
    )
    counted: dict[int, dict[str, int]] = {}
    for user_id, verdict, number in session.execute(statement):
        counted.setdefault(user_id, {})[str(verdict)] = number
    return counted


def _count_undone(session: Session, since: datetime) -> dict[int, int]:
    undo = aliased(ReviewEventRow)
    statement = (
        select(ReviewEventRow.user_id, func.count())
        .join(undo, undo.undoes == ReviewEventRow.id)
        .where(ReviewEventRow.kind.in_(SAID), ReviewEventRow.created_at >= since)
        .group_by(ReviewEventRow.user_id)
    )
    return dict(session.execute(statement).all())


def _count_days(session: Session, since: datetime) -> dict[int, dict[date, int]]:
    day = cast(func.timezone(TIME_ZONE, ReviewEventRow.created_at), Date)
    statement = (
        select(ReviewEventRow.user_id, day, func.count())
        .where(ReviewEventRow.kind.in_(SAID), ReviewEventRow.created_at >= since)
        .group_by(ReviewEventRow.user_id, day)
    )
    counted: dict[int, dict[date, int]] = {}
    for user_id, each, number in session.execute(statement):
        counted.setdefault(user_id, {})[each] = number
    return counted


def _measure_speed(session: Session, since: datetime) -> dict[int, tuple[float | None, int]]:
    """Return the median seconds between acts, and how many were timed.

    Acts further apart have a pause between them; acts closer together were made by one key.
    """
    rules = load_rules().second_review
    before = func.lag(ReviewEventRow.created_at).over(
        partition_by=ReviewEventRow.user_id, order_by=ReviewEventRow.id
    )
    gap = func.extract("epoch", ReviewEventRow.created_at - before)
    gaps = (
        select(ReviewEventRow.user_id, ReviewEventRow.kind, cast(gap, Float).label("gap_s"))
        .where(ReviewEventRow.created_at >= since)
        .subquery()
    )
    median = func.percentile_cont(0.5).within_group(gaps.c.gap_s)
    statement = (
        select(gaps.c.user_id, median, func.count())
        .where(gaps.c.kind.in_(SAID), gaps.c.gap_s.between(rules.bulk_s, rules.pause_s))
        .group_by(gaps.c.user_id)
    )
    return {user_id: (value, number) for user_id, value, number in session.execute(statement)}
