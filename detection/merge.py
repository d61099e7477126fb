"""Tile detections to photo detections across seams: pure, order-free and idempotent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from detection.domain.geometry import BBox, FloatArray, compute_ios, compute_iou
from detection.domain.hazard import COUNTABLE_THINGS
from detection.outlines import find_near_pairs, join_polygons
from detection.tiling import PhotoBox

SAME_THING = 0.5
"""Two boxes of a countable thing with this IoU, or this share of the smaller one, are one."""

SAME_STRETCH = 0.3
"""Two boxes of a drawn-out thing are one where this share of the smaller lies in the larger."""

SAME_OUTLINE_PX = 4.0
"""Two outlines of a drawn-out thing that come this close are one. A model draws masks in cells of
four pixels and cannot tell closer ones apart. Where both boxes have outlines these alone decide:
the boxes of two slanting cracks overlap without the cracks ever meeting."""

IndexPairs = tuple[NDArray[np.intp], NDArray[np.intp]]
"""First and second index of each pair."""


def merge_detections(boxes: Iterable[PhotoBox]) -> list[PhotoBox]:
    """Return one box per thing, best score first.

    States of one countable thing compete: a box that no seam cut beats one that was cut, then
    the higher score wins. Pieces of a drawn-out thing are joined, outlines to their union and
    boxes to their common rectangle, until none meet; the score is the highest of the pieces.
    Empty boxes are dropped.
    """
    by_thing: defaultdict[str, list[PhotoBox]] = defaultdict(list)
    for box in boxes:
        if box.detection.bbox_xyxy.area_px > 0:
            hazard_class = box.detection.hazard_class
            countable = hazard_class.thing in COUNTABLE_THINGS
            by_thing[hazard_class.thing if countable else hazard_class.value].append(box)
    merged: list[PhotoBox] = []
    for thing, members in by_thing.items():
        merged += _keep_best(members) if thing in COUNTABLE_THINGS else _join_pieces(members)
    return sorted(merged, key=_rank_by_score)


def _keep_best(boxes: Sequence[PhotoBox]) -> list[PhotoBox]:
    """Suppress every box that covers the same thing as a better one."""
    ranked = sorted(boxes, key=lambda box: (box.touches_seam, *_rank_by_score(box)))
    xyxy = _stack_xyxy(ranked)
    alive = np.ones(len(ranked), dtype=np.bool_)
    kept: list[PhotoBox] = []
    for index, box in enumerate(ranked):
        if not alive[index]:
            continue
        kept.append(box)
        one, rest = xyxy[index : index + 1], xyxy[index + 1 :]
        same = (compute_iou(one, rest) >= SAME_THING) | (compute_ios(one, rest) >= SAME_THING)
        alive[index + 1 :] &= ~same[0]
    return kept


def _join_pieces(boxes: Sequence[PhotoBox]) -> list[PhotoBox]:
    """Replace each chain of pieces that meet by one until none meet."""
    current = sorted(boxes, key=_rank_by_score)
    while True:
        count, labels = _group_pieces(current)
        if count == len(current):
            return current
        current = sorted(_join_groups(current, labels), key=_rank_by_score)


def _group_pieces(boxes: Sequence[PhotoBox]) -> tuple[int, NDArray[np.int32]]:
    """Return how many groups of meeting pieces there are, and the number of each piece's group."""
    outlined = np.array([bool(box.detection.polygons) for box in boxes], dtype=np.bool_)
    pairs = (_pair_overlapping(_stack_xyxy(boxes), outlined), _pair_near(boxes, outlined))
    ends = np.concatenate([np.stack(pair) for pair in pairs], axis=1)
    links = csr_array((np.ones(ends.shape[1], dtype=np.int8), ends), shape=(len(boxes),) * 2)
    count, labels = connected_components(links, directed=False)
    return count, labels


def _pair_overlapping(xyxy: FloatArray, outlined: NDArray[np.bool_]) -> IndexPairs:
    """Return the pairs of overlapping boxes of which not both have outlines."""
    second = [
        np.flatnonzero((compute_ios(row[None], xyxy)[0] >= SAME_STRETCH) & ~(outlined & one))
        for row, one in zip(xyxy, outlined, strict=True)  # one row of memory at a time
    ]
    first = np.repeat(np.arange(len(xyxy)), [len(ends) for ends in second])
    return first, np.concatenate(second)


def _pair_near(boxes: Sequence[PhotoBox], outlined: NDArray[np.bool_]) -> IndexPairs:
    """Return the pairs of outlines that come close to each other."""
    indices = np.flatnonzero(outlined)
    outlines = [boxes[index].detection.polygons for index in indices]
    first, second = find_near_pairs(outlines, SAME_OUTLINE_PX)
    return indices[first], indices[second]


def _join_groups(boxes: Sequence[PhotoBox], labels: NDArray[np.int32]) -> list[PhotoBox]:
    members: defaultdict[int, list[PhotoBox]] = defaultdict(list)
    for label, box in zip(labels.tolist(), boxes, strict=True):
        members[label].append(box)
    return [_join_group(group) for group in members.values()]


def _join_group(boxes: Sequence[PhotoBox]) -> PhotoBox:
    """Return ranked pieces as one; a lone piece stays what it is."""
    if len(boxes) == 1:
        return boxes[0]
    xyxy = _stack_xyxy(boxes)
    low, high = xyxy[:, :2].min(axis=0), xyxy[:, 2:].max(axis=0)
    hull = BBox(float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    polygons = join_polygons(((box.detection.polygons, box.scale) for box in boxes), hull)
    return PhotoBox(
        # The first of the ranked has the highest score.
        replace(boxes[0].detection, bbox_xyxy=hull, polygons=polygons),
        all(box.touches_seam for box in boxes),
        max(box.scale for box in boxes),
    )


def _stack_xyxy(boxes: Sequence[PhotoBox]) -> FloatArray:
    rows = [box.detection.bbox_xyxy.xyxy for box in boxes]
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def _rank_by_score(box: PhotoBox) -> tuple[object, ...]:
    """Order by score, then by every other field, so that ties never depend on the input order."""
    found = box.detection
    return (
        -found.score,
        found.hazard_class.value,
        found.bbox_xyxy.xyxy,
        found.model_name,
        found.weights_sha256,
        found.photo_id,
        box.touches_seam,
        found.polygons,
        box.scale,
    )
