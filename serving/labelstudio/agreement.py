"""How far several people agree about one photo: shapes matched by overlap and class. Pure.

The share is that of F1 without a truth: twice the matched shapes over all shapes of both. Two
empty drawings agree. Of more than two people it is the mean over the pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry
from shapely.validation import make_valid

from serving.labelstudio.convert import Shape

MATCH_IOU = 0.5


def agree(drawings: Sequence[Sequence[Shape]]) -> float | None:
    """Return the share on which the drawings of several people agree; None for fewer than two."""
    pairs = list(combinations(drawings, 2))
    if not pairs:
        return None
    return sum(_share(one, other) for one, other in pairs) / len(pairs)


def match(one: Sequence[Shape], other: Sequence[Shape]) -> list[tuple[int, int]]:
    """Return pairs of one class that overlap at IoU 0.5 or more, the best overlap first."""
    areas = [[_area(shape) for shape in shapes] for shapes in (one, other)]
    overlaps = sorted(
        (
            (_iou(areas[0][i], areas[1][j]), i, j)
            for i in range(len(one))
            for j in range(len(other))
            if one[i].hazard_class == other[j].hazard_class
        ),
        key=lambda found: (-found[0], found[1], found[2]),
    )
    pairs: list[tuple[int, int]] = []
    for iou, i, j in overlaps:
        if iou < MATCH_IOU:
            break
        if all(i != left and j != right for left, right in pairs):
            pairs.append((i, j))
    return pairs


def _share(one: Sequence[Shape], other: Sequence[Shape]) -> float:
    total = len(one) + len(other)
    return 1.0 if total == 0 else 2 * len(match(one, other)) / total


def _area(shape: Shape) -> BaseGeometry:
    """Return the area of a shape; a line that crosses itself is mended first."""
    if shape.outline is None:
        return box(*shape.bbox_xyxy)
    return make_valid(Polygon(shape.outline))


def _iou(one: BaseGeometry, other: BaseGeometry) -> float:
    union = one.union(other).area
    return float(one.intersection(other).area / union) if union > 0 else 0.0
