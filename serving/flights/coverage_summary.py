"""From a coverage to what the pages show: figures, and the targets as shapes for a map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from statistics import median
from typing import Final

import shapely
from shapely.geometry.base import BaseGeometry

from detection.coverage.coverage import (
    AreaCoverage,
    Coverage,
    SeenState,
    TargetCoverage,
    TargetKind,
)
from detection.coverage.geojson import geometry_document
from detection.plane import LocalPlane

MAX_UNSEEN: Final = 200
WORST_FIRST: Final = tuple(reversed(SeenState))


def summarize_coverage(
    coverage: Coverage, *, refly: int, warnings: Iterable[str]
) -> dict[str, object]:
    """Return the figures as JSON can hold them; `serving.api.layer_schemas` names each."""
    footprints = coverage.footprints
    sizes = [one.gsd_m for one in footprints if one.gsd_m is not None]
    unseen = [one for one in coverage.targets if one.state is not SeenState.SEEN]
    unseen.sort(key=lambda one: (WORST_FIRST.index(one.state), one.kind, one.target_id))
    return {
        "photos": len(footprints),
        "placed": sum(bool(one.ring) for one in footprints),
        "refused": _count(one.refused for one in footprints if one.refused),
        "flags": _count(code for one in coverage.flags for code in one.codes),
        "gsd_m": median(sizes) if sizes else None,
        "covered_m2": _measure_area(coverage),
        "buildings": _tally(coverage, TargetKind.BUILDING),
        "covers": _tally(coverage, TargetKind.COVER),
        "needs": [asdict(need) for need in coverage.needs_met],
        "areas": [_describe_area(area) for area in coverage.areas],
        "unseen": [_describe_target(one) for one in unseen[:MAX_UNSEEN]],
        "unseen_total": len(unseen),
        "refly": refly,
        "warnings": sorted(set(warnings)),
    }


def build_targets_geojson(coverage: Coverage) -> dict[str, object]:
    """Return the ground covered, areas, their gaps, then buildings and covers and how seen.

    What is drawn later lies on top, so that a house in a gap can still be pointed at.
    """
    areas = [(area, _describe_area(area)) for area in coverage.areas]
    features = [_feature(coverage.covered, {"kind": "covered"})]
    features += [_feature(area.geometry, told | {"kind": "area"}) for area, told in areas]
    features += [
        _feature(gap, told | {"kind": "gap", "state": SeenState.NOT_SEEN.value})
        for area, told in areas
        for gap in area.gaps
    ]
    features += [_feature(one.geometry, _describe_target(one)) for one in coverage.targets]
    return {"type": "FeatureCollection", "features": features}


def _tally(coverage: Coverage, kind: TargetKind) -> dict[str, object] | None:
    targets = coverage.list_targets(kind)
    share = coverage.compute_share(kind)
    if share is None:
        return None
    states = _count(one.state.value for one in targets)
    return {
        "total": len(targets),
        "seen": states.get(SeenState.SEEN.value, 0),
        "share": share,
        "states": states,
    }


def _describe_target(one: TargetCoverage) -> dict[str, object]:
    return {
        "kind": one.kind.value,
        "id": one.target_id,
        "name": one.name,
        "state": one.state.value,
        "share": round(one.share, 4),
        "gsd_m": one.gsd_m,
        "max_gsd_m": one.max_gsd_m,
    }


def _describe_area(area: AreaCoverage) -> dict[str, object]:
    return {
        "area_id": area.area_id,
        "name": area.name,
        "area_m2": area.area_m2,
        "share": area.share,
        "gaps": len(area.gaps),
    }


def _feature(geometry: BaseGeometry, properties: Mapping[str, object]) -> dict[str, object]:
    return {
        "type": "Feature",
        "geometry": geometry_document(geometry),
        "properties": dict(properties),
    }


def _measure_area(coverage: Coverage) -> float:
    """Return the ground that usable photos show, m²."""
    if coverage.covered.is_empty:
        return 0.0
    middle = coverage.covered.centroid
    plane = LocalPlane(middle.x, middle.y)
    return float(shapely.transform(coverage.covered, plane.to_metres).area)


def _count(codes: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(codes).items()))
