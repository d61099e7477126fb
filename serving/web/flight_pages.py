"""One flight while it is processed and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from serving.accounts.roles import Permission, is_allowed
from serving.accounts.users import Person
from serving.api.schemas import MAX_ID
from serving.db.tables import IngestFailureRow
from serving.deps import FlightReader, SessionDep
from serving.flights.catalogue import (
    count_progress,
    count_warnings,
    get_flight,
    list_failures,
)
from serving.flights.pace import estimate_left_s
from serving.review.queue_filter import QueueFilter
from serving.review.tallies import count_states
from serving.web.calibration_card import load_calibration_card
from serving.web.calibration_pages import calibration_words
from serving.web.change_card import load_change_card
from serving.web.coverage_card import load_card
from serving.web.flight_view import view_flight
from serving.web.i18n import N_
from serving.web.rendering import Words, render, words_for

router = APIRouter(include_in_schema=False)

FlightId = Annotated[int, Path(ge=1, le=MAX_ID)]


@dataclass(frozen=True, slots=True)
class FileNote:
    """A file that could not be used, or a limit that several photos share."""

    file_name: str
    message: str
    remedy: str
    count: int = 1


@router.get("/flights/{flight_id}")
def show_flight(
    request: Request, person: FlightReader, session: SessionDep, flight_id: FlightId
) -> Response:
    """Show one flight: progress, failures, comparisons, what was covered, map."""
    context = _load_flight(session, person, words_for(request), flight_id)
    context |= load_card(session, words_for(request), get_flight(session, flight_id))
    context |= load_change_card(session, words_for(request), get_flight(session, flight_id))
    context |= load_calibration_card(session, get_flight(session, flight_id))
    context |= calibration_words(words_for(request))
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
    context = {"flight": view_flight(row, progress)} | load_card(session, words_for(request), row)
    return render(request, "flight_coverage.html", person=person, context=context)


def describe_failure(words: Words, row: IngestFailureRow) -> FileNote:
    """Return what failed and what to do, in the language of the page."""
    message, remedy = words.explain(row.code, row.message, row.remedy)
    return FileNote(row.file_name, message, remedy)


def _load_flight(
    session: Session, person: Person, words: Words, flight_id: int
) -> dict[str, object]:
    row = get_flight(session, flight_id)
    progress = count_progress(session, [flight_id])[flight_id]
    may_see = is_allowed(person.role, Permission.SEE_CANDIDATES)
    wanted = QueueFilter(flight_id=flight_id, viewer_id=person.user_id)
    counts = count_states(session, wanted) if may_see else None
    is_live = row.state in {"queued", "processing"}
    left_s = estimate_left_s(session, row, progress, datetime.now(UTC)) if is_live else None
    eta = "" if left_s is None else words.describe_duration(left_s)
    return {
        "flight": view_flight(row, progress, words),
        "failures": [describe_failure(words, each) for each in list_failures(session, flight_id)],
        "warnings": _warnings(words, count_warnings(session, flight_id)),
        "pending_count": counts["pending"] if counts else None,
        "eta": words.translate(N_("{time} left"), time=eta) if eta else "",
    }


def _warnings(words: Words, counts: Mapping[str, int]) -> list[FileNote]:
    notes = ((count, words.explain(code)) for code, count in sorted(counts.items()))
    return [FileNote("", message, remedy, count) for count, (message, remedy) in notes]
