"""The buildings that are measured: where each stands, and between which heights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from scipy.spatial import cKDTree
from shapely.geometry.base import BaseGeometry

from detection.change.epoch import Epoch
from detection.change.errors import NoBuildingsError
from detection.domain.geometry import FloatArray
from detection.layers.buildings import BuildingLayer
from detection.layers.layer import project_geometries

REACH_M = 30.0
"""Buildings so far outside a flight's points belong to its answer, if only as not seen."""
SEEN_M = 10.0
"""A building without a point of the flight so near its outline is not in it."""
ROUND_M = 8.0
"""Heights near a building are those of the points within this distance of its outline."""
BELOW_M, ABOVE_M = 3.0, 6.0
"""Tried from so far below the lowest to so far above the highest point near."""
LEAST_POINTS = 8
STRIP_M = 40.0
"""Buildings are visited in strips so wide, so that neighbours find their photos in memory."""


@dataclass(frozen=True, slots=True)
class Site:
    """One building in metres of the epochs' plane.

    ``range_m`` is the lowest and highest height worth trying; ``seen_by`` says of each epoch
    whether it shows points near.
    """

    building_id: str
    footprint_m: BaseGeometry
    range_m: tuple[float, float]
    seen_by: tuple[bool, ...]


def find_footprints(
    layer: BuildingLayer, epochs: Sequence[Epoch]
) -> list[tuple[str, BaseGeometry]]:
    """Return id and footprint, in metres of the epochs' plane, of the buildings near the flights.

    They come in strips from south to north.

    Raises:
        NoBuildingsError: the layer has none there.
    """
    plane = epochs[0].plane
    corners = [_corners(epoch.model.points_m) for epoch in epochs]
    indices = layer.query_near(plane.to_lonlat(np.vstack(corners)), REACH_M)
    if not len(indices):
        raise NoBuildingsError(len(layer))
    shapes = project_geometries(layer.geometries[indices], plane)
    found = [
        (layer.buildings[int(index)].building_id, shape)
        for index, shape in zip(indices, shapes, strict=True)
    ]
    return sorted(found, key=lambda one: _place_in_strips(one[1]))


def lay_out(
    footprints: Sequence[tuple[str, BaseGeometry]], epochs: Sequence[Epoch]
) -> tuple[Site, ...]:
    """Return the sites of footprints that lie where the epochs' points do."""
    points = [epoch.model.points_m for epoch in epochs]
    trees = [shapely.STRtree(np.asarray(shapely.points(one[:, :2]))) for one in points]
    together = np.vstack(points)
    wide = cKDTree(together[:, :2])
    sites = []
    for building_id, shape in footprints:
        near = [tree.query(shape, predicate="dwithin", distance=ROUND_M) for tree in trees]
        seen = tuple(
            len(tree.query(shape, predicate="dwithin", distance=SEEN_M)) > 0 for tree in trees
        )
        heights = np.concatenate([one[index, 2] for one, index in zip(points, near, strict=True)])
        if len(heights) < LEAST_POINTS:
            middle = shapely.get_coordinates(shape.centroid)[0]
            heights = together[wide.query(middle, k=min(10 * LEAST_POINTS, len(together)))[1], 2]
        sites.append(Site(building_id, shape, _range(heights), seen))
    return tuple(sites)


def _corners(points_m: FloatArray) -> FloatArray:
    """Return two corners of the box in which nearly all points lie."""
    return np.asarray(np.percentile(points_m[:, :2], [1.0, 99.0], axis=0))


def _range(heights: FloatArray) -> tuple[float, float]:
    low, high = np.percentile(heights, [2.0, 98.0])
    return float(low - BELOW_M), float(high + ABOVE_M)


def _place_in_strips(shape: BaseGeometry) -> tuple[float, float]:
    middle = shape.centroid
    strip = np.floor(middle.y / STRIP_M)
    return float(strip), float(middle.x if strip % 2 == 0 else -middle.x)
