"""Detections of a flight to candidates: align the photos, associate, fuse.

The gate uses the error of a photo relative to its neighbours, and after alignment what is left of
that; the candidate keeps the whole error.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detection.dedupe.alignment import align_photos
from detection.dedupe.ambiguity import find_ambiguous
from detection.dedupe.association import associate
from detection.dedupe.candidates import FindAreas, Group, build_candidates
from detection.dedupe.constraints import Constraints, IndexPairs, find_constrained, join_linked
from detection.dedupe.evidence import weigh_evidence
from detection.dedupe.observations import compute_unaligned, observe
from detection.dedupe.order import sort_key
from detection.dedupe.pairs import find_pairs
from detection.domain.finding import Candidate, GeoDetection
from detection.domain.photo import Photo

UNCONSTRAINED = Constraints()


def group_candidates(
    geo_detections: Sequence[GeoDetection],
    photos: Mapping[str, Photo],
    *,
    constraints: Constraints = UNCONSTRAINED,
    find_areas: FindAreas | None = None,
) -> tuple[Candidate, ...]:
    """Return the candidates of a flight, highest score first.

    ``photos`` holds every photo that a detection names, by ``photo_id``. Detections of different
    things never meet; those without a place stay alone, unless a person joined them. A group with
    no sighting of a hazard class (intact covers) is no candidate. ``constraints`` are what people
    said of an earlier grouping: they win over everything else. ``find_areas`` names the
    administrative areas of a place. The result does not depend on the order of the input, and the
    same files give the same keys.
    """
    ordered = sorted(geo_detections, key=lambda seen: sort_key(seen, photos))
    linked, apart = find_constrained(ordered, photos, constraints)
    placed = [index for index, seen in enumerate(ordered) if seen.ground is not None]
    found = _group_placed(
        [ordered[index] for index in placed],
        photos,
        _renumber(apart, placed),
        _renumber(linked, placed),
    )
    labels = list(range(len(ordered)))
    for index, label in zip(placed, found.labels, strict=True):
        labels[index] = len(ordered) + label
    groups: dict[int, list[int]] = defaultdict(list)
    for index, label in enumerate(join_linked(labels, linked)):
        groups[label].append(index)
    unsure = {index for index, is_so in zip(placed, found.is_ambiguous, strict=True) if is_so}
    return build_candidates(
        [
            Group(tuple(ordered[i] for i in rows), is_ambiguous=not unsure.isdisjoint(rows))
            for rows in groups.values()
        ],
        photos,
        find_areas,
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """The group of each placed detection, and whether another is too near to be told apart."""

    labels: list[int]
    is_ambiguous: list[bool]


def _group_placed(
    placed: Sequence[GeoDetection],
    photos: Mapping[str, Photo],
    apart: IndexPairs,
    linked: IndexPairs,
) -> _Found:
    if not placed:
        return _Found([], [])
    seen = observe(placed, photos)
    alignment = align_photos(seen, find_pairs(seen))
    evidence = weigh_evidence(seen, alignment)
    joined = join_linked(associate(evidence, apart).tolist(), linked)
    labels = np.unique(joined, return_inverse=True)[1]
    ambiguous = find_ambiguous(evidence, compute_unaligned(seen), labels)
    return _Found(labels.tolist(), ambiguous[labels].tolist())


def _renumber(pairs: IndexPairs, placed: Sequence[int]) -> IndexPairs:
    """Return the pairs of which both are placed, counted among the placed."""
    position = {index: number for number, index in enumerate(placed)}
    return [(position[a], position[b]) for a, b in pairs if a in position and b in position]
