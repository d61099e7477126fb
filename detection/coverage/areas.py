"""How much of each area was covered, and which gaps are worth flying again."""

from __future__ import annotations

import shapely
from shapely.geometry.base import BaseGeometry

from detection.coverage.coverage import AreaCoverage
from detection.coverage.views import FlightView
from detection.layers.areas import AreaLayer
from detection.layers.layer import project_geometries, unproject_geometry
from detection.needs import Needs

_SLIVER_M = 2.0
"""A gap narrower than twice this is lost in the errors of the footprints."""


def measure_areas(
    layer: AreaLayer | None, flight: FlightView | None, covered_m: BaseGeometry, needs: Needs
) -> tuple[AreaCoverage, ...]:
    """Return every area of the layer with its covered share and its gaps.

    ``covered_m`` is in the plane of ``flight``; without a flight nothing is covered.
    """
    if layer is None:
        return ()
    plane = layer.plane if flight is None else flight.plane
    found = []
    for one, shape_m in zip(layer.areas, project_geometries(layer.geometries, plane), strict=True):
        missed_m = shapely.difference(shape_m, covered_m)
        gaps_m = _keep_wide(missed_m, needs.target.min_gap_m2)
        found.append(
            AreaCoverage(
                one.area_id,
                one.name,
                one.level,
                one.polygon,
                area_m2=float(shape_m.area),
                share=1.0 - float(missed_m.area / shape_m.area),
                gaps=tuple(unproject_geometry(gap_m, plane) for gap_m in gaps_m),
            )
        )
    return tuple(found)


def _keep_wide(shape_m: BaseGeometry, min_area_m2: float) -> list[BaseGeometry]:
    """Return the parts that stay when slivers are rubbed out, largest first."""
    thin = shapely.buffer(shape_m, -_SLIVER_M, join_style="mitre")
    wide = shapely.buffer(thin, _SLIVER_M, join_style="mitre")
    parts = shapely.get_parts(shapely.intersection(wide, shape_m)).tolist()
    polygons = [one for one in parts if one.area >= min_area_m2]
    return sorted(polygons, key=lambda one: -float(one.area))
