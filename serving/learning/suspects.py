"""Suspected labels: which answers fit one, the queue, counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from serving.db.tables import LabelSuspectRow, SuspectEventRow
from serving.learning.suspect_errors import SuspectNotFoundError


class SuspectAnswer(StrEnum):
    """What a person says of a suspected label."""

    ACCEPT = "accept"
    FIX = "fix"
    DROP = "drop"
    UNSURE = "unsure"
    RETURN = "return"


STATE_OF_ANSWER: Mapping[SuspectAnswer, str] = {
    SuspectAnswer.ACCEPT: "accepted",
    SuspectAnswer.FIX: "fixed",
    SuspectAnswer.DROP: "dropped",
    SuspectAnswer.UNSURE: "unsure",
    SuspectAnswer.RETURN: "returned",
}
OPEN = "open"
_ACT_OF_KIND = {
    "missing_label": "add_label",
    "wrong_class": "relabel",
    "bad_box": "rebox",
    "no_object": "drop_label",
}


@dataclass(frozen=True, slots=True)
class SuspectFilter:
    """Which suspects are wanted; None does not restrict."""

    set_name: str | None = None
    kind: str | None = None
    state: str | None = OPEN

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the filter as SQL."""
        pairs = (
            (LabelSuspectRow.set_name, self.set_name),
            (LabelSuspectRow.kind, self.kind),
            (LabelSuspectRow.state, self.state),
        )
        return [column == wanted for column, wanted in pairs if wanted is not None]


def is_of_decision(row: LabelSuspectRow) -> bool:
    """Whether the label goes back to what people here decided or drew."""
    return bool(row.event_ids or row.annotation_ids)


def choose_fix(row: LabelSuspectRow) -> str:
    """Return the act of ``corrections.csv`` that takes the model's word.

    ``draw``: the photos of the set are outlined, the model gave a box only; somebody has to draw.
    """
    act = _ACT_OF_KIND[row.kind]
    if act in {"add_label", "rebox"} and row.has_outlines and not (row.model or {}).get("outline"):
        return "draw"
    return act


def list_answers(row: LabelSuspectRow) -> list[SuspectAnswer]:
    """Return the answers that fit a suspect; what people decided is only put right in review."""
    if is_of_decision(row):
        returned = [SuspectAnswer.RETURN] if row.candidate_id is not None else []
        return [SuspectAnswer.ACCEPT, *returned, SuspectAnswer.UNSURE]
    dropped = [SuspectAnswer.DROP] if row.label is not None and row.kind != "no_object" else []
    return [SuspectAnswer.ACCEPT, SuspectAnswer.FIX, *dropped, SuspectAnswer.UNSURE]


def get_suspect(session: Session, suspect_id: int) -> LabelSuspectRow:
    """Return a suspect.

    Raises:
        SuspectNotFoundError: there is none of that number.
    """
    row = session.get(LabelSuspectRow, suspect_id)
    if row is None:
        raise SuspectNotFoundError(suspect_id)
    return row


def list_suspects(
    session: Session, wanted: SuspectFilter, *, limit: int, after: LabelSuspectRow | None = None
) -> list[LabelSuspectRow]:
    """Return suspects, the most suspicious first; ``after`` one of them."""
    order = (-LabelSuspectRow.suspicion, LabelSuspectRow.id)
    statement = select(LabelSuspectRow).where(*wanted.conditions()).order_by(*order).limit(limit)
    if after is not None:
        here = (-after.suspicion, after.id)
        statement = statement.where(func.row(*order) > func.row(*here))
    return list(session.scalars(statement))


def count_suspects(session: Session) -> dict[str, dict[str, int]]:
    """Return how many suspects each set has in each state, by the name of the set."""
    columns = (LabelSuspectRow.set_name, LabelSuspectRow.state)
    found: dict[str, dict[str, int]] = {}
    statement = select(*columns, func.count()).group_by(*columns).order_by(*columns)
    for set_name, state, count in session.execute(statement):
        found.setdefault(set_name, {})[state] = count
    return found


def list_events(session: Session, suspect_id: int) -> list[SuspectEventRow]:
    """Return what was said of a suspect, the oldest first."""
    statement = select(SuspectEventRow).where(SuspectEventRow.suspect_id == suspect_id)
    return list(session.scalars(statement.order_by(SuspectEventRow.id)))


def find_standing(events: list[SuspectEventRow]) -> SuspectEventRow | None:
    """Return the last answer that was not taken back."""
    undone = {event.undoes for event in events}
    standing = [event for event in events if event.kind == "answer" and event.id not in undone]
    return standing[-1] if standing else None
