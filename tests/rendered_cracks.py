"""Photos of single cracks on a wall with exact length and widths, drawn by our renderer.

Import as ``from tests.rendered_cracks import render_crack``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from detection.domain.camera import CameraIntrinsics
from detection.domain.geometry import FloatArray, Polygon
from training.synthetic.camera import aim_camera
from training.synthetic.cracks import CrackLine, build_crack, grow_crack
from training.synthetic.facades import draw_style, make_wall
from training.synthetic.rasterize import Canvas, Face, Texture
from training.synthetic.sensor import develop, draw_look, make_sky

SIZE_PX = (440, 330)
DISTANCE_M = 1.5
TEXEL_M = 0.00025


@dataclass(frozen=True)
class RenderedCrack:
    """A photo (RGB) with the outline of its crack and the truth, in pixels of that photo.

    What lies outside of the photo is left out of both.
    """

    pixels: NDArray[np.uint8]
    outline: BaseGeometry
    length_px: float
    mean_width_px: float
    max_width_px: float
    intrinsics: CameraIntrinsics

    def as_polygons(self, wider_px: float = 0.0) -> tuple[Polygon, ...]:
        """Return the outline's rings, as a model draws them: wider than the crack."""
        shape = self.outline.buffer(wider_px).simplify(0.5)
        parts = shapely.get_parts(shape)
        rings = (part.exterior.coords[:-1] for part in parts if part.area > 0)
        return tuple(tuple((float(x), float(y)) for x, y in ring) for ring in rings)


def render_crack(
    seed: int, *, gsd_mm: float, width_mm: float, incidence_deg: float = 0.0
) -> RenderedCrack:
    """Photograph one crack from ``DISTANCE_M``, ``incidence_deg`` aside, one pixel ``gsd_mm``."""
    rng = np.random.default_rng(seed)
    width_m, height_m = (1.15 * side * gsd_mm / 1000 for side in SIZE_PX)
    pixels = make_wall(
        rng, (width_m, height_m), TEXEL_M, draw_style(rng), has_windows=False, is_street_side=False
    ).pixels
    wall = Face(
        np.array([-width_m / 2, 0.0, height_m / 2]),
        np.array([width_m, 0.0, 0.0]),
        np.array([0.0, 0.0, -height_m]),
        Texture(pixels),
    )
    start = np.array([width_m / 2, 0.85 * height_m])
    lines = grow_crack(rng, start, -math.pi / 2, 0.6 * height_m, width_mm / 1000)
    crack = build_crack(rng, lines, wall, TEXEL_M)
    side = math.radians(incidence_deg)
    camera = aim_camera(
        DISTANCE_M * np.array([math.sin(side), -math.cos(side), 0.0]),
        np.zeros(3),
        roll_deg=0.0,
        focal_px=DISTANCE_M / (gsd_mm / 1000),
        size_px=SIZE_PX,
    )
    canvas = Canvas(camera, 2, make_sky(rng, 0.0))
    canvas.draw(wall)
    canvas.blend(crack.face)
    look = draw_look(rng, is_wild=False)
    photo = develop(rng, canvas.resolve(), canvas.inverse_depth[::2, ::2], look)
    scale = 1000 / gsd_mm
    quads = [quad for line in lines for quad in _list_quads(line)]

    def to_pixels(points: FloatArray) -> FloatArray:
        world = np.column_stack(
            [points[:, 0] - width_m / 2, np.zeros(len(points)), points[:, 1] - height_m / 2]
        )
        seen = (world - camera.position) @ camera.rotation.T
        return np.asarray(seen[:, :2] / seen[:, 2:] * camera.focal_px + np.array(SIZE_PX) / 2)

    steps = [np.linalg.norm(np.diff(line.points, axis=0), axis=1) for line in lines]
    lengths = np.concatenate(steps)
    widths = np.concatenate([(one.widths_m[1:] + one.widths_m[:-1]) / 2 for one in lines])
    middles = to_pixels(np.concatenate([(one.points[1:] + one.points[:-1]) / 2 for one in lines]))
    is_seen = ((middles > 0) & (middles < SIZE_PX)).all(axis=1)
    lengths, widths = lengths[is_seen], widths[is_seen]
    whole = shapely.transform(shapely.union_all(quads), to_pixels)
    return RenderedCrack(
        pixels=photo,
        outline=shapely.intersection(whole, shapely.box(0, 0, *SIZE_PX)),
        length_px=float(lengths.sum()) * scale,
        mean_width_px=float(np.average(widths, weights=lengths)) * scale,
        max_width_px=float(widths.max()) * scale,
        intrinsics=CameraIntrinsics(
            *SIZE_PX, camera.focal_px, SIZE_PX[0] / 2, SIZE_PX[1] / 2, "rendered"
        ),
    )


def _list_quads(line: CrackLine) -> list[BaseGeometry]:
    tangent = np.gradient(line.points, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    half = np.column_stack([-tangent[:, 1], tangent[:, 0]]) * line.widths_m[:, None] / 2
    left, right = line.points + half, line.points - half
    corners = zip(left[:-1], left[1:], right[1:], right[:-1], strict=True)
    return [shapely.convex_hull(shapely.MultiPoint(np.array(four))) for four in corners]
