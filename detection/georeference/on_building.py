"""Which building's wall or roof a ray ends on, as far as its errors allow to say.

A building is one or another: beside a corner or at the edge of a roof, a small error of the
camera changes which one is met and how far away it is, by leaps that no derivative knows. So the
errors are drawn some hundred times and the draws are counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.domain.camera import CameraPose
from detection.domain.finding import BuildingPart, GroundPoint, OnBuilding
from detection.domain.geometry import FloatArray
from detection.domain.photo import Photo
from detection.georeference.draws import draw_sight
from detection.georeference.nearby import MAX_REACH_M, collect_nearby
from detection.georeference.projection import lonlat_from_offsets
from detection.georeference.refusal import require_pose
from detection.georeference.surroundings import Surroundings
from detection.georeference.walls import Walls, meet_walls

BUILDING_THINGS = frozenset({"facade_crack", "added_storey", "demolished"})
ROOF_THING = "added_storey"

MIN_PROBABILITY = 0.25
"""Share of the errors that must meet a building: at the corner of a roof, half of them pass over
it and half of them beside it."""

FOOTPRINT_STD_M = 0.5
"""One standard deviation, per axis, of a footprint on the map: a survey of 1:1000."""

ADDED_M, ADDED_STD_M = 1.5, 1.5
"""Nobody says whether a layer's height is from before or after a storey of 3 m was added."""


@dataclass(frozen=True, slots=True)
class BuildingHit:
    """A place on a building.

    ``distance_m`` is from the camera along the ray, with one standard deviation;
    ``incidence_deg`` the angle between the ray and the normal of the wall or roof (0 looks
    straight at it).
    """

    ground: GroundPoint
    on_building: OnBuilding
    distance_m: float
    distance_std_m: float
    incidence_deg: float


def find_building_hit(
    photo: Photo,
    xy_px: tuple[float, float],
    pixel_std_px: tuple[float, float],
    thing: str,
    surroundings: Surroundings,
) -> BuildingHit | None:
    """Return where the ray of a pixel ends on the building that most of its errors allow.

    None where less than ``MIN_PROBABILITY`` of the errors meet any one building within
    ``MAX_REACH_M``. The ellipse is that of the place if it is this building; how sure that is,
    the probability says. An added storey counts as on the roof, whichever side of it is seen.

    Raises:
        NotPlacedError: pose or focal length is incomplete.
    """
    pose, intrinsics = require_pose(photo)
    draws = draw_sight(pose, intrinsics, xy_px, pixel_std_px)
    if surroundings.buildings is None or np.isnan(draws.rays).any():
        return None
    nearby = collect_nearby(pose, draws, surroundings.buildings, surroundings.terrain)
    if nearby is None:
        return None
    # What counts is how the camera stands to the footprint, so its error moves the camera.
    shifted = draws.origins + np.pad(draws.shifts * FOOTPRINT_STD_M, ((0, 0), (0, 1)))
    added = (ADDED_M, ADDED_STD_M) if thing == ROOF_THING else (0.0, 0.0)
    roofs_m = nearby.draw_roofs(draws.roofs, *added)
    hits = meet_walls(nearby.walls, roofs_m, shifted, draws.rays)
    distances_m = hits.reach * np.linalg.norm(draws.rays, axis=1)
    # No camera is inside a building or below ground: such draws say nothing.
    is_possible = hits.is_possible & (draws.origins[:, 2] > nearby.ground_m)
    owners = np.where(is_possible & (distances_m <= MAX_REACH_M), hits.owners, -1)
    winner = int(np.argmax(np.bincount(owners + 1, minlength=nearby.walls.count + 1)[1:]))
    won = owners == winner
    probability = np.count_nonzero(won) / max(1, np.count_nonzero(is_possible))
    if probability < MIN_PROBABILITY:
        return None
    places = draws.origins[won] + draws.rays[won] * hits.reach[won, None]
    heights_m = places[:, 2] - nearby.walls.foot_m[winner]
    part = _find_part(thing, hits.edges[won])
    on_building = OnBuilding(
        building_id=nearby.buildings[winner].building_id,
        part=part,
        height_m=float(heights_m.mean()),
        height_std_m=math.hypot(float(heights_m.std()), nearby.foot_std_m),
        probability=probability,
    )
    return BuildingHit(
        ground=_summarize_places(pose, places[:, :2], part),
        on_building=on_building,
        distance_m=float(distances_m[won].mean()),
        distance_std_m=float(distances_m[won].std()),
        incidence_deg=_measure_incidence(nearby.walls, hits.edges[won], draws.rays[won]),
    )


def _find_part(thing: str, edges: NDArray[np.intp]) -> BuildingPart:
    on_roof = thing == ROOF_THING or np.count_nonzero(edges < 0) * 2 > len(edges)
    return BuildingPart.ROOF if on_roof else BuildingPart.FACADE


def _summarize_places(pose: CameraPose, places_m: FloatArray, part: BuildingPart) -> GroundPoint:
    """Return the mean of places ``(n, 2)`` and their covariance."""
    middle = places_m.mean(axis=0)
    away = places_m - middle
    (ee, en), (_, nn) = (away.T @ away / len(away)).tolist()
    ((lon, lat),) = lonlat_from_offsets(pose.lon, pose.lat, middle[None]).tolist()
    return GroundPoint(lon, lat, ee, en, nn, f"building_{part.value}")


def _measure_incidence(walls: Walls, edges: NDArray[np.intp], rays: FloatArray) -> float:
    """Return the mean angle between rays ``(n, 3)`` and the normal of what each meets."""
    along = walls.ends[edges] - walls.starts[edges]
    across = np.abs(rays[:, 0] * along[:, 1] - rays[:, 1] * along[:, 0])
    into_wall = across / np.linalg.norm(along, axis=1)
    into = np.where(edges < 0, np.abs(rays[:, 2]), into_wall) / np.linalg.norm(rays, axis=1)
    return float(np.degrees(np.arccos(np.clip(into, 0.0, 1.0))).mean())
