"""How well storeys are counted, and whether the signals' probabilities mean what they say.

Of the houses of rendered pairs: what is estimated is held against the true storeys, and each
probability against the share of houses of which it was true.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from detection.domain.building_change import BuildingChange, ChangeVerdict, RoofHeight
from detection.storeys.check import check_storeys, find_highest_roof
from detection.storeys.evidence import evidence_from_change, evidence_from_check
from detection.storeys.fusion import fuse_evidence
from detection.storeys.settings import load_storey_settings
from tests.bench.change_tally import DEMOLISHED, RISES

LEAST_RISE_M, LEAST_AREA_M2 = 2.0, 10.0
BINS = (0.0, 0.1, 0.5, 0.9, 0.99, 1.0)
"""Edges of the bins in which probabilities are held against what was true."""


@dataclass(frozen=True, slots=True)
class StoreyRow:
    """One house: its truth, and what was said of it; probabilities are None where nothing was."""

    storeys: int
    permitted: int
    has_changed: bool
    estimate: float | None
    std: float | None
    rose: float | None
    excess: float | None
    fused: float

    @property
    def is_excess(self) -> bool:
        """Whether the house truly has more storeys than permitted."""
        return self.storeys > self.permitted


def match_storeys(
    folder: Path, changes: Sequence[BuildingChange], roofs: Sequence[RoofHeight]
) -> Iterator[StoreyRow]:
    """Yield one row for each house of the pair in ``folder`` that the comparison speaks of."""
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    roof_by_id = {one.building_id: one for one in roofs}
    change_by_id = {one.building_id: one for one in changes}
    for house in truth["buildings"]:
        name = house["building_id"]
        if name in roof_by_id and name in change_by_id:
            yield _match(house, change_by_id[name], roof_by_id[name])


def _match(house: Mapping[str, object], change: BuildingChange, roof: RoofHeight) -> StoreyRow:
    settings = load_storey_settings()
    permitted = int(str(house["permitted_storeys"]))
    check = check_storeys(find_highest_roof(roof, change), permitted, settings)
    rose, excess = evidence_from_change(change, settings), evidence_from_check(check)
    rise_m, area_m2 = float(str(house["rise_m"])), float(str(house["area_m2"]))
    has_risen = house["kind"] in RISES and rise_m >= LEAST_RISE_M and area_m2 >= LEAST_AREA_M2
    # What the register says of a house is nothing that speaks for its having been taken down.
    said = (rose,) if change.verdict is ChangeVerdict.FALL else (rose, excess)
    return StoreyRow(
        storeys=int(str(house["storeys_after"])),
        permitted=permitted,
        has_changed=has_risen or house["kind"] == DEMOLISHED,
        estimate=check.estimate,
        std=check.std,
        rose=None if rose is None else rose.probability,
        excess=None if excess is None else excess.probability,
        fused=fuse_evidence([one for one in said if one is not None], settings),
    )


def measure_estimates(rows: Sequence[StoreyRow]) -> dict[str, float | int]:
    """Return how far the estimated storeys are off, and the deviation that they claim."""
    told = [
        (row.estimate - row.storeys, row.std or 0.0) for row in rows if row.estimate is not None
    ]
    errors, stds = np.array(told, dtype=np.float64).reshape(-1, 2).T
    return {
        "houses": len(errors),
        "right": round(float((np.abs(errors) < 0.5).mean()), 3),
        "rms_error": round(float(np.sqrt((errors**2).mean())), 3),
        "rms_stated": round(float(np.sqrt((stds**2).mean())), 3),
    }


def tabulate_reliability(
    pairs: Sequence[tuple[float | None, bool]],
) -> list[tuple[str, int, float, float]]:
    """Return for each bin of stated probability: its name, how many, the mean stated, the true."""
    told = [(stated, is_true) for stated, is_true in pairs if stated is not None]
    stated = np.array([one for one, _ in told])
    true = np.array([is_true for _, is_true in told], dtype=np.float64)
    index = np.clip(np.digitize(stated, BINS) - 1, 0, len(BINS) - 2)
    table = []
    for number, (low, high) in enumerate(pairwise(BINS)):
        inside = index == number
        if inside.any():
            mean, share = float(stated[inside].mean()), float(true[inside].mean())
            row = (f"{low:g}-{high:g}", int(inside.sum()), round(mean, 3), round(share, 3))
            table.append(row)
    return table


def say_storeys(rows: Sequence[StoreyRow]) -> Iterator[str]:
    """Yield the lines of the tables."""
    yield f"storeys {measure_estimates(rows)}"
    tables: dict[str, list[tuple[float | None, bool]]] = {
        "rose or fell": [(row.rose, row.has_changed) for row in rows],
        "more than permitted": [(row.excess, row.is_excess) for row in rows],
        "fused": [(row.fused, row.has_changed or row.is_excess) for row in rows],
    }
    for name, pairs in tables.items():
        for stated, count, mean, share in tabulate_reliability(pairs):
            yield f"{name:>20} {stated:>9} n {count:4d} stated {mean:.3f} true {share:.3f}"
