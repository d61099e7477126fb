"""Things so near each other that a single sighting could not be told to be of one or the other.

Alignment and the rule of one sighting per photo part many of them all the same; that is a reason
to trust the groups, not to keep quiet about it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from detection.dedupe.evidence import Evidence
from detection.dedupe.pairs import CHI2_999_2D, Indices
from detection.dedupe.plane_normal import square_distances
from detection.domain.geometry import FloatArray

_NEAREST = 8


def find_ambiguous(evidence: Evidence, unaligned: FloatArray, labels: Indices) -> NDArray[np.bool_]:
    """Return which groups (by number) have another of their kind within the gate.

    ``unaligned`` (n, 2, 2) are the covariances of the detections against the other photos of the
    flight as their poses state them. The gate is that of the best placed sighting of a group:
    where even that one could be of both, the two are not kept apart by their places.
    """
    count = int(labels.max(initial=-1)) + 1
    traces = np.trace(unaligned, axis1=1, axis2=2)
    order = np.lexsort((traces, labels))
    best = order[np.r_[True, np.diff(labels[order]) != 0]] if len(order) else order
    sizes = np.bincount(labels, minlength=count)
    means = np.column_stack(
        [np.bincount(labels, axis, count) / np.maximum(sizes, 1) for axis in evidence.place_m.T]
    )
    ambiguous = np.zeros(count, dtype=np.bool_)
    things = evidence.thing[best]
    for thing in np.unique(things):
        rows = best[things == thing]
        groups = labels[rows]
        nearest = min(_NEAREST, len(rows) - 1)
        if not nearest:
            continue
        _, near = cKDTree(means[groups]).query(means[groups], k=nearest + 1)
        one, two = np.repeat(np.arange(len(rows)), nearest + 1), near.ravel()
        difference = means[groups[one]] - means[groups[two]]
        squared = square_distances(difference, unaligned[rows[one]])
        squared += evidence.square_on_building(rows[one], rows[two])
        close = (one != two) & (squared <= CHI2_999_2D)
        ambiguous[groups[one[close]]] = True
        ambiguous[groups[two[close]]] = True
    return ambiguous
