"""Pictures of one building in both epochs on one grid, and of the difference of their heights."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from detection.change.epoch import Epoch
from detection.change.heights import Grid, HeightPatch, fill_heights
from detection.change.settings import ChangeSettings
from detection.change.views import HALF_PX, PhotoCache, build_camera, choose_views
from detection.domain.geometry import BBox, FloatArray
from detection.domain.lens import distort_points

Picture = NDArray[np.uint8]
"""RGB, (height, width, 3), north up."""

FULL_COLOR_M = 4.0
"""Difference from which on the colour stays the same."""
FELL, SAME, ROSE = (33, 102, 172), (247, 247, 247), (217, 95, 2)
"""Blue, white and orange: told apart with every kind of colour blindness."""
UNSEEN, HATCH, INK = (205, 205, 205), (150, 150, 150), (20, 20, 20)
HATCH_PX = 9
LEGEND_PX = 44
MIN_LEGEND_WIDTH_PX = 120


def render_patch(
    epoch: Epoch, patch: HeightPatch, size_px: int, *, cache: PhotoCache
) -> Picture | None:
    """Return the place seen from straight above, its longer side ``size_px``.

    Each cell is looked up at its own height in the photo that looks most steeply, so that roofs
    of both epochs lie on one another. None where no photo shows it.
    """
    if not patch.views:
        return None
    index = [photo.photo_id for photo in epoch.photos].index(patch.views[0])
    pixels = cache.read_color(index)
    if pixels is None:
        return None
    width, height = _size_of(patch.grid, size_px)
    heights = cv2.resize(
        np.nan_to_num(fill_heights(patch)), (width, height), interpolation=cv2.INTER_LINEAR
    )
    east, north = np.meshgrid(*_list_middles(patch.grid, width, height))
    points = np.column_stack([east.ravel(), north.ravel(), heights.ravel()])
    at = cache.camera(index).project(points).reshape(height, width, 2).astype(np.float32)
    laid = cv2.remap(pixels, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderValue=UNSEEN)
    return np.asarray(laid, dtype=np.uint8)


def draw_difference(
    before: HeightPatch, after: HeightPatch, footprint_m: BaseGeometry, size_px: int
) -> Picture:
    """Return the difference of heights with the footprint and a scale of metres below it.

    Blue fell, orange rose, hatched grey is what one of the flights does not show.
    """
    width, height = _size_of(before.grid, size_px)
    both = before.seen & after.seen
    difference = np.where(both, after.heights - before.heights, 0.0)
    picture = _enlarge(color_difference(difference), width, height)
    unseen = _enlarge(np.asarray(~both, dtype=np.uint8), width, height) > 0
    row, column = np.indices((height, width))
    hatched = unseen & ((row + column) % HATCH_PX < 2)  # noqa: PLR2004  # lines of two pixels
    picture[unseen] = UNSEEN
    picture[hatched] = HATCH
    _draw_outline(picture, footprint_m, before.grid)
    return np.vstack([picture, _draw_legend(max(width, 1))])


def color_difference(difference_m: FloatArray) -> Picture:
    """Return colours ``(..., 3)`` of differences: white at 0, full from ``FULL_COLOR_M`` on."""
    share = np.clip(difference_m / FULL_COLOR_M, -1.0, 1.0)[..., None]
    end = np.where(share >= 0, np.array(ROSE), np.array(FELL))
    mixed = np.array(SAME) + np.abs(share) * (end - np.array(SAME))
    return np.asarray(np.rint(mixed), dtype=np.uint8)


def choose_photos(
    epoch: Epoch,
    patch: HeightPatch,
    footprint_m: BaseGeometry,
    settings: ChangeSettings,
    count: int = 2,
) -> tuple[tuple[str, BBox], ...]:
    """Return the photos that show a building best with its box in pixels as displayed.

    The first looks most steeply, the next ones from other sides.
    """
    levels = patch.heights[patch.grid.rasterize(footprint_m) & patch.seen]
    if not len(levels):
        return ()
    corners = shapely.get_coordinates(footprint_m)
    box = np.vstack(
        [
            np.column_stack([corners, np.full(len(corners), level)])
            for level in np.percentile(levels, [5.0, 95.0])
        ]
    )
    found = []
    for index in choose_views(epoch, box, settings, count):
        pixels = project_points(epoch, index, box)
        if np.isfinite(pixels).all():
            (left, top), (right, bottom) = pixels.min(axis=0), pixels.max(axis=0)
            lens = epoch.model.intrinsics
            shown = BBox(left, top, right, bottom).clip(lens.width_px, lens.height_px)
            found.append((epoch.photos[index].photo_id, shown))
    return tuple(found)


def project_points(epoch: Epoch, index: int, points_m: FloatArray) -> FloatArray:
    """Return where photo ``index`` shows points ``(n, 3)``, in pixels as displayed, lens included.

    NaN of points behind the camera.
    """
    lens = epoch.model.intrinsics
    ideal = build_camera(epoch, index).project(points_m) + HALF_PX
    if lens.distortion is None:
        return ideal
    centre = np.array([lens.cx_px, lens.cy_px])
    shown = distort_points((ideal - centre) / lens.focal_px, lens.distortion)
    return np.asarray(shown * lens.focal_px + centre)


def _size_of(grid: Grid, size_px: int) -> tuple[int, int]:
    longer = max(grid.rows, grid.columns)
    return (
        max(1, round(size_px * grid.columns / longer)),
        max(1, round(size_px * grid.rows / longer)),
    )


def _list_middles(grid: Grid, width: int, height: int) -> tuple[FloatArray, FloatArray]:
    """Return east and north metres of the middles of a picture's pixels."""
    right = (np.arange(width) + 0.5) / width * grid.columns * grid.cell_m
    down = (np.arange(height) + 0.5) / height * grid.rows * grid.cell_m
    return grid.west_m + right, grid.north_m - down


