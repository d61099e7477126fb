"""Shapes in pixels ↔ regions of Label Studio in per cent. Pure, and exact to a hundredth pixel.

Label Studio counts per cent of the picture's width and height from the top left. A rectangle is
its top left corner, width and height *before* it is turned by ``rotation`` degrees, clockwise,
about that corner, in pixels (its documentation of ``RectangleLabels``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.labelstudio.errors import (
    LabelOutsideTaxonomyError,
    OtherPictureError,
    ShapeOutsideError,
    ShapeUnknownError,
)

BOX_TYPE, OUTLINE_TYPE = "rectanglelabels", "polygonlabels"
BOX_CONTROL, OUTLINE_CONTROL, PICTURE = "box", "outline", "photo"
OUTSIDE_PX = 1.0
"""A shape may reach this far over the edge: hands and rounding do."""

MIN_CORNERS = 3

Point = tuple[float, float]
BoxXyxy = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class PictureSize:
    """Size of a photo as it is shown, pixels."""

    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class Shape:
    """A labelled shape in pixels of the photo.

    ``outline`` is the ring of a polygon, or the corners of a rectangle that is turned by
    ``rotation_deg`` (clockwise); an upright box has none. ``region`` is its name in Label Studio.
    """

    hazard_class: str
    bbox_xyxy: BoxXyxy
    region: str
    outline: tuple[Point, ...] | None = None
    rotation_deg: float = 0.0


def box_region(shape: Shape, size: PictureSize) -> dict[str, Any]:
    """Return an upright box as a region."""
    x_min, y_min, x_max, y_max = shape.bbox_xyxy
    value = {
        "x": 100 * x_min / size.width_px,
        "y": 100 * y_min / size.height_px,
        "width": 100 * (x_max - x_min) / size.width_px,
        "height": 100 * (y_max - y_min) / size.height_px,
        "rotation": 0,
        BOX_TYPE: [shape.hazard_class],
    }
    return _region(shape, size, BOX_CONTROL, BOX_TYPE, value)


def outline_region(shape: Shape, size: PictureSize) -> dict[str, Any]:
    """Return a polygon as a region."""
    points = [[100 * x / size.width_px, 100 * y / size.height_px] for x, y in shape.outline or ()]
    value = {"points": points, "closed": True, OUTLINE_TYPE: [shape.hazard_class]}
    return _region(shape, size, OUTLINE_CONTROL, OUTLINE_TYPE, value)


def shapes_from_result(
    result: Sequence[Mapping[str, Any]], size: PictureSize, classes: tuple[str, ...]
) -> list[Shape]:
    """Return what a person drew, whole or not at all.

    Raises:
        DrawingError: one of its children; a label, shape or picture is none of ours.
    """
    return [_shape(region, size, classes) for region in result]


def _region(
    shape: Shape, size: PictureSize, control: str, kind: str, value: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": shape.region,
        "from_name": control,
        "to_name": PICTURE,
        "type": kind,
        "original_width": size.width_px,
        "original_height": size.height_px,
        "image_rotation": 0,
        "value": value,
    }


def _shape(region: Mapping[str, Any], size: PictureSize, classes: tuple[str, ...]) -> Shape:
    kind, name = str(region.get("type")), str(region.get("id"))
    _check_picture(region, size)
    value = region.get("value")
    if kind not in {BOX_TYPE, OUTLINE_TYPE} or not isinstance(value, Mapping):
        raise ShapeUnknownError(kind)
    label = _only_label(value.get(kind), kind, classes)
    try:
        shape = (
            _box_shape(label, name, value, size)
            if kind == BOX_TYPE
            else _outline_shape(label, name, value, size)
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ShapeUnknownError(kind) from error
    _check_inside(shape, size)
    return shape


def _check_picture(region: Mapping[str, Any], size: PictureSize) -> None:
    """Refuse what was drawn on another picture: per cent of it would be other pixels."""
    seen = region.get("original_width"), region.get("original_height")
    if seen != (size.width_px, size.height_px) or region.get("image_rotation"):
        turned = region.get("image_rotation")
        found = f"{seen[0]} x {seen[1]}" + (f" (turned by {turned})" if turned else "")
        wanted = f"{size.width_px} x {size.height_px}"
        raise OtherPictureError(found, wanted)


def _only_label(labels: object, kind: str, classes: tuple[str, ...]) -> str:
    if not isinstance(labels, Sequence) or isinstance(labels, str) or len(labels) != 1:
        several = f"{kind} with {labels!r}"
        raise ShapeUnknownError(several)
    label = str(labels[0])
    if label not in classes:
        raise LabelOutsideTaxonomyError(label, classes)
    return label


def _box_shape(label: str, name: str, value: Mapping[str, Any], size: PictureSize) -> Shape:
    left, top = _pixels(value["x"], size.width_px), _pixels(value["y"], size.height_px)
    width = _pixels(value["width"], size.width_px)
    height = _pixels(value["height"], size.height_px)
    rotation_deg = float(value.get("rotation") or 0)
    if not rotation_deg:
        return Shape(label, (left, top, left + width, top + height), name)
    corners = turn_corners((left, top), width, height, rotation_deg)
    return Shape(label, _enclose(corners), name, corners, rotation_deg)


def _outline_shape(label: str, name: str, value: Mapping[str, Any], size: PictureSize) -> Shape:
    ring = tuple(
        (_pixels(x, size.width_px), _pixels(y, size.height_px)) for x, y in value["points"]
    )
    if len(ring) < MIN_CORNERS:
        raise ShapeOutsideError(name)
    return Shape(label, _enclose(ring), name, ring)


def turn_corners(
    corner: Point, width: float, height: float, rotation_deg: float
) -> tuple[Point, ...]:
    """Return the corners of a rectangle turned clockwise about its first one, pixels."""
    turn = math.radians(rotation_deg)
    along = (math.cos(turn), math.sin(turn))
    across = (-math.sin(turn), math.cos(turn))
    return tuple(
        (
            corner[0] + along[0] * right + across[0] * down,
            corner[1] + along[1] * right + across[1] * down,
        )
        for right, down in ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
    )


def _pixels(per_cent: object, side_px: int) -> float:
    """Return pixels; what is no finite number is no place."""
    if isinstance(per_cent, bool) or not isinstance(per_cent, int | float):
        raise TypeError(per_cent)
    if not math.isfinite(per_cent):
        raise ValueError(per_cent)
    return float(per_cent) / 100 * side_px


def _enclose(points: Sequence[Point]) -> BoxXyxy:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return (min(xs), min(ys), max(xs), max(ys))


def _check_inside(shape: Shape, size: PictureSize) -> None:
    """Refuse what has no area or lies outside; a turned corner may stick out a little."""
    x_min, y_min, x_max, y_max = shape.bbox_xyxy
    inside = (
        x_max > x_min
        and y_max > y_min
        and x_max > 0
        and y_max > 0
        and x_min < size.width_px
        and y_min < size.height_px
    )
    leans = OUTSIDE_PX if not shape.rotation_deg else max(x_max - x_min, y_max - y_min)
    reaches = (
        x_min >= -leans
        and y_min >= -leans
        and x_max <= size.width_px + leans
        and y_max <= size.height_px + leans
    )
    if not (inside and reaches):
        raise ShapeOutsideError(shape.region)
