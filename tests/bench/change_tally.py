"""What was said of every house of the rendered pairs, held against what became of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detection.domain.building_change import BuildingChange, ChangeVerdict

LEAST_RISE_M, LEAST_AREA_M2 = 2.5, 15.0
"""Rises that must be found."""
RISES = frozenset({"storey", "part_storey", "steel_storey", "canopy"})
DEMOLISHED = "demolished"
PER_BUILDINGS = 200
WITHIN_ONE_STD = 0.6827


@dataclass(frozen=True, slots=True)
class Row:
    """One house of one pair: its truth and what the comparison says; metres.

    ``verdict`` is CANNOT_TELL where the comparison has no row for the house.
    """

    pair: str
    building_id: str
    kind: str
    rise_m: float
    area_m2: float
    is_well_covered: bool
    verdict: ChangeVerdict
    reason: str | None
    found_m: float | None
    std_m: float | None
    found_area_m2: float | None

    @property
    def is_due(self) -> bool:
        """Whether a rise of this house must be found."""
        large = self.rise_m >= LEAST_RISE_M and self.area_m2 >= LEAST_AREA_M2
        return self.kind in RISES and large and self.is_well_covered

    @property
    def is_unchanged(self) -> bool:
        """Whether the house gained and lost nothing that counts."""
        return self.kind not in RISES and self.kind != DEMOLISHED

    @property
    def is_false(self) -> bool:
        """Whether a change was claimed where none is."""
        return self.is_unchanged and self.verdict in (ChangeVerdict.RISE, ChangeVerdict.FALL)

    @property
    def is_found(self) -> bool:
        """Whether the verdict is the true one of a changed house."""
        wanted = ChangeVerdict.FALL if self.kind == DEMOLISHED else ChangeVerdict.RISE
        return not self.is_unchanged and self.verdict is wanted


def match_truth(folder: Path, changes: Sequence[BuildingChange]) -> list[Row]:
    """Return one row per house of the truth in ``folder``."""
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    said = {one.building_id: one for one in changes}
    return [_match(folder.name, row, said.get(row["building_id"])) for row in truth["buildings"]]


def _match(pair: str, true: Mapping[str, object], said: BuildingChange | None) -> Row:
    said = said or BuildingChange(
        str(true["building_id"]), ChangeVerdict.CANNOT_TELL, "not_in_the_result"
    )
    return Row(
        pair,
        str(true["building_id"]),
        str(true["kind"]),
        float(str(true["rise_m"])),
        float(str(true["area_m2"])),
        bool(true["well_covered"]),
        said.verdict,
        said.reason,
        said.height_change_m,
        said.height_change_std_m,
        said.area_m2,
    )


def summarize(rows: Sequence[Row], pairs: int) -> dict[str, float | int | None]:
    """Return the figures of the issue."""
    due = [row for row in rows if row.is_due]
    unchanged = [row for row in rows if row.is_unchanged]
    covered = [row for row in rows if row.is_well_covered]
    errors = measure_errors(rows)
    unsure = [row for row in covered if row.verdict is ChangeVerdict.CANNOT_TELL]
    false = sum(row.is_false for row in unchanged)
    return {
        "pairs": pairs,
        "buildings": len(rows),
        "recall": _share(sum(row.is_found for row in due), len(due)),
        "false_per_200": _share(PER_BUILDINGS * false, len(unchanged)),
        "median_height_error_m": round(float(np.median(errors)), 3) if errors else None,
        "cannot_tell": _share(len(unsure), len(covered)),
    }


def measure_errors(rows: Sequence[Row]) -> list[float]:
    """How far the height gained is off, without sign, of every rise that was found; metres."""
    return [
        abs(row.found_m - row.rise_m)
        for row in rows
        if row.kind in RISES and row.is_found and row.found_m is not None
    ]


def measure_reliability(rows: Sequence[Row]) -> dict[str, float | int | None]:
    """How the stated deviation holds: shares within one and two of them, and by what it is off.

    Of unchanged houses and of rises that were found; ``factor`` is what the stated deviations
    must be multiplied by so that 68 % of the errors lie within one.
    """
    ratios = np.array(
        [
            abs(row.found_m - row.rise_m) / row.std_m
            for row in rows
            if row.found_m is not None
            and row.std_m
            and (row.is_found if row.kind in RISES else row.verdict is ChangeVerdict.UNCHANGED)
        ]
    )
    if not len(ratios):
        return {"n": 0, "within_1": None, "within_2": None, "factor": None}
    return {
        "n": len(ratios),
        "within_1": round(float((ratios <= 1).mean()), 3),
        "within_2": round(float((ratios <= 2).mean()), 3),
        "factor": round(float(np.quantile(ratios, WITHIN_ONE_STD)), 2),
    }


def count_kinds(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    """Return how many houses of each kind got each verdict."""
    table: dict[str, dict[str, int]] = {}
    for row in rows:
        line = table.setdefault(row.kind, {verdict.value: 0 for verdict in ChangeVerdict})
        line[row.verdict.value] += 1
    return dict(sorted(table.items()))


def _share(part: float, whole: int) -> float | None:
    share = part / whole if whole else math.nan
    return None if math.isnan(share) else round(share, 4)
