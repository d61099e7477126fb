"""The same thing on flights of different dates.

The receiver's error is that of a day: it shifts all places of a flight together. So the flight is
aligned with the known places first, as a photo is with others (`alignment`), and what then lies
within the gate is matched, one to one, by the least sum of squared distances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from detection.dedupe.alignment import NARROWING, STRAY_PER_M2
from detection.dedupe.evidence import SAME_BUILDING
from detection.dedupe.observations import OFFSET_SHARE
from detection.dedupe.pairs import CHI2_999_2D, Indices
from detection.dedupe.plane_normal import compute_densities, square_distances
from detection.domain.finding import Candidate, GroundPoint, OnBuilding
from detection.domain.geometry import FloatArray
from detection.plane import LocalPlane

NEAREST = 12
"""Known places that a candidate is compared with: the nearest ones."""

_TURNS = 12
_OWN_SHARE = 1 - OFFSET_SHARE

_REFUSED = 1e9


@dataclass(frozen=True, slots=True)
class KnownPlace:
    """A place at which a flight of another date had a candidate.

    ``hazard_thing`` is the kind of thing (`HazardClass.thing`).
    """

    place_key: str
    hazard_thing: str
    ground: GroundPoint
    on_building: OnBuilding | None = None


@dataclass(frozen=True, eq=False)
class _Spots:
    """Places (n, 2) in one plane, metres.

    ``shared`` (2, 2) is the covariance of what shifts them all, ``own`` (n, 2, 2) of the rest.
    """

    place_m: FloatArray
    shared: FloatArray
    own: FloatArray


def match_places(
    candidates: Sequence[Candidate], known_places: Sequence[KnownPlace]
) -> dict[str, str]:
    """Return the ``place_key`` of each candidate by its key.

    A candidate that fits no known place gets its own key as a new ``place_key``; one without a
    place is left out. No two candidates get one place.
    """
    placed = [(one, one.ground) for one in candidates if one.ground is not None]
    placed.sort(key=lambda item: item[0].key)
    known = sorted(known_places, key=lambda one: (one.hazard_thing, one.place_key))
    matched = {one.key: one.key for one, _ in placed}
    if not placed or not known:
        return matched
    plane = LocalPlane(known[0].ground.lon, known[0].ground.lat)
    ours = _list_spots([ground for _, ground in placed], plane)
    theirs = _list_spots([one.ground for one in known], plane)
    mine, other = _find_near([one for one, _ in placed], known, ours, theirs)
    squared = _square_shifted(ours, theirs, mine, other)
    for index, number in _match(mine, other, squared):
        matched[placed[index][0].key] = known[number].place_key
    return matched


def _list_spots(grounds: Sequence[GroundPoint], plane: LocalPlane) -> _Spots:
    """Take what the best placed is uncertain of as shared by all, but for a tenth."""
    place_m = plane.to_metres([(ground.lon, ground.lat) for ground in grounds])
    whole = np.array([[g.cov_ee_m2, g.cov_en_m2, g.cov_en_m2, g.cov_nn_m2] for g in grounds])
    whole = whole.reshape(-1, 2, 2)
    best = whole[np.trace(whole, axis1=1, axis2=2).argmin()]
    values, vectors = np.linalg.eigh(whole - OFFSET_SHARE * best)
    least = _OWN_SHARE * np.trace(whole, axis1=1, axis2=2)[:, None] / 2
    own = np.einsum("nij,nj,nkj->nik", vectors, np.maximum(values, least), vectors)
    return _Spots(place_m, OFFSET_SHARE * best, own)


def _find_near(
    candidates: Sequence[Candidate], known: Sequence[KnownPlace], ours: _Spots, theirs: _Spots
) -> tuple[Indices, Indices]:
    """Return pairs of a candidate and a known place of its kind that the whole errors allow."""
    nearest = min(NEAREST, len(known))
    found: list[tuple[int, int]] = []
    kinds = np.array([one.hazard_thing for one in known])
    things = np.array([one.hazard_class.thing for one in candidates])
    for kind in np.unique(kinds):
        rows, columns = np.flatnonzero(things == kind), np.flatnonzero(kinds == kind)
        if not len(rows):
            continue
        tree = cKDTree(theirs.place_m[columns])
        _, near = tree.query(ours.place_m[rows], k=range(1, min(nearest, len(columns)) + 1))
        for row, options in zip(rows.tolist(), columns[near].tolist(), strict=True):
            found += [
                (row, column)
                for column in options
                if _may_be_one(candidates[row].on_building, known[column].on_building)
            ]
    pairs = np.array(found, dtype=np.intp).reshape(-1, 2)
    mine, other = pairs[:, 0], pairs[:, 1]
    whole = ours.own[mine] + theirs.own[other] + ours.shared + theirs.shared
    squared = square_distances(ours.place_m[mine] - theirs.place_m[other], whole)
    return mine[squared <= CHI2_999_2D], other[squared <= CHI2_999_2D]


def _may_be_one(one: OnBuilding | None, two: OnBuilding | None) -> bool:
    """Whether buildings, where they are known surely, and heights on them allow one thing."""
    if one is None or two is None:
        return True
    known = min(one.probability, two.probability) >= SAME_BUILDING
    if known and one.building_id != two.building_id:
        return False
    variance = one.height_std_m**2 + two.height_std_m**2
    return (one.height_m - two.height_m) ** 2 <= CHI2_999_2D * variance


def _square_shifted(ours: _Spots, theirs: _Spots, mine: Indices, other: Indices) -> FloatArray:
    """Return squared distances of the pairs after the shift that brings most of them together."""
    prior = ours.shared + theirs.shared
    own = ours.own[mine] + theirs.own[other]
    precision = np.linalg.inv(own)
    shift, unsure = np.zeros(2), prior
    for width in NARROWING ** np.arange(_TURNS):
        difference = ours.place_m[mine] + shift - theirs.place_m[other]
        covariances = own + unsure + width * prior
        densities = compute_densities(square_distances(difference, covariances), covariances)
        rivals = np.bincount(mine, densities)[mine] + np.bincount(other, densities)[other]
        weights = densities / (STRAY_PER_M2 + rivals - densities)
        weighted = precision * weights[:, None, None]
        unsure = np.linalg.inv(weighted.sum(axis=0) + np.linalg.inv(prior))
        pull = np.einsum("nij,nj->i", weighted, shift - difference)
        shift = unsure @ pull
    difference = ours.place_m[mine] + shift - theirs.place_m[other]
    return square_distances(difference, own + unsure)


def _match(mine: Indices, other: Indices, squared: FloatArray) -> list[tuple[int, int]]:
    """Match one to one within the gate, by the least sum in every part that hangs together."""
    kept = squared <= CHI2_999_2D
    mine, other, squared = mine[kept], other[kept], squared[kept]
    if not len(mine):
        return []
    offset = int(mine.max()) + 1
    size = offset + int(other.max()) + 1
    links = coo_array((np.ones(len(mine)), (mine, offset + other)), shape=(size, size))
    parts = connected_components(links, directed=False)[1][mine]
    matched: list[tuple[int, int]] = []
    order = np.argsort(parts, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(parts[order])) + 1):
        ours, row = np.unique(mine[rows], return_inverse=True)
        theirs, column = np.unique(other[rows], return_inverse=True)
        cost = np.full((len(ours), len(theirs)), _REFUSED)
        cost[row, column] = squared[rows]
        matched += [
            (int(ours[i]), int(theirs[j]))
            for i, j in zip(*linear_sum_assignment(cost), strict=True)
            if cost[i, j] < _REFUSED
        ]
    return matched
