"""Axis-aligned bodies (houses, tanks, kerbs, parapets) as textured faces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from training.synthetic.camera import Array
from training.synthetic.light import Light
from training.synthetic.rasterize import Face, Image, Texture
from training.synthetic.textures import Colour, Rng, make_concrete

SIDES = ("front", "back", "left", "right", "top")
# Outward directions; "front" faces -y, "left" -x.
NORMALS: Mapping[str, tuple[float, float, float]] = {
    "front": (0.0, -1.0, 0.0),
    "back": (0.0, 1.0, 0.0),
    "left": (-1.0, 0.0, 0.0),
    "right": (1.0, 0.0, 0.0),
    "top": (0.0, 0.0, 1.0),
}


@dataclass(frozen=True, slots=True)
class Body:
    """A box in space: what throws shadows. ``low`` and ``high`` are opposite corners (3,), m."""

    low: Array
    high: Array

    @property
    def corners(self) -> Array:
        """The eight corners ``(8, 3)``; index bits 0, 1, 2 choose x, y, z."""
        pick = [[(index >> axis) & 1 for axis in range(3)] for index in range(8)]
        return np.where(np.array(pick) == 1, self.high, self.low)

    def size_of(self, side: str) -> tuple[float, float]:
        """Width and height in metres of one side as seen from outside."""
        x, y, z = (float(value) for value in self.high - self.low)
        return {"top": (x, y), "left": (y, z), "right": (y, z)}.get(side, (x, z))

    def face(self, side: str, texture: Texture) -> Face:
        """One side, its texture upright as seen from outside."""
        (x_low, y_low, _), (x_high, y_high, top) = self.low, self.high
        width, height = self.size_of(side)
        origin, right = {
            "front": ((x_low, y_low, top), (1.0, 0.0, 0.0)),
            "back": ((x_high, y_high, top), (-1.0, 0.0, 0.0)),
            "left": ((x_low, y_high, top), (0.0, -1.0, 0.0)),
            "right": ((x_high, y_low, top), (0.0, 1.0, 0.0)),
            "top": ((x_low, y_high, top), (1.0, 0.0, 0.0)),
        }[side]
        down = (0.0, -1.0, 0.0) if side == "top" else (0.0, 0.0, -1.0)
        return Face(np.array(origin), np.array(right) * width, np.array(down) * height, texture)


def make_plain_faces(
    rng: Rng, body: Body, colour: Colour, light: Light, texel_m: float = 0.04
) -> list[Face]:
    """All visible sides of a body in one painted or cast material, lit."""
    faces = []
    for side in SIDES:
        width, height = body.size_of(side)
        shape = (max(8, round(height / texel_m)), max(8, round(width / texel_m)))
        pixels = make_concrete(rng, shape, texel_m, colour)
        faces.append(body.face(side, Texture(light_pixels(pixels, side, light))))
    return faces


def light_pixels(pixels: Image, side: str, light: Light) -> Image:
    """Scale a texture by how its side faces the sun."""
    factor = light.compute_shading(np.array(NORMALS[side]))
    return np.clip(pixels * np.float32(factor), 0, 255).astype(np.uint8)
