"""Exact boxes of things in a photo from their projected outlines and the depth buffer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from training.synthetic.camera import Array, PinholeCamera
from training.synthetic.covers import Cover
from training.synthetic.cracks import Crack
from training.synthetic.open_ground import GroundCover


class View(Protocol):
    """What can say which points of the world a photo shows."""

    def sees(self, points: Array) -> NDArray[np.bool_]:
        """Which of the points ``(n, 3)`` are in the photo with nothing before them, (n,)."""


@dataclass(frozen=True, slots=True)
class LabelledBox:
    """A thing in a photo: the box is cut at the photo's border.

    ``visible_fraction`` is the share of the thing inside the photo with nothing before it.
    """

    hazard_class: HazardClass
    bbox: BBox
    visible_fraction: float


def box_polygon(camera: PinholeCamera, points: Array) -> BBox | None:
    """Box of the part inside the photo of a convex outline ``(n, 3)``; None where there is none."""
    xy, depth = camera.project(points)
    if (depth <= 0).any():
        return None
    for axis, limit in ((0, camera.width_px), (1, camera.height_px)):
        xy = _cut_polygon(xy, xy[:, axis])
        xy = _cut_polygon(xy, limit - xy[:, axis])
    return _enclose(xy)


def box_points(camera: PinholeCamera, points: Array) -> BBox | None:
    """Box of those dense outline points ``(n, 3)`` that fall inside the photo."""
    xy, depth = camera.project(points)
    with np.errstate(invalid="ignore"):
        within = (depth > 0) & (xy >= 0).all(axis=1)
        within &= (xy[:, 0] <= camera.width_px) & (xy[:, 1] <= camera.height_px)
    return _enclose(xy[within])


def box_cover(view: View, camera: PinholeCamera, cover: Cover | GroundCover) -> LabelledBox | None:
    """Box of frame and lid; None where no part of it is seen."""
    box = box_polygon(camera, cover.outline())
    return label_box(view, cover.hazard_class, box, cover.samples())


def box_crack(view: View, camera: PinholeCamera, crack: Crack) -> LabelledBox | None:
    """Box of all branches of a crack; None where no part of it is seen."""
    box = box_points(camera, crack.outline)
    return label_box(view, HazardClass.FACADE_CRACK, box, crack.samples)


def label_box(
    view: View, hazard_class: HazardClass, box: BBox | None, samples: Array
) -> LabelledBox | None:
    """Add the visible share of the thing's sample points ``(m, 3)``; None where it is 0."""
    if box is None:
        return None
    fraction = float(np.mean(view.sees(samples)))
    return LabelledBox(hazard_class, box, fraction) if fraction > 0 else None


def _enclose(xy: Array) -> BBox | None:
    if len(xy) == 0:
        return None
    low, high = xy.min(axis=0), xy.max(axis=0)
    box = BBox(float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    return box if box.area_px > 0 else None


def _cut_polygon(xy: Array, margin: Array) -> Array:
    """Cut a polygon ``(n, 2)`` by a half plane; ``margin`` (n,) is negative outside."""
    kept = []
    for index in range(len(xy)):
        if (margin[index] < 0) != (margin[index - 1] < 0):
            share = margin[index - 1] / (margin[index - 1] - margin[index])
            kept.append(xy[index - 1] + share * (xy[index] - xy[index - 1]))
        if margin[index] >= 0:
            kept.append(xy[index])
    return np.array(kept).reshape(-1, 2)
