"""A cut-out of a photo with boxes over it, in pixels of the photo, for a template to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Tone = Literal["label", "model", "other"]
"""Whose box it is; a label is drawn solid, a model's box dashed, so that colour is not all.

``other`` labels of the photo are not in question, and drawn thin."""


@dataclass(frozen=True, slots=True)
class DrawnBox:
    """A box and its outline, if it has one, as points of a polygon."""

    tone: Tone
    x: float
    y: float
    width: float
    height: float
    points: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A cut-out: its address, its place in the photo, the boxes in it."""

    url: str
    x: int
    y: int
    width: int
    height: int
    boxes: tuple[DrawnBox, ...]


def make_picture(url: str, window: Sequence[int], boxes: Sequence[DrawnBox]) -> Picture:
    """Return the picture of a window ``x_min, y_min, x_max, y_max``."""
    x_min, y_min, x_max, y_max = window
    return Picture(url, x_min, y_min, x_max - x_min, y_max - y_min, tuple(boxes))


def draw_box(tone: Tone, shape: Mapping[str, Any]) -> DrawnBox:
    """Return a ``{bbox_xyxy, outline}`` as it is drawn."""
    x_min, y_min, x_max, y_max = (float(side) for side in shape["bbox_xyxy"])
    points = " ".join(f"{x:g},{y:g}" for x, y in shape.get("outline") or ())
    return DrawnBox(tone, x_min, y_min, x_max - x_min, y_max - y_min, points)
