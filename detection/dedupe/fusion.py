"""Many sightings of one thing to one place, and to one building."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from detection.domain.finding import BuildingPart, GroundPoint, OnBuilding

_METRES_PER_DEG = 111_319.49
_LEAST_STD_M = 1e-3


def fuse_grounds(grounds: Sequence[GroundPoint]) -> GroundPoint | None:
    """Inverse-covariance weighted mean, with the covariance of the best single sighting.

    How much of their errors the sightings share is not known, so many of them do not claim to be
    better placed than the best one: the ellipse is never too small.
    """
    if not grounds:
        return None
    best = min(grounds, key=lambda g: (g.cov_ee_m2 + g.cov_nn_m2, g.lon, g.lat))
    ee = en = nn = east = north = 0.0
    metres_per_lon_deg = _METRES_PER_DEG * math.cos(math.radians(best.lat))
    for ground in grounds:
        # Across the antimeridian too.
        east_m = ((ground.lon - best.lon + 180.0) % 360.0 - 180.0) * metres_per_lon_deg
        north_m = (ground.lat - best.lat) * _METRES_PER_DEG
        determinant = ground.cov_ee_m2 * ground.cov_nn_m2 - ground.cov_en_m2**2
        a, b, d = (
            ground.cov_nn_m2 / determinant,
            -ground.cov_en_m2 / determinant,
            ground.cov_ee_m2 / determinant,
        )
        ee, en, nn = ee + a, en + b, nn + d
        east, north = east + a * east_m + b * north_m, north + b * east_m + d * north_m
    determinant = ee * nn - en * en
    east_m, north_m = (nn * east - en * north) / determinant, (ee * north - en * east) / determinant
    return GroundPoint(
        lon=(best.lon + east_m / metres_per_lon_deg + 180.0) % 360.0 - 180.0,
        lat=best.lat + north_m / _METRES_PER_DEG,
        cov_ee_m2=best.cov_ee_m2,
        cov_en_m2=best.cov_en_m2,
        cov_nn_m2=best.cov_nn_m2,
        method=best.method,
    )


def fuse_buildings(found: Sequence[OnBuilding | None]) -> OnBuilding | None:
    """Return the building that the sightings together hold most probable.

    A sighting on another building, or on none, counts against it.
    """
    probable: dict[str, list[OnBuilding]] = defaultdict(list)
    for one in found:
        if one is not None:
            probable[one.building_id].append(one)
    if not probable:
        return None
    building_id, sightings = max(
        sorted(probable.items()), key=lambda item: math.fsum(one.probability for one in item[1])
    )
    parts = {
        part: math.fsum(one.probability for one in sightings if one.part is part)
        for part in BuildingPart
    }
    weights = [max(one.height_std_m, _LEAST_STD_M) ** -2 for one in sightings]
    heights = [w * one.height_m for w, one in zip(weights, sightings, strict=True)]
    return OnBuilding(
        building_id=building_id,
        part=max(parts, key=lambda part: (parts[part], part.value)),
        height_m=math.fsum(heights) / math.fsum(weights),
        height_std_m=min(one.height_std_m for one in sightings),
        probability=math.fsum(one.probability for one in sightings) / len(found),
    )
