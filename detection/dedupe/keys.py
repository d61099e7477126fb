"""Keys of candidates: made from the best sighting, kept when another model looks again."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detection.dedupe.constraints import SAME_BOX_IOU, SightingId, identify_sighting
from detection.domain.finding import Candidate, GeoDetection
from detection.domain.geometry import compute_iou
from detection.domain.photo import Photo


@dataclass(frozen=True, slots=True)
class KnownCandidate:
    """A candidate of an earlier processing of the same files."""

    key: str
    sightings: tuple[SightingId, ...]


def make_key(
    sightings: Sequence[GeoDetection], photos: Mapping[str, Photo], taken: Container[str]
) -> str:
    """Hash what the best hazard sighting is: thing, file and box to the pixel."""
    best = next(geo.detection for geo in sightings if geo.detection.hazard_class.is_hazard)
    box = ",".join(f"{round(value)}" for value in best.bbox_xyxy.xyxy)
    text = f"{best.hazard_class.thing}|{photos[best.photo_id].sha256}|{box}"
    return next(key for key in _list_keys(text) if key not in taken)


def _list_keys(text: str) -> Iterator[str]:
    """Yield the key of ``text``, and further ones for repeats of it."""
    yield _hash_text(text)
    repeat = 1
    while True:
        repeat += 1
        yield _hash_text(f"{text}|{repeat}")


def _hash_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def carry_keys(
    candidates: Sequence[Candidate], known: Sequence[KnownCandidate], photos: Mapping[str, Photo]
) -> tuple[Candidate, ...]:
    """Return the candidates with the keys of the known ones that they stand for.

    A candidate stands for the known one with which it shares most sightings: boxes of the same
    kind of thing in the same file that overlap. Each key is given once; where two candidates
    share sightings with one known (it fell apart), the larger share keeps the key. A candidate
    that shares nothing keeps its own key, or gets a further one where that is taken.
    """
    shared = _count_shared(candidates, known, photos)
    carried: dict[int, str] = {}
    given: set[str] = set()
    ranked = sorted(
        shared.items(),
        key=lambda item: (-item[1], candidates[item[0][0]].key, known[item[0][1]].key),
    )
    for (index, number), _ in ranked:
        key = known[number].key
        if index not in carried and key not in given:
            carried[index] = key
            given.add(key)
    # A key of the known that nobody stands for belongs to what it stood for, not to a newcomer.
    taken = {one.key for one in known} | given
    for index in sorted(
        set(range(len(candidates))) - carried.keys(), key=lambda i: candidates[i].key
    ):
        own = candidates[index].key
        carried[index] = (
            own
            if own not in taken
            else next(key for key in _list_keys(f"{own}|carried") if key not in taken)
        )
        taken.add(carried[index])
    return tuple(
        one if one.key == carried[index] else replace(one, key=carried[index])
        for index, one in enumerate(candidates)
    )


def _count_shared(
    candidates: Sequence[Candidate], known: Sequence[KnownCandidate], photos: Mapping[str, Photo]
) -> dict[tuple[int, int], float]:
    """Return how much overlap each candidate has with each known one, where it has any.

    A box may overlap several of the other processing; only its best partner counts.
    """
    earlier: dict[tuple[str, str], list[tuple[int, SightingId]]] = defaultdict(list)
    for number, one in enumerate(known):
        for sighting in one.sightings:
            earlier[sighting.photo_sha256, sighting.hazard_thing].append((number, sighting))
    shared: dict[tuple[int, int], float] = defaultdict(float)
    for index, candidate in enumerate(candidates):
        for seen in candidate.sightings:
            identity = identify_sighting(seen.detection, photos)
            rivals = earlier.get((identity.photo_sha256, identity.hazard_thing))
            if not rivals:
                continue
            boxes = np.array([sighting.bbox_xyxy.xyxy for _, sighting in rivals])
            overlap = compute_iou(np.array([identity.bbox_xyxy.xyxy]), boxes)[0].tolist()
            # Of boxes that are the same, a candidate takes the one that has its key.
            best, _, number = max(
                (one, known[number].key == candidate.key, number)
                for one, (number, _) in zip(overlap, rivals, strict=True)
            )
            if best >= SAME_BOX_IOU:
                shared[index, number] += best
    return dict(shared)
