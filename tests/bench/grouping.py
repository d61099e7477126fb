"""How well sightings become candidates: pairs of sightings, candidates per thing, close pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from detection.dedupe import group_candidates
from detection.domain.finding import Candidate, GeoDetection
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from detection.georeference import georeference_detection
from detection.taxonomy import load_taxonomy
from tests.bench.placing import Placing, compare
from tests.bench.worlds import (
    NOISE,
    SIZE_PX,
    Rng,
    Sighting,
    World,
    centers_of,
    draw_box,
    find_covers,
    fly,
    make_detection,
)
from training.synthetic.open_ground import GroundCover, scatter_covers
from training.synthetic.survey import NADIR_DEG, Survey

PITCHES = {"nadir": NADIR_DEG, "45deg": -45.0}
HEIGHTS_M = (30.0, 60.0)
PHOTOS, COVERS, PAIRS = 40, 60, 10
OVERLAP, SPACING_M, PAIR_M = 0.8, 3.0, 1.5
RECALL, ALARMS_PER_PHOTO, STATE_ERRORS = 0.9, 1.0, 0.1
"""Share of the covers in a photo that the detector finds, false alarms a photo, and share of the
found that it calls by another state."""

SMALLEST_PX = 12.0
STATES = (HazardClass.MANHOLE_MISSING, HazardClass.MANHOLE_BROKEN, HazardClass.MANHOLE_OK)
RELIEF_M = 0.1
"""Deviation of the ground's height at one cover against the next."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A flight after the detector: placed sightings with their true things, and candidates.

    ``things`` names the thing of each sighting by its ``id()``, ``sightings`` counts them by
    thing, ``places`` are the true longitude and latitude of every thing.
    """

    things: dict[int, int | None]
    sightings: Counter[int]
    candidates: tuple[Candidate, ...]
    places: tuple[tuple[float, float], ...] = ()

    def members(self, candidate: Candidate) -> Counter[int | None]:
        """True things of a candidate's sightings; None counts its false alarms."""
        return Counter(self.things[id(one)] for one in candidate.sightings)


@dataclass(slots=True)
class Tally:
    """Sums over flights: pairs of sightings, candidates and the true things behind them.

    ``placed`` is how far each candidate of a true thing is from it.
    """

    joined_pairs: int = 0
    right_pairs: int = 0
    true_pairs: int = 0
    candidates: int = 0
    things: int = 0
    flagged: int = 0
    placed: list[Placing] = field(default_factory=list)
    pairs_kept_apart: int = 0
    pairs_flagged: int = 0
    pairs_lost: int = 0
    pairs: int = 0

    def add(self, other: Tally) -> None:
        """Add the sums of other flights."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def summarize(self) -> dict[str, float]:
        """Return precision and recall over pairs, and candidates per true thing."""
        return {
            "precision": round(self.right_pairs / max(1, self.joined_pairs), 4),
            "recall": round(self.right_pairs / max(1, self.true_pairs), 4),
            "ratio": round(self.candidates / max(1, self.things), 4),
        }


def measure_grouping(flights: int, seed: int) -> dict[str, Tally]:
    """Fly each pitch, height and noise ``flights`` times; return the sums by pitch and noise."""
    sums: dict[str, Tally] = {}
    for view, pitch_deg in PITCHES.items():
        for noise in NOISE:
            tally = sums.setdefault(f"{view}_{noise}", Tally())
            rng = np.random.default_rng((seed, *map(ord, view + noise)))
            for index in range(flights):
                height_m = HEIGHTS_M[index % len(HEIGHTS_M)]
                survey = Survey(PHOTOS, SIZE_PX, height_m, pitch_deg, OVERLAP)
                world = fly(rng, survey, NOISE[noise])
                covers = _lay_covers(rng, survey)
                tally.add(count_pairs(look(rng, world, covers)))
                couples = _lay_couples(rng, survey)
                tally.add(count_couples(look(rng, world, couples), len(couples) // 2))
    return sums


def _lay_covers(rng: Rng, survey: Survey) -> list[GroundCover]:
    states = [STATES[index % len(STATES)] for index in range(COVERS)]
    return scatter_covers(rng, states, survey.bounds(), spacing_m=SPACING_M, relief_m=RELIEF_M)


def _lay_couples(rng: Rng, survey: Survey) -> list[GroundCover]:
    """Couples of covers ``PAIR_M`` apart; the two of a couple follow each other."""
    states = [HazardClass.MANHOLE_MISSING] * PAIRS
    x_low, y_low, x_high, y_high = survey.bounds()
    inner = (x_low * 0.5, y_low * 0.5, x_high * 0.5, y_high * 0.5)
    firsts = scatter_covers(rng, states, inner, spacing_m=5 * PAIR_M, relief_m=RELIEF_M)
    couples = []
    for first in firsts:
        angle = float(rng.uniform(0, 2 * np.pi))
        beside = first.center + PAIR_M * np.array([np.cos(angle), np.sin(angle), 0.0])
        couples += [first, GroundCover(first.hazard_class, beside, first.radius_m)]
    return couples


def look(rng: Rng, world: World, covers: Sequence[GroundCover]) -> Seen:
    """Detect, place and group what a flight shows."""
    photos = {photo.photo_id: photo for photo in world.photos}
    taxonomy = load_taxonomy()
    placed: list[GeoDetection] = []
    things: dict[int, int | None] = {}
    for sighting in detect(rng, world, covers):
        photo = photos[sighting.detection.photo_id]
        placed.append(georeference_detection(sighting.detection, photo, taxonomy))
        things[id(placed[-1])] = sighting.thing
    counts = Counter(thing for thing in things.values() if thing is not None)
    places = tuple(world.lonlat(cover.center) for cover in covers)
    return Seen(things, counts, group_candidates(placed, photos), places)


def detect(rng: Rng, world: World, covers: Sequence[GroundCover]) -> list[Sighting]:
    """What a detector with misses, false alarms and wrong states says of a flight's photos."""
    centers = centers_of(covers)
    sightings = []
    for camera, photo in zip(world.cameras, world.photos, strict=True):
        for index in find_covers(camera, centers):
            box = draw_box(rng, camera, covers[index])
            is_large = box is not None and max(box.width_px, box.height_px) >= SMALLEST_PX
            if box is None or not is_large or rng.random() > RECALL:
                continue
            state = covers[index].hazard_class
            if rng.random() < STATE_ERRORS:
                state = STATES[int(rng.integers(len(STATES)))]
            score = float(rng.beta(6, 2))
            sightings.append(Sighting(make_detection(photo, box, state, score), int(index)))
        for _ in range(int(rng.poisson(ALARMS_PER_PHOTO))):
            middle = rng.uniform(0, 1, 2) * [camera.width_px, camera.height_px]
            half = rng.uniform(8, 20)
            box = BBox(*(float(one) for one in (*(middle - half), *(middle + half))))
            alarm = make_detection(photo, box, STATES[int(rng.integers(2))], float(rng.beta(3, 4)))
            sightings.append(Sighting(alarm, None))
    return sightings