def _enlarge(cells: Picture, width: int, height: int) -> Picture:
    enlarged = cv2.resize(cells, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(enlarged, dtype=np.uint8)


def _draw_outline(picture: Picture, footprint_m: BaseGeometry, grid: Grid) -> None:
    scale = np.array([picture.shape[1] / grid.columns, picture.shape[0] / grid.rows]) / grid.cell_m
    corner = np.array([grid.west_m, grid.north_m])
    for ring in _list_rings(footprint_m):
        at = (shapely.get_coordinates(ring) - corner) * [1.0, -1.0] * scale
        cv2.polylines(
            picture,
            [at.round().astype(np.int32)],
            isClosed=True,
            color=INK,
            thickness=2,
            lineType=cv2.LINE_AA,
        )


def _list_rings(shape: BaseGeometry) -> Iterable[BaseGeometry]:
    for part in shapely.get_parts(shape):
        yield shapely.get_exterior_ring(part)


def _draw_legend(width: int) -> Picture:
    legend = np.full((LEGEND_PX, width, 3), 255, dtype=np.uint8)
    if width < MIN_LEGEND_WIDTH_PX:
        return legend
    left, right = 24, width - 24
    scale = np.linspace(-FULL_COLOR_M, FULL_COLOR_M, right - left, dtype=np.float64)
    legend[6:18, left:right] = color_difference(scale)
    cv2.rectangle(legend, (left, 6), (right, 18), INK, 1)
    for value in (-FULL_COLOR_M, -2.0, 0.0, 2.0, FULL_COLOR_M):
        at = round(left + (value + FULL_COLOR_M) / (2 * FULL_COLOR_M) * (right - left))
        cv2.line(legend, (at, 18), (at, 22), INK, 1)
        text = f"{value:+.0f} m" if value else "0"
        size, _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.4, 1)
        cv2.putText(
            legend,
            text,
            (at - size[0] // 2, 36),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.4,
            INK,
            1,
            cv2.LINE_AA,
        )
    return legend
