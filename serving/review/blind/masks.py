"""What a person must not see of candidates yet: what was said where their own word is awaited."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.db.tables import BlindTaskRow, ReviewEventRow
from serving.review.blind.machine import TaskKind, TaskState
from serving.review.blind.tasks import blind_ids
from serving.review.errors import GroupingNotNowError

CLOSED = frozenset({TaskState.AGREED, TaskState.SETTLED})


@dataclass(frozen=True, slots=True)
class Mask:
    """How one person sees a candidate.

    ``is_blind``: as pending, with nothing that others did. ``in_dispute``: in its state, but not
    who said what, so that neither the arbiter nor the two are swayed by a name.
    """

    is_blind: bool
    in_dispute: bool


def load_mask(session: Session, user_id: int, candidate_id: int) -> Mask:
    """Return how a person sees a candidate."""
    is_blind = bool(blind_ids(session, user_id, [candidate_id]))
    in_dispute = bool(disputed_ids(session, [candidate_id]))
    return Mask(is_blind, in_dispute and not is_blind)


def disputed_ids(session: Session, candidate_ids: Iterable[int]) -> frozenset[int]:
    """Return which of these candidates two people disagree about."""
    statement = select(BlindTaskRow.candidate_id).where(
        BlindTaskRow.candidate_id.in_(list(candidate_ids)),
        BlindTaskRow.state == TaskState.DISPUTED.value,
    )
    return frozenset(session.scalars(statement))


def list_visible_events(
    session: Session, rows: Sequence[ReviewEventRow], user_id: int, mask: Mask
) -> list[ReviewEventRow]:
    """Return the acts on a candidate that a person may see: their own always, in their order.

    Of the others, nothing while the person is blind or two disagree; an opinion only once its
    task is closed, and the answer to a check never, for it says nothing of the candidate.
    """
    if mask.is_blind or mask.in_dispute:
        return [row for row in rows if row.user_id == user_id]
    hidden = _hidden_opinions(session, rows)
    return [row for row in rows if row.user_id == user_id or not hidden & {row.id, row.undoes}]


def check_grouping(session: Session, user_id: int, candidate_ids: Iterable[int]) -> None:
    """Whether a person may merge or split these candidates now.

    Raises:
        GroupingNotNowError: one of them is to be judged blindly by this person.
    """
    if blind_ids(session, user_id, candidate_ids):
        raise GroupingNotNowError


def _hidden_opinions(session: Session, rows: Sequence[ReviewEventRow]) -> set[int | None]:
    opinions = [row for row in rows if row.kind == "opinion"]
    if not opinions:
        return set()
    shown = select(BlindTaskRow.id).where(
        BlindTaskRow.id.in_([row.task_id for row in opinions]),
        BlindTaskRow.kind != TaskKind.CHECK.value,
        BlindTaskRow.state.in_([each.value for each in CLOSED]),
    )
    closed = set(session.scalars(shown))
    return {row.id for row in opinions if row.task_id not in closed}
