"""The files of a flight: announce, list, count, receipt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime

from serving.api.cursors import cursor_from_id, id_from_cursor
from serving.api.paging import PageDep
from serving.api.problems import describe_problems
from serving.api.schemas import MAX_ID
from serving.api.upload_schemas import (
    AnnounceAnswer,
    AnnounceRequest,
    FilePage,
    FileProgress,
    FileState,
    ReceiptAnswer,
)
from serving.api.upload_views import (
    view_files,
    view_progress,
    view_receipt,
    write_receipt_csv,
)
from serving.deps import FlightReader, FlightWriter, ServicesDep, SessionDep
from serving.flights.catalogue import get_flight
from serving.flights.receipt import write_receipt
from serving.flights.upload import clean_file_name
from serving.flights.uploads_files import AnnouncedFile, list_files
from serving.jobs.intake import announce

router = APIRouter(prefix="/flights/{flight_id}", tags=["uploads"])

OVERLAP = timedelta(seconds=10)
"""A transaction that began before an answer may be committed after it."""

FlightId = Annotated[int, Path(ge=1, le=MAX_ID)]


@router.post("/files/announce", responses=describe_problems(404, 409))
def announce_files(
    flight_id: FlightId,
    body: AnnounceRequest,
    _: FlightWriter,
    services: ServicesDep,
    session: SessionDep,
) -> AnnounceAnswer:
    """Say what will be sent. The answer tells of each file whether, and from where on, to send it.

    Content that any flight holds is taken in at once. Saying it again changes nothing.
    """
    files = [
        AnnouncedFile(clean_file_name(each.path), each.size, each.sha256 or "")
        for each in body.files
    ]
    rows = announce(session, services.store, services.settings, flight_id, files)
    return AnnounceAnswer(items=view_files(session, rows))


@router.get("/files", responses=describe_problems(404))
def read_files(
    flight_id: FlightId,
    _: FlightReader,
    session: SessionDep,
    page: PageDep,
    state: FileState | None = None,
    since: Annotated[AwareDatetime | None, Query()] = None,
) -> FilePage:
    """List the files of a flight; with ``since``, those that changed, some of them twice."""
    get_flight(session, flight_id)
    as_of = datetime.now(UTC) - OVERLAP
    rows = list_files(
        session,
        flight_id,
        limit=page.probe,
        after_id=id_from_cursor(page.cursor),
        state=state,
        since=since,
    )
    shown = rows[: page.limit]
    return FilePage(
        items=view_files(session, shown),
        next_cursor=cursor_from_id(shown[-1].id) if len(rows) > len(shown) else None,
        as_of=as_of,
    )


@router.get("/files/counts", responses=describe_problems(404))
def read_file_counts(flight_id: FlightId, _: FlightReader, session: SessionDep) -> FileProgress:
    """Count the files of a flight by state."""
    get_flight(session, flight_id)
    return view_progress(session, flight_id)


@router.get("/receipt", responses=describe_problems(404), include_in_schema=False)
@router.get("/receipt.json", responses=describe_problems(404))
def read_receipt(flight_id: FlightId, _: FlightReader, session: SessionDep) -> ReceiptAnswer:
    """Say of each file whether it is in, with its hash, and whether the card may be wiped."""
    return view_receipt(write_receipt(session, flight_id))


@router.get("/receipt.csv", response_class=Response, responses=describe_problems(404))
def read_receipt_csv(flight_id: FlightId, _: FlightReader, session: SessionDep) -> Response:
    """Return the receipt for a spreadsheet."""
    name = f"receipt-{flight_id}.csv"
    return Response(
        write_receipt_csv(write_receipt(session, flight_id)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
