"""Comparisons of flights: order, follow, cancel, read what they say of each building."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import FileResponse

from detection.domain.building_change import ChangeVerdict
from serving.api.change_schemas import (
    ChangeRequest,
    FindingItem,
    FindingPage,
    FlightChangeAnswer,
    RunAnswer,
    RunPage,
)
from serving.api.change_views import view_findings, view_flight_change, view_run, view_shapes
from serving.api.cursors import (
    cursor_from_finding,
    cursor_from_id,
    finding_from_cursor,
    id_from_cursor,
)
from serving.api.paging import PageDep
from serving.api.pictures import CACHE_FOR_EVER
from serving.api.problems import describe_problems
from serving.api.schemas import MAX_ID
from serving.db.tables import BuildingFindingRow
from serving.deps import FlightReader, FlightWriter, ServicesDep, SessionDep
from serving.flights.catalogue import get_flight
from serving.flights.change import (
    FindingPosition,
    get_finding,
    get_run,
    list_findings,
    list_runs,
)
from serving.flights.change_errors import ChangePictureNotFoundError
from serving.jobs.change_orders import cancel_run, order_comparison

router = APIRouter(tags=["change"])

FlightId = Annotated[int, Path(ge=1, le=MAX_ID)]
RunId = Annotated[int, Path(ge=1, le=MAX_ID)]
FindingId = Annotated[int, Path(ge=1, le=MAX_ID)]
PictureName = Literal["before.jpg", "after.jpg", "difference.png"]


@router.get("/flights/{flight_id}/change", responses=describe_problems(404))
def read_flight_change(
    flight_id: FlightId, _: FlightReader, session: SessionDep
) -> FlightChangeAnswer:
    """Return where a flight stands in the history of its place, and its comparisons."""
    return view_flight_change(session, flight_id)


@router.post("/flights/{flight_id}/change", status_code=202, responses=describe_problems(404, 409))
def compare_flight(
    flight_id: FlightId,
    person: FlightWriter,
    session: SessionDep,
    body: ChangeRequest | None = None,
) -> RunAnswer:
    """Have a flight compared with an earlier one, without a word with its baseline.

    Asked again while it waits or is being made, the same comparison is returned.
    """
    base_flight_id = body.base_flight_id if body is not None else None
    return view_run(session, order_comparison(session, person.actor, flight_id, base_flight_id))


@router.get("/flights/{flight_id}/change-runs", responses=describe_problems(404))
def list_comparisons(
    flight_id: FlightId, _: FlightReader, session: SessionDep, page: PageDep
) -> RunPage:
    """List the comparisons of a flight with earlier ones, the latest first."""
    get_flight(session, flight_id)
    before = id_from_cursor(page.cursor)
    rows = list_runs(session, flight_id, limit=page.probe, before_id=before)
    shown = rows[: page.limit]
    return RunPage(
        items=[view_run(session, row) for row in shown],
        next_cursor=cursor_from_id(shown[-1].id) if len(rows) > len(shown) else None,
    )


@router.get("/change-runs/{run_id}", responses=describe_problems(404))
def read_comparison(run_id: RunId, _: FlightReader, session: SessionDep) -> RunAnswer:
    """Return a comparison: how far it is, or what came of it."""
    return view_run(session, get_run(session, run_id))


@router.post("/change-runs/{run_id}/cancel", responses=describe_problems(404, 409))
def cancel_comparison(run_id: RunId, person: FlightWriter, session: SessionDep) -> RunAnswer:
    """Stop a comparison that waits or is being made; what stood before it goes on to stand."""
    return view_run(session, cancel_run(session, person.actor, run_id))


@router.get("/change-runs/{run_id}/findings", responses=describe_problems(404))
def read_findings(
    run_id: RunId,
    _: FlightReader,
    session: SessionDep,
    page: PageDep,
    verdict: ChangeVerdict | None = None,
    excess: Annotated[bool | None, Query(description="more storeys than permitted")] = None,
) -> FindingPage:
    """List what a comparison says of buildings, what matters first."""
    run = get_run(session, run_id)
    rows = list_findings(
        session,
        run_id,
        limit=page.probe,
        after=finding_from_cursor(page.cursor),
        verdict=verdict.value if verdict else None,
        excess=excess,
    )
    shown = rows[: page.limit]
    return FindingPage(
        items=view_findings(session, run, shown),
        next_cursor=cursor_from_finding(_position_of(shown[-1]))
        if len(rows) > len(shown)
        else None,
    )


@router.get("/change-runs/{run_id}/findings.geojson", responses=describe_problems(404))
def read_shapes(run_id: RunId, _: FlightReader, session: SessionDep) -> dict[str, Any]:
    """Return all buildings of a comparison as GeoJSON for a map."""
    run = get_run(session, run_id)
    return view_shapes(session, run, list_findings(session, run_id))


@router.get("/change-runs/{run_id}/findings/{finding_id}", responses=describe_problems(404))
def read_finding(
    run_id: RunId, finding_id: FindingId, _: FlightReader, session: SessionDep
) -> FindingItem:
    """Return what a comparison says of one building."""
    run = get_run(session, run_id)
    (item,) = view_findings(session, run, [get_finding(session, run_id, finding_id)])
    return item


@router.get(
    "/change-runs/{run_id}/findings/{finding_id}/{name}",
    response_class=FileResponse,
    responses=describe_problems(404),
)
def read_picture(
    run_id: RunId,
    finding_id: FindingId,
    name: PictureName,
    _: FlightReader,
    services: ServicesDep,
) -> FileResponse:
    """Return a picture of a building: before, after, or the difference of its heights."""
    with services.sessions() as session:
        row = get_finding(session, run_id, finding_id)
    sha256 = {
        "before.jpg": row.before_sha256,
        "after.jpg": row.after_sha256,
        "difference.png": row.difference_sha256,
    }[name]
    if sha256 is None:
        raise ChangePictureNotFoundError
    media_type = "image/png" if name.endswith(".png") else "image/jpeg"
    return FileResponse(
        services.store.path_of(sha256),
        media_type=media_type,
        headers={"Cache-Control": CACHE_FOR_EVER},
    )


def _position_of(row: BuildingFindingRow) -> FindingPosition:
    return FindingPosition(row.attention, row.id)
