"""The review queue and the screen on which one candidate is decided."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from detection.domain.hazard import HazardClass
from detection.taxonomy import load_taxonomy
from serving.accounts.users import Person
from serving.api.cursors import cursor_from_queue, queue_from_cursor
from serving.api.schemas import MAX_ID
from serving.api.views import view_candidate
from serving.db.tables import CandidateRow
from serving.deps import QueueReader, SessionDep
from serving.flights.catalogue import get_flight, list_flights
from serving.review.decision import CandidateState
from serving.review.queue import QueueFilter, count_states, list_candidates, position_of
from serving.web.candidate_case import build_case
from serving.web.labels import CANDIDATE_STATES
from serving.web.rendering import Words, render, words_for

router = APIRouter(include_in_schema=False)

CandidateId = Annotated[int, Path(ge=1, le=MAX_ID)]
PAGE_SIZE = 50
MAX_FLIGHTS_OFFERED = 200


@dataclass(frozen=True, slots=True)
class QueueQuery:
    """The filter as it stands in the address of a page."""

    state: CandidateState = CandidateState.PENDING
    flight_id: int | None = None
    hazard_class: HazardClass | None = None

    @property
    def filter(self) -> QueueFilter:
        """The same for the queue."""
        return QueueFilter(self.state, self.flight_id, self.hazard_class)

    def encode(self, **changes: object) -> str:
        """Return the query string, with ``changes``; what is not set is left out."""
        values = asdict(self) | changes
        return urlencode({name: value for name, value in values.items() if value})


def read_query(
    state: CandidateState = CandidateState.PENDING,
    flight_id: Annotated[str, Query(pattern=r"^[0-9]{0,18}$")] = "",
    hazard_class: Annotated[str, Query(max_length=40)] = "",
) -> QueueQuery:
    """Return the filter of the address; an empty field of the form means all."""
    known = hazard_class in {each.value for each in HazardClass}
    return QueueQuery(
        state,
        int(flight_id) if flight_id else None,
        HazardClass(hazard_class) if known else None,
    )


QueryDep = Annotated[QueueQuery, Depends(read_query)]


@router.get("/review")
def show_queue(
    request: Request, person: QueueReader, session: SessionDep, query: QueryDep
) -> Response:
    """Show the candidates of a filter and how many there are in each state."""
    flights = list_flights(session, limit=MAX_FLIGHTS_OFFERED)
    counted = QueueFilter(None, query.flight_id, query.hazard_class)
    context = {
        "section": "review",
        "flights": flights,
        "counts": count_states(session, counted),
        "candidate_states": list(CANDIDATE_STATES),
        "class_names": _class_names(words_for(request)),
        "filter": query,
        "filter_query_for": query.encode,
    }
    rows = _rows(session, query, None)
    return render(request, "review_list.html", person=person, context=context | rows)


@router.get("/review/rows")
def show_queue_rows(
    request: Request, person: QueueReader, session: SessionDep, query: QueryDep, cursor: str
) -> Response:
    """Return the next rows of the list."""
    context = _rows(session, query, cursor)
    return render(request, "candidate_rows.html", person=person, context=context)


@router.get("/review/{candidate_id}")
def show_candidate(
    request: Request,
    person: QueueReader,
    session: SessionDep,
    query: QueryDep,
    candidate_id: CandidateId,
) -> Response:
    """Show one candidate with everything that helps to decide."""
    counted = QueueFilter(None, query.flight_id, query.hazard_class)
    words = words_for(request)
    context = {
        "section": "review",
        "filter": query,
        "filter_query": query.encode(),
        "remaining": count_states(session, counted)[query.state],
        "class_names": _class_names(words),
    }
    case = _case(session, person, words, candidate_id)
    return render(request, "review_candidate.html", person=person, context=context | case)


@router.get("/review/{candidate_id}/panel")
def show_candidate_panel(
    request: Request, person: QueueReader, session: SessionDep, candidate_id: CandidateId
) -> Response:
    """Return what changes on the screen when the reviewer goes to another candidate."""
    case = _case(session, person, words_for(request), candidate_id)
    return render(request, "review_panel.html", person=person, context=case)


def _case(session: Session, person: Person, words: Words, candidate_id: int) -> dict[str, object]:
    candidate = view_candidate(session, candidate_id)
    flight = get_flight(session, candidate.flight_id)
    return build_case(candidate, flight.name, person, words)


def _rows(session: Session, query: QueueQuery, cursor: str | None) -> dict[str, object]:
    rows = list_candidates(
        session, query.filter, limit=PAGE_SIZE + 1, after=queue_from_cursor(cursor)
    )
    shown = rows[:PAGE_SIZE]
    has_more = len(rows) > PAGE_SIZE
    return {
        "candidates": shown,
        "flight_names": _flight_names(session, shown),
        "filter_query": query.encode(),
        "next_cursor": cursor_from_queue(position_of(shown[-1])) if has_more else None,
    }


def _flight_names(session: Session, rows: list[CandidateRow]) -> dict[int, str]:
    ids = {row.flight_id for row in rows}
    return {flight_id: get_flight(session, flight_id).name for flight_id in ids}


def _class_names(words: Words) -> dict[str, str]:
    """Return the names of the classes that can be candidates, in the order of attention."""
    hazards = [entry for entry in load_taxonomy().values() if entry.is_hazard]
    ordered = sorted(hazards, key=lambda entry: entry.attention_order)
    return {entry.hazard_class.value: words.class_name(entry.hazard_class) for entry in ordered}
