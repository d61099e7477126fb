"""The hazard classes by key. ``datasets/taxonomy.yaml`` is the law; a test holds both equal."""

from __future__ import annotations

from enum import StrEnum


class HazardClass(StrEnum):
    """Key of a class in the taxonomy. Never a legal grade."""

    MANHOLE_MISSING = "manhole_missing"
    MANHOLE_BROKEN = "manhole_broken"
    MANHOLE_OK = "manhole_ok"
    FACADE_CRACK = "facade_crack"
    ADDED_STOREY = "added_storey"
    DEMOLISHED = "demolished"

    @property
    def thing(self) -> str:
        """Kind of physical thing; states of one thing (covers) share it and compete."""
        return "manhole" if self.value.startswith("manhole_") else self.value

    @property
    def is_hazard(self) -> bool:
        """Whether a detection of this class may put a candidate before a reviewer."""
        return self is not HazardClass.MANHOLE_OK


COUNTABLE_THINGS = frozenset({"manhole"})
"""Things with one outline: the best box stands. All others (cracks) are joined piece by piece."""
