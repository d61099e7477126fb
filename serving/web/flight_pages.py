"""List of flights, a new flight, one flight while it is processed and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from serving.accounts.roles import Permission, is_allowed
from serving.accounts.users import Person
from serving.api.cursors import cursor_from_id, id_from_cursor
from serving.api.schemas import MAX_ID
from serving.db.tables import FlightRow, IngestFailureRow
from serving.deps import FlightReader, FlightWriter, SessionDep
from serving.flights.catalogue import (
    Progress,
    count_progress,
    count_warnings,
    get_flight,
    list_failures,
    list_flights,
)
from serving.flights.errors import FlightNotOpenError
from serving.review.queue import QueueFilter, count_states
from serving.web.coverage_card import load_card
from serving.web.i18n import N_
from serving.web.rendering import Words, render, words_for

router = APIRouter(include_in_schema=False)

FlightId = Annotated[int, Path(ge=1, le=MAX_ID)]
PAGE_SIZE = 50
MIN_SETTLED_FOR_ETA = 3


@dataclass(frozen=True, slots=True)
class FlightView:
    """A flight as the templates show it."""

    id: int
    name: str
    kind: str
    site: str | None
    state: str
    created_at: datetime
    progress: Progress
    failure: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class FileNote:
    """A file that could not be used, or a limit that several photos share."""

    file_name: str
    message: str
    remedy: str
    count: int = 1


@router.get("/flights")
def show_flights(request: Request, person: FlightReader, session: SessionDep) -> Response:
    """Show the newest flights."""
    context = _load_page(session, None) | {"section": "flights"}
    return render(request, "flights.html", person=person, context=context)


@router.get("/flights/rows")
def show_flight_rows(
    request: Request, person: FlightReader, session: SessionDep, cursor: str
) -> Response:
    """Return the next rows of the list."""
    context = _load_page(session, cursor)
    return render(request, "flight_rows.html", person=person, context=context)


@router.get("/flights/{flight_id}/row")
def show_flight_row(
    request: Request, person: FlightReader, session: SessionDep, flight_id: FlightId
) -> Response:
    """Return one row of the list; a flight on its way asks for its own every few seconds."""
    row = get_flight(session, flight_id)
    views = [_view(row, count_progress(session, [flight_id])[flight_id])]
    context = {"flights": views, "next_cursor": None}
    return render(request, "flight_rows.html", person=person, context=context)


@router.get("/flights/new")
def show_new_flight(
    request: Request,
    person: FlightWriter,
    session: SessionDep,
    flight_id: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
) -> Response:
    """Show the upload page, for a new flight or to add to a draft.

    Raises:
        FlightNotOpenError: the flight was submitted already.
    """
    flight = None
    if flight_id is not None:
        row = get_flight(session, flight_id)
        if row.state != "draft":
            raise FlightNotOpenError(row.state)
        flight = _view(row, count_progress(session, [row.id])[row.id])
    today = datetime.now(UTC).astimezone().strftime("%Y-%m-%d")
    name = words_for(request).translate(N_("Flight of {date}"), date=today)
    context = {"section": "flights", "flight": flight, "suggested_name": name}
    return render(request, "flight_new.html", person=person, context=context)


@router.get("/flights/{flight_id}")
def show_flight(
    request: Request, person: FlightReader, session: SessionDep, flight_id: FlightId
) -> Response:
    """Show one flight: progress, failures, what was covered, map."""
    context = _load_flight(session, person, words_for(request), flight_id)
    context |= load_card(session, words_for(request), get_flight(session, flight_id))
    context["section"] = "flights"
    return render(request, "flight.html", person=person, context=context)


@router.get("/flights/{flight_id}/progress")
def show_flight_progress(
    request: Request, person: FlightReader, session: SessionDep, flight_id: FlightId
) -> Response:
    """Return the part of the flight page that is polled."""
    context = _load_flight(session, person, words_for(request), flight_id)
    return render(request, "flight_progress.html", person=person, context=context)


@router.get("/flights/{flight_id}/coverage/panel")
def show_flight_coverage(
    request: Request, person: FlightReader, session: SessionDep, flight_id: FlightId
) -> Response:
    """Return the part of the flight page that tells what was covered."""
    row = get_flight(session, flight_id)
    progress = count_progress(session, [flight_id])[flight_id]
    context = {"flight": _view(row, progress)} | load_card(session, words_for(request), row)
    return render(request, "flight_coverage.html", person=person, context=context)


def describe_failure(words: Words, row: IngestFailureRow) -> FileNote:
    """Return what failed and what to do, in the language of the page."""
    message, remedy = words.explain(row.code, row.message, row.remedy)
    return FileNote(row.file_name, message, remedy)


def estimate_left_s(started_at: datetime | None, progress: Progress, now: datetime) -> float | None:
    """Return the seconds that the rest needs at the mean rate so far; None while unknown."""
    settled = progress.photos_done + progress.photos_failed
    left = progress.photos_total - settled
    if started_at is None or settled < MIN_SETTLED_FOR_ETA or left <= 0:
        return None
    return max(0.0, (now - started_at).total_seconds()) / settled * left


def _load_flight(
    session: Session, person: Person, words: Words, flight_id: int
) -> dict[str, object]:
    row = get_flight(session, flight_id)
    progress = count_progress(session, [flight_id])[flight_id]
    may_see = is_allowed(person.role, Permission.SEE_CANDIDATES)
    counts = count_states(session, QueueFilter(flight_id=flight_id)) if may_see else None
    left_s = estimate_left_s(row.started_at, progress, datetime.now(UTC))
    is_live = row.state in {"queued", "processing"}
    eta = "" if left_s is None or not is_live else words.describe_duration(left_s)
    return {
        "flight": _view(row, progress, words),
        "failures": [describe_failure(words, each) for each in list_failures(session, flight_id)],
        "warnings": _warnings(words, count_warnings(session, flight_id)),
        "pending_count": counts["pending"] if counts else None,
        "eta": words.translate(N_("{time} left"), time=eta) if eta else "",
    }


def _warnings(words: Words, counts: Mapping[str, int]) -> list[FileNote]:
    notes = ((count, words.explain(code)) for code, count in sorted(counts.items()))
    return [FileNote("", message, remedy, count) for count, (message, remedy) in notes]


def _load_page(session: Session, cursor: str | None) -> dict[str, object]:
    rows = list_flights(session, limit=PAGE_SIZE + 1, before_id=id_from_cursor(cursor))
    shown: Sequence[FlightRow] = rows[:PAGE_SIZE]
    progress = count_progress(session, [row.id for row in shown])
    next_cursor = cursor_from_id(shown[-1].id) if len(rows) > PAGE_SIZE else None
    views = [_view(row, progress[row.id]) for row in shown]
    return {"flights": views, "next_cursor": next_cursor}


def _view(row: FlightRow, progress: Progress, words: Words | None = None) -> FlightView:
    failure = None
    if words is not None and row.failure_code is not None:
        stored = (row.failure_message or "", row.failure_remedy or "")
        message, remedy = words.explain(row.failure_code, *stored)
        failure = {"message": message, "remedy": remedy}
    return FlightView(
        row.id, row.name, row.kind, row.site, row.state, row.created_at, progress, failure
    )
