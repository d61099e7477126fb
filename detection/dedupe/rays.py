"""The rays from cameras to places, and where they end if the camera erred."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detection.domain.geometry import FloatArray

ERRORS = 7
"""Numbers that may be wrong of a photo: east, north, height, yaw, pitch, lean, focal length. A
lean turns the camera about its level heading; over the nadir a roll would do what a yaw does."""

MIN_DROP_M = 1.0
_FLATTEST = 0.02
"""Least downward share of a ray when it is turned: a tangent, so that none turns to the sky."""


@dataclass(frozen=True, eq=False)
class Rays:
    """``n`` rays with the frames of their cameras.

    ``ray_m`` (n, 3) runs from the camera to the place, east, north and up. ``axes`` (n, 3, 3) are
    the up, level right and heading unit vectors about which the camera may be turned, ``forward``
    (n, 3) its optical axis, ``stds`` (n, 7) the deviations of `ERRORS` in metres, radians and
    shares; all 0 where a place does not follow its ray.
    """

    ray_m: FloatArray
    axes: FloatArray
    forward: FloatArray
    stds: FloatArray

    def slopes(self) -> FloatArray:
        """Return how a place moves with a metre that its thing stands higher, (n, 2)."""
        return np.asarray(self.ray_m[:, :2] / -self.ray_m[:, 2:])

    def move(self, errors: FloatArray) -> FloatArray:
        """Return how far (n, 2) the places move by ``errors`` (n, 7), in deviations."""
        return np.asarray(self._err(errors)[:, :2] - self.ray_m[:, :2])

    def differentiate(self, errors: FloatArray) -> FloatArray:
        """Return the derivative (n, 2, 7) of the place by the errors, where they are."""
        ray = self._err(errors)
        drop = -ray[:, 2:]
        turned = np.cross(self.axes, ray[:, None, :])
        zoomed = np.einsum("ni,ni->n", ray, self.forward)[:, None] * self.forward - ray
        moved = np.concatenate([turned, zoomed[:, None]], axis=1)
        columns = np.zeros((len(ray), 2, ERRORS))
        columns[:, :, 2] = ray[:, :2] / drop
        # The ray that is turned ends on the ground again: (v, -d) + (a, b) ends at v + a + v b / d.
        ends = moved[:, :, :2] + moved[:, :, 2:] * (ray[:, :2] / drop)[:, None]
        columns[:, :, 3:] = ends.transpose(0, 2, 1)
        return np.asarray(columns * self.stds[:, None])

    def spread_pixels(self, angle_rad: FloatArray) -> FloatArray:
        """Return the covariance (n, 2, 2), m², of ends whose pixels err by angles (n,)."""
        level = self.axes[:, 1]
        down = np.cross(self.forward, level)
        depth = np.einsum("ni,ni->n", self.ray_m, self.forward) * angle_rad
        moved = np.stack([level, down], axis=1) * depth[:, None, None]
        flat = (self.ray_m[:, :2] / -self.ray_m[:, 2:])[:, None]
        ends = moved[:, :, :2] + moved[:, :, 2:] * flat
        return np.asarray(np.einsum("nki,nkj->nij", ends, ends))

    def scale(self, errors: FloatArray) -> FloatArray:
        """Return how many times farther away (n,) the places are if the cameras err."""
        return np.asarray(self._err(errors)[:, 2] / self.ray_m[:, 2])

    def _err(self, errors: FloatArray) -> FloatArray:
        """Return the rays to where the places are if the cameras err, (n, 3)."""
        error = errors * self.stds
        ray = self.ray_m
        along = np.einsum("ni,ni->n", ray, self.forward)[:, None] * self.forward
        ray = along + (ray - along) * (1 - error[:, 6:])
        ray = _rotate(ray, np.einsum("nk,nki->ni", error[:, 3:6], self.axes))
        drop = np.maximum(-self.ray_m[:, 2] + error[:, 2], MIN_DROP_M)
        reach = np.hypot(ray[:, 0], ray[:, 1])
        down = np.maximum(-ray[:, 2], _FLATTEST * np.maximum(reach, MIN_DROP_M))
        return np.column_stack([ray[:, :2] * (drop / down)[:, None], -drop])


def _rotate(vectors: FloatArray, turns: FloatArray) -> FloatArray:
    """Turn vectors (n, 3) about ``turns`` (n, 3), radians: Rodrigues' formula."""
    angle = np.linalg.norm(turns, axis=1, keepdims=True)
    axis = turns / np.maximum(angle, 1e-12)
    along = np.einsum("ni,ni->n", vectors, axis)[:, None] * axis
    across = np.cos(angle) * (vectors - along) + np.sin(angle) * np.cross(axis, vectors)
    return np.asarray(along + across)
