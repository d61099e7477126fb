"""Which areas a flight was meant for.

A layer of areas to be flown (巡查范围) may hold a whole campaign and a flight one block of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import shapely

from detection.coverage.footprint import Footprint
from detection.layers.areas import AreaLayer
from detection.layers.layer import unwrap_lonlat

MEANT_SHARE: Final = 0.1


def select_areas(areas: AreaLayer | None, footprints: Sequence[Footprint]) -> AreaLayer | None:
    """Return the areas that the flight was meant for; None where there is none.

    They share more than a tenth of the smaller of the two with the hull of the ground shown: a
    neighbour whose rim the last photos show is not what was flown, a town of which this flight is
    a twentieth is. Areas that are together less than a tenth of the hull are those of another
    task: nothing outside them would count.
    """
    rings = [np.asarray(one.ring, dtype=np.float64) for one in footprints if one.ring]
    if areas is None or not len(areas) or not rings:
        return None
    middle_lon = float(shapely.get_coordinates(areas.geometries)[0, 0])
    shown = shapely.MultiPoint(unwrap_lonlat(np.concatenate(rings), middle_lon)).convex_hull
    shared = shapely.area(shapely.intersection(areas.geometries, shown))
    smaller = np.minimum(shapely.area(areas.geometries), shown.area)
    meant = np.flatnonzero(shared > MEANT_SHARE * smaller)
    if shared[meant].sum() <= MEANT_SHARE * shown.area:
        return None
    return AreaLayer(tuple(areas.features[index] for index in meant))
