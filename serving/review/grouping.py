"""What people said of sightings, pure: which show one thing, and which show two.

An act speaks for every pair of sightings that it names: two in one block are together, two in
different blocks are apart. A later act overrules an earlier one pair by pair; an act that was
undone says nothing. Sightings are named by photo, kind of thing and box, so that an act still
holds when another model, or the same one again, draws its boxes a little differently.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations

import numpy as np

from detection.domain.geometry import compute_iou

MIN_IOU = 0.3
"""A box of another run shows the same thing from this overlap on: covers side by side overlap
far less, and two models' boxes of one cover far more."""


class GroupingKind(StrEnum):
    """What a person may do to the grouping."""

    MERGE = "merge"
    SPLIT = "split"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class SeenBox:
    """One sighting, whatever run found it: the photo, the kind of thing, and where it stood."""

    photo_sha256: str
    thing: str
    bbox_xyxy: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class GroupingAct:
    """One event: the sightings of each thing concerned (``parts``), or what it ``undoes``."""

    event_id: int
    kind: GroupingKind
    parts: tuple[tuple[SeenBox, ...], ...] = ()
    undoes: int | None = None

    @property
    def blocks(self) -> tuple[tuple[SeenBox, ...], ...]:
        """The sightings by thing, as the act has it: a merge says that all parts are one."""
        if self.kind is GroupingKind.MERGE:
            return (tuple(box for part in self.parts for box in part),)
        return self.parts


def standing_acts(acts: Sequence[GroupingAct]) -> list[GroupingAct]:
    """Return the merges and splits that were not undone, oldest first."""
    undone = {act.undoes for act in acts if act.undoes is not None}
    return [act for act in acts if act.kind is not GroupingKind.UNDO and act.event_id not in undone]


class BoxIndex:
    """The boxes that are there, to be found again by what an act says of them."""

    def __init__(self, boxes: Mapping[int, SeenBox]) -> None:
        """Take in the boxes by the number of their detection."""
        self._present: dict[tuple[str, str], list[tuple[int, SeenBox]]] = defaultdict(list)
        for number, box in boxes.items():
            self._present[box.photo_sha256, box.thing].append((number, box))

    def find(self, wanted: Iterable[SeenBox]) -> dict[SeenBox, int]:
        """Return the detection of each wanted box, at most one for each and each at most once.

        The best overlaps are given first; a box without a detection is left out.
        """
        by_photo: dict[tuple[str, str], list[SeenBox]] = defaultdict(list)
        for box in dict.fromkeys(wanted):
            by_photo[box.photo_sha256, box.thing].append(box)
        found: dict[SeenBox, int] = {}
        for key, boxes in by_photo.items():
            found |= _pair_best_first(boxes, self._present.get(key, []))
        return found


def _pair_best_first(
    wanted: Sequence[SeenBox], present: Sequence[tuple[int, SeenBox]]
) -> dict[SeenBox, int]:
    if not present:
        return {}
    there = np.array([box.bbox_xyxy for _, box in present], dtype=np.float64)
    overlaps = compute_iou(np.array([box.bbox_xyxy for box in wanted], dtype=np.float64), there)
    found: dict[SeenBox, int] = {}
    taken: set[int] = set()
    for place in np.argsort(-overlaps, axis=None, kind="stable"):
        row, column = divmod(int(place), len(present))
        if overlaps[row, column] < MIN_IOU:
            break
        if wanted[row] not in found and column not in taken:
            found[wanted[row]] = present[column][0]
            taken.add(column)
    return found


@dataclass(frozen=True, slots=True)
class Links:
    """What must be one thing and what must not, as pairs of detections without contradiction."""

    together: tuple[tuple[int, int], ...]
    apart: tuple[tuple[int, int], ...]


def link_sightings(acts: Sequence[GroupingAct], boxes: Mapping[int, SeenBox]) -> Links:
    """Return what ``acts`` (oldest first) say of the detections that are there.

    ``together`` spans each group with as few pairs as possible; ``apart`` names every pair.
    """
    index = BoxIndex(boxes)
    ties = _Ties()
    for act in reversed(standing_acts(acts)):
        found = index.find(box for block in act.blocks for box in block)
        ties.speak([[found[box] for box in block if box in found] for block in act.blocks])
    return Links(tuple(ties.together), tuple(ties.apart))


@dataclass(slots=True)
class _Ties:
    """Pairs that were spoken of, and the groups that they make; what was said first stands."""

    together: list[tuple[int, int]] = field(default_factory=list)
    apart: list[tuple[int, int]] = field(default_factory=list)
    _spoken: set[tuple[int, int]] = field(default_factory=set)
    _group_of: dict[int, set[int]] = field(default_factory=dict)
    _foes: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))

    def speak(self, blocks: Sequence[Sequence[int]]) -> None:
        members = sorted((number, block) for block, each in enumerate(blocks) for number in each)
        for (one, block), (other, other_block) in combinations(members, 2):
            if (one, other) not in self._spoken:
                self._spoken.add((one, other))
                if block == other_block:
                    self._join(one, other)
                else:
                    self._part(one, other)

    def _join(self, one: int, other: int) -> None:
        left, right = self._group(one), self._group(other)
        if left is right or any(self._foes[each] & right for each in left):
            return
        self.together.append((one, other))
        left |= right
        for each in right:
            self._group_of[each] = left

    def _part(self, one: int, other: int) -> None:
        if other not in self._group(one):
            self.apart.append((one, other))
            self._foes[one].add(other)
            self._foes[other].add(one)

    def _group(self, number: int) -> set[int]:
        return self._group_of.setdefault(number, {number})
