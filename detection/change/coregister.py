"""Lay the surface of a later flight on that of an earlier one, by what did not change.

Positions of two flights differ by metres, and a model of photos bends by decimetres, so heights
are compared only after this: the shift in the plane that fits the two height rasters best, then
seven unknowns (shift, turn, scale) by point-to-plane distances (Chen and Medioni 1992) with a
redescending weight, at last a bend of second order in height on the ground outside buildings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation
from shapely.geometry.base import BaseGeometry

from detection.change.bend import NMAD, build_terms, fit_robust
from detection.change.epoch import Epoch
from detection.change.errors import NotCoregisteredError
from detection.change.shift import find_shift
from detection.change.surface import (
    NEAR_M,
    Surface,
    describe_surface,
    difference_heights,
    find_outside,
)
from detection.domain.geometry import FloatArray

STABLE_MARGIN_M = 1.5
"""Ground nearer to a footprint than this does not count: eaves, and errors of the footprint."""
MIN_STABLE = 150
"""With fewer points outside buildings all points take part; most buildings do not change."""
MAX_SCALE_OFF = 0.05
MAX_TURN_DEG = 10.0
MAX_SIGMA_M = 0.5
"""Above this no rise of a storey could be told from an error."""
OFF_M = 1.0
"""A height off by more counts in ``off_share``."""
_ROUNDS = 15
_WIDEST_M, _NARROWEST_M = 3.0, 0.4


@dataclass(frozen=True, slots=True)
class Coregistration:
    """What brings the later flight's model into the earlier one's frame, and how well.

    A point goes to ``middle + shift + scale * turn @ (point - middle)``, all in metres; then
    `bend_at` of its place is added to its height. ``sigma_dz_m`` is the robust standard deviation
    (1.4826 times the median absolute deviation) of what is left between the heights of single
    points on stable ground, ``off_share`` the share of them more than 1 m off, ``points`` their
    number. ``on_ground`` is False where too little lies outside buildings.
    """

    middle: FloatArray
    shift: FloatArray
    turn: FloatArray
    scale: float
    bend: FloatArray
    bend_middle: FloatArray
    sigma_dz_m: float
    off_share: float
    points: int
    on_ground: bool

    def move(self, points_m: FloatArray) -> FloatArray:
        """Return points ``(k, 3)`` in the earlier flight's frame, without the bend."""
        turned = (points_m - self.middle) @ self.turn.T
        return np.asarray(self.middle + self.shift + self.scale * turned)

    def bend_at(self, level_m: FloatArray) -> FloatArray:
        """Return what is to be added to the moved heights at places ``(..., 2)``, metres."""
        return np.asarray(build_terms(level_m - self.bend_middle) @ self.bend)

    def shifted(self, east_m: float, north_m: float) -> Coregistration:
        """Return the same into a frame that is itself moved in the plane."""
        off = np.array([east_m, north_m, 0.0])
        return replace(self, shift=self.shift + off, bend_middle=self.bend_middle + off[:2])


def coregister(
    base: Epoch, new: Epoch, buildings: Sequence[BaseGeometry], *, reach_m: float = 15.0
) -> Coregistration:
    """Return how ``new`` is laid on ``base``; both are on one plane, ``buildings`` in its metres.

    ``reach_m`` is how far the positions of the two may differ in the plane.

    Raises:
        NotCoregisteredError: too little is shared, or it does not fit.
    """
    target, source = base.model.points_m, new.model.points_m
    middle = source.mean(axis=0)
    rough = find_shift(target, source, reach_m)
    if rough is None:
        why = "too few places are seen by both"
        raise NotCoregisteredError(why)
    surface = describe_surface(target)
    found = _fit(surface, source, middle, rough)
    return _bend(found, surface, source, buildings)


def move_epoch(epoch: Epoch, found: Coregistration) -> Epoch:
    """Return the epoch in the frame of the earlier flight; the bend is left to its heights."""
    moved = replace(
        epoch.model,
        centers_m=found.move(epoch.model.centers_m),
        points_m=found.move(epoch.model.points_m),
        axes=np.asarray(epoch.model.axes @ found.turn.T),
    )
    return replace(epoch, model=moved)


