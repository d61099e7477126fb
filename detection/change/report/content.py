"""Everything that the files and the page of one comparison are written from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from detection.change.overlap import GOOD_SHARE
from detection.change.report.outcome import BuildingState, Outcome

ERRORS_PER_STD = 1.96
"""Errors that people read hold 95 %: so many standard deviations of a normal distribution."""
SMALL_OVERLAP = "change_overlap_small"
"""Reason code of two flights that overlap less than they should."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something about a file that a person should know: its name, a reason code, how many."""

    name: str
    code: str
    count: int
    detail: str = ""

    @property
    def names_lines(self) -> bool:
        """Whether ``detail`` lists lines of the file."""
        return self.code.startswith("register_")


@dataclass(frozen=True, slots=True)
class FlightFigures:
    """One flight: its name, its photos, and how many of them could be joined."""

    name: str
    photos: int
    joined: int
    reprojection_px: float


@dataclass(frozen=True, slots=True)
class ComparisonFigures:
    """How well two flights fit: one standard deviation in metres, and a share of the ground."""

    sigma_dz_m: float
    overlap_share: float

    @property
    def is_overlap_small(self) -> bool:
        """Whether many buildings may be seen by one flight only, which a person is told."""
        return self.overlap_share < GOOD_SHARE

    def list_notes(self, title: str) -> tuple[Note, ...]:
        """Return what a person should know of how two flights lie; ``title`` names them."""
        if not self.is_overlap_small:
            return ()
        return (Note(title, SMALL_OVERLAP, 1, f"{self.overlap_share:.0%}"),)


@dataclass(frozen=True, slots=True)
class ChangeReport:
    """A comparison of two flights, or with ``base`` None the check of one.

    ``layer_shift_m`` is how far the footprints had to be moved east and north to fit the photos.
    ``config`` is the resolved configuration.
    """

    new: FlightFigures
    base: FlightFigures | None
    fit: ComparisonFigures | None
    layer_shift_m: tuple[float, float]
    outcomes: tuple[Outcome, ...]
    notes: tuple[Note, ...]
    config: Mapping[str, object]
    created_at: datetime
    seconds: float

    @property
    def kind(self) -> str:
        """The command whose report this is, and the name of its files."""
        return "storeys" if self.base is None else "change"

    @property
    def title(self) -> str:
        """The flights' names."""
        return self.new.name if self.base is None else f"{self.base.name} → {self.new.name}"

    def count_states(self) -> Counter[BuildingState]:
        """Return how many buildings are in each state."""
        return Counter(one.state for one in self.outcomes)


@dataclass(frozen=True, slots=True)
class BuildingPictures:
    """Paths of one building's pictures relative to the page; None or empty where there is none.

    ``before``, ``after`` and ``difference`` are seen from straight above on one grid;
    ``base_crops`` and ``new_crops`` are from the best photos.
    """

    before: str | None = None
    after: str | None = None
    difference: str | None = None
    base_crops: tuple[str, ...] = ()
    new_crops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportPictures:
    """The pictures by building id."""

    by_building: Mapping[str, BuildingPictures] = field(default_factory=dict)

    def find(self, building_id: str) -> BuildingPictures:
        """Return the pictures of a building, none of them where none were drawn."""
        return self.by_building.get(building_id, BuildingPictures())
