"""How many candidates there are of each kind, without counting them one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Row, Select, and_, false, func, or_, select
from sqlalchemy.orm import Session

from serving.db.tables import CandidateRow, FlightRow, QueueTallyRow
from serving.review.blind.tasks import blind_condition
from serving.review.decision import CandidateState
from serving.review.queue_filter import QueueFilter, filtered, list_shares
from serving.review.tiers import Tier

PENDING = CandidateState.PENDING.value


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """Candidates of a filter by state (of its tier, if it has one), and by tier (of its state)."""

    states: dict[str, int]
    tiers: dict[str, int]


def count_queue(session: Session, wanted: QueueFilter) -> QueueCounts:
    """Count the candidates of a filter; a tab of states or tiers leaves the other one as it is.

    The state of the filter is taken as pending where it has none.
    """
    counted = _count_tallied(session, wanted) if wanted.is_tallied else _count(session, wanted)
    if wanted.viewer_id is not None:
        _move_blind(session, wanted, counted)
    state = wanted.state or PENDING
    return QueueCounts(
        {
            each.value: sum(
                counted[each.value, tier] for tier in Tier if wanted.tier in {None, tier.value}
            )
            for each in CandidateState
        },
        {tier.value: counted[state, tier.value] for tier in Tier},
    )


def count_states(session: Session, wanted: QueueFilter) -> dict[str, int]:
    """Return how many candidates are in each state, zeros included."""
    return count_queue(session, wanted).states


def count_awaiting(session: Session, flight_ids: Iterable[int], viewer_id: int) -> dict[int, int]:
    """Return how many candidates of each flight await a person, where any do.

    Those that are pending are tallied; only what else seems so to the person is counted.
    """
    ids = list(flight_ids)
    tallied = (
        select(QueueTallyRow.flight_id, func.sum(QueueTallyRow.amount))
        .where(QueueTallyRow.flight_id.in_(ids), QueueTallyRow.state == PENDING)
        .group_by(QueueTallyRow.flight_id)
    )
    blind = (
        select(CandidateRow.flight_id, func.count())
        .where(CandidateRow.flight_id.in_(ids), CandidateRow.merged_into.is_(None))
        .where(CandidateRow.state != PENDING, blind_condition(viewer_id))
        .group_by(CandidateRow.flight_id)
    )
    waiting: Counter[int] = Counter()
    for statement in (tallied, blind):
        for flight_id, number in session.execute(statement):
            waiting[flight_id] += int(number)
    return {flight_id: number for flight_id, number in waiting.items() if number}


def _count_tallied(session: Session, wanted: QueueFilter) -> Counter[tuple[str, str]]:
    statement = select(QueueTallyRow.state, QueueTallyRow.tier, func.sum(QueueTallyRow.amount))
    if wanted.flight_id is not None:
        statement = statement.where(QueueTallyRow.flight_id == wanted.flight_id)
    if wanted.hazard_class is not None:
        statement = statement.where(QueueTallyRow.hazard_class == wanted.hazard_class)
    if wanted.site is not None:
        of_site = select(FlightRow.id).where(FlightRow.site == wanted.site)
        statement = statement.where(QueueTallyRow.flight_id.in_(of_site))
    statement = statement.group_by(QueueTallyRow.state, QueueTallyRow.tier)
    return _collect(session.execute(statement))


def _count(session: Session, wanted: QueueFilter) -> Counter[tuple[str, str]]:
    return _collect(session.execute(_by_kind(session, wanted)))


def _move_blind(session: Session, wanted: QueueFilter, counted: Counter[tuple[str, str]]) -> None:
    """Count as pending what seems so to the person."""
    if wanted.viewer_id is None:
        return
    blind = _by_kind(session, wanted).where(
        CandidateRow.state != PENDING, blind_condition(wanted.viewer_id)
    )
    for (state, tier), number in _collect(session.execute(blind)).items():
        counted[state, tier] -= number
        counted[PENDING, tier] += number


def _by_kind(session: Session, wanted: QueueFilter) -> Select[str, str, int]:
    statement = select(CandidateRow.state, CandidateRow.tier, func.count()).where(filtered(wanted))
    if wanted.mine:
        shares = [and_(*share) for share in list_shares(session, wanted)]
        statement = statement.where(or_(false(), *shares))
    return statement.group_by(CandidateRow.state, CandidateRow.tier)


def _collect(rows: Iterable[Row[str, str, int]]) -> Counter[tuple[str, str]]:
    return Counter({(state, tier): int(number) for state, tier, number in rows})
