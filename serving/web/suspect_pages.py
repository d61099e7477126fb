"""The page of suspected labels: crop, label and model's box, one key for each answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from serving.accounts.roles import Permission, Role, is_allowed
from serving.accounts.users import Person
from serving.api.schemas import MAX_ID
from serving.api.suspect_schemas import SuspectKind, SuspectState
from serving.db.tables import LabelSuspectRow, SuspectEventRow
from serving.deps import ModelReader, SessionDep
from serving.learning.suspects import (
    OPEN,
    SuspectAnswer,
    SuspectFilter,
    choose_fix,
    count_suspects,
    find_standing,
    get_suspect,
    is_of_decision,
    list_answers,
    list_events,
    list_suspects,
)
from serving.web import learning_labels_judging as words_of
from serving.web.i18n import N_
from serving.web.picture_boxes import Picture, draw_box, make_picture
from serving.web.rendering import Words, render, words_for

router = APIRouter(include_in_schema=False)

LISTED = 40
SuspectNumber = Annotated[int, Path(ge=1, le=MAX_ID)]


class SuspectQuery(BaseModel):
    """Which suspects the page shows, as its address says."""

    set_name: str = Field(default="", max_length=120)
    kind: SuspectKind | None = None
    state: SuspectState = "open"
    id: int | None = Field(default=None, ge=1, le=MAX_ID)

    @property
    def wanted(self) -> SuspectFilter:
        """The filter that the address means."""
        return SuspectFilter(self.set_name or None, self.kind, self.state)

    def encode(self, **changes: str) -> str:
        """Return the filters as a query string, some of them changed."""
        values = self.model_dump(mode="json", exclude={"id"}, exclude_none=True) | changes
        return urlencode({name: value for name, value in values.items() if value})


QueryDep = Annotated[SuspectQuery, Query()]


@dataclass(frozen=True, slots=True)
class AnswerButton:
    """One answer that fits, and the key that gives it."""

    answer: str
    title: str
    key: str


@router.get("/suspects")
def show_suspects(
    request: Request, person: ModelReader, session: SessionDep, query: QueryDep
) -> Response:
    """Show the suspects of a filter, and the first of them or the one in the address in full."""
    words = words_for(request)
    found = list_suspects(session, query.wanted, limit=LISTED)
    ids = [row.id for row in found]
    chosen = found[ids.index(query.id)] if query.id in ids else next(iter(found), None)
    counts = count_suspects(session)
    context = {
        "section": "models",
        "learning_section": "/suspects",
        "query": query,
        "sets": sorted(counts),
        "kinds": [(code, words.translate(text)) for code, text in words_of.SUSPECT_KINDS.items()],
        "states": [(code, words.translate(text)) for code, text in words_of.SUSPECT_STATES.items()],
        "total": _count(counts, query),
        "has_any": bool(counts),
        "suspects": [(row, words.label(words_of.SUSPECT_KINDS, row.kind)) for row in found],
        "chosen": chosen,
    }
    case = _case(session, person, words, chosen) if chosen else {}
    return render(request, "suspects.html", person=person, context=context | case)


@router.get("/suspects/{suspect_id}/panel")
def show_suspect_panel(
    request: Request, person: ModelReader, session: SessionDep, suspect_id: SuspectNumber
) -> Response:
    """Return one suspect, answered or not."""
    row = get_suspect(session, suspect_id)
    context = _case(session, person, words_for(request), row)
    return render(request, "suspect_panel.html", person=person, context=context)


def _count(counts: dict[str, dict[str, int]], query: SuspectQuery) -> int | None:
    """Return how many suspects fit; not counted by kind."""
    if query.kind is not None:
        return None
    wanted = (states for name, states in counts.items() if query.set_name in {"", name})
    return sum(states.get(query.state, 0) for states in wanted)


def _case(
    session: Session, person: Person, words: Words, row: LabelSuspectRow
) -> dict[str, object]:
    events = list_events(session, row.id)
    standing = find_standing(events)
    may_answer = is_allowed(person.role, Permission.MANAGE_MODELS)
    return {
        "suspect": row,
        "kind_name": words.label(words_of.SUSPECT_KINDS, row.kind),
        "question": words.label(words_of.SUSPECT_QUESTIONS, row.kind),
        "state_name": words.label(words_of.SUSPECT_STATES, row.state),
        "split_name": words.label(words_of.SPLITS, row.split),
        "picture": _draw(row),
        "is_of_decision": is_of_decision(row),
        "answers": _list_buttons(row, words) if may_answer and row.state == OPEN else [],
        "standing": standing,
        "undo_id": standing.id if standing and _may_undo(person, standing) else None,
    }


def _draw(row: LabelSuspectRow) -> Picture:
    boxes = [draw_box("other", shape) for shape in row.others]
    boxes += [draw_box("label", row.label)] if row.label else []
    boxes += [draw_box("model", row.model)] if row.model else []
    return make_picture(f"/api/v1/suspects/{row.id}/crop.jpg", row.window, boxes)


def _list_buttons(row: LabelSuspectRow, words: Words) -> list[AnswerButton]:
    titles = {
        SuspectAnswer.ACCEPT: N_("The label is right")
        if row.label is not None
        else N_("Nothing is missing"),
        SuspectAnswer.FIX: words_of.SUSPECT_FIXES[choose_fix(row)],
        SuspectAnswer.DROP: words_of.SUSPECT_FIXES["drop_label"],
        SuspectAnswer.UNSURE: N_("Not certain"),
        SuspectAnswer.RETURN: N_("Have it reviewed again"),
    }
    return [
        AnswerButton(answer.value, words.translate(titles[answer]), str(number))
        for number, answer in enumerate(list_answers(row), start=1)
    ]


def _may_undo(person: Person, event: SuspectEventRow) -> bool:
    own = event.user_id == person.user_id and is_allowed(person.role, Permission.MANAGE_MODELS)
    return own or person.role is Role.ADMIN