def count_pairs(seen: Seen) -> Tally:
    """Count pairs of sightings. Precision is over all pairs in candidates, false alarms included.

    Recall is over the things of which a candidate was made: groups in which every sighting says
    intact are no candidates and cannot be asked. A thing whose candidate is mostly something
    else still counts as a thing.
    """
    tally = Tally()
    known: set[int] = set()
    for candidate in seen.candidates:
        members = seen.members(candidate)
        total = sum(members.values())
        right = sum(_choose_two(n) for thing, n in members.items() if thing is not None)
        tally.joined_pairs += _choose_two(total)
        tally.right_pairs += right
        known |= {thing for thing in members if thing is not None}
        tally.candidates += any(thing is not None for thing in members)
        tally.placed += place_candidate(seen, candidate, members)
        tally.flagged += candidate.is_ambiguous
    tally.true_pairs = sum(_choose_two(seen.sightings[thing]) for thing in known)
    tally.things = len(known)
    return tally


def place_candidate(
    seen: Seen, candidate: Candidate, members: Counter[int | None]
) -> list[Placing]:
    """How far a candidate is from the thing that most of its sightings show; none for an alarm."""
    thing, _ = members.most_common(1)[0]
    if thing is None or candidate.ground is None:
        return []
    return [compare(candidate.ground, seen.places[thing], 90.0, "")]


def count_couples(seen: Seen, couples: int) -> Tally:
    """Count couples of near covers that stay two, and those of which a candidate is flagged.

    A couple stays two where each of its covers has a candidate of its own that holds most of the
    cover's sightings and mostly those.
    """
    tally = Tally()
    for index in range(couples):
        pair = (2 * index, 2 * index + 1)
        if any(seen.sightings[thing] < 2 for thing in pair):
            continue
        found = [c for c in seen.candidates if any(thing in seen.members(c) for thing in pair)]
        own = [_find_own(seen, found, thing) for thing in pair]
        apart = own[0] is not None and own[1] is not None and own[0] is not own[1]
        flagged = any(one.is_ambiguous for one in found)
        tally.pairs += 1
        tally.pairs_kept_apart += apart
        tally.pairs_flagged += flagged
        tally.pairs_lost += not apart and not flagged
    return tally


def _find_own(seen: Seen, candidates: Sequence[Candidate], thing: int) -> Candidate | None:
    for candidate in candidates:
        members = seen.members(candidate)
        share = members[thing] / sum(members.values())
        if members[thing] > seen.sightings[thing] / 2 and share > 1 / 2:
            return candidate
    return None


def _choose_two(count: int) -> int:
    return count * (count - 1) // 2
