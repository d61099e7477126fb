"""On which side of the split decided photos lie: whole groups, and never out of a held-out side.

A group is the flights that share a place, with all their photos. Its side is drawn by its name
alone. What an earlier version held out stays held out for ever, with everything that shows the
same place; what an earlier version trained on is never held out, and what thresholds were chosen
on is never tested on, because a figure there would flatter.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from training.data.decided import DecidedPhoto

TRAIN, VAL, TEST = "train", "val", "test"
FEWEST_GROUPS_TO_FILL = 3


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of the groups that are held out."""

    val: float = 0.15
    test: float = 0.15


@dataclass(frozen=True, slots=True)
class History:
    """What earlier versions did with photos (sha256 of the original), flights and places.

    ``held`` names the side, ``trained`` what was ever trained on.
    """

    held: Mapping[str, str] = field(default_factory=dict)
    trained: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Group:
    """Photos of flights that share places; ``name`` is the first of the flights."""

    name: str
    photos: tuple[DecidedPhoto, ...]

    @property
    def keys(self) -> frozenset[str]:
        """Return the flights and places by which an earlier version may know it."""
        flights = {name_flight_key(flight) for photo in self.photos for flight in photo.flights}
        places = {name_place_key(place) for photo in self.photos for place in photo.places}
        return frozenset(flights | places)

    @property
    def captured_on(self) -> str:
        """Return the latest day of its flights, empty where none is known."""
        return max((photo.facts.flight.captured_on or "" for photo in self.photos), default="")


@dataclass(frozen=True, slots=True)
class Sides:
    """The side of each photo by its hash; ``left_out`` are those that must be on none, and why."""

    side: Mapping[str, str]
    group: Mapping[str, str]
    left_out: Mapping[str, str]


def name_flight_key(flight: str) -> str:
    """Return how a history names a flight."""
    return f"flight:{flight}"


def name_place_key(place: str) -> str:
    """Return how a history names a place."""
    return f"place:{place}"


def group_photos(photos: Sequence[DecidedPhoto]) -> list[Group]:
    """Return the photos in groups: those of one flight, and flights that share a place."""
    parent: dict[str, str] = {}

    def find(key: str) -> str:
        while parent.setdefault(key, key) != key:
            key = parent[key]
        return key

    for photo in photos:
        keys = [name_flight_key(flight) for flight in photo.flights]
        keys += [name_place_key(place) for place in photo.places]
        for other in keys[1:]:
            first, second = sorted((find(keys[0]), find(other)))
            parent[second] = first
    members: dict[str, list[DecidedPhoto]] = defaultdict(list)
    for photo in photos:
        members[find(name_flight_key(photo.flights[0]))].append(photo)
    return sorted(
        (Group(min(p.flights[0] for p in found), tuple(found)) for found in members.values()),
        key=lambda group: group.name,
    )


def choose_sides(
    photos: Sequence[DecidedPhoto],
    history: History,
    *,
    shares: Shares,
    seed: int,
    test_flights: Collection[str] = (),
    fill: bool = True,
) -> Sides:
    """Return the side of every photo.

    Args:
        photos: each once.
        history: what earlier versions held out and trained on.
        shares: how much of what is new is held out.
        seed: of the draw.
        test_flights: flights (name or number) that are to be held out for test, where nothing of
            their places was trained on.
        fill: where nothing is drawn for test or val, and there are enough new groups, hold out
            the newest ones: a loop that is never judged is worth little.
    """
    side: dict[str, str] = {}
    group_of: dict[str, str] = {}
    left_out: dict[str, str] = {}
    fresh: list[Group] = []
    drawn: dict[str, str] = {}
    for group in group_photos(photos):
        known = _known_side(group, history)
        if known is None:
            fresh.append(group)
            drawn[group.name] = _draw(group, shares, seed, test_flights)
        for photo in group.photos:
            sha256 = photo.facts.sha256
            group_of[sha256] = group.name
            was_held = history.held.get(sha256)
            if was_held == VAL and known == TEST:
                left_out[sha256] = "chosen_on_and_tied_to_test"
            elif was_held is not None:
                side[sha256] = was_held
            elif known in {VAL, TEST} and sha256 in history.trained:
                left_out[sha256] = "trained_on_and_tied_to_held_out"
            elif known is not None:
                side[sha256] = known
    if fill:
        _fill_empty(fresh, drawn, set(side.values()))
    for group in fresh:
        side.update({photo.facts.sha256: drawn[group.name] for photo in group.photos})
    return Sides(side, group_of, left_out)


def _known_side(group: Group, history: History) -> str | None:
    """Return the side that an earlier version gave a group or a part of it; None for a new one."""
    keys = group.keys | {photo.facts.sha256 for photo in group.photos}
    held = {history.held[key] for key in keys if key in history.held}
    if held:
        return TEST if TEST in held else VAL
    return TRAIN if keys & history.trained else None


def _draw(group: Group, shares: Shares, seed: int, test_flights: Collection[str]) -> str:
    facts = [photo.facts.flight for photo in group.photos]
    if any(flight.name in test_flights or str(flight.id) in test_flights for flight in facts):
        return TEST
    digest = hashlib.sha256(f"{seed}:{group.name}".encode()).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64
    if position < shares.test:
        return TEST
    return VAL if position < shares.test + shares.val else TRAIN


def _fill_empty(fresh: Sequence[Group], drawn: dict[str, str], sides: Iterable[str]) -> None:
    """Hold out the newest new group for test, and the next for val, where either is empty."""
    if len(fresh) < FEWEST_GROUPS_TO_FILL:
        return
    there = {*sides, *drawn.values()}
    newest = sorted(fresh, key=lambda group: (group.captured_on, group.name), reverse=True)
    free = [group.name for group in newest if drawn[group.name] == TRAIN]
    for side in (TEST, VAL):
        if side not in there and len(free) > 1:
            drawn[free.pop(0)] = side
