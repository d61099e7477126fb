"""A manhole cover in one of its three states, as faces in the world."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from detection.domain.hazard import HazardClass
from training.synthetic.camera import Array
from training.synthetic.fracture import Fragment, break_lid
from training.synthetic.lids import (
    LID_PX,
    make_grid,
    make_lid,
    make_surround,
    measure_radius,
    premultiply,
)
from training.synthetic.light import Light
from training.synthetic.rasterize import Face, FloatImage, Image, Texture
from training.synthetic.textures import Rng, make_concrete, make_courses

SURROUND_EXTENT = 1.5
SLAB_THICKNESS_M = 0.035
SHAFT_TEXTURE_PX = (256, 512)


@dataclass(frozen=True, slots=True)
class Shaft:
    """The well under an opening: unrolled wall texture and floor texture, RGB."""

    depth_m: float
    wall: Image
    floor: Image


@dataclass(frozen=True, slots=True)
class Cover:
    """A cover: ``radius_m`` is the frame's outer radius (half the side where it is square).

    ``axes`` (3, 3) holds the cover's right, up and out-of-ground directions in rows. ``pieces``
    lie in the opening and are clipped by it, ``beside`` lie on the ground around.
    """

    hazard_class: HazardClass
    center: Array
    radius_m: float
    opening_m: float
    is_square: bool
    axes: Array
    surround: Face
    pieces: tuple[Face, ...]
    beside: tuple[Face, ...]
    shaft: Shaft | None
    light: Light
    is_sunlit: bool

    def outline(self, count: int = 128) -> Array:
        """Points ``(n, 3)`` around the outer edge of the frame."""
        angle = np.linspace(0, 2 * math.pi, count, endpoint=False) + math.pi / 4
        ring = np.column_stack([np.cos(angle), np.sin(angle)])
        if self.is_square:
            ring /= np.abs(ring).max(axis=1, keepdims=True)
        return np.asarray(self.center + self.radius_m * ring @ self.axes[:2], dtype=np.float64)

    def samples(self) -> Array:
        """Points ``(n, 3)`` spread over the whole cover, for the occlusion test."""
        outline = self.outline(32) - self.center
        rings = [self.center + outline * share for share in (0.97, 0.8, 0.6, 0.4, 0.15)]
        return np.concatenate(rings)


def build_cover(
    rng: Rng,
    hazard_class: HazardClass,
    center: Array,
    light: Light,
    *,
    radius_m: float,
    is_square: bool = False,
    is_sunlit: bool = True,
    road_tone: float = 100.0,
) -> Cover:
    """Draw a cover of the given state with its own design, wear and rotation."""
    heading = rng.uniform(0, 2 * math.pi)
    right = np.array([math.cos(heading), math.sin(heading), 0.0])
    axes = np.stack([right, [-right[1], right[0], 0.0], [0.0, 0.0, 1.0]])
    to_sun = axes @ light.to_sun
    opening = float(rng.uniform(0.84, 0.92))
    factor = 1.0 if is_sunlit else light.shadow
    ring = make_surround(
        rng, to_sun, is_square=is_square, opening=opening, extent=SURROUND_EXTENT, tone=road_tone
    )
    lid = make_lid(rng, to_sun, is_square=is_square, is_sunlit=is_sunlit) * factor
    ring[..., :3] = (ring[..., :3] * factor).astype(np.uint8)
    opening_m = radius_m * opening
    fragments = _lay_fragments(rng, hazard_class, is_square=is_square)
    pieces = [
        face
        for fragment in fragments
        for face in _make_pieces(fragment, lid, center, axes, opening_m)
    ]
    beside = _lay_beside(
        rng, hazard_class, lid, center, axes=axes, half_m=opening_m, is_square=is_square
    )
    return Cover(
        hazard_class,
        center,
        radius_m,
        opening_m,
        is_square,
        axes,
        _make_face(ring, center, axes, radius_m * SURROUND_EXTENT),
        tuple(pieces),
        tuple(beside),
        None if hazard_class is HazardClass.MANHOLE_OK else _make_shaft(rng),
        light,
        is_sunlit,
    )


def _lay_fragments(rng: Rng, hazard_class: HazardClass, *, is_square: bool) -> list[Fragment]:
    outline = _lid_alpha(is_square=is_square)
    if hazard_class is HazardClass.MANHOLE_OK:
        return [Fragment(outline, 0.0, (0.0, 0.0))]
    if hazard_class is HazardClass.MANHOLE_BROKEN:
        return break_lid(rng, outline)
    return []


def _lid_alpha(*, is_square: bool) -> FloatImage:
    x, y = make_grid()
    radius = measure_radius(x, y, is_square=is_square)
    return np.asarray(np.clip((0.975 - radius) * 60, 0, 1), dtype=np.float32)


def _make_face(pixels: Image, center: Array, axes: Array, half_m: float) -> Face:
    edge_u, edge_v = axes[0] * 2 * half_m, axes[1] * -2 * half_m
    return Face(center - (edge_u + edge_v) / 2, edge_u, edge_v, Texture(pixels))


def _make_pieces(
    fragment: Fragment, lid: FloatImage, center: Array, axes: Array, half_m: float
) -> list[Face]:
    """The piece and, where it lies open, its dark edge below; slopes are about its own middle."""
    x, y = make_grid()
    weight = float(fragment.alpha.sum()) + 1e-6
    middle = [float((part * fragment.alpha).sum()) / weight * half_m for part in (x, -y)]
    lift = -fragment.drop_m - fragment.slope[0] * middle[0] - fragment.slope[1] * middle[1]
    tilted = axes.copy()
    tilted[0] = axes[0] + fragment.slope[0] * axes[2]
    tilted[1] = axes[1] + fragment.slope[1] * axes[2]
    # Sky and sun reach a piece less the deeper it lies.
    light = 1.0 - min(0.6, 3.5 * fragment.drop_m)
    top = premultiply(lid * light, fragment.alpha)
    face = _make_face(top, center + axes[2] * lift, tilted, half_m)
    if fragment.alpha.mean() >= _lid_alpha(is_square=True).mean() * 0.99:
        return [face]
    edge = premultiply(lid * light * 0.4, fragment.alpha)
    below = center + axes[2] * (lift - SLAB_THICKNESS_M)
    return [_make_face(edge, below, tilted, half_m), face]


def _lay_beside(
    rng: Rng,
    hazard_class: HazardClass,
    lid: FloatImage,
    center: Array,
    *,
    axes: Array,
    half_m: float,
    is_square: bool,
) -> list[Face]:
    """For a missing cover, sometimes the lid lying next to it or pushed half aside."""
    if hazard_class is not HazardClass.MANHOLE_MISSING or rng.random() < 0.55:  # noqa: PLR2004
        return []
    away, angle = rng.uniform(1.5, 2.6), rng.uniform(0, 2 * math.pi)
    offset = half_m * away * (math.cos(angle) * axes[0] + math.sin(angle) * axes[1])
    alpha = _lid_alpha(is_square=is_square)
    shadow = cv2.GaussianBlur(alpha, (0, 0), 6)
    dark = premultiply(np.zeros((LID_PX, LID_PX, 3), dtype=np.float32), shadow * 0.6)
    place = center + offset
    below = _make_face(dark, place + axes[2] * 0.005, axes, half_m * 1.08)
    edge = _make_face(premultiply(lid * 0.4, alpha), place + axes[2] * 0.02, axes, half_m)
    return [below, edge, _make_face(premultiply(lid, alpha), place + axes[2] * 0.05, axes, half_m)]


def _make_shaft(rng: Rng) -> Shaft:
    depth_m = float(rng.uniform(0.7, 3.0))
    tone = rng.uniform(70, 150)
    colour = (tone, tone * 0.96, tone * 0.88)
    texel_m = depth_m / SHAFT_TEXTURE_PX[0]
    if rng.random() < 0.5:  # noqa: PLR2004 - half of the shafts are brick
        wall = make_courses(
            rng,
            SHAFT_TEXTURE_PX,
            texel_m,
            unit_m=(0.22, 0.07),
            joint_m=0.012,
            colours=(colour, (tone, tone * 0.7, tone * 0.55)),
            joint_colour=(tone * 0.8, tone * 0.8, tone * 0.75),
        )
    else:
        wall = make_concrete(rng, SHAFT_TEXTURE_PX, texel_m, colour)
    wet = rng.uniform(10, 50)
    floor = make_concrete(rng, (128, 128), 0.01, (wet, wet, wet * 0.9))
    for _ in range(int(rng.integers(0, 9))):
        point = (int(rng.integers(128)), int(rng.integers(128)))
        tint = tuple(float(value) for value in rng.uniform(20, 170, 3))
        axes = (int(rng.integers(3, 16)), int(rng.integers(2, 8)))
        cv2.ellipse(floor, point, axes, float(rng.uniform(0, 180)), 0.0, 360.0, tint, -1)
    return Shaft(depth_m, wall, floor)
