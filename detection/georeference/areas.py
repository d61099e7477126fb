"""Which administrative areas a place lies in, and whether its error reaches across a border."""

from __future__ import annotations

import math

import numpy as np
import shapely

from detection.domain.ellipse import compute_ellipse
from detection.domain.finding import AreaMembership, GroundPoint
from detection.georeference.projection import lonlat_from_offsets
from detection.layers.areas import AreaLayer

_CORNERS = 72
_SMALLEST_M = 0.01
"""Least semi-axis of an ellipse: one without area would lie in no share of anything."""


def assign_areas(ground: GroundPoint, areas: AreaLayer) -> tuple[AreaMembership, ...]:
    """Return the areas that the place lies in, in the order of the layer.

    ``near_border`` tells that the 95 % ellipse is not wholly inside the area. A place in a gap
    between the areas of a level belongs to the one that holds most of its ellipse, if any does.
    """
    ellipse = _draw_ellipse(ground, areas)
    place = shapely.Point(areas.plane.to_metres((ground.lon, ground.lat)))
    near = areas.query(ellipse.bounds)
    shapes = areas.polygons_m[near]
    is_in = shapely.covers(shapes, place)
    shares = shapely.area(shapely.intersection(shapes, ellipse)) / ellipse.area
    levels = np.array([areas.areas[int(index)].level for index in near], dtype=object)
    for level in set(levels[~is_in]) - set(levels[is_in]):
        of_level = np.flatnonzero(levels == level)
        best = of_level[np.argmax(shares[of_level])]
        is_in[best] = shares[best] > 0
    reaches_out = ~shapely.covers(shapes, ellipse)
    return tuple(
        AreaMembership(area.level, area.area_id, area.name, near_border=bool(reaches_out[row]))
        for row, area in ((row, areas.areas[int(near[row])]) for row in np.flatnonzero(is_in))
    )


def _draw_ellipse(ground: GroundPoint, areas: AreaLayer) -> shapely.Polygon:
    """Return the 95 % ellipse of a place in the metres of the layer."""
    ellipse = compute_ellipse(ground)
    turn = np.linspace(0.0, 2 * math.pi, _CORNERS, endpoint=False)
    along = np.cos(turn) * max(ellipse.semi_major_m, _SMALLEST_M)
    across = np.sin(turn) * max(ellipse.semi_minor_m, _SMALLEST_M)
    bearing = math.radians(ellipse.angle_deg)
    east = along * math.sin(bearing) + across * math.cos(bearing)
    north = along * math.cos(bearing) - across * math.sin(bearing)
    ring = lonlat_from_offsets(ground.lon, ground.lat, np.stack([east, north], axis=1))
    return shapely.Polygon(areas.plane.to_metres(ring))
