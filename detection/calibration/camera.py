"""What makes two photos come from the same kind of camera: maker's model, sensor, lens."""

from __future__ import annotations

import math
from dataclasses import dataclass

from detection.domain.photo import Photo

FILM_DIAGONAL_MM = math.hypot(36.0, 24.0)
LENS_STEP_MM = 2.0
"""Focal lengths are told apart no finer: calibrated ones of two cameras of one type differ."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A kind of camera with its lens, as scores depend on it.

    ``long_px`` and ``short_px`` are the sides of its photos however they are turned,
    ``focal_mm`` the focal length on film of 36 by 24 mm, to ``LENS_STEP_MM``; None: not said.
    """

    model: str
    long_px: int
    short_px: int
    focal_mm: int | None = None

    @property
    def key(self) -> str:
        """Text that parts this camera from others, as it is stored and shown."""
        lens = "" if self.focal_mm is None else f" {self.focal_mm}mm"
        return f"{self.model} {self.long_px}x{self.short_px}{lens}"


def camera_of(photo: Photo) -> Camera | None:
    """Return the kind of camera of a photo; None where the photo does not name its model."""
    focal_px = None if photo.intrinsics is None else photo.intrinsics.focal_px
    return make_camera(photo.camera_model, photo.width_px, photo.height_px, focal_px)


def make_camera(
    model: str | None, width_px: int, height_px: int, focal_px: float | None
) -> Camera | None:
    """Return the kind of camera of photos of this size; None where its model is not known."""
    name = (model or "").strip()
    if not name:
        return None
    sides = (width_px, height_px)
    focal_mm = None
    if focal_px is not None:
        film_mm = focal_px / math.hypot(*sides) * FILM_DIAGONAL_MM
        focal_mm = round(film_mm / LENS_STEP_MM) * int(LENS_STEP_MM)
    return Camera(name, max(sides), min(sides), focal_mm)
