"""What people said of groups: these sightings are one thing, those are not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detection.domain.finding import Detection, GeoDetection
from detection.domain.geometry import BBox, compute_iou
from detection.domain.photo import Photo


@dataclass(frozen=True, slots=True)
class SightingId:
    """A sighting as it can be found again after another model drew other boxes.

    ``hazard_thing`` is the kind of thing (`HazardClass.thing`), ``bbox_xyxy`` pixels of the full
    photo as displayed.
    """

    photo_sha256: str
    hazard_thing: str
    bbox_xyxy: BBox


SightingPair = tuple[SightingId, SightingId]


@dataclass(frozen=True, slots=True)
class Constraints:
    """Pairs of sightings that a person joined or parted; what is not named is left to the gate."""

    must_link: tuple[SightingPair, ...] = ()
    cannot_link: tuple[SightingPair, ...] = ()


def identify_sighting(detection: Detection, photos: Mapping[str, Photo]) -> SightingId:
    """Return the identity of a detection; ``photos`` holds its photo by ``photo_id``."""
    return SightingId(
        photos[detection.photo_id].sha256, detection.hazard_class.thing, detection.bbox_xyxy
    )


SAME_BOX_IOU = 0.3
"""From this overlap on a box is the one that a person meant, drawn by another model."""

IndexPairs = list[tuple[int, int]]


def find_constrained(
    ordered: Sequence[GeoDetection], photos: Mapping[str, Photo], constraints: Constraints
) -> tuple[IndexPairs, IndexPairs]:
    """Return the pairs of indices that must be one thing, and those that must be two.

    A sighting is found by its photo, its kind of thing and the most overlapping box; a pair of
    which one is not seen any more has no effect.
    """
    finder = _Finder(ordered, photos, constraints)
    return finder.find(constraints.must_link), finder.find(constraints.cannot_link)


class _Finder:
    """Looks up sightings; only those of photos that a constraint names are kept."""

    def __init__(
        self,
        ordered: Sequence[GeoDetection],
        photos: Mapping[str, Photo],
        constraints: Constraints,
    ) -> None:
        pairs = (*constraints.must_link, *constraints.cannot_link)
        named = {(one.photo_sha256, one.hazard_thing) for pair in pairs for one in pair}
        self._rows: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._ordered = ordered
        for row, seen in enumerate(ordered if named else ()):
            where = (photos[seen.detection.photo_id].sha256, seen.detection.hazard_class.thing)
            if where in named:
                self._rows[where].append(row)
        self._found: dict[SightingId, int | None] = {}

    def find(self, pairs: Sequence[SightingPair]) -> IndexPairs:
        """Return the rows of the pairs of which both sightings are there."""
        rows = [(self._find_one(one), self._find_one(two)) for one, two in pairs]
        return [(one, two) for one, two in rows if one is not None and two is not None]

    def _find_one(self, sighting: SightingId) -> int | None:
        if sighting not in self._found:
            self._found[sighting] = self._look_up(sighting)
        return self._found[sighting]

    def _look_up(self, sighting: SightingId) -> int | None:
        rows = self._rows[sighting.photo_sha256, sighting.hazard_thing]
        if not rows:
            return None
        boxes = np.array([self._ordered[row].detection.bbox_xyxy.xyxy for row in rows])
        overlap = compute_iou(np.array([sighting.bbox_xyxy.xyxy]), boxes)[0]
        best = int(overlap.argmax())
        return rows[best] if overlap[best] >= SAME_BOX_IOU else None


def join_linked(labels: Sequence[int], linked: IndexPairs) -> list[int]:
    """Return the numbers of groups after joining those that hold a linked pair."""
    parents: dict[int, int] = {}

    def find_root(label: int) -> int:
        while label in parents:
            label = parents[label]
        return label

    for one, two in linked:
        low, high = sorted((find_root(labels[one]), find_root(labels[two])))
        if low != high:
            parents[high] = low
    return [find_root(label) for label in labels]
