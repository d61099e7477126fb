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
from detection.tiling import PhotoBox

SAME_THING = 0.5
"""Two boxes of a countable thing with this IoU, or this share of the smaller one, are one."""

SAME_STRETCH = 0.3
"""Two boxes of a drawn-out thing are one where this share of the smaller lies in the larger."""

COUNTABLE_THINGS = frozenset({"manhole"})
"""Things with one outline: the best box stands. All others (cracks) are joined piece by piece."""


def merge_detections(boxes: Iterable[PhotoBox]) -> list[PhotoBox]:
    """Return one box per thing, best score first.

    States of one countable thing compete: a box that no seam cut beats one that was cut, then
    the higher score wins. Pieces of a drawn-out thing are joined to their common rectangle until
    none overlap; the score is the highest of the pieces. Empty boxes are dropped.
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
    """Replace each chain of overlapping boxes by its rectangle until nothing overlaps."""
    current = sorted(boxes, key=_rank_by_score)
    while True:
        xyxy = _stack_xyxy(current)
        count, labels = connected_components(_link_overlapping(xyxy), directed=False)
        if count == len(current):
            return current
        current = sorted(_join_groups(current, xyxy, labels), key=_rank_by_score)


def _link_overlapping(xyxy: FloatArray) -> csr_array[np.int8]:
    """Return the ``(n, n)`` links between overlapping boxes, one row of memory at a time."""
    links = [np.flatnonzero(compute_ios(row[None], xyxy)[0] >= SAME_STRETCH) for row in xyxy]
    ends = np.concatenate(links)
    offsets = np.cumsum([0, *(len(link) for link in links)])
    shape = (len(xyxy), len(xyxy))
    return csr_array((np.ones(len(ends), dtype=np.int8), ends, offsets), shape=shape)


def _join_groups(
    boxes: Sequence[PhotoBox], xyxy: FloatArray, labels: NDArray[np.int32]
) -> list[PhotoBox]:
    joined = []
    for label in range(int(labels.max()) + 1):
        members = np.flatnonzero(labels == label)
        low, high = xyxy[members, :2].min(axis=0), xyxy[members, 2:].max(axis=0)
        best = boxes[int(members[0])]  # boxes are ranked: the first has the highest score
        outline = BBox(float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        joined.append(
            PhotoBox(
                replace(best.detection, bbox_xyxy=outline),
                all(boxes[int(index)].touches_seam for index in members),
            )
        )
    return joined


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
    )
