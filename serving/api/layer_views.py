"""Rows to answers: layers, their features, and what a flight covers."""

from __future__ import annotations

import json
from collections.abc import Sequence

import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.api.layer_schemas import (
    CoverageAnswer,
    CoverageLayer,
    CoverageSummary,
    FeatureItem,
    FeaturePage,
    LayerAnswer,
    LayerWarningItem,
)
from serving.api.schemas import FlightFailure
from serving.db.tables import FlightCoverageRow, LayerFeatureRow, LayerRow, UserRow
from serving.flights.layer_rows import warnings_from_row
from serving.flights.layers import AreaLevel, LayerKind

API = "/api/v1"
DEGREE_STEP = 1e-7
"""A centimetre: finer than any layer, and half the bytes."""


def view_layers(session: Session, rows: Sequence[LayerRow]) -> list[LayerAnswer]:
    """Return layers with the names of those who imported them."""
    wanted = {row.created_by for row in rows if row.created_by is not None}
    found = session.execute(select(UserRow.id, UserRow.username).where(UserRow.id.in_(wanted)))
    names = dict(found.all())
    return [_view_layer(row, names.get(row.created_by or 0)) for row in rows]


def view_layer(session: Session, row: LayerRow) -> LayerAnswer:
    """Return a layer with the name of who imported it."""
    return view_layers(session, [row])[0]


def view_features(rows: Sequence[LayerFeatureRow], limit: int) -> FeaturePage:
    """Return up to ``limit`` features as GeoJSON."""
    features = [
        FeatureItem(
            id=row.feature_id,
            geometry=geometry_from_wkb(row.geometry),
            properties={
                "name": row.name,
                "height_m": row.height_m,
                "storeys": row.storeys,
                "diameter_m": row.diameter_m,
            },
        )
        for row in rows[:limit]
    ]
    return FeaturePage(features=features, complete=len(rows) <= limit)


def geometry_from_wkb(wkb: bytes) -> dict[str, object]:
    """Return a stored shape as GeoJSON has it."""
    shape = shapely.set_precision(shapely.from_wkb(wkb), DEGREE_STEP, mode="pointwise")
    parsed: dict[str, object] = json.loads(shapely.to_geojson(shape))
    return parsed


def view_coverage(
    session: Session, flight_id: int, row: FlightCoverageRow | None
) -> CoverageAnswer:
    """Return what a flight covers, as far as it is known."""
    if row is None:
        return CoverageAnswer(
            flight_id=flight_id,
            state="none",
            requested_at=None,
            computed_at=None,
            layers=[],
            summary=None,
            files={},
            failure=None,
        )
    return CoverageAnswer(
        flight_id=flight_id,
        state=row.state,  # type: ignore[arg-type]  # the table holds no other
        requested_at=row.requested_at,
        computed_at=row.computed_at,
        layers=_view_used(session, row.layer_ids),
        summary=CoverageSummary.model_validate(row.summary) if row.summary else None,
        files={name: coverage_url(flight_id, name) for name in sorted(row.files or {})},
        failure=_view_failure(row),
    )


def coverage_url(flight_id: int, name: str) -> str:
    """Return the address of a file of a coverage."""
    return f"{API}/flights/{flight_id}/coverage/{name}"


def _view_used(session: Session, layer_ids: Sequence[int]) -> list[CoverageLayer]:
    rows = session.scalars(select(LayerRow).where(LayerRow.id.in_(layer_ids)).order_by(LayerRow.id))
    return [CoverageLayer(id=row.id, kind=LayerKind(row.kind), name=row.name) for row in rows]


def _view_failure(row: FlightCoverageRow) -> FlightFailure | None:
    if row.failure_code is None:
        return None
    return FlightFailure(
        code=row.failure_code, message=row.failure_message or "", remedy=row.failure_remedy or ""
    )


def _view_layer(row: LayerRow, created_by: str | None) -> LayerAnswer:
    return LayerAnswer(
        id=row.id,
        kind=LayerKind(row.kind),
        level=AreaLevel(row.level) if row.level else None,
        name=row.name,
        crs=row.crs,
        file_name=row.file_name,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        feature_count=row.feature_count,
        fields=row.fields,
        warnings=[LayerWarningItem.model_validate(warning) for warning in warnings_from_row(row)],
        bounds=(row.west, row.south, row.east, row.north),
        created_by=created_by,
        created_at=row.created_at,
    )
