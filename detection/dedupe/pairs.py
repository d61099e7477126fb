"""Pairs of detections of two photos that may show one thing, as far as the poses can tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from detection.dedupe.observations import Observations, compute_unaligned
from detection.dedupe.plane_normal import square_distances
from detection.domain.geometry import FloatArray

CHI2_999_2D = 13.82
"""99.9 % of a two-dimensional normal lies within this squared Mahalanobis distance."""

NEIGHBOUR_RANKS = (1, 2, 3, 5, 8, 12, 18, 27, 40, 60, 90, 135)
"""Which of a photo's neighbours it is compared with, by nearness: the next ones, and ever fewer
of those farther away, so that the strips of a flight hang together however dense its photos."""

MAX_PAIRS = 1_000_000
"""Bound of memory: beyond it the pairs of farther neighbours are left out, evenly."""

_CHUNK = 400_000
_SCATTER = 2_654_435_761
"""Knuth's multiplicative hash: an even order that is always the same."""

Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Pairs:
    """``m`` pairs of observations ``first``, ``second`` (m,), sorted by their photos.

    ``height_noise`` (m, 2, 2), m², is how far the two places may lie apart because the thing
    stands higher or lower than assumed. ``rivals`` (2, m) number, for both sides, the pairs of
    one detection with one other photo, of which at most one is right.
    """

    first: Indices
    second: Indices
    height_noise: FloatArray
    rivals: Indices

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.first)


def find_pairs(seen: Observations) -> Pairs:
    """Return the pairs within the gate of what the poses alone say."""
    covariances = compute_unaligned(seen)
    starts = np.searchsorted(seen.photo, np.arange(seen.photo_count + 1))
    nothing: Indices = np.empty(0, np.intp)
    found = [(nothing, nothing)]
    total = 0
    for first, second in _list_crossed(seen, starts):
        kept = _gate(seen, covariances, first, second)
        found.append((first[kept], second[kept]))
        total += int(kept.sum())
        if total > MAX_PAIRS:
            break
    first, second = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((second, first, seen.photo[second], seen.photo[first]))
    return build_pairs(seen, first[order], second[order])


def build_pairs(seen: Observations, first: Indices, second: Indices) -> Pairs:
    """Return pairs of observations that are sorted by their photos."""
    one = first.astype(np.int64) * seen.photo_count + seen.photo[second]
    two = second.astype(np.int64) * seen.photo_count + seen.photo[first]
    rivals = np.stack([np.unique(codes, return_inverse=True)[1] for codes in (one, two)])
    return Pairs(first, second, compute_height_noise(seen, first, second), rivals)


def compute_height_noise(seen: Observations, first: Indices, second: Indices) -> FloatArray:
    """Return the covariance (m, 2, 2) of two places' difference from an unknown height."""
    lean = seen.slopes[first] - seen.slopes[second]
    std_m = np.maximum(seen.height_std_m[first], seen.height_std_m[second])
    moved = lean * std_m[:, None]
    return np.asarray(moved[:, :, None] * moved[:, None, :])


def _list_neighbours(seen: Observations) -> Iterator[NDArray[np.intp]]:
    """Yield pairs of photos (k, 2), smaller number first: nearest neighbours first, then evenly."""
    counts = np.bincount(seen.photo, minlength=seen.photo_count)
    middles = np.column_stack(
        [np.bincount(seen.photo, axis, seen.photo_count) / counts for axis in seen.stated_m.T]
    )
    ranks = [rank for rank in NEIGHBOUR_RANKS if rank < seen.photo_count]
    if not ranks:
        return
    near = np.asarray(cKDTree(middles).query(middles, k=[rank + 1 for rank in ranks])[1])
    done = np.empty(0, np.int64)
    for column in range(len(ranks)):
        photos = np.sort(np.column_stack([np.arange(seen.photo_count), near[:, column]]), axis=1)
        codes = np.unique(photos[:, 0].astype(np.int64) * seen.photo_count + photos[:, 1])
        codes = np.setdiff1d(codes, done, assume_unique=True)
        done = np.union1d(done, codes)
        codes = codes[np.argsort(codes * _SCATTER % 2**32, kind="stable")]
        pairs = np.column_stack(np.divmod(codes, seen.photo_count)).astype(np.intp)
        yield pairs[pairs[:, 0] != pairs[:, 1]]


def _list_crossed(seen: Observations, starts: Indices) -> Iterator[tuple[Indices, Indices]]:
    for photos in _list_neighbours(seen):
        yield from _cross(photos, starts)


def _cross(photos: Indices, starts: Indices) -> Iterator[tuple[Indices, Indices]]:
    """Yield every pair of detections of each pair of photos, a bounded number at a time."""
    sizes = np.diff(starts)
    products = sizes[photos[:, 0]] * sizes[photos[:, 1]]
    parts = np.cumsum(products) // _CHUNK
    for part in np.unique(parts):
        chosen = photos[parts == part]
        product = sizes[chosen[:, 0]] * sizes[chosen[:, 1]]
        within = np.arange(product.sum()) - np.repeat(np.cumsum(product) - product, product)
        width = np.repeat(sizes[chosen[:, 1]], product)
        first = np.repeat(starts[chosen[:, 0]], product) + within // width
        yield first, np.repeat(starts[chosen[:, 1]], product) + within % width


def _gate(
    seen: Observations, covariances: FloatArray, first: Indices, second: Indices
) -> NDArray[np.bool_]:
    """Whether two detections may be of one thing; a rough circle first, then the ellipse."""
    difference = seen.stated_m[first] - seen.stated_m[second]
    lean = np.abs(seen.slopes[first] - seen.slopes[second]).sum(axis=1)
    traces = np.trace(covariances, axis1=1, axis2=2)
    reach = traces[first] + traces[second] + (lean * seen.height_std_m[first]) ** 2
    inside = (seen.thing[first] == seen.thing[second]) & (
        np.einsum("ni,ni->n", difference, difference) <= CHI2_999_2D * reach
    )
    near = np.flatnonzero(inside)
    one, two = first[near], second[near]
    both = covariances[one] + covariances[two] + compute_height_noise(seen, one, two)
    inside[near] = square_distances(difference[near], both) <= CHI2_999_2D
    return np.asarray(inside)
