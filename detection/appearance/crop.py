"""The part of a photo by which a thing is described."""

from __future__ import annotations

from detection.domain.geometry import BBox, Tile

CONTEXT = 2.4
"""Side of the crop per longer side of the box: the neck sees the ground around, as in training."""
MIN_SIDE_PX = 48.0
"""Smaller things are shown with this much of the photo: fewer pixels are mostly blur."""


def crop_tile(box: BBox, width_px: int, height_px: int, tile_px: int) -> Tile:
    """Return the square around a box, moved into the photo, at the scale that fills a tile."""
    side = max(CONTEXT * max(box.width_px, box.height_px), MIN_SIDE_PX)
    side_px = max(1, min(round(side), width_px, height_px))
    center_x, center_y = box.center
    x_min = _place(center_x, side_px, width_px)
    y_min = _place(center_y, side_px, height_px)
    return Tile(x_min, y_min, x_min + side_px, y_min + side_px, tile_px / side_px)


def _place(center: float, side_px: int, length_px: int) -> int:
    return min(max(0, round(center - side_px / 2)), length_px - side_px)
