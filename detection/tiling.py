"""Photo size to tiles: the only definition of a tile, used by detection and by training."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.domain.errors import ConfigurationError
from detection.domain.finding import Detection
from detection.domain.geometry import FloatArray, Tile

TILE_PX = 640
OVERLAP = 0.2
MAX_OVERLAP = 0.5
"""Beyond it every pixel is looked at four times and more, and nothing new is seen."""

PAD_VALUE = 114
"""Grey that fills a tile to the right of and below the photo, as in training."""

_ROUNDING = 1e-6

SEAM_MARGIN_PX = 2.0
"""A box that ends this close to the border of its tile (model pixels) was cut by it."""


@dataclass(frozen=True, slots=True)
class PhotoBox:
    """A detection in photo pixels, and whether a border inside the photo cut its tile there.

    ``scale`` is that of the tile: model pixels per photo pixel.
    """

    detection: Detection
    touches_seam: bool
    scale: float = 1.0


def tile_photo(
    width_px: int,
    height_px: int,
    *,
    tile_px: int = TILE_PX,
    overlap: float = OVERLAP,
    include_overview: bool = True,
    scale: float = 1.0,
) -> list[Tile]:
    """Return the tiles through which a model sees a photo of the given size.

    A photo that fits into one tile gives one tile, enlarged until its longer side fills it, but
    never beyond a ``scale`` below 1. A larger photo gives tiles of ``scale`` (model pixels per
    photo pixel, at most 1; a tile then shows ``tile_px / scale`` of the photo) that overlap by at
    least ``overlap`` (a share of the tile), the last of each row and column flush with the border,
    and by choice one more tile of the whole photo made small, which sees what is larger than a
    tile.

    Raises:
        ConfigurationError: a size below one pixel, an overlap outside [0, 0.5] or a scale outside
            (0, 1].
    """
    if min(width_px, height_px, tile_px) < 1:
        message = f"A photo of {width_px}x{height_px} px cannot be cut into tiles of {tile_px} px."
        raise ConfigurationError(message, remedy="Give sizes of at least one pixel.")
    if not 0.0 <= overlap <= MAX_OVERLAP:
        message = f"The tile overlap {overlap} is outside [0, {MAX_OVERLAP}]."
        raise ConfigurationError(message, remedy="Set detection overlap to a value such as 0.2.")
    if not 0.0 < scale <= 1.0:
        message = f"The tile scale {scale} is outside (0, 1]."
        raise ConfigurationError(message, remedy="A photo is made smaller for a model, or not.")
    side_px = round(tile_px / scale)
    fitting = tile_px / max(width_px, height_px)
    whole = Tile(0, 0, width_px, height_px, min(fitting, scale) if scale < 1.0 else fitting)
    if max(width_px, height_px) <= side_px:
        return [whole]
    overlap_px = min(int(np.ceil(overlap * side_px)), side_px - 1)
    tiles = [
        Tile(x, y, min(x + side_px, width_px), min(y + side_px, height_px), tile_px / side_px)
        for y in _spread_starts(height_px, side_px, overlap_px)
        for x in _spread_starts(width_px, side_px, overlap_px)
    ]
    return [*tiles, whole] if include_overview else tiles


def _spread_starts(length_px: int, tile_px: int, overlap_px: int) -> list[int]:
    """Return evenly spread starts; neighbours share ``overlap_px`` or more, the last is flush."""
    room_px = length_px - tile_px
    if room_px <= 0:
        return [0]
    steps = -(-room_px // (tile_px - overlap_px))
    return [index * room_px // steps for index in range(steps + 1)]


def fit_side(
    length_px: int, *, trained_px: int, overlap_px: int, widest_px: int, step_px: int
) -> int:
    """Return the side of tiles that shows a length with the fewest pixels; of equal ones the last.

    All are model pixels. A side is a multiple of ``step_px`` between ``trained_px`` and
    ``widest_px``, tried from the narrowest to the widest; neighbours share ``overlap_px``.
    """
    best = (-(-max(length_px - overlap_px, 1) // (trained_px - overlap_px)), trained_px)
    for count in range(best[0], 0, -1):
        side_px = -(-(length_px + (count - 1) * overlap_px) // (count * step_px)) * step_px
        if trained_px <= side_px <= widest_px and count * side_px <= best[0] * best[1]:
            best = (count, side_px)
    return best[1]


def spread_tiles(
    width_px: int, height_px: int, *, size_px: tuple[int, int], overlap_px: int, scale: float = 1.0
) -> list[Tile]:
    """Return tiles over a photo for a model's input of ``size_px`` (width, height).

    Neighbours share at least ``overlap_px``, in model pixels, the last are flush with the border.
    """
    wide_px, high_px = (int(side / scale + _ROUNDING) for side in size_px)
    shared_px = int(np.ceil(overlap_px / scale))
    return [
        Tile(x, y, min(x + wide_px, width_px), min(y + high_px, height_px), scale)
        for y in _spread_starts(height_px, high_px, shared_px)
        for x in _spread_starts(width_px, wide_px, shared_px)
    ]


def cut_tile(
    pixels: NDArray[np.uint8], tile: Tile, tile_px: int | tuple[int, int] = TILE_PX
) -> NDArray[np.uint8]:
    """Return the ``(height, width, 3)`` RGB pixels of a tile of an ``(H, W, 3)`` photo.

    ``tile_px`` is the side of a square, or the width and height, that the model is given.

    The crop is resampled by ``tile.scale`` and padded on the right and at the bottom only, so
    tile pixel (0, 0) is always photo pixel (x_min, y_min). A full-size crop is a view.
    """
    size_px = (tile_px, tile_px) if isinstance(tile_px, int) else tile_px
    crop = pixels[tile.y_min : tile.y_max, tile.x_min : tile.x_max]
    if tile.scale != 1.0:
        sides = zip(crop.shape[1::-1], size_px, strict=True)
        width_px, height_px = (_resampled_px(side, tile.scale, most) for side, most in sides)
        crop = _resample(crop, (width_px, height_px))
    height_px, width_px = crop.shape[:2]
    if (width_px, height_px) == size_px:
        return crop
    padded = np.full((size_px[1], size_px[0], 3), PAD_VALUE, dtype=np.uint8)
    padded[:height_px, :width_px] = crop
    return padded


def _resample(pixels: NDArray[np.uint8], size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """Return ``(h, w, 3)`` pixels at another size (width, height), made smaller by mean areas.

    By halves first, as long as no row or column is left over: that takes half of the time, and 99
    of 100 pixels of a photo differ by at most 8 of 255 from areas taken at once.
    """
    sides = np.array(pixels.shape[1::-1])
    while not (sides % 2).any() and (sides // 2 >= size_px).all():
        sides //= 2
        pixels = _resize(pixels, (int(sides[0]), int(sides[1])), cv2.INTER_AREA)
    is_smaller = (sides > size_px).any()
    return _resize(pixels, size_px, cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR)


def _resize(pixels: NDArray[np.uint8], size_px: tuple[int, int], method: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(pixels, size_px, interpolation=method), dtype=np.uint8)


def _resampled_px(side_px: int, scale: float, tile_px: int) -> int:
    return min(max(1, round(side_px * scale)), tile_px)


def photo_xyxy_from_tile(tile_xyxy: FloatArray, tile: Tile) -> FloatArray:
    """Move ``(n, 4)`` boxes from pixels of the tile to pixels of the photo."""
    origin = np.array([tile.x_min, tile.y_min, tile.x_min, tile.y_min], dtype=np.float64)
    return np.asarray(tile_xyxy, dtype=np.float64).reshape(-1, 4) / tile.scale + origin


def photo_xy_from_tile(tile_xy: FloatArray, tile: Tile) -> FloatArray:
    """Move ``(n, 2)`` points from pixels of the tile to pixels of the photo."""
    origin = np.array([tile.x_min, tile.y_min], dtype=np.float64)
    return np.asarray(tile_xy, dtype=np.float64).reshape(-1, 2) / tile.scale + origin


def tile_xyxy_from_photo(photo_xyxy: FloatArray, tile: Tile) -> FloatArray:
    """Move ``(n, 4)`` boxes from pixels of the photo to pixels of the tile (not clipped)."""
    origin = np.array([tile.x_min, tile.y_min, tile.x_min, tile.y_min], dtype=np.float64)
    return (np.asarray(photo_xyxy, dtype=np.float64).reshape(-1, 4) - origin) * tile.scale


def find_seam_touches(
    photo_xyxy: FloatArray, tile: Tile, width_px: int, height_px: int
) -> NDArray[np.bool_]:
    """Return which of ``(n, 4)`` boxes end at a border of their tile that lies inside the photo.

    Such a box may show only a part of the thing; a neighbouring tile or the overview shows more.
    """
    margin_px = SEAM_MARGIN_PX / tile.scale
    low = np.array([tile.x_min, tile.y_min], dtype=np.float64)
    high = np.array([tile.x_max, tile.y_max], dtype=np.float64)
    cut_low = (photo_xyxy[:, :2] <= low + margin_px) & (low > 0)
    cut_high = (photo_xyxy[:, 2:] >= high - margin_px) & (high < (width_px, height_px))
    return np.asarray((cut_low | cut_high).any(axis=1), dtype=np.bool_)
