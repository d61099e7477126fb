"""Cars and trees as stacks of horizontal cut-out slices: right parallax from above."""

from __future__ import annotations

import math

import cv2
import numpy as np

from training.synthetic.boxes import Body, make_plain_faces
from training.synthetic.camera import Array
from training.synthetic.light import Light
from training.synthetic.rasterize import Face, Image, Texture
from training.synthetic.textures import Rng, octave_noise

CAR_TEXEL_M = 0.02
LEAF_TEXEL_M = 0.03
PAINTS = (
    (200, 202, 204),
    (40, 42, 46),
    (150, 152, 156),
    (120, 30, 32),
    (40, 66, 110),
    (226, 226, 222),
)


def build_car(rng: Rng, x: float, y: float) -> tuple[list[Face], Body]:
    """A parked car along x centred at (x, y); return its slices and the body for its shadow."""
    length, width = float(rng.uniform(4.2, 4.8)), float(rng.uniform(1.75, 1.9))
    paint = np.asarray(PAINTS[int(rng.integers(len(PAINTS)))], dtype=np.float64)
    flip = bool(rng.random() < 0.5)  # noqa: PLR2004 - either way round
    faces = []
    for height in np.arange(0.2, 1.46, 0.06):
        pixels = _slice_car(length, width, float(height), paint)
        if flip:
            pixels = np.ascontiguousarray(pixels[:, ::-1])
        origin = np.array([x - length / 2, y + width / 2, float(height)])
        edge_u, edge_v = np.array([length, 0.0, 0.0]), np.array([0.0, -width, 0.0])
        faces.append(Face(origin, edge_u, edge_v, Texture(pixels), is_cutout=True))
    half = np.array([length / 2, width / 2, 0.0])
    centre = np.array([x, y, 0.0])
    return faces, Body(centre - half + np.array([0, 0, 0.1]), centre + half + np.array([0, 0, 1.2]))


def build_tree(rng: Rng, x: float, y: float, light: Light) -> tuple[list[Face], list[Body]]:
    """A street tree; return its faces and bodies that stand for its shadow."""
    radius, base = float(rng.uniform(1.1, 1.9)), float(rng.uniform(2.4, 3.2))
    trunk = Body(np.array([x - 0.1, y - 0.1, 0.0]), np.array([x + 0.1, y + 0.1, base + 0.8]))
    faces = make_plain_faces(rng, trunk, (92, 78, 64), light)
    green = np.array([rng.uniform(62, 84), rng.uniform(80, 96), rng.uniform(44, 58)])
    bodies = []
    levels = 14
    for level in range(levels):
        share = (level + 0.5) / levels
        reach = radius * math.sqrt(max(0.05, 1 - (2 * share - 0.85) ** 2 / 1.5))
        height = base + share * radius * 1.9
        pixels = _slice_crown(rng, reach, green * (0.5 + 0.75 * share))
        centre = np.array([x, y, height]) + np.array([*rng.normal(0, 0.12, 2), 0.0])
        origin = centre + np.array([-reach, reach, 0.0])
        edge = 2 * reach
        faces.append(
            Face(
                origin,
                np.array([edge, 0.0, 0.0]),
                np.array([0.0, -edge, 0.0]),
                Texture(pixels),
                is_cutout=True,
            )
        )
        for _ in range(3):
            spot = centre + np.array([*rng.uniform(-0.6, 0.6, 2) * reach, 0.0])
            size = reach * rng.uniform(0.25, 0.45)
            bodies.append(Body(spot - size, spot + size))
    middle = np.array([x, y, base + radius * 0.85])
    faces += [_stand_crown(rng, middle, radius, green, turn) for turn in np.arange(6) * math.pi / 3]
    return faces, [trunk, *bodies]


def _stand_crown(rng: Rng, middle: Array, radius: float, green: Array, turn: float) -> Face:
    """An upright slice through the crown; from the side the level ones are too thin to see."""
    pixels = _slice_crown(rng, radius, green)
    rise = np.linspace(1.2, 0.55, pixels.shape[0])[:, None, None]
    pixels[..., :3] = np.clip(pixels[..., :3] * rise, 0, 255).astype(np.uint8)
    edge_u = 2 * radius * np.array([math.cos(turn), math.sin(turn), 0.0])
    edge_v = np.array([0.0, 0.0, -2 * radius])
    return Face(middle - (edge_u + edge_v) / 2, edge_u, edge_v, Texture(pixels), is_cutout=True)


def _slice_car(length: float, width: float, height: float, paint: Array) -> Image:
    """One level of a car: body below 0.85 m, glass above, the roof at the top."""
    shape = (round(width / CAR_TEXEL_M), round(length / CAR_TEXEL_M))
    pixels = np.zeros((*shape, 4), dtype=np.uint8)
    waist, roof = 0.85, 1.38
    if height < waist:
        inset = 0.06 * abs(height - 0.5)
        _fill(pixels, (inset, 1 - inset), paint * (0.45 + 0.65 * height), 0.22)
        return pixels
    rise = (height - waist) / (1.45 - waist)
    ends = (0.2 + 0.13 * rise, 0.88 - 0.1 * rise)
    colour = paint * 1.05 if height >= roof else np.array([38.0, 44.0, 50.0])
    _fill(pixels, ends, colour, 0.2, side=0.05 + 0.09 * rise)
    return pixels


def _fill(
    pixels: Image, ends: tuple[float, float], colour: Array, corner_m: float, side: float = 0.02
) -> None:
    height, width = pixels.shape[:2]
    radius = round(corner_m / CAR_TEXEL_M)
    x_low, x_high = ends[0] * width + radius, ends[1] * width - radius
    y_low, y_high = side * height + radius, (1 - side) * height - radius
    corners = [(x_low, y_low), (x_high, y_low), (x_high, y_high), (x_low, y_high)]
    points = np.array(corners, dtype=np.int32)
    fill = (*(float(min(255, value)) for value in colour), 255.0)
    cv2.fillConvexPoly(pixels, points, fill)
    cv2.polylines(pixels, [points], True, fill, 2 * radius)  # noqa: FBT003


def _slice_crown(rng: Rng, radius: float, colour: Array) -> Image:
    size = max(16, round(2 * radius / LEAF_TEXEL_M))
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    reach = np.hypot(axis[None, :], axis[:, None])
    clumps = octave_noise(rng, (size, size), size / 4, 2.0, falloff=0.85)
    leaves = rng.standard_normal((size, size), dtype=np.float32)
    alpha = (0.85 - reach + 0.3 * clumps + 0.25 * leaves) > 0.1  # noqa: PLR2004
    light = 1.0 + 0.2 * clumps + 0.18 * leaves
    rgb = np.clip(light[..., None] * colour, 0, 255)
    return np.dstack([rgb, alpha * 255]).astype(np.uint8)
