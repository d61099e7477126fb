"""The buildings that drawn rays may meet, in metres from the camera."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely

from detection.domain.camera import CameraPose
from detection.domain.geometry import FloatArray
from detection.georeference.draws import Draws
from detection.georeference.projection import lonlat_from_offsets, offsets_from_lonlat
from detection.georeference.walls import Walls, collect_walls
from detection.layers.buildings import Building, BuildingLayer
from detection.terrain import Terrain

MAX_REACH_M = 300.0

ROOF_STD_M = 1.5
UNKNOWN_ROOF_M, UNKNOWN_ROOF_STD_M = 12.0, 6.0
LOWEST_ROOF_M = 2.5

_TINY = 1e-9


@dataclass(frozen=True, eq=False)
class Nearby:
    """Buildings along the rays.

    ``ground_m`` is the height of the ground under the camera, ``foot_std_m`` one standard
    deviation of that and of the feet of the buildings.
    """

    buildings: tuple[Building, ...]
    walls: Walls
    ground_m: float
    foot_std_m: float

    def draw_roofs(self, normals: FloatArray, raise_m: float, raise_std_m: float) -> FloatArray:
        """Return the height of each roof for each of ``S`` normals, ``(S, B)``.

        ``raise_m`` is what may stand on the roofs that the layer knows.
        """
        known = [building.likely_height_m for building in self.buildings]
        means = np.array([UNKNOWN_ROOF_M if one is None else one for one in known])
        stds = np.array([UNKNOWN_ROOF_STD_M if one is None else ROOF_STD_M for one in known])
        heights = means + raise_m + normals[:, None] * np.hypot(stds, raise_std_m)
        return np.asarray(self.walls.foot_m + np.maximum(heights, LOWEST_ROOF_M))


def collect_nearby(
    pose: CameraPose, draws: Draws, layer: BuildingLayer, terrain: Terrain | None
) -> Nearby | None:
    """Return the buildings within ``MAX_REACH_M`` along the rays; None where there is none."""
    found = layer.query(_find_box(pose, draws, layer, terrain))
    if not len(found):
        return None
    shapes = shapely.transform(
        layer.geometries[found], lambda lonlat: offsets_from_lonlat(pose.lon, pose.lat, lonlat)
    )
    middles = shapely.get_coordinates(shapely.centroid(shapes))
    heights_m, std_m = _find_heights(pose, np.concatenate([middles, np.zeros((1, 2))]), terrain)
    buildings = tuple(layer.buildings[int(index)] for index in found)
    return Nearby(buildings, collect_walls(shapes, heights_m[:-1]), float(heights_m[-1]), std_m)


def _find_heights(
    pose: CameraPose, places_m: FloatArray, terrain: Terrain | None
) -> tuple[FloatArray, float]:
    """Return the heights of the ground at places ``(n, 2)`` and one standard deviation.

    Zero, as all ground is, where no terrain is known.
    """
    if terrain is None:
        return np.zeros(len(places_m)), 0.0
    heights_m = np.nan_to_num(terrain.view_from(pose.lon, pose.lat).heights_at(places_m))
    return heights_m, math.hypot(terrain.std_m, terrain.takeoff_std_m)


def _find_box(
    pose: CameraPose, draws: Draws, layer: BuildingLayer, terrain: Terrain | None
) -> tuple[float, float, float, float]:
    """Return the bounds of the rays down to the lowest ground, in the layer's metres."""
    lowest_m = 0.0 if terrain is None else terrain.bounds_m[0]
    starts, rays = draws.origins, draws.rays
    level = np.maximum(np.hypot(rays[:, 0], rays[:, 1]), _TINY)
    down = np.maximum(-rays[:, 2], _TINY)
    reach = np.minimum(MAX_REACH_M / level, np.maximum(starts[:, 2] - lowest_m, 0.0) / down)
    ends = starts[:, :2] + rays[:, :2] * reach[:, None]
    trace = lonlat_from_offsets(pose.lon, pose.lat, np.concatenate([starts[:, :2], ends]))
    metres = layer.plane.to_metres(trace)
    (west, south), (east, north) = metres.min(axis=0).tolist(), metres.max(axis=0).tolist()
    return west, south, east, north
