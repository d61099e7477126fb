"""What a flight covers, computed in a lane of its own, before and beside detection."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import select

from detection.coverage.coverage import Coverage
from detection.coverage.document import build_coverage_document
from detection.coverage.footprint import compute_footprints
from detection.coverage.geojson import build_footprints_geojson, build_refly_geojson
from detection.coverage.kml import build_refly_kml
from detection.coverage.measure import measure_coverage
from detection.coverage.refly import ReflySpot, list_refly
from detection.domain.errors import HazardLensError
from detection.domain.photo import FlightKind, Photo
from detection.domain.quality import PhotoQuality
from detection.georeference.surroundings import Surroundings
from detection.layers.areas import AreaLayer
from detection.layers.covers import CoverLayer
from detection.layers.layer import LayerWarning
from detection.layers.offset import check_offset
from serving.db.tables import PhotoRow
from serving.flights.catalogue import get_flight
from serving.flights.coverage import (
    find_coverage,
    keep_files,
    store_coverage,
    store_coverage_failure,
)
from serving.flights.coverage_scope import select_areas
from serving.flights.coverage_summary import build_targets_geojson, summarize_coverage
from serving.flights.layers import (
    AreaLevel,
    LayerKind,
    layers_near,
    load_areas,
    load_covers,
    near_flight,
)
from serving.flights.photo_checks import check_photos
from serving.flights.photo_rows import photo_from_row, quality_from_row
from serving.jobs.context import WorkerContext
from serving.jobs.surroundings import know_surroundings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Flight:
    """Everything that is needed of the database, so that no connection is held while we compute."""

    name: str
    kind: FlightKind
    photos: tuple[Photo, ...]
    qualities: Mapping[str, PhotoQuality]
    surroundings: Surroundings
    covers: CoverLayer | None
    survey: AreaLayer | None
    layer_ids: list[int]


def cover_flight(context: WorkerContext, flight_id: int) -> None:
    """Compute and store what a flight covers; nothing where it was done since it was asked for."""
    with context.sessions() as session:
        wanted = find_coverage(session, flight_id)
    if wanted is None or wanted.state != "queued":
        return
    try:
        with context.sessions.begin() as session:
            check_photos(session, flight_id)
        flight = _load(context, flight_id)
        coverage = _measure(flight)
        spots = list_refly(coverage)
        files = keep_files(context.store, _write_files(flight.name, coverage, spots))
        warnings = [warning.code for warning in _check_offset(flight)]
        summary = summarize_coverage(coverage, refly=len(spots), warnings=warnings)
        with context.sessions.begin() as session:
            store_coverage(
                session,
                flight_id,
                requested_at=wanted.requested_at,
                layer_ids=flight.layer_ids,
                summary=summary,
                files=files,
            )
    except HazardLensError as error:
        # Somebody has to mend this (a layer, a setting); repeating would not.
        logger.error("flight %d: no coverage: %s", flight_id, error)  # noqa: TRY400 - no bug
        _store_failure(context, flight_id, error, wanted.requested_at)


def give_up(context: WorkerContext, flight_id: int, error: HazardLensError) -> None:
    """Write why the coverage that was asked for cannot be computed."""
    with context.sessions() as session:
        wanted = find_coverage(session, flight_id)
    if wanted is not None and wanted.state == "queued":
        _store_failure(context, flight_id, error, wanted.requested_at)


def _store_failure(
    context: WorkerContext, flight_id: int, error: HazardLensError, requested_at: datetime
) -> None:
    with context.sessions.begin() as session:
        store_coverage_failure(session, flight_id, error, requested_at=requested_at)


def _write_files(name: str, coverage: Coverage, spots: Sequence[ReflySpot]) -> dict[str, bytes]:
    documents = {
        "coverage.json": build_coverage_document(coverage, spots),
        "footprints.geojson": build_footprints_geojson(coverage),
        "targets.geojson": build_targets_geojson(coverage),
        "refly.geojson": build_refly_geojson(spots),
    }
    texts = {key: json.dumps(one, ensure_ascii=False) for key, one in documents.items()}
    files = {key: text.encode() for key, text in texts.items()}
    return files | {"refly.kml": build_refly_kml(name, spots)}


def _load(context: WorkerContext, flight_id: int) -> _Flight:
    surroundings = know_surroundings(context, flight_id)
    with context.sessions() as session:
        flight = get_flight(session, flight_id)
        statement = select(PhotoRow).where(PhotoRow.flight_id == flight_id).order_by(PhotoRow.id)
        rows = session.scalars(statement).all()
        qualities = {str(row.id): quality_from_row(row) for row in rows}
        near = near_flight(session, flight_id)
        used = [] if near is None else layers_near(session, near, *LayerKind)
        return _Flight(
            name=flight.name,
            kind=FlightKind(flight.kind),
            photos=tuple(photo_from_row(row, context.store.path_of(row.sha256)) for row in rows),
            qualities={name: one for name, one in qualities.items() if one is not None},
            surroundings=surroundings,
            covers=None if near is None else load_covers(session, near),
            survey=None if near is None else load_areas(session, near, [AreaLevel.SURVEY]),
            layer_ids=[row.id for row in used if row.level in {"", AreaLevel.SURVEY}],
        )


def _measure(flight: _Flight) -> Coverage:
    terrain = flight.surroundings.terrain
    footprints = compute_footprints(flight.photos, terrain, qualities=flight.qualities)
    return measure_coverage(
        footprints,
        buildings=flight.surroundings.buildings,
        covers=flight.covers,
        area=select_areas(flight.survey, footprints),
        terrain=terrain,
    )


def _check_offset(flight: _Flight) -> list[LayerWarning]:
    """Return a warning where the buildings lie where GCJ-02 would put them.

    Streets run between buildings and never through them; drones fly above them.
    """
    buildings = flight.surroundings.buildings
    poses = [photo.pose for photo in flight.photos if photo.pose is not None]
    if buildings is None or not poses:
        return []
    places = np.array([(pose.lon, pose.lat) for pose in poses])
    is_street = flight.kind is FlightKind.STREET
    check = check_offset(buildings, places, relation="outside" if is_street else "near")
    warning = check.warning if check is not None else None
    return [warning] if warning is not None else []
