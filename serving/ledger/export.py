"""Hazards as GeoJSON (RFC 7946) and as CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator

from serving.db.permit_books import Permit
from serving.ledger.hazards import Hazard

COORDINATE_DECIMALS = 7
CSV_COLUMNS = (
    "id",
    "hazard_class",
    "lon",
    "lat",
    "error_m",
    "building_id",
    "building_part",
    "height_m",
    "areas",
    "near_border",
    "land_permit",
    "planning_permit",
    "construction_permit",
    "permit_notes",
    "permits_checked_by",
    "permits_checked_at",
    "score",
    "threshold",
    "models",
    "sightings",
    "confirmed_by",
    "confirmed_at",
    "in_dispute",
    "note",
    "flight_id",
    "flight_name",
    "site",
)
# East Asian spreadsheets take the full-width signs for the plain ones.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def geojson_from_hazards(hazards: Iterable[Hazard]) -> Iterator[str]:
    """Yield a FeatureCollection piece by piece; hazards without a place have geometry null."""
    yield '{"type":"FeatureCollection","features":['
    separator = ""
    for hazard in hazards:
        yield separator + json.dumps(_feature(hazard), ensure_ascii=False, allow_nan=False)
        separator = ",\n"
    yield "]}"


def csv_from_hazards(hazards: Iterable[Hazard]) -> Iterator[str]:
    """Yield the lines of a CSV table, with the byte order mark that Excel needs for UTF-8."""
    yield "\ufeff" + _csv_line(CSV_COLUMNS)
    for hazard in hazards:
        values = {"lon": hazard.lon, "lat": hazard.lat, "id": hazard.hazard_id} | _properties(
            hazard
        )
        yield _csv_line([_safe_cell(values[name]) for name in CSV_COLUMNS])


def _feature(hazard: Hazard) -> dict[str, object]:
    geometry = None
    if hazard.lon is not None and hazard.lat is not None:
        point = [round(hazard.lon, COORDINATE_DECIMALS), round(hazard.lat, COORDINATE_DECIMALS)]
        geometry = {"type": "Point", "coordinates": point}
    return {
        "type": "Feature",
        "id": hazard.hazard_id,
        "geometry": geometry,
        "properties": _properties(hazard),
    }


def _properties(hazard: Hazard) -> dict[str, object]:
    return {
        "hazard_class": hazard.hazard_class,
        "error_m": None if hazard.error_m is None else round(hazard.error_m, 2),
        **_whereabouts(hazard),
        **_permits(hazard),
        "score": round(hazard.score, 4),
        "threshold": hazard.threshold,
        "models": ", ".join(hazard.model_names),
        "sightings": hazard.sightings,
        "confirmed_by": hazard.confirmed_by,
        "confirmed_at": hazard.confirmed_at.isoformat(),
        "in_dispute": hazard.in_dispute,
        "note": hazard.note,
        "flight_id": hazard.flight_id,
        "flight_name": hazard.flight_name,
        "site": hazard.site,
    }


def _whereabouts(hazard: Hazard) -> dict[str, object]:
    """Return the building with the height on it, and the areas by name, those in doubt apart."""
    building = hazard.on_building
    return {
        "building_id": building.building_id if building else None,
        "building_part": building.part.value if building else None,
        "height_m": round(building.height_m, 2) if building else None,
        "areas": ", ".join(area.name or area.area_id for area in hazard.areas),
        "near_border": ", ".join(
            area.name or area.area_id for area in hazard.areas if area.near_border
        ),
    }


def _permits(hazard: Hazard) -> dict[str, object]:
    """Return yes, no or to_check for each permit, empty where nobody looked; notes, who, when."""
    names = dict.fromkeys(each.checked_by for each in hazard.permits if each.checked_by)
    last = max((each.checked_at for each in hazard.permits), default=None)
    answers = {each.permit: each.answer for each in hazard.permits}
    return {
        **{f"{permit}_permit": answers.get(permit, "") for permit in Permit},
        "permit_notes": "; ".join(
            f"{each.permit}: {each.note}" for each in hazard.permits if each.note
        ),
        "permits_checked_by": ", ".join(names),
        "permits_checked_at": last.isoformat() if last else "",
    }


def _safe_cell(value: object) -> str:
    """Return the cell as text; what a spreadsheet would run as a formula is quoted away."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.{COORDINATE_DECIMALS}f}".rstrip("0").rstrip(".")
    text = str(value)
    if isinstance(value, str) and text.startswith(FORMULA_STARTS):
        return "'" + text
    return text


def _csv_line(cells: Iterable[str]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerow(cells)
    return stream.getvalue()
