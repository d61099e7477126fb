"""Draws of everything that one sight depends on, for what leaps instead of bending."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.geometry import FloatArray
from detection.domain.sight import SightColumn, compute_rays
from detection.georeference.sights import build_sights, list_stds

_DRAWS = 512
_SEED = 20260301


@dataclass(frozen=True, eq=False)
class Draws:
    """What one sight may be: ``S`` draws of its errors.

    ``origins`` (east and north of the camera's stated foot, height above the take-off) and
    ``rays`` are ``(S, 3)``; ``shifts`` ``(S, 2)`` and ``roofs`` ``(S,)`` are standard normals left
    for the errors of a footprint and of a roof.
    """

    origins: FloatArray
    rays: FloatArray
    shifts: FloatArray
    roofs: FloatArray


def draw_sight(
    pose: CameraPose,
    intrinsics: CameraIntrinsics,
    xy_px: tuple[float, float],
    pixel_std_px: tuple[float, float],
) -> Draws:
    """Return draws of the sight of one pixel; the pose is complete."""
    normals = _draw_normals()
    stds = list_stds(pose, intrinsics, 0.0, pixel_std_px, 1)
    sights = build_sights(pose, intrinsics, xy_px, 0.0) + normals[:, : len(SightColumn)] * stds
    return Draws(
        origins=sights[:, [SightColumn.EAST, SightColumn.NORTH, SightColumn.ALTITUDE]],
        rays=compute_rays(sights, intrinsics),
        shifts=normals[:, len(SightColumn) :],
        roofs=normals[:, SightColumn.TARGET_HEIGHT],
    )


@cache
def _draw_normals() -> FloatArray:
    """Return standard normals ``(S, 13)``: one per `SightColumn`, and two.

    Always the same, so that the same files give the same places. Each column holds the middles
    of 512 equal shares of a normal, shuffled (a Latin hypercube); then all are turned against
    each other until none correlates, which makes means and covariances of what is linear exact.
    """
    share = (np.arange(_DRAWS) + 0.5) / _DRAWS
    ranked = np.array([NormalDist().inv_cdf(float(one)) for one in share])
    rng = np.random.default_rng(_SEED)
    columns = len(SightColumn) + 2
    shuffled = np.stack([rng.permutation(ranked) for _ in range(columns)], axis=1)
    left, _, right = np.linalg.svd(shuffled, full_matrices=False)
    return np.asarray(left @ right * math.sqrt(_DRAWS), dtype=np.float64)
