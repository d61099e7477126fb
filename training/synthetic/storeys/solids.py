"""Boxes, roofs, pipes and blobs as faces in metres; z is up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.synthetic.camera import Array
from training.synthetic.textures import Rng

Point = tuple[float, float, float]
LEVEL = 0.95
"""A face whose normal is that upright lies level: its texture runs along its first edge."""


@dataclass(frozen=True, slots=True)
class Solid:
    """Faces of one surface: each ``(k, 3)``, corners counter-clockwise seen from outside.

    ``thing`` is 0 for what carries no label, else the number of the added storey it belongs to.
    """

    surface: str
    faces: tuple[Array, ...]
    thing: int = 0

    def placed(self, center: tuple[float, float], yaw_deg: float) -> Solid:
        """Return the same turned about z by ``yaw_deg`` and moved to ``center``."""
        turn = math.radians(yaw_deg)
        matrix = np.array(
            [
                [math.cos(turn), -math.sin(turn), 0.0],
                [math.sin(turn), math.cos(turn), 0.0],
                [0.0, 0.0, 1.0],
            ]
        )
        offset = np.array([*center, 0.0])
        return replace(self, faces=tuple(face @ matrix.T + offset for face in self.faces))


def place_all(solids: Iterable[Solid], center: tuple[float, float], yaw_deg: float) -> list[Solid]:
    """Turn and move every solid alike."""
    return [solid.placed(center, yaw_deg) for solid in solids]


def make_box(surface: str, low: Sequence[float], high: Sequence[float]) -> Solid:
    """A box between two corners."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    quads = (
        [(x0, y0, z0), (x1, y0, z0), (x1, y0, z1), (x0, y0, z1)],
        [(x1, y0, z0), (x1, y1, z0), (x1, y1, z1), (x1, y0, z1)],
        [(x1, y1, z0), (x0, y1, z0), (x0, y1, z1), (x1, y1, z1)],
        [(x0, y1, z0), (x0, y0, z0), (x0, y0, z1), (x0, y1, z1)],
        [(x0, y0, z1), (x1, y0, z1), (x1, y1, z1), (x0, y1, z1)],
    )
    return Solid(surface, _faces(quads))


def make_slab(surface: str, corners: Sequence[Point], thickness: float) -> Solid:
    """A plate under four corners (counter-clockwise seen from above), ``thickness`` downwards."""
    top = [np.array(corner, dtype=np.float64) for corner in corners]
    low = [corner - np.array([0.0, 0.0, thickness]) for corner in top]
    sides = [[low[k], low[(k + 1) % 4], top[(k + 1) % 4], top[k]] for k in range(4)]
    return Solid(surface, _faces([top, low[::-1], *sides]))


def make_gable(
    roof: str, wall: str, low: Sequence[float], high: Sequence[float], eave: float
) -> list[Solid]:
    """A roof of two slopes over a rectangle, ridge along x; ``low[2]`` eaves, ``high[2]`` ridge."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    ridge = (y0 + y1) / 2
    drop = eave * (z1 - z0) / max(ridge - y0, 0.1)
    west, east, south, north = x0 - eave, x1 + eave, y0 - eave, y1 + eave
    slopes = (
        [(west, south, z0 - drop), (east, south, z0 - drop), (east, ridge, z1), (west, ridge, z1)],
        [(east, north, z0 - drop), (west, north, z0 - drop), (west, ridge, z1), (east, ridge, z1)],
    )
    ends = (
        [(x0, y1, z0), (x0, y0, z0), (x0, ridge, z1)],
        [(x1, y0, z0), (x1, y1, z0), (x1, ridge, z1)],
    )
    return [Solid(roof, _faces(slopes)), Solid(wall, _faces(ends))]


def make_pipe(surface: str, start: Point, end: Point, radius: float, *, sides: int = 8) -> Solid:
    """A closed cylinder between two points."""
    low, high = np.array(start, dtype=np.float64), np.array(end, dtype=np.float64)
    axis = (high - low) / max(float(np.linalg.norm(high - low)), 1e-6)
    aside = np.cross(axis, [0.0, 0.0, 1.0] if abs(axis[2]) < LEVEL else [1.0, 0.0, 0.0])
    aside /= np.linalg.norm(aside)
    other = np.cross(axis, aside)
    turns = np.arange(sides) * 2 * math.pi / sides
    ring = radius * (np.cos(turns)[:, None] * aside + np.sin(turns)[:, None] * other)
    faces = [
        np.stack(
            [
                low + ring[k],
                low + ring[(k + 1) % sides],
                high + ring[(k + 1) % sides],
                high + ring[k],
            ]
        )
        for k in range(sides)
    ]
    return Solid(surface, (*faces, high + ring))


def make_blob(rng: Rng, surface: str, center: Point, radius: float) -> Solid:
    """A lumpy ball: part of the crown of a tree."""
    rows, columns = 6, 9
    polar = np.linspace(0.05, math.pi - 0.05, rows)[:, None]
    turn = np.linspace(0, 2 * math.pi, columns, endpoint=False)[None, :]
    reach = radius * (1 + 0.22 * rng.standard_normal((rows, columns)))
    ball = np.stack(
        [
            reach * np.sin(polar) * np.cos(turn),
            reach * np.sin(polar) * np.sin(turn),
            reach * np.cos(polar) * 0.8,
        ],
        axis=-1,
    ) + np.array(center)
    faces = [
        np.stack(
            [ball[i + 1, j], ball[i + 1, (j + 1) % columns], ball[i, (j + 1) % columns], ball[i, j]]
        )
        for i in range(rows - 1)
        for j in range(columns)
    ]
    return Solid(surface, tuple(faces))


def map_texture(face: Array) -> Array:
    """Texture coordinates ``(k, 2)`` in metres: along the level direction and up the slope."""
    normal = np.cross(face[1] - face[0], face[2] - face[0])
    normal = normal / max(float(np.linalg.norm(normal)), 1e-9)
    along = np.cross([0.0, 0.0, 1.0], normal)
    if abs(normal[2]) > LEVEL:
        along = face[1] - face[0]
    along = along / max(float(np.linalg.norm(along)), 1e-9)
    up = np.cross(normal, along)
    return np.asarray(np.stack([face @ along, face @ up], axis=1), dtype=np.float64)


def _faces(faces: Iterable[Iterable[Iterable[float] | Array]]) -> tuple[Array, ...]:
    return tuple(np.array([*face], dtype=np.float64) for face in faces)
