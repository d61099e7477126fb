"""Boxes of two models on the same photos, counted, and how far apart both are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from detection.domain.geometry import FloatArray
from detection.domain.hazard import HazardClass
from training.evaluation.tally import ClassTally
from training.retraining.paired import Difference, compare_rates
from training.retraining.settings import RetrainingSettings

Tallies = Mapping[HazardClass, ClassTally]


@dataclass(frozen=True, slots=True)
class Counted:
    """Boxes by photo of one or more classes, each array ``(photos,)``, at the thresholds."""

    hits: FloatArray
    found: FloatArray
    truths: FloatArray

    def part(self, chosen: Sequence[int]) -> Counted:
        """Return the same of some of the photos."""
        index = np.asarray(chosen, dtype=np.intp)
        return Counted(self.hits[index], self.found[index], self.truths[index])

    @property
    def alarms(self) -> FloatArray:
        """False alarms by photo."""
        return self.found - self.hits


@dataclass(frozen=True, slots=True)
class Pair:
    """The same photos as counted for the model in force and for the candidate."""

    running: Counted
    candidate: Counted
    units: tuple[str, ...]

    def part(self, chosen: Sequence[int]) -> Pair:
        """Return the same of some of the photos."""
        units = tuple(self.units[index] for index in chosen)
        return Pair(self.running.part(chosen), self.candidate.part(chosen), units)

    @property
    def boxes(self) -> int:
        """True boxes."""
        return int(self.running.truths.sum())

    @property
    def groups(self) -> int:
        """Groups that are drawn together."""
        return len(set(self.units))

    def has_enough(self, told: RetrainingSettings) -> bool:
        """Return whether the photos are many enough for a verdict."""
        return (
            self.boxes >= told.min_boxes_for_verdict and self.groups >= told.min_groups_for_verdict
        )


def pair_tallies(
    running: Tallies, candidate: Tallies, keys: Sequence[HazardClass], units: tuple[str, ...]
) -> Pair:
    """Return the counts of both models over some classes together; ``units`` by photo."""
    return Pair(_count(running, keys, len(units)), _count(candidate, keys, len(units)), units)


def _count(tallies: Tallies, keys: Sequence[HazardClass], photos: int) -> Counted:
    nought = np.zeros(photos, dtype=np.float64)
    return Counted(
        *(
            sum((getattr(tallies[key], name) for key in keys), start=nought)
            for name in ("hits", "found", "truths")
        )
    )


def find_differences(pair: Pair, told: RetrainingSettings) -> dict[str, Difference]:
    """Return how recall and false alarms per photo differ; of few photos the values alone."""
    old, new = pair.running, pair.candidate
    each = np.ones(len(pair.units), dtype=np.float64)
    found = {
        "recall": compare_rates(old.hits, new.hits, old.truths, pair.units),
        "false_alarms_per_photo": compare_rates(old.alarms, new.alarms, each, pair.units),
    }
    if pair.has_enough(told):
        return found
    return {name: one.without_error() for name, one in found.items()}


def write_figures(pair: Pair, differences: Mapping[str, Difference]) -> dict[str, Any]:
    """Return counts, rates and differences as plain values."""
    return {
        "boxes": pair.boxes,
        "groups": pair.groups,
        "running": _figure(pair.running),
        "candidate": _figure(pair.candidate),
        "difference": {name: write_difference(one) for name, one in differences.items()},
    }


def _figure(counted: Counted) -> dict[str, Any]:
    hits, found, truths = (
        int(values.sum()) for values in (counted.hits, counted.found, counted.truths)
    )
    return {
        "recall": round_figure(hits / truths if truths else None),
        "precision": round_figure(hits / found if found else None),
        "false_alarms_per_photo": mean_per_photo(counted.alarms),
        "hits": hits,
        "false_alarms": found - hits,
        "misses": truths - hits,
    }


def write_difference(one: Difference) -> dict[str, float | None]:
    """Return a difference as plain, rounded values."""
    return {name: round_figure(value) for name, value in asdict(one).items()}


def mean_per_photo(values: FloatArray) -> float | None:
    """Return a count per photo, rounded; None without photos."""
    return round_figure(float(values.mean()) if len(values) else None)


def round_figure(value: float | None) -> float | None:
    """Return four decimals."""
    return None if value is None else round(float(value), 4)
