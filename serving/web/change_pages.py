"""What a comparison of two flights says of the buildings: a map, a list, pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from serving.api.change_schemas import RunAnswer
from serving.api.change_views import view_findings, view_run
from serving.api.cursors import cursor_from_finding, finding_from_cursor
from serving.api.schemas import MAX_ID
from serving.db.tables import ChangeRunRow
from serving.deps import FlightReader, SessionDep
from serving.flights.catalogue import get_flight
from serving.flights.change import FindingPosition, find_standing_run, list_findings
from serving.web.change_card import load_change_card
from serving.web.change_labels import SHORT_KINDS
from serving.web.finding_view import list_quality, list_reasons, view_finding_row
from serving.web.i18n import N_
from serving.web.rendering import Words, render, words_for

router = APIRouter(include_in_schema=False)

FlightId = Annotated[int, Path(ge=1, le=MAX_ID)]
Kind = Literal["", "rise", "fall", "excess", "cannot_tell", "unchanged"]
KindDep = Annotated[Kind, Query()]
PAGE_SIZE = 50
KINDS = ("rise", "fall", "excess", "cannot_tell", "unchanged")
KINDS_OF_SURVEY = ("excess",)


@dataclass(frozen=True, slots=True)
class Tab:
    """A part of the list; ``key`` is empty for all of it."""

    key: str
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class ReasonView:
    """Why some buildings cannot be told of, and how many."""

    count: int
    message: str
    remedy: str


@router.get("/flights/{flight_id}/change")
def show_change(
    request: Request,
    person: FlightReader,
    session: SessionDep,
    flight_id: FlightId,
    kind: KindDep = "",
) -> Response:
    """Show what the comparison that stands says of the buildings, what matters first."""
    words = words_for(request)
    run = find_standing_run(session, flight_id)
    context: dict[str, object] = {
        "section": "flights",
        "flight": get_flight(session, flight_id),
        "kind": kind,
        "standing": None,
        "is_survey": False,
    }
    if run is not None:
        context |= _describe_run(words, view_run(session, run))
        context |= _load_rows(session, words, run, kind, None)
    return render(request, "flight_change.html", person=person, context=context)


@router.get("/flights/{flight_id}/change/rows")
def show_change_rows(
    request: Request,
    person: FlightReader,
    session: SessionDep,
    flight_id: FlightId,
    *,
    cursor: Annotated[str, Query(max_length=400)],
    kind: KindDep = "",
) -> Response:
    """Return the next rows of the list."""
    context: dict[str, object] = {"flight": get_flight(session, flight_id), "kind": kind}
    run = find_standing_run(session, flight_id)
    if run is None:
        context |= {"findings": [], "next_cursor": None, "is_survey": False}
    else:
        context |= _load_rows(session, words_for(request), run, kind, cursor)
    return render(request, "flight_change_rows.html", person=person, context=context)


@router.get("/flights/{flight_id}/change/panel")
def show_change_panel(
    request: Request, person: FlightReader, session: SessionDep, flight_id: FlightId
) -> Response:
    """Return the part of the flight page that tells how far a comparison is."""
    flight = get_flight(session, flight_id)
    context = load_change_card(session, words_for(request), flight)
    return render(request, "flight_change_card.html", person=person, context=context)


def _describe_run(words: Words, run: RunAnswer) -> dict[str, object]:
    summary: Mapping[str, Any] = run.summary or {}
    reasons = list_reasons(words, summary.get("reasons") or {})
    return {
        "standing": run,
        "legend": (*KINDS_OF_SURVEY, "surveyed") if run.kind == "survey" else KINDS,
        "quality": list_quality(words, summary),
        "tabs": _list_tabs(words, run, summary),
        "reasons": [ReasonView(count, *explained) for count, explained in reasons],
        "shapes_path": run.shapes_url.removeprefix("/api/v1"),
    }


def _list_tabs(words: Words, run: RunAnswer, summary: Mapping[str, Any]) -> list[Tab]:
    kinds = KINDS_OF_SURVEY if run.kind == "survey" else KINDS
    everything = Tab("", words.translate(N_("All")), summary.get("buildings", 0))
    return [
        everything,
        *(Tab(key, words.label(SHORT_KINDS, key), summary.get(key, 0)) for key in kinds),
    ]


def _load_rows(
    session: Session, words: Words, run: ChangeRunRow, kind: Kind, cursor: str | None
) -> dict[str, object]:
    is_verdict = kind not in {"", "excess"}
    rows = list_findings(
        session,
        run.id,
        limit=PAGE_SIZE + 1,
        after=finding_from_cursor(cursor),
        verdict=kind if is_verdict else None,
        excess=True if kind == "excess" else None,
    )
    shown = rows[:PAGE_SIZE]
    last = FindingPosition(shown[-1].attention, shown[-1].id) if len(rows) > PAGE_SIZE else None
    return {
        "is_survey": run.kind == "survey",
        "findings": [view_finding_row(words, item) for item in view_findings(session, run, shown)],
        "next_cursor": None if last is None else cursor_from_finding(last),
    }
