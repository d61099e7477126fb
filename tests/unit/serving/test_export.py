"""Exports: coordinates, characters, and cells that a spreadsheet must not run."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.domain.finding import AreaMembership, BuildingPart, OnBuilding
from serving.ledger.export import FORMULA_STARTS, csv_from_hazards, geojson_from_hazards
from serving.ledger.hazards import Hazard, PermitFound

HAZARD = Hazard(
    hazard_id=5,
    flight_id=2,
    flight_name="人民路",
    site=None,
    hazard_class="manhole_missing",
    score=0.912345,
    lon=106.55071234567,
    lat=-29.5647,
    error_m=3.14159,
    sightings=2,
    model_names=("facade_crack", "manhole"),
    threshold=0.3,
    confirmed_by="li",
    confirmed_at=datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC),
    decision_id=9,
    note='带引号 " 和,逗号\n换行',
    photo_id=1,
)


def read_csv(*hazards: Hazard) -> list[dict[str, str]]:
    text = "".join(csv_from_hazards(hazards))
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def test_geojson_has_lon_first_and_seven_decimals() -> None:
    (feature,) = json.loads("".join(geojson_from_hazards([HAZARD])))["features"]
    assert feature["geometry"] == {"type": "Point", "coordinates": [106.5507123, -29.5647]}
    assert feature["properties"]["error_m"] == pytest.approx(3.14)
    assert feature["properties"]["flight_name"] == "人民路"


def test_building_height_and_areas_go_along() -> None:
    areas = (
        AreaMembership("street", "510107001", "桂溪街道", near_border=False),
        AreaMembership("grid", "G02", "", near_border=True),
    )
    on_building = OnBuilding("=B17", BuildingPart.FACADE, 12.345, 0.4, 0.9)
    hazard = replace(HAZARD, on_building=on_building, areas=areas)
    (row,) = read_csv(hazard)
    assert (row["building_id"], row["building_part"]) == ("'=B17", "facade")
    assert float(row["height_m"]) == pytest.approx(12.35, abs=0.01)
    assert (row["areas"], row["near_border"]) == ("桂溪街道, G02", "G02")
    (feature,) = json.loads("".join(geojson_from_hazards([HAZARD])))["features"]
    assert feature["properties"]["building_id"] is None
    assert feature["properties"]["areas"] == ""


def test_permits_go_along_with_who_looked_and_when() -> None:
    permits = (
        PermitFound("land", "yes", None, "li", datetime(2026, 11, 20, tzinfo=UTC)),
        PermitFound("planning", "no", "=只批三层", "wang", datetime(2026, 11, 21, tzinfo=UTC)),
    )
    (row,) = read_csv(replace(HAZARD, permits=permits))
    assert (row["land_permit"], row["planning_permit"]) == ("yes", "no")
    assert row["construction_permit"] == "", "nobody looked, which is not 'none'"
    assert row["permit_notes"] == "planning: =只批三层"
    assert row["permits_checked_by"] == "li, wang"
    assert row["permits_checked_at"] == "2026-11-21T00:00:00+00:00"
    (feature,) = json.loads("".join(geojson_from_hazards([HAZARD])))["features"]
    assert feature["properties"]["land_permit"] == ""


def test_hazard_without_a_place_has_geometry_null() -> None:
    unplaced = replace(HAZARD, lon=None, lat=None, error_m=None)
    (feature,) = json.loads("".join(geojson_from_hazards([unplaced])))["features"]
    assert feature["geometry"] is None
    (row,) = read_csv(unplaced)
    assert (row["lon"], row["lat"], row["error_m"]) == ("", "", "")


def test_csv_keeps_text_and_numbers() -> None:
    (row,) = read_csv(HAZARD)
    assert row["note"] == HAZARD.note
    assert (row["lon"], row["lat"]) == ("106.5507123", "-29.5647")
    assert row["models"] == "facade_crack, manhole"


@given(st.sampled_from(FORMULA_STARTS), st.text(max_size=20))
def test_no_text_cell_begins_like_a_formula(start: str, rest: str) -> None:
    text = "".join(csv_from_hazards([replace(HAZARD, note=start + rest, flight_name=start)]))
    rows = list(csv.reader(io.StringIO(text[1:], newline="")))
    header, cells = rows[0], rows[1]
    for name in ("note", "flight_name"):
        assert not cells[header.index(name)].startswith(FORMULA_STARTS)
