"""The heights of a GeoTIFF, all of them or those near a place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError
from rasterio.errors import RasterioError
from rasterio.windows import Window, from_bounds

from detection.domain.errors import InvalidInputError
from detection.domain.geometry import FloatArray

MAX_CELLS = 50_000_000

LonLatBox = tuple[float, float, float, float]
"""West, south, east and north in EPSG:4326 degrees."""

ZERO_TAG = "HEIGHTS_ABOVE"
TAKEOFF_ZERO = "take-off"
"""Value of the tag in a surface made of a flight's own photos: its zero is the flight's."""

_LOWEST_M, _HIGHEST_M = -500.0, 9000.0
"""No ground is lower or higher: such numbers mark cells without a height (-9999, -32768)."""

_REMEDY = "Give a GeoTIFF of ground heights in metres with its coordinate system."


@dataclass(frozen=True, eq=False)
class Raster:
    """Heights ``(rows, columns)``, NaN where there is none.

    ``cell_from_crs`` is ``(2, 3)``: (column, row) of a cell's corner = matrix @ (x, y, 1).
    ``is_from_takeoff`` tells that the heights are above the take-off of a flight already.
    """

    heights: FloatArray
    cell_from_crs: FloatArray
    crs: CRS
    is_from_takeoff: bool = False


def read_raster(path: Path, near: LonLatBox | None = None) -> Raster:
    """Read the first band of a GeoTIFF, all of it or what lies ``near``.

    Raises:
        InvalidInputError: it is no raster, says no coordinate system, holds no height there, or
            has more than ``MAX_CELLS`` cells there.
    """
    if not path.is_file():  # the library would also go to addresses
        message = f"The ground model {path} is not a file."
        raise InvalidInputError(message, remedy=_REMEDY)
    try:
        with rasterio.open(path, driver="GTiff") as file:
            if file.crs is None:
                message = f"The ground model {path.name} does not say its coordinate system."
                raise InvalidInputError(message, remedy=_REMEDY)
            if file.transform.is_degenerate:
                message = f"The ground model {path.name} does not say where its cells lie."
                raise InvalidInputError(message, remedy=_REMEDY)
            crs = CRS.from_wkt(file.crs.to_wkt())
            window = _find_window(file, crs, near)
            if window.width * window.height > MAX_CELLS:
                message = f"The ground model {path.name} has over {MAX_CELLS:,} cells."
                raise InvalidInputError(message, remedy="Cut out the surroundings.")
            masked = file.read(1, window=window, masked=True)
            to_cell = np.array(~file.window_transform(window), dtype=np.float64)
            is_from_takeoff = file.tags().get(ZERO_TAG) == TAKEOFF_ZERO
    except (RasterioError, ProjError, OSError) as error:
        message = f"The ground model {path.name} cannot be read: {error}."
        raise InvalidInputError(message, remedy=_REMEDY) from error
    heights = masked.astype(np.float64).filled(np.nan)
    heights[~((heights >= _LOWEST_M) & (heights <= _HIGHEST_M))] = np.nan
    if np.isnan(heights).all():
        message = f"The ground model {path.name} holds no height here."
        raise InvalidInputError(message, remedy=_REMEDY)
    return Raster(heights, to_cell.reshape(3, 3)[:2], crs, is_from_takeoff)


def _find_window(file: rasterio.DatasetReader, crs: CRS, near: LonLatBox | None) -> Window:
    """Return the cells of a file that lie in a box; the whole file where it is None.

    Empty where the box lies beside the file.
    """
    whole = Window(0, 0, file.width, file.height)
    if near is None:
        return whole
    bounds = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform_bounds(*near)
    if not np.isfinite(bounds).all():
        return Window(0, 0, 0, 0)
    wanted = from_bounds(*bounds, transform=file.transform)
    left, top = (max(0, math.floor(edge)) for edge in (wanted.col_off, wanted.row_off))
    right = min(file.width, math.ceil(wanted.col_off + wanted.width))
    bottom = min(file.height, math.ceil(wanted.row_off + wanted.height))
    return Window(left, top, max(0, right - left), max(0, bottom - top))
