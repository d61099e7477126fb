"""What people decided, for engineers: how much there is, and all of it as an archive."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict

from serving.api.problems import describe_problems
from serving.api.schemas import MAX_ID
from serving.audit.log import Subject, record
from serving.deps import ModelManager, ModelReader, ServicesDep, SessionDep
from serving.learning.decisions.collect import collect_export
from serving.learning.decisions.files import each_file, zip_files
from serving.learning.decisions_summary import summarise

router = APIRouter(prefix="/decisions", tags=["decisions"])

Since = Annotated[
    AwareDatetime | None,
    Query(description="only photos on which something was decided or drawn since then"),
]
Flights = Annotated[list[Annotated[int, Query(ge=1, le=MAX_ID)]] | None, Query()]


class SummaryAnswer(BaseModel):
    """How much was decided and drawn; ``by_class`` counts candidates."""

    model_config = ConfigDict(from_attributes=True)

    photos: int
    flights: int
    confirmed: int
    rejected: int
    drawn: int
    undecided: int
    last_decided_at: datetime | None
    by_class: dict[str, dict[str, int]]


@router.get("/summary", responses=describe_problems())
def read_summary(
    _: ModelReader, session: SessionDep, since: Since = None, flight_id: Flights = None
) -> SummaryAnswer:
    """Count what there is to learn from."""
    found = summarise(session, since=since, flight_ids=flight_id or ())
    return SummaryAnswer.model_validate(found)


@router.get("/export", response_class=StreamingResponse, responses=describe_problems())
def export_decisions(
    person: ModelManager, services: ServicesDep, since: Since = None, flight_id: Flights = None
) -> StreamingResponse:
    """Return photos and ``decisions.json`` as an archive, for ``hazardlens data from-decisions``.

    Photos lose their metadata; faces and number plates that are found are blurred. The list comes
    last: an archive without one was cut off.
    """
    # Committed before the first byte leaves: nothing may go out of which nobody knows.
    with services.sessions.begin() as session:
        found = collect_export(session, since=since, flight_ids=flight_id or ())
        subject = Subject("decisions", "export")
        record(session, person.actor, "export_decisions", subject, after=found.count())
    files: Iterator[tuple[str, bytes]] = each_file(found, services.store, datetime.now(UTC))
    headers = {
        "Content-Disposition": 'attachment; filename="decisions.zip"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(zip_files(files), media_type="application/zip", headers=headers)
