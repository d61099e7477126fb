"""Which aligned detections show one thing: each photo gives a thing at most one sighting.

Most things stand alone once the photos are aligned: detections that hang together through the
gate, each of another photo, all within the gate of their own mean. What remains (things side by
side, false alarms among them) is assigned photo by photo, all detections of a photo at once, by
the least sum of squared Mahalanobis distances; then every photo is taken out and assigned again
until nothing changes, so that the first photo has no more say than the last.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from detection.dedupe.evidence import Evidence
from detection.dedupe.pairs import CHI2_999_2D, Indices
from detection.dedupe.things import Things

NEAREST = 24
"""Neighbours through which a detection may hang together with others: bounds memory where one
thing is seen a thousand times, and such a thing needs no more."""

IndexPairs = Sequence[tuple[int, int]]


def associate(evidence: Evidence, apart: IndexPairs) -> NDArray[np.intp]:
    """Return the number of each detection's thing (n,); ``apart`` are pairs of two things."""
    parts = _find_parts(evidence)
    foes: dict[int, set[int]] = defaultdict(set)
    for one, two in apart:
        foes[one].add(two)
        foes[two].add(one)
    alone = _stand_alone(evidence, parts, apart)
    labels = parts.copy()
    following = int(parts.max(initial=-1)) + 1
    for members in _list_members(parts, ~alone[parts]):
        found = Things(evidence, members, foes).assign()
        labels[members] = following + found
        following += int(found.max()) + 1
    return np.unique(labels, return_inverse=True)[1]


def _find_parts(evidence: Evidence) -> Indices:
    """Number the parts (n,) that hang together through the gate."""
    count = len(evidence)
    links: list[Indices] = [np.empty((0, 2), np.intp)]
    for thing in np.unique(evidence.thing):
        rows = np.flatnonzero(evidence.thing == thing)
        nearest = min(NEAREST, len(rows) - 1)
        if not nearest:
            continue
        _, near = cKDTree(evidence.place_m[rows]).query(evidence.place_m[rows], k=nearest + 1)
        one, two = np.repeat(rows, nearest + 1), rows[near.ravel()]
        kept = evidence.square_pairs(one, two) <= CHI2_999_2D
        links.append(np.column_stack([one, two])[kept])
    one, two = np.concatenate(links).T
    linked = coo_array((np.ones(len(one), np.int8), (one, two)), shape=(count, count))
    return np.asarray(connected_components(linked, directed=False)[1], dtype=np.intp)


def _stand_alone(evidence: Evidence, parts: Indices, apart: IndexPairs) -> NDArray[np.bool_]:
    """Whether each part is one thing beyond doubt."""
    count = int(parts.max(initial=-1)) + 1
    sizes = np.bincount(parts, minlength=count)
    photos = np.unique(np.column_stack([parts, evidence.photo]), axis=0)[:, 0]
    alone = np.bincount(photos, minlength=count) == sizes
    alone &= np.bincount(parts, evidence.on_building, count) == 0
    alone[[parts[one] for one, two in apart if parts[one] == parts[two]]] = False
    misses = evidence.square_misses(parts, count)
    alone[parts[misses > CHI2_999_2D]] = False
    return np.asarray(alone | (sizes == 1))


def _list_members(parts: Indices, wanted: NDArray[np.bool_]) -> Iterator[Indices]:
    """Yield the detections of each part that is wanted."""
    rows = np.flatnonzero(wanted)
    rows = rows[np.argsort(parts[rows], kind="stable")]
    if len(rows):
        yield from np.split(rows, np.flatnonzero(np.diff(parts[rows])) + 1)
