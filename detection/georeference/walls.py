"""Rays against the walls and roofs of buildings that stand near them, all rays at once.

A building is its footprint pulled up from its foot to a flat roof. Everything is in the metres of
one plane and metres of height; ``S`` rays, ``E`` edges of footprints, ``B`` buildings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from detection.domain.geometry import FloatArray

_HAIR = np.array([1e-9, 2e-9])


@dataclass(frozen=True, eq=False)
class Walls:
    """Edges of footprints.

    ``starts`` and ``ends`` are ``(E, 2)`` metres, ``owners`` ``(E,)`` the building of each edge;
    ``count`` buildings have a foot at ``foot_m`` ``(B,)``.
    """

    starts: FloatArray
    ends: FloatArray
    owners: NDArray[np.intp]
    foot_m: FloatArray

    @property
    def count(self) -> int:
        """Number of buildings."""
        return len(self.foot_m)


@dataclass(frozen=True, eq=False)
class Hits:
    """What each ray meets first.

    ``owners`` ``(S,)`` is the building, -1 where none; ``edges`` ``(S,)`` the edge of the wall,
    -1 on a roof; ``reach`` ``(S,)`` how many lengths of the ray away. ``is_possible`` is false
    for a ray that starts inside a building, where no camera can be.
    """

    owners: NDArray[np.intp]
    edges: NDArray[np.intp]
    reach: FloatArray
    is_possible: NDArray[np.bool_]


def collect_walls(footprints: NDArray[np.object_], foot_m: FloatArray) -> Walls:
    """Return the edges of footprints (Polygon or MultiPolygon, holes included)."""
    parts, part_owners = shapely.get_parts(footprints, return_index=True)
    rings, ring_owners = shapely.get_rings(parts, return_index=True)
    corners, corner_rings = shapely.get_coordinates(rings, return_index=True)
    is_edge = corner_rings[1:] == corner_rings[:-1]
    owners = part_owners[ring_owners[corner_rings[:-1][is_edge]]]
    return Walls(corners[:-1][is_edge], corners[1:][is_edge], owners, foot_m)


def meet_walls(walls: Walls, roofs_m: FloatArray, origins: FloatArray, rays: FloatArray) -> Hits:
    """Return the first wall or roof that each ray meets.

    ``roofs_m`` ``(S, B)`` is the height of every roof as each ray has it; ``origins`` and
    ``rays`` are ``(S, 3)``.
    """
    crossings = _cross_edges(walls, origins, rays)
    with np.errstate(invalid="ignore"):  # a level ray that never crosses is at no height
        heights = origins[:, 2:] + crossings * rays[:, 2:]
    is_wall = heights >= walls.foot_m[walls.owners]
    is_wall &= heights <= roofs_m[:, walls.owners]
    on_walls = np.where(is_wall, crossings, np.inf)
    on_roofs = _cross_roofs(roofs_m, origins, rays)
    leaves_later = np.isfinite(crossings) & (crossings > on_roofs[:, walls.owners])
    on_roofs[~_is_inside(walls, leaves_later)] = np.inf
    reaches = np.concatenate([on_walls, on_roofs], axis=1)
    first = np.argmin(reaches, axis=1)
    reach = reaches[np.arange(len(rays)), first]
    edges = np.where(first < len(walls.owners), first, -1)
    owner_of = np.concatenate([walls.owners, np.arange(walls.count)])
    starts_in = _is_inside(walls, np.isfinite(crossings)) & (origins[:, 2:] < roofs_m)
    return Hits(
        owners=np.where(np.isfinite(reach), owner_of[first], -1),
        edges=edges,
        reach=reach,
        is_possible=np.asarray(~starts_in.any(axis=1)),
    )


def _cross_edges(walls: Walls, origins: FloatArray, rays: FloatArray) -> FloatArray:
    """Return after how many lengths each ray passes over or under each edge, ``(S, E)``.

    Infinite where it does not, or only behind its start.
    """
    # A ray straight down has no trace on the plan; a hair's breadth gives it one.
    trace = rays[:, None, :2] + _HAIR
    edge = (walls.ends - walls.starts)[None]
    to_start = walls.starts[None] - origins[:, None, :2]
    with np.errstate(divide="ignore", invalid="ignore"):
        turn = _cross(trace, edge)
        reach = _cross(to_start, edge) / turn
        share = _cross(to_start, trace) / turn
    # One end of an edge counts, the other is the next edge's: no ray slips through a corner.
    is_crossed = (reach > 0) & (share >= 0) & (share < 1)
    return np.where(is_crossed, reach, np.inf)


def _cross_roofs(roofs_m: FloatArray, origins: FloatArray, rays: FloatArray) -> FloatArray:
    """Return after how many lengths each ray comes down to the height of each roof, ``(S, B)``."""
    above_m = origins[:, 2:] - roofs_m
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = above_m / -rays[:, 2:]
    return np.where((above_m > 0) & (rays[:, 2:] < 0), reach, np.inf)


def _is_inside(walls: Walls, crossed_ahead: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a point of each ray is inside each footprint ``(S, B)``: odd edges lie ahead."""
    first_edges = np.searchsorted(walls.owners, np.arange(walls.count))
    counts = np.add.reduceat(crossed_ahead.astype(np.intp), first_edges, axis=1)
    return np.asarray(counts % 2 == 1)


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])
