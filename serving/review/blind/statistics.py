"""Everything that is measured of the people who decide, put together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from serving.db.tables import BlindTaskRow, UserRow
from serving.review.blind.figures import Agreement, Pair, Share, measure_agreement, measure_share
from serving.review.blind.load import Load, load_by_person
from serving.review.blind.machine import TaskKind, TaskState
from serving.review.blind.said import (
    CheckAnswer,
    SecondLook,
    list_check_answers,
    list_second_looks,
)

FOUND = frozenset({"confirm", "duplicate"})
"""Who calls a known hazard a duplicate has seen it; who puts it aside as unsure has not."""

NOTHING_DONE = Load({}, 0, {}, None, 0)


@dataclass(frozen=True, slots=True)
class PersonFigures:
    """One person; ``recall`` of known hazards, ``false_confirms`` of what is known to be none."""

    user_id: int
    username: str
    load: Load
    agreement: Agreement
    recall: Share
    false_confirms: Share


@dataclass(frozen=True, slots=True)
class PairFigures:
    """How far two people agree, whoever of them was first."""

    usernames: tuple[str, str]
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class Waiting:
    """What still waits: second looks and disputes, and since when the oldest of each does."""

    open: int
    open_since: datetime | None
    disputed: int
    disputed_since: datetime | None


@dataclass(frozen=True, slots=True)
class TeamFigures:
    """Everybody who decided in the time, and how far they agree."""

    people: tuple[PersonFigures, ...]
    classes: dict[str, Agreement]
    pairs: tuple[PairFigures, ...]
    overall: Agreement
    waiting: Waiting


def measure_team(session: Session, days: int) -> TeamFigures:
    """Return the figures of the last ``days`` days."""
    since = _since(days)
    looks = list_second_looks(session, since)
    answers = list_check_answers(session, since)
    loads = load_by_person(session, since)
    names = _names(session, loads.keys() | {each.first_by for each in looks})
    return TeamFigures(
        people=tuple(
            _person(user_id, name, loads.get(user_id, NOTHING_DONE), looks, answers)
            for user_id, name in sorted(names.items(), key=lambda item: item[1])
        ),
        classes=_by_class(looks),
        pairs=_by_pair(looks, names),
        overall=measure_agreement([(each.first, each.second) for each in looks]),
        waiting=count_waiting(session),
    )


def measure_person(session: Session, user_id: int, username: str, days: int) -> PersonFigures:
    """Return what one person may know of themselves: the figures of the last ``days`` days."""
    since = _since(days)
    load = load_by_person(session, since).get(user_id, NOTHING_DONE)
    looks = list_second_looks(session, since)
    return _person(user_id, username, load, looks, list_check_answers(session, since))


def count_waiting(session: Session) -> Waiting:
    """Return how many second looks and disputes wait."""
    statement = (
        select(BlindTaskRow.state, func.count(), func.min(BlindTaskRow.created_at))
        .where(
            BlindTaskRow.kind != TaskKind.CHECK.value,
            BlindTaskRow.state.in_([TaskState.OPEN.value, TaskState.DISPUTED.value]),
        )
        .group_by(BlindTaskRow.state)
    )
    found = {state: (number, since) for state, number, since in session.execute(statement)}
    none: tuple[int, datetime | None] = (0, None)
    return Waiting(
        *found.get(TaskState.OPEN.value, none), *found.get(TaskState.DISPUTED.value, none)
    )


def _person(
    user_id: int,
    username: str,
    load: Load,
    looks: Iterable[SecondLook],
    answers: Sequence[CheckAnswer],
) -> PersonFigures:
    own = [each for each in answers if each.user_id == user_id]
    known = [each.said for each in own if each.truth == "confirm"]
    none = [each.said for each in own if each.truth == "reject"]
    return PersonFigures(
        user_id=user_id,
        username=username,
        load=load,
        agreement=measure_agreement(_own_first(looks, user_id)),
        recall=measure_share(sum(said in FOUND for said in known), len(known)),
        false_confirms=measure_share(sum(said == "confirm" for said in none), len(none)),
    )


def _own_first(looks: Iterable[SecondLook], user_id: int) -> list[Pair]:
    """Return the pairs in which a person is, their own verdict first."""
    pairs: list[Pair] = []
    for each in looks:
        if each.first_by == user_id:
            pairs.append((each.first, each.second))
        elif each.second_by == user_id:
            pairs.append((each.second, each.first))
    return pairs


def _by_class(looks: Iterable[SecondLook]) -> dict[str, Agreement]:
    pairs: dict[str, list[Pair]] = defaultdict(list)
    for each in looks:
        pairs[each.hazard_class].append((each.first, each.second))
    return {name: measure_agreement(pairs[name]) for name in sorted(pairs)}


def _by_pair(looks: Iterable[SecondLook], names: dict[int, str]) -> tuple[PairFigures, ...]:
    pairs: dict[tuple[int, int], list[Pair]] = defaultdict(list)
    for each in looks:
        if names[each.first_by] <= names[each.second_by]:
            pairs[each.first_by, each.second_by].append((each.first, each.second))
        else:
            pairs[each.second_by, each.first_by].append((each.second, each.first))
    found = [
        PairFigures((names[one], names[other]), measure_agreement(said))
        for (one, other), said in pairs.items()
    ]
    return tuple(sorted(found, key=lambda each: each.usernames))


def _names(session: Session, user_ids: Iterable[int]) -> dict[int, str]:
    statement = select(UserRow.id, UserRow.username).where(UserRow.id.in_(list(user_ids)))
    return dict(session.execute(statement).all())


def _since(days: int) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)