def _fit(
    target: Surface, source: FloatArray, middle: FloatArray, shift: FloatArray
) -> Coregistration:
    """Point-to-plane rounds; the reach shrinks, so that what changed loses its say."""
    tree = cKDTree(target.points_m)
    found = Coregistration(
        middle=middle,
        shift=shift,
        turn=np.eye(3),
        scale=1.0,
        bend=np.zeros(6),
        bend_middle=middle[:2],
        sigma_dz_m=0.0,
        off_share=0.0,
        points=0,
        on_ground=True,
    )
    for reach_m in np.geomspace(_WIDEST_M, _NARROWEST_M, _ROUNDS):
        moved = found.move(source)
        distance, near = tree.query(moved, distance_upper_bound=max(reach_m, NEAR_M))
        kept = np.isfinite(distance)
        if kept.sum() < MIN_STABLE:
            why = "their surfaces do not meet"
            raise NotCoregisteredError(why)
        at = np.asarray(near)[kept]
        found = _step(found, moved[kept], target.points_m[at], target.normals[at], float(reach_m))
    _check(found)
    return found


def _step(
    found: Coregistration, moved: FloatArray, at: FloatArray, normals: FloatArray, reach_m: float
) -> Coregistration:
    origin = found.middle + found.shift
    arms = moved - origin
    miss = np.einsum("ij,ij->i", at - moved, normals)
    rows = np.hstack(
        [normals, np.cross(arms, normals), np.einsum("ij,ij->i", arms, normals)[:, None]]
    )
    weights = np.clip(1.0 - (miss / reach_m) ** 2, 0.0, None)  # the root of Tukey's biweight
    weighted = rows * weights[:, None]
    # Seven unknowns of thousands of rows: the normal equations are as good and much faster.
    solution = np.linalg.pinv(weighted.T @ weighted, hermitian=True) @ (
        weighted.T @ (miss * weights)
    )
    turn = Rotation.from_rotvec(solution[3:6]).as_matrix() @ found.turn
    return replace(
        found,
        shift=found.shift + solution[:3],
        turn=turn,
        scale=found.scale * (1.0 + float(solution[6])),
    )


def _check(found: Coregistration) -> None:
    turn_deg = np.degrees(np.linalg.norm(Rotation.from_matrix(found.turn).as_rotvec()))
    if abs(found.scale - 1.0) > MAX_SCALE_OFF or turn_deg > MAX_TURN_DEG:
        why = f"that takes a turn of {turn_deg:.0f} degrees and a scale of {found.scale:.2f}"
        raise NotCoregisteredError(why)


def _bend(
    found: Coregistration,
    target: Surface,
    source: FloatArray,
    buildings: Sequence[BaseGeometry],
) -> Coregistration:
    """Return the result with the bend that is left on stable ground, and what is left then."""
    moved = found.move(source)
    stable = find_outside(moved, buildings, STABLE_MARGIN_M)
    on_ground = int(stable.sum()) >= MIN_STABLE
    used = moved[stable] if on_ground else moved
    level, dz = difference_heights(target, used)
    if len(dz) < MIN_STABLE:
        why = f"only {len(dz)} points of the ground are seen by both"
        raise NotCoregisteredError(why)
    terms = build_terms(level - found.bend_middle)
    bend = fit_robust(terms, dz, OFF_M)
    left = dz - terms @ bend
    sigma_m = float(NMAD * np.median(np.abs(left - np.median(left))))
    if sigma_m > MAX_SIGMA_M:
        why = f"the ground still differs by {sigma_m:.2f} m (one sigma)"
        raise NotCoregisteredError(why)
    return replace(
        found,
        bend=bend,
        sigma_dz_m=sigma_m,
        off_share=float(np.mean(np.abs(left) > OFF_M)),
        points=len(left),
        on_ground=on_ground,
    )
