"""Soft shadows: of boxes on any plane, and of unseen trees, poles and walls on the ground."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.synthetic.camera import Array
from training.synthetic.ground import Ground
from training.synthetic.light import Light
from training.synthetic.rasterize import Face, FloatImage
from training.synthetic.textures import Rng, octave_noise, shade

SHADOW_MAP_STEP = 4
LIT_SHARE = 0.6
# Sky light in shadow is bluer than the sun.
SHADOW_TINT = (1.06, 1.0, 0.9)


def cast_ground_shadows(rng: Rng, ground: Ground, light: Light) -> NDArray[np.bool_]:
    """Darken the ground by what stands outside the photo; return which texels are sunlit.

    The map has a quarter of the texture's resolution.
    """
    shape = (
        ground.pixels.shape[0] // SHADOW_MAP_STEP,
        ground.pixels.shape[1] // SHADOW_MAP_STEP,
    )
    texel_m = ground.texel_m * SHADOW_MAP_STEP
    cover = np.zeros(shape, dtype=np.float32)
    if rng.random() < 0.5:  # noqa: PLR2004 - half of the scenes have foliage above
        leaves = octave_noise(rng, shape, 1.6 / texel_m, max(2.0, 0.15 / texel_m), falloff=0.8)
        crowns = octave_noise(rng, shape, 5.0 / texel_m, max(2.0, 2.0 / texel_m))
        cover = np.clip((leaves * 0.6 + crowns - rng.uniform(0.2, 1.4)) * 3, 0, 1)
    for _ in range(int(rng.poisson(0.8))):
        _drop_band(rng, cover, texel_m, light)
    cover = cv2.GaussianBlur(cover, (0, 0), max(0.8, 0.06 / texel_m))
    darken(ground.pixels, cover, light.shadow)
    return np.asarray(cover < LIT_SHARE, dtype=np.bool_)


def darken(pixels: NDArray[np.uint8], cover: FloatImage, shadow: float) -> None:
    """Multiply ``pixels`` in place: ``cover`` 0 is full sun, 1 full shadow (any resolution)."""
    size = (pixels.shape[1], pixels.shape[0])
    share = cv2.resize(cover, size, interpolation=cv2.INTER_LINEAR)
    shade(pixels, 1.0 - (1.0 - np.float32(shadow)) * share, SHADOW_TINT)


def cast_box_shadow(face: Face, box_corners: Array, light: Light, cover: FloatImage) -> None:
    """Add the shadow that a convex body throws on ``face`` to its map ``cover`` in 0..1.

    ``box_corners`` (8, 3) are ordered so that corners differing in one bit of their index share
    an edge. Parts of the body behind the plane throw no shadow on it.
    """
    normal = np.cross(face.edge_v, face.edge_u)
    normal = normal / np.linalg.norm(normal)
    rate = float(normal @ light.to_sun)
    if rate <= 1e-3:  # noqa: PLR2004 - the face itself is turned away from the sun
        return
    points = _cut_above(box_corners, (box_corners - face.origin) @ normal)
    if len(points) < 3:  # noqa: PLR2004 - a polygon needs three
        return
    height = (points - face.origin) @ normal
    shadow = points - light.to_sun * (height / rate)[:, None] - face.origin
    u = shadow @ face.edge_u / (face.edge_u @ face.edge_u) * cover.shape[1]
    v = shadow @ face.edge_v / (face.edge_v @ face.edge_v) * cover.shape[0]
    uv = np.clip(np.column_stack([u, v]), -20000, 20000).astype(np.float32)
    hull = cv2.convexHull(uv)
    cv2.fillConvexPoly(cover, np.round(hull * 16).astype(np.int32), 1.0, cv2.LINE_8, 4)


def _cut_above(corners: Array, height: Array) -> Array:
    kept = [corner for corner, value in zip(corners, height, strict=True) if value > 1e-3]  # noqa: PLR2004
    for index in range(8):
        for bit in (1, 2, 4):
            other = index | bit
            if other == index or height[index] * height[other] >= 0:
                continue
            share = height[index] / (height[index] - height[other])
            kept.append(corners[index] + share * (corners[other] - corners[index]))
    return np.array(kept).reshape(-1, 3)


def _drop_band(rng: Rng, cover: FloatImage, texel_m: float, light: Light) -> None:
    """A pole, a cable or a wall's edge outside the photo: a straight band along the sun."""
    height, width = cover.shape
    along = np.array([light.to_sun[0], -light.to_sun[1]])
    along /= max(float(np.linalg.norm(along)), 1e-6)
    turn = rng.uniform(-0.5, 0.5)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ along
    across = np.array([-turned[1], turned[0]])
    middle = np.array([rng.uniform(0, width), rng.uniform(0, height)])
    half = float(rng.choice([0.04, 0.1, 1.5, 4.0])) * rng.uniform(0.7, 1.5) / texel_m
    reach = float(width + height)
    ends = [
        middle + turned * reach * a + across * half * b
        for a, b in ((1, 1), (1, -1), (-1, -1), (-1, 1))
    ]
    outline = np.round(np.clip(np.stack(ends), -30000, 30000) * 16).astype(np.int32)
    cv2.fillConvexPoly(cover, outline, 1.0, cv2.LINE_8, 4)
