"""What was found of buildings as detections in the photos that show it best.

So everything that works for what a model saw works for it: overlays, crops, the history of a
place, corrections, merging and undo. A measurement is said by ``height_change`` or
``building_register`` in place of a model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import shapely
from sqlalchemy import insert
from sqlalchemy.orm import Session

from detection.domain.finding import BuildingPart, OnBuilding
from detection.domain.hazard import HazardClass
from serving.db.tables import ChangeRunRow, DetectionRow
from serving.db.tables.change import BUILDING_REGISTER, HEIGHT_CHANGE
from serving.jobs.change_result import MeasuredBuilding, ShownIn
from serving.jobs.change_store import JudgedBuilding

PLACE_STD_M: Final = 1.0
"""How far the middle of a roof part is off: footprints are drawn to about a metre."""

UNKNOWN_HEIGHT_STD_M: Final = 5.0
NO_RUN: Final = 0
"""Such a detection belongs to a comparison, to no processing of the flight."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What is said of a building: the class, by whom, how sure, with which settings."""

    hazard_class: HazardClass
    name: str
    probability: float
    settings_hash: str


@dataclass(frozen=True, slots=True)
class SettingsHashes:
    """With what was measured and with what it was held against the register."""

    change: str
    register: str


def store_shown(
    session: Session, run: ChangeRunRow, judged: Sequence[JudgedBuilding], hashes: SettingsHashes
) -> None:
    """Write the detections of a comparison; nothing of what did not change and is permitted."""
    rows = [
        _columns(run, one, said, shown)
        for one in judged
        for said in _list_said(one, hashes)
        for shown in one.measured.shown_after
    ]
    numbered = [row | {"ordinal": number} for number, row in enumerate(rows)]
    if numbered:
        session.execute(insert(DetectionRow), numbered)


def _list_said(one: JudgedBuilding, hashes: SettingsHashes) -> Iterator[_Said]:
    if one.change is not None and one.verdict == "fall":
        probability = one.change.probability
        yield _Said(HazardClass.DEMOLISHED, HEIGHT_CHANGE, probability, hashes.change)
    if one.change is not None and one.verdict == "rise":
        probability = one.change.probability
        yield _Said(HazardClass.ADDED_STOREY, HEIGHT_CHANGE, probability, hashes.change)
    elif one.is_excess and one.register is not None:
        probability = one.register.probability
        yield _Said(HazardClass.ADDED_STOREY, BUILDING_REGISTER, probability, hashes.register)


def _columns(
    run: ChangeRunRow, one: JudgedBuilding, said: _Said, shown: ShownIn
) -> dict[str, object]:
    x_min, y_min, x_max, y_max = shown.bbox_xyxy
    lon, lat = _find_middle(one)
    return {
        "flight_id": run.new_flight_id,
        "photo_id": int(shown.photo_id),
        "run": NO_RUN,
        "change_run_id": run.id,
        "hazard_class": said.hazard_class.value,
        "score": said.probability,
        "x_min": x_min,
        "y_min": y_min,
        "x_max": x_max,
        "y_max": y_max,
        "polygons": [[[round(x, 1), round(y, 1)] for x, y in ring] for ring in shown.polygons],
        "model_name": said.name,
        "weights_sha256": said.settings_hash,
        "config_hash": run.settings_hash,
        "on_building": asdict(_on_building(one.measured)),
        "lon": lon,
        "lat": lat,
        "cov_ee_m2": PLACE_STD_M**2,
        "cov_en_m2": 0.0,
        "cov_nn_m2": PLACE_STD_M**2,
        "method": "building_measured",
    }


def _find_middle(one: JudgedBuilding) -> tuple[float, float]:
    """Return the middle of what changed, of the whole building where nothing did."""
    change = one.measured.change
    if change is not None and change.part_lonlat:
        corners = np.vstack([np.asarray(ring) for ring in change.part_lonlat])
        middle = shapely.MultiPoint(corners).convex_hull.centroid
    else:
        middle = shapely.from_wkb(one.feature.geometry).centroid
    return float(middle.x), float(middle.y)


def _on_building(measured: MeasuredBuilding) -> OnBuilding:
    change, roof = measured.change, measured.roof
    height_m = change.roof_after_m if change is not None else None
    std_m = change.height_change_std_m if change is not None else None
    if height_m is None and roof is not None:
        height_m, std_m = roof.height_m, roof.height_std_m
    return OnBuilding(
        building_id=measured.building_id,
        part=BuildingPart.ROOF,
        height_m=0.0 if height_m is None else height_m,
        height_std_m=UNKNOWN_HEIGHT_STD_M if height_m is None or std_m is None else std_m,
        probability=1.0,
    )
