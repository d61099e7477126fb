"""Groups of sightings to candidates: key, class, score, place."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from detection.dedupe.fusion import fuse_buildings, fuse_grounds
from detection.dedupe.keys import make_key
from detection.dedupe.order import sort_key
from detection.dedupe.score import fuse_scores
from detection.dedupe.views import count_classes, count_covering
from detection.domain.ellipse import compute_error_m
from detection.domain.finding import AreaMembership, Candidate, GeoDetection, GroundPoint, ViewVotes
from detection.domain.hazard import HazardClass
from detection.domain.photo import Photo

FindAreas = Callable[[GroundPoint], tuple[AreaMembership, ...]]


@dataclass(frozen=True, slots=True)
class Group:
    """Sightings of one thing; ``is_ambiguous`` as in `Candidate`."""

    sightings: tuple[GeoDetection, ...]
    is_ambiguous: bool


def build_candidates(
    groups: Iterable[Group], photos: Mapping[str, Photo], find_areas: FindAreas | None
) -> tuple[Candidate, ...]:
    """Return a candidate for each group with a sighting of a hazard class, best score first."""
    hazards = [
        Group(
            tuple(sorted(group.sightings, key=lambda s: (-s.detection.score, sort_key(s, photos)))),
            group.is_ambiguous,
        )
        for group in groups
        if any(seen.detection.hazard_class.is_hazard for seen in group.sightings)
    ]
    # The first in the order of the files gets a key that two would have.
    hazards.sort(key=lambda group: min(sort_key(seen, photos) for seen in group.sightings))
    grounds = [
        fuse_grounds([seen.ground for seen in group.sightings if seen.ground is not None])
        for group in hazards
    ]
    covering = count_covering([group.sightings for group in hazards], grounds, photos)
    candidates: dict[str, Candidate] = {}
    for group, ground, views in zip(hazards, grounds, covering, strict=True):
        key = make_key(group.sightings, photos, taken=candidates)
        areas = find_areas(ground) if find_areas is not None and ground is not None else ()
        candidates[key] = _build_candidate(key, group, ground, views, areas)
    return tuple(sorted(candidates.values(), key=lambda c: (-c.score, c.key)))


def _build_candidate(
    key: str,
    group: Group,
    ground: GroundPoint | None,
    covering: int | None,
    areas: tuple[AreaMembership, ...],
) -> Candidate:
    sightings = group.sightings
    return Candidate(
        key=key,
        hazard_class=_vote(sightings),
        score=fuse_scores(sightings, covering),
        lon=ground.lon if ground else None,
        lat=ground.lat if ground else None,
        error_m=compute_error_m(ground) if ground else None,
        ground=ground,
        sightings=sightings,
        votes=ViewVotes(count_classes(sightings), covering),
        on_building=fuse_buildings([seen.on_building for seen in sightings]),
        areas=areas,
        is_ambiguous=group.is_ambiguous,
    )


def _vote(sightings: Sequence[GeoDetection]) -> HazardClass:
    """Return the hazard class with the largest sum of scores.

    Sightings as intact have no say in which hazard it is; they lower the score.
    """
    votes: dict[HazardClass, list[float]] = defaultdict(list)
    for seen in sightings:
        if seen.detection.hazard_class.is_hazard:
            votes[seen.detection.hazard_class].append(seen.detection.score)
    return max(votes, key=lambda c: (math.fsum(votes[c]), c.value))
