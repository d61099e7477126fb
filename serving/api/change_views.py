"""Comparisons and findings as answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from detection.domain.errors import HazardLensError
from serving.api.change_schemas import (
    BaseChoiceItem,
    FindingItem,
    FindingPictures,
    FlightChangeAnswer,
    OriginCounts,
    RunAnswer,
    ShownItem,
    ShownPhotos,
)
from serving.api.schemas import FlightFailure
from serving.db.tables import (
    BuildingFindingRow,
    ChangeRunRow,
    FlightRow,
    LayerFeatureRow,
    PhotoRow,
    UserRow,
)
from serving.flights.catalogue import get_flight
from serving.flights.change import (
    OPEN_STATES,
    find_candidates,
    find_latest_run,
    find_standing_run,
    list_footprints,
)
from serving.flights.change_epochs import (
    FlightEpoch,
    count_new_and_stock,
    find_epochs,
    list_base_choices,
)
from serving.flights.layers import load_buildings, near_flight
from serving.flights.register import load_permitted
from serving.jobs.change_orders import BUILDINGS_M, check_can_start

API = "/api/v1"


def view_run(session: Session, row: ChangeRunRow) -> RunAnswer:
    """Return a comparison as it stands now."""
    flights = [each for each in (row.base_flight_id, row.new_flight_id) if each is not None]
    names = _names_of(session, flights)
    user = session.get(UserRow, row.requested_by) if row.requested_by else None
    address = f"{API}/change-runs/{row.id}"
    return RunAnswer(
        id=row.id,
        kind=row.kind,  # type: ignore[arg-type]  # the table holds no other
        state=row.state,  # type: ignore[arg-type]  # the table holds no other
        stage=row.stage,
        done=row.done,
        total=row.total,
        base_flight_id=row.base_flight_id,
        base_flight_name=names.get(row.base_flight_id) if row.base_flight_id else None,
        new_flight_id=row.new_flight_id,
        new_flight_name=names[row.new_flight_id],
        requested_by=user.username if user else None,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        elapsed_s=_elapsed_s(row),
        error=_view_failure(row),
        is_standing=row.stands,
        register_only=row.heights_of is not None,
        summary=row.summary,
        settings_hash=row.settings_hash,
        can_cancel=row.state in OPEN_STATES,
        findings_url=f"{address}/findings",
        shapes_url=f"{address}/findings.geojson",
    )


def view_flight_change(session: Session, flight_id: int) -> FlightChangeAnswer:
    """Return where a flight stands in the history of its place, and its comparisons.

    Raises:
        FlightNotFoundError: there is no such flight.
    """
    get_flight(session, flight_id)
    epoch = find_epochs(session, [flight_id]).get(flight_id)
    counts = count_new_and_stock(session, [flight_id]).get(flight_id)
    near = near_flight(session, flight_id, BUILDINGS_M)
    buildings = load_buildings(session, near) if near is not None else None
    permitted = load_permitted(session, near) if near is not None else {}
    problem = _find_start_problem(session, flight_id)
    latest, standing = find_latest_run(session, flight_id), find_standing_run(session, flight_id)
    return FlightChangeAnswer(
        flight_id=flight_id,
        **_view_epoch(session, epoch),
        counts=None if counts is None else OriginCounts(new=counts[0], stock=counts[1]),
        building_count=len(buildings or ()),
        register_count=sum(each.storeys is not None for each in permitted.values()),
        can_start=problem is None,
        start_problem=problem,
        base_choices=_view_choices(session, flight_id),
        run=None if latest is None else view_run(session, latest),
        standing=None if standing is None else view_run(session, standing),
    )


def view_findings(
    session: Session, run: ChangeRunRow, rows: Sequence[BuildingFindingRow]
) -> list[FindingItem]:
    """Return findings with their buildings, photos and candidates."""
    footprints = list_footprints(session, rows)
    candidates = find_candidates(session, run.id)
    photos = _load_photos(session, rows)
    return [
        _view_finding(row, footprints[row.id], candidates.get(row.building_id), photos)
        for row in rows
    ]


def view_shapes(
    session: Session, run: ChangeRunRow, rows: Sequence[BuildingFindingRow]
) -> dict[str, Any]:
    """Return the buildings of a comparison as a FeatureCollection for a map."""
    footprints = list_footprints(session, rows)
    candidates = find_candidates(session, run.id)
    features = [
        {
            "type": "Feature",
            "id": row.id,
            "geometry": _geometry(footprints[row.id]),
            "properties": {
                "finding_id": row.id,
                "building_id": row.building_id,
                "name": footprints[row.id].name,
                "verdict": row.verdict,
                "reason": row.reason,
                "is_excess": row.is_excess,
                "candidate_id": candidates.get(row.building_id),
                "height_change_m": row.figures.get("height_change_m"),
                "height_change_std_m": row.figures.get("height_change_std_m"),
            },
        }
        for row in rows
    ]
    return {"type": "FeatureCollection", "features": features}


def _view_epoch(session: Session, epoch: FlightEpoch | None) -> dict[str, Any]:
    base_id = epoch.baseline_flight_id if epoch else None
    return {
        "is_baseline": epoch.is_baseline if epoch else None,
        "baseline_flight_id": base_id,
        "baseline_flight_name": get_flight(session, base_id).name if base_id else None,
        "overlap_share": epoch.overlap_share if epoch else None,
    }


def _view_choices(session: Session, flight_id: int) -> list[BaseChoiceItem]:
    return [
        BaseChoiceItem(
            id=each.flight.id,
            name=each.flight.name,
            captured_on=each.captured_on,
            overlap_share=round(each.overlap_share, 3),
            is_baseline=each.is_baseline,
        )
        for each in list_base_choices(session, flight_id)
    ]


def _find_start_problem(session: Session, flight_id: int) -> str | None:
    try:
        check_can_start(session, flight_id)
    except HazardLensError as error:
        return error.code
    return None


def _view_failure(row: ChangeRunRow) -> FlightFailure | None:
    if row.failure_code is None:
        return None
    message, remedy = row.failure_message or "", row.failure_remedy or ""
    return FlightFailure(code=row.failure_code, message=message, remedy=remedy)


def _elapsed_s(row: ChangeRunRow) -> float | None:
    if row.started_at is None:
        return None
    return round(((row.finished_at or datetime.now(UTC)) - row.started_at).total_seconds(), 1)


def _names_of(session: Session, flight_ids: Iterable[int]) -> dict[int, str]:
    statement = select(FlightRow.id, FlightRow.name).where(FlightRow.id.in_(list(flight_ids)))
    return dict(session.execute(statement).all())


def _view_finding(
    row: BuildingFindingRow,
    feature: LayerFeatureRow,
    candidate_id: int | None,
    photos: Mapping[int, PhotoRow],
) -> FindingItem:
    address = f"{API}/change-runs/{row.run_id}/findings/{row.id}"
    part = {"type": "MultiPolygon", "coordinates": [[ring] for ring in row.part]}
    return FindingItem(
        id=row.id,
        run_id=row.run_id,
        layer_id=row.layer_id,
        building_id=row.building_id,
        name=feature.name,
        verdict=row.verdict,  # type: ignore[arg-type]  # the table holds no other
        reason=row.reason,
        candidate_id=candidate_id,
        probability=row.probability,
        figures=row.figures,
        pictures=FindingPictures(
            before=f"{address}/before.jpg" if row.before_sha256 else None,
            after=f"{address}/after.jpg" if row.after_sha256 else None,
            difference=f"{address}/difference.png" if row.difference_sha256 else None,
        ),
        picture_m_per_px=row.picture_m_per_px,
        photos=ShownPhotos(
            before=_view_shown(row, "before", photos), after=_view_shown(row, "after", photos)
        ),
        geometry=_geometry(feature),
        part=part if row.part else None,
    )


def _view_shown(
    row: BuildingFindingRow, side: str, photos: Mapping[int, PhotoRow]
) -> list[ShownItem]:
    shown = []
    for entry in _entries(row, side):
        photo = photos[int(entry["photo_id"])]
        shown.append(
            ShownItem(
                photo_id=photo.id,
                flight_id=photo.flight_id,
                name=photo.name,
                width_px=photo.width_px,
                height_px=photo.height_px,
                bbox_xyxy=entry["bbox_xyxy"],
                polygons=entry["polygons"],
                photo_url=f"{API}/photos/{photo.id}",
                thumbnail_url=f"{API}/photos/{photo.id}/thumbnail",
            )
        )
    return shown


def _load_photos(session: Session, rows: Iterable[BuildingFindingRow]) -> dict[int, PhotoRow]:
    ids = {
        int(entry["photo_id"])
        for row in rows
        for side in ("before", "after")
        for entry in _entries(row, side)
    }
    found = session.scalars(select(PhotoRow).where(PhotoRow.id.in_(ids)))
    return {photo.id: photo for photo in found}


def _entries(row: BuildingFindingRow, side: str) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", row.photos.get(side, []))


def _geometry(feature: LayerFeatureRow) -> dict[str, Any]:
    return shapely.geometry.mapping(shapely.from_wkb(feature.geometry))
