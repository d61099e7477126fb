"""Flights over two drawn buildings, and a comparison that says what a test wants it to say.

Import as ``from tests.integration.compared_flights import Teller, bring_buildings``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import shapely
from fastapi.testclient import TestClient
from shapely.geometry import mapping

from detection.domain.building_change import BuildingChange, ChangeVerdict, RoofHeight
from serving.jobs.change_result import (
    Comparison,
    ComparisonTask,
    MeasuredBuilding,
    Pictures,
    Refusal,
    Report,
    ShownIn,
)
from tests.drawn_layers import box_at
from tests.integration.seen_covers import LAT, LON

SETTINGS_HASH = "e" * 64
BOX = (10.0, 20.0, 110.0, 120.0)
PART = shapely.get_coordinates(box_at(0.0, 0.0, 8.0, (LON, LAT))).tolist()
RISE = BuildingChange(
    "B1",
    ChangeVerdict.RISE,
    height_change_m=3.0,
    height_change_std_m=0.2,
    area_m2=60.0,
    part_lonlat=(
        tuple((x, y) for x, y in shapely.get_coordinates(box_at(0.0, 0.0, 8.0, (LON, LAT)))),
    ),
    roof_before_m=6.4,
    roof_after_m=9.4,
    seen_share=0.95,
)
UNCHANGED = replace(
    RISE,
    verdict=ChangeVerdict.UNCHANGED,
    height_change_m=0.02,
    part_lonlat=(),
    roof_after_m=6.42,
)
FALL = replace(RISE, verdict=ChangeVerdict.FALL, height_change_m=-6.0, roof_after_m=0.4)
CANNOT_TELL = BuildingChange("B2", ChangeVerdict.CANNOT_TELL, reason="change_not_seen")


def bring_buildings(engineer: TestClient, **fields: object) -> int:
    """Import B1 under the drone of `seen_covers` and B2 beside it; ``fields`` are those of B1."""
    shapes = {"B1": box_at(0.0, 0.0, 12.0, (LON, LAT)), "B2": box_at(20.0, 0.0, 12.0, (LON, LAT))}
    features = [
        {
            "type": "Feature",
            "geometry": mapping(shape),
            "properties": {"id": name, "name": f"{name}号楼", **(fields if name == "B1" else {})},
        }
        for name, shape in shapes.items()
    ]
    document = json.dumps({"type": "FeatureCollection", "features": features})
    values = {"kind": "buildings", "name": "houses"}
    answer = engineer.post(
        "/layers", data=values, files={"file": ("houses.geojson", document.encode())}
    )
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


@dataclass
class Teller:
    """Compares as it is told to: ``changes`` by building, roofs ``roof_m`` above the ground.

    ``refusal`` is answered instead where it is there; ``meanwhile`` is called in the middle.
    ``tasks`` are those that it was given.
    """

    changes: Mapping[str, BuildingChange] = field(default_factory=dict)
    roof_m: float | None = 9.4
    refusal: Refusal | None = None
    meanwhile: Callable[[], object] = field(default=lambda: None)
    tasks: list[ComparisonTask] = field(default_factory=list)

    def __call__(
        self, task: ComparisonTask, report: Report, is_cancelled: Callable[[], bool]
    ) -> Comparison | Refusal | None:
        """Answer as a real comparison does."""
        self.tasks.append(task)
        report("heights", 1, 2)
        self.meanwhile()
        if is_cancelled():
            return None
        if self.refusal is not None:
            return self.refusal
        buildings = tuple(self._measure(task, name) for name in ("B1", "B2"))
        quality = {"sigma_dz_m": 0.08, "overlap_share": 0.94} if task.base else {}
        return Comparison(buildings, SETTINGS_HASH, quality)

    def _measure(self, task: ComparisonTask, name: str) -> MeasuredBuilding:
        change = replace(self.changes.get(name, CANNOT_TELL), building_id=name)
        if change.verdict is ChangeVerdict.CANNOT_TELL:
            change = replace(CANNOT_TELL, building_id=name)
        roof = RoofHeight(
            name, self.roof_m, None if self.roof_m is None else 0.3, "change_not_seen"
        )
        ring = ((10.0, 20.0), (110.0, 20.0), (110.0, 120.0), (10.0, 120.0))
        earlier = task.base.photos[:2] if task.base else ()
        return MeasuredBuilding(
            name,
            change if task.base else None,
            roof if self.roof_m is None else replace(roof, reason=None),
            tuple(ShownIn(photo.photo_id, BOX, (ring,)) for photo in earlier),
            tuple(ShownIn(photo.photo_id, BOX, (ring,)) for photo in task.new.photos[:2]),
            Pictures(b"before", b"after", b"difference", 0.05) if name == "B1" else None,
        )
