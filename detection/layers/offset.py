"""Whether a layer that claims to be WGS-84 is in truth GCJ-02, told by places that are known.

GCJ-02 shifts everything by some hundred metres, the same way within a town. Such a layer does not
fit the places that its things must be near to, and fits them once the shift is undone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from detection.domain.geometry import FloatArray
from detection.layers.gcj02 import gcj02_from_wgs84
from detection.layers.layer import Feature, Layer, LayerWarning

MIN_PLACES = 5
"""With fewer places any share is chance."""

MIN_GAIN = 0.4
"""So much more of the places must fit once the shift is undone."""

CAMERA_REACH_M = 60.0
"""A camera of an inspection flight has a thing of the layer this near, seen on the map."""

WARNING_CODE = "layer_offset"

Relation = Literal["near", "outside"]


@dataclass(frozen=True, slots=True)
class OffsetCheck:
    """Shares of the known places that fit, and the shift that was undone, metres."""

    share_as_declared: float
    share_if_gcj02: float
    offset_m: float
    fits_gcj02: bool

    @property
    def warning(self) -> LayerWarning | None:
        """What to tell a person; None where the layer fits as declared."""
        if not self.fits_gcj02:
            return None
        return LayerWarning(WARNING_CODE, 1, f"{self.offset_m:.0f} m")


def check_offset(
    layer: Layer[Feature],
    reference_lonlat: FloatArray,
    *,
    relation: Relation = "near",
    radius_m: float = 30.0,
) -> OffsetCheck | None:
    """Hold a layer against places ``(n, 2)`` that are known in EPSG:4326; None: cannot be told.

    ``near``: the places have a thing of the layer within ``radius_m`` (cameras over a small
    layer of buildings, found covers against an inventory). ``outside``: they lie in none of its
    polygons (a street track, covers against buildings).
    """
    places = np.asarray(reference_lonlat, dtype=np.float64).reshape(-1, 2)
    if len(places) < MIN_PLACES or not len(layer):
        return None
    moved = gcj02_from_wgs84(places)
    places_m, moved_m = layer.plane.to_metres(places), layer.plane.to_metres(moved)
    offset_m = float(np.median(np.linalg.norm(moved_m - places_m, axis=1)))
    if offset_m < 1.0:  # outside China
        return None
    reach_m = radius_m if relation == "near" else 0.0
    fit, fit_moved = (
        float(np.mean(_is_hit(layer, points, reach_m) == (relation == "near")))
        for points in (places_m, moved_m)
    )
    return OffsetCheck(fit, fit_moved, offset_m, _is_clear(fit, fit_moved, relation))


def _is_clear(fit: float, fit_moved: float, relation: Relation) -> bool:
    """Whether undoing the shift mends more than chance would.

    Away from its own streets a track falls into buildings only as often as these cover the
    ground, a fifth or so; therefore `outside` counts by how much of the misfit goes away.
    """
    if relation == "near":
        return fit_moved - fit >= MIN_GAIN
    misfit, misfit_moved = 1.0 - fit, 1.0 - fit_moved
    return misfit >= MIN_GAIN / 4 and misfit_moved <= misfit / 4


def _is_hit(layer: Layer[Feature], points_m: FloatArray, radius_m: float) -> NDArray[np.bool_]:
    """Tell for each point in metres ``(n, 2)`` whether a thing of the layer is within reach."""
    hit = np.zeros(len(points_m), dtype=bool)
    pairs = shapely.STRtree(layer.polygons_m).query(
        shapely.points(points_m), predicate="dwithin", distance=radius_m
    )
    hit[pairs[0]] = True
    return hit
