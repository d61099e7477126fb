"""The line through the middle of an outline, with the outline's width along it.

The Voronoi diagram of points along the outline has edges between its two sides: those are the
centre line (medial axis), and the two points that an edge parts lie across the crack from each
other. Edges between neighbours of one side are dropped: where the way along the outline between
the two points is less than twice the straight one, they are not on two sides of anything. Edges
are read from the Delaunay triangulation, whose circumcentres are the diagram's corners: most are
dropped before any corner is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import shapely
from scipy.spatial import Delaunay, QhullError

from detection.domain.geometry import FloatArray, Polygon
from detection.outlines import build_shape

_MAX_POINTS = 20_000
_POINTS_PER_WIDTH = 3.0
_STEP_RANGE_PX = (0.25, 4.0)
_DETOUR = 2.0
_SMOOTHING_PX = 1.0
"""Outlines are made wider by this, which takes the jags of their corners out of the line."""

_ARC_SEGMENTS = 2
_CORNER_PX = 0.25
"""A widened outline is drawn with as few corners as show it: each is a point of the diagram, and a
jagged outline with finely rounded corners has twice as many as its length asks for."""


@dataclass(frozen=True, eq=False)
class CentreLine:
    """``n`` short pieces of the line, in pixels of the photo.

    ``middles`` ``(n, 2)``, ``lengths`` ``(n,)``, ``normals`` ``(n, 2)`` of length one across the
    crack, ``widths`` ``(n,)`` of the outline there.
    """

    middles: FloatArray
    lengths: FloatArray
    normals: FloatArray
    widths: FloatArray

    @property
    def length_px(self) -> float:
        """Length of the whole line, branches included, gaps between pieces not."""
        return float(self.lengths.sum())


def trace_centre_line(polygons: Iterable[Polygon]) -> CentreLine | None:
    """Return the centre line of an outline; None where it encloses too little to have one."""
    shape = build_shape(polygons)
    if shape.area <= 0:
        return None
    shape = shape.buffer(_SMOOTHING_PX, quad_segs=_ARC_SEGMENTS).simplify(_CORNER_PX)
    low, high = _STEP_RANGE_PX
    width_px = 2.0 * shape.area / shape.length
    step = max(np.clip(width_px / _POINTS_PER_WIDTH, low, high), shape.length / _MAX_POINTS)
    points, rings, ways, ring_lengths = _walk_outline(shapely.segmentize(shape, step))
    try:
        triangles = Delaunay(points)
    except (QhullError, ValueError):
        return None
    left, corner = np.nonzero(triangles.neighbors > np.arange(triangles.nsimplex)[:, None])
    right = triangles.neighbors[left, corner]
    # The side that a triangle shares with a neighbour lies opposite the corner of its number.
    one = triangles.simplices[left, (corner + 1) % 3]
    two = triangles.simplices[left, (corner + 2) % 3]
    across = points[two] - points[one]
    chords = np.linalg.norm(across, axis=1)
    along = np.abs(ways[one] - ways[two])
    detour = np.minimum(along, ring_lengths[rings[one]] - along)
    is_across = ((rings[one] != rings[two]) | (detour > _DETOUR * chords)) & (chords > 0)
    centres = _find_circumcentres(points[triangles.simplices])
    starts, ends = centres[left[is_across]], centres[right[is_across]]
    shapely.prepare(shape)
    inside = shapely.contains_xy(shape, starts) & shapely.contains_xy(shape, ends)
    if not inside.any():
        return None
    starts, ends, chords = starts[inside], ends[inside], chords[is_across][inside]
    return CentreLine(
        middles=(starts + ends) / 2,
        lengths=np.linalg.norm(ends - starts, axis=1),
        normals=across[is_across][inside] / chords[:, None],
        widths=chords - 2 * _SMOOTHING_PX,
    )


def _find_circumcentres(corners: FloatArray) -> FloatArray:
    """Return the centres ``(n, 2)`` of the circles through three corners ``(n, 3, 2)``.

    Not finite where the three lie on one line.
    """
    first = corners[:, 0]
    (bx, by), (cx, cy) = (corners[:, 1] - first).T, (corners[:, 2] - first).T
    b2, c2 = bx * bx + by * by, cx * cx + cy * cy
    with np.errstate(divide="ignore", invalid="ignore"):
        offset = np.stack([cy * b2 - by * c2, bx * c2 - cx * b2]) / (2 * (bx * cy - by * cx))
    centres: FloatArray = first + offset.T
    return centres


def _walk_outline(
    shape: shapely.Geometry,
) -> tuple[FloatArray, np.ndarray[tuple[int], np.dtype[np.intp]], FloatArray, FloatArray]:
    """Return points ``(n, 2)``, the ring of each, its way along the ring, and rings' lengths."""
    rings = shapely.get_rings(shapely.get_parts(shape))
    corners, owners = shapely.get_coordinates(rings, return_index=True)
    steps = np.linalg.norm(np.diff(corners, axis=0, prepend=corners[:1]), axis=1)
    is_first = np.append(True, owners[1:] != owners[:-1])
    steps[is_first] = 0.0
    total = np.cumsum(steps)
    ways = total - total[is_first][owners]
    is_last = np.append(is_first[1:], True)  # the first point of a ring once more
    return corners[~is_last], owners[~is_last], ways[~is_last], shapely.length(rings)
