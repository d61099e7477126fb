"""What a flight covers: the figures, the shapes for a map, the list to fly again."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from fastapi.responses import FileResponse

from serving.api.layer_schemas import CoverageAnswer
from serving.api.layer_views import view_coverage
from serving.api.problems import describe_problems
from serving.api.schemas import MAX_ID
from serving.deps import FlightReader, FlightWriter, ServicesDep, SessionDep
from serving.flights.catalogue import get_flight
from serving.flights.coverage import MEDIA_TYPES, find_coverage, find_coverage_file
from serving.jobs.flights import order_coverage

router = APIRouter(prefix="/flights/{flight_id}/coverage", tags=["coverage"])

FlightId = Annotated[int, Path(ge=1, le=MAX_ID)]
FileName = Literal[
    "coverage.json", "footprints.geojson", "targets.geojson", "refly.geojson", "refly.kml"
]


@router.get("", responses=describe_problems(404))
def read_coverage(flight_id: FlightId, _: FlightReader, session: SessionDep) -> CoverageAnswer:
    """Return what the flight covers of the imported layers, and what was not seen."""
    get_flight(session, flight_id)
    return view_coverage(session, flight_id, find_coverage(session, flight_id))


@router.post("", status_code=202, responses=describe_problems(404, 409))
def compute_coverage(flight_id: FlightId, _: FlightWriter, session: SessionDep) -> CoverageAnswer:
    """Have the coverage computed with the photos and layers of now; a draft may be asked too."""
    order_coverage(session, flight_id)
    return view_coverage(session, flight_id, find_coverage(session, flight_id))


@router.get("/{name}", response_class=FileResponse, responses=describe_problems(404, 409))
def read_coverage_file(
    flight_id: FlightId, name: FileName, _: FlightReader, services: ServicesDep
) -> FileResponse:
    """Return a file of the last coverage; refly.kml and refly.geojson go to the controller."""
    with services.sessions() as session:
        get_flight(session, flight_id)
        path = find_coverage_file(session, services.store, flight_id, name)
    return FileResponse(
        path,
        media_type=MEDIA_TYPES[name],
        filename=f"flight-{flight_id}-{name}",
        headers={"Cache-Control": "private, no-cache"},
    )
