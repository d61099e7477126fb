"""A ground model: heights on a raster, relative to the ground under the take-off.

So are the heights of the cameras; the datum of the model therefore does not matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from pyproj import CRS, Geod, Transformer
from pyproj.exceptions import ProjError

from detection.domain.errors import InvalidInputError
from detection.domain.geometry import FloatArray
from detection.terrain.raster import LonLatBox, read_raster
from detection.terrain.view import TerrainView

DEFAULT_STD_M = 1.0
"""One standard deviation of a model's heights where nobody says: the raster of a city survey."""

SURFACE_STD_M = 0.3
"""One standard deviation of a surface made of a flight's own photos, against its cameras."""

TAKEOFF_SEARCH_M = 30.0
"""Radius round the assumed take-off whose relief counts as the error of its height."""

_GEOD = Geod(ellps="WGS84")
_BASELINE_M = 500.0


@dataclass(frozen=True, eq=False)
class Terrain:
    """Heights ``(rows, columns)`` in metres at the middles of the cells of a raster.

    ``cell_from_crs`` is ``(2, 3)``: (column, row) of a cell's corner = matrix @ (x, y, 1). Cells
    without a height are NaN. ``std_m`` is one standard deviation of a height, ``method`` the word
    for a place found on it. ``takeoff_height_m`` is what counts as zero, ``takeoff_std_m`` how
    far that may be off; None until a flight is known (`at_takeoff`).
    """

    heights: FloatArray
    cell_from_crs: FloatArray
    crs: CRS
    std_m: float = DEFAULT_STD_M
    method: str = "terrain"
    takeoff_height_m: float | None = None
    takeoff_std_m: float = 0.0
    _to_crs: Transformer = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Build the transformation once."""
        to_crs = Transformer.from_crs("EPSG:4326", self.crs, always_xy=True)
        object.__setattr__(self, "_to_crs", to_crs)

    @cached_property
    def bounds_m(self) -> tuple[float, float]:
        """Lowest and highest height above the take-off."""
        zero_m = self.takeoff_height_m or 0.0
        return float(np.nanmin(self.heights)) - zero_m, float(np.nanmax(self.heights)) - zero_m

    @classmethod
    def open(
        cls, path: Path, *, near: LonLatBox | None = None, std_m: float = DEFAULT_STD_M
    ) -> Terrain:
        """Read the first band of a GeoTIFF, all of it or what lies ``near``.

        A surface that `hazardlens refine` made of a flight knows its zero and its error.

        Raises:
            InvalidInputError: it cannot be used, see `read_raster`, or its coordinate system is
                that of a building site.
        """
        raster = read_raster(path, near)
        try:
            model = cls(raster.heights, raster.cell_from_crs, raster.crs, std_m)
        except ProjError as error:
            message = (
                f"The coordinate system of {path.name} is not one of places on Earth: {error}."
            )
            remedy = "Export it in a national system or in WGS 84."
            raise InvalidInputError(message, remedy=remedy) from error
        if not raster.is_from_takeoff:
            return model
        return replace(model, std_m=SURFACE_STD_M, method="surface", takeoff_height_m=0.0)

    def at_takeoff(self, lon: float, lat: float) -> Terrain:
        """Return the model with heights relative to the ground at a place.

        Where a drone took off is not recorded; its first photo is near. So the relief within
        ``TAKEOFF_SEARCH_M`` of the place counts as the error of the zero.

        Raises:
            InvalidInputError: the model has no height there.
        """
        offsets = np.linspace(-TAKEOFF_SEARCH_M, TAKEOFF_SEARCH_M, 13)
        around = np.stack(np.meshgrid(offsets, offsets), axis=-1).reshape(-1, 2)
        around = around[np.hypot(*around.T) <= TAKEOFF_SEARCH_M]
        view = replace(self, takeoff_height_m=0.0).view_from(lon, lat)
        height_m = float(view.heights_at(np.zeros(2)))
        if math.isnan(height_m):
            message = f"The ground model has no height at the flight ({lon:.6f}, {lat:.6f})."
            remedy = "Give a model that covers the whole flight, or detect without one."
            raise InvalidInputError(message, remedy=remedy)
        away_m = view.heights_at(around) - height_m
        std_m = float(np.sqrt(np.nanmean(away_m**2)))
        return replace(self, takeoff_height_m=height_m, takeoff_std_m=std_m)

    def view_from(self, lon: float, lat: float) -> TerrainView:
        """Return the model in metres east and north of a place.

        Raises:
            ValueError: the take-off is not known yet.
        """
        if self.takeoff_height_m is None:
            message = "the terrain has no take-off; call at_takeoff first"
            raise ValueError(message)
        lons, lats, _ = _GEOD.fwd([lon] * 2, [lat] * 2, [90.0, 0.0], [_BASELINE_M] * 2)
        # Across the antimeridian longitudes run on.
        unwrapped = [lon + (end - lon + 180.0) % 360.0 - 180.0 for end in lons]
        xs, ys = self._to_crs.transform([lon, *unwrapped], [lat, *lats])
        cells = np.stack([xs, ys, np.ones(3)], axis=1) @ self.cell_from_crs.T
        axes = (cells[1:] - cells[0]) / _BASELINE_M
        return TerrainView(self.heights, self.takeoff_height_m, self.bounds_m, cells[0], axes)
