"""What to label next: order a selection, read why each photo was chosen, have it drawn."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from serving.api.candidates import IdempotencyKey
from serving.api.cursors import cursor_from_id, id_from_cursor
from serving.api.paging import PageDep
from serving.api.problems import describe_problems
from serving.api.schemas import MAX_ID
from serving.api.selection_schemas import PickPage, SelectionItem, SelectionPage, SelectionRequest
from serving.api.selection_views import find_drawn, view_picks, view_selections
from serving.deps import ModelManager, ModelReader, SessionDep
from serving.jobs.choosing import order_selection
from serving.jobs.label_orders import order_push
from serving.learning.selection import (
    get_selection,
    list_picks,
    list_selections,
    lock_to_send,
    mark_sent,
)

router = APIRouter(prefix="/selections", tags=["selection"])

SelectionId = Annotated[int, Path(ge=1, le=MAX_ID)]


@router.post("", status_code=202, responses=describe_problems(409))
def order(
    body: SelectionRequest,
    person: ModelManager,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> SelectionItem:
    """Have photos chosen that would teach the models most; a worker does it within seconds."""
    row = order_selection(session, person.actor, body.make_wish(), idempotency_key)
    return view_selections(session, [row])[0]


@router.get("", responses=describe_problems())
def read_selections(_: ModelReader, session: SessionDep, page: PageDep) -> SelectionPage:
    """List selections, the latest first."""
    before = id_from_cursor(page.cursor)
    rows = list_selections(session, limit=page.probe, before_id=before)
    shown = rows[: page.limit]
    return SelectionPage(
        items=view_selections(session, shown),
        next_cursor=cursor_from_id(shown[-1].id) if len(rows) > len(shown) else None,
    )


@router.get("/{selection_id}", responses=describe_problems(404))
def read_selection(selection_id: SelectionId, _: ModelReader, session: SessionDep) -> SelectionItem:
    """Return a selection: how far it is, and how much of it is drawn."""
    return view_selections(session, [get_selection(session, selection_id)])[0]


@router.get("/{selection_id}/picks", responses=describe_problems(404))
def read_picks(
    selection_id: SelectionId, _: ModelReader, session: SessionDep, page: PageDep
) -> PickPage:
    """List the chosen photos with what speaks for each, the first to label in front."""
    get_selection(session, selection_id)
    after = id_from_cursor(page.cursor) or 0
    rows = [row for row in list_picks(session, selection_id) if row.rank > after]
    shown = rows[: page.limit]
    return PickPage(
        items=view_picks(shown, find_drawn(session, [row.photo_id for row in shown])),
        next_cursor=cursor_from_id(shown[-1].rank) if len(rows) > len(shown) else None,
    )


@router.post("/{selection_id}/send", responses=describe_problems(404, 409))
def send(selection_id: SelectionId, person: ModelManager, session: SessionDep) -> SelectionItem:
    """Have a selection drawn in Label Studio. Sent again, only what is missing there is added."""
    row = lock_to_send(session, selection_id)
    order_push(session, selection_id, person)
    mark_sent(session, row, person.actor)
    return view_selections(session, [row])[0]
