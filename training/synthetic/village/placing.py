"""Faces and bodies from a house's own axes into the village's, and the light on them there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from training.synthetic.boxes import Body
from training.synthetic.camera import Array
from training.synthetic.light import Light
from training.synthetic.rasterize import Face, Texture
from training.synthetic.shadows import cast_box_shadow, darken

SHADOW_STEP = 2
MARGIN = 0.1
"""Share of a face by which a shadow may miss it and is drawn all the same; it is blurred."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an object's own axes lie: origin (3,), turn about z, and a scale."""

    origin: Array
    turn_deg: float = 0.0
    scale: float = 1.0

    @property
    def matrix(self) -> Array:
        """Own axes to the village's, (3, 3)."""
        sine, cosine = (f(math.radians(self.turn_deg)) for f in (math.sin, math.cos))
        return self.scale * np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])

    def points(self, points: Array) -> Array:
        """Return points ``(..., 3)`` in the village's axes."""
        return np.asarray(points @ self.matrix.T + self.origin, dtype=np.float64)

    def face(self, face: Face) -> Face:
        """Return a face in the village's axes."""
        turned = self.matrix
        return Face(
            self.points(face.origin),
            turned @ face.edge_u,
            turned @ face.edge_v,
            face.texture,
            face.is_cutout,
        )


def list_corners(placement: Placement, bodies: Iterable[Body]) -> list[Array]:
    """Corners ``(8, 3)`` of bodies in the village's axes, ordered as shadows want them."""
    return [placement.points(body.corners) for body in bodies]


def light_faces(faces: Sequence[Face], light: Light, casters: Sequence[Array]) -> list[Face]:
    """Return the faces as bright as the sun makes them, with the shadows of near bodies."""
    if not casters:
        return [_light(face, light, ()) for face in faces]
    corners = np.stack(casters)
    return [_light(face, light, _pick_casters(face, light, corners)) for face in faces]


def _pick_casters(face: Face, light: Light, corners: Array) -> Array:
    """Return those of the bodies ``(n, 8, 3)`` whose shadow may fall on a face.

    A shadow lies within the outline of the corners thrown on the face's plane along the sun.
    """
    normal = face_normal(face)
    rate = float(normal @ light.to_sun)
    if rate <= 0:
        return corners[:0]
    offset = corners - face.origin
    height = offset @ normal
    thrown = offset - light.to_sun * (height / rate)[..., None]
    touches = height.max(axis=1) > 0
    for edge in (face.edge_u, face.edge_v):
        share = thrown @ edge / (edge @ edge)
        touches &= (share.max(axis=1) > -MARGIN) & (share.min(axis=1) < 1 + MARGIN)
    return np.asarray(corners[touches], dtype=np.float64)


def face_normal(face: Face) -> Array:
    """Return the unit vector (3,) that points out of a face."""
    across = np.cross(face.edge_v, face.edge_u)
    return np.asarray(across / np.linalg.norm(across), dtype=np.float64)


def _light(face: Face, light: Light, casters: Iterable[Array]) -> Face:
    normal = face_normal(face)
    factor = np.float32(light.compute_shading(normal))
    pixels = face.texture.pixels.copy()
    pixels[..., :3] = np.clip(pixels[..., :3] * factor, 0, 255).astype(np.uint8)
    shadow = light.compute_shadow(normal)
    shape = (max(2, pixels.shape[0] // SHADOW_STEP), max(2, pixels.shape[1] // SHADOW_STEP))
    cover = np.zeros(shape, dtype=np.float32)
    for corners in casters:
        cast_box_shadow(face, corners, light, cover)
    if cover.any():
        darken(pixels[..., :3], cv2.GaussianBlur(cover, (0, 0), 1.0), shadow)
    return Face(face.origin, face.edge_u, face.edge_v, Texture(pixels), face.is_cutout)
