"""Buildings as an earlier comparison measured them, to be held against another register."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from detection.domain.building_change import BuildingChange, ChangeVerdict, RoofHeight
from serving.db.tables import BuildingFindingRow
from serving.jobs.change_result import MeasuredBuilding, ShownIn
from serving.jobs.change_store import KeptPictures


def measured_from_row(row: BuildingFindingRow) -> MeasuredBuilding:
    """Return what was measured of a building then, without its pictures."""
    return MeasuredBuilding(
        building_id=row.building_id,
        change=_change_from_row(row),
        roof=_roof_from_row(row),
        shown_before=tuple(map(_shown_from_entry, _entries(row, "before"))),
        shown_after=tuple(map(_shown_from_entry, _entries(row, "after"))),
    )


def pictures_from_row(row: BuildingFindingRow) -> KeptPictures:
    """Return the pictures that were drawn then."""
    return KeptPictures(
        row.before_sha256, row.after_sha256, row.difference_sha256, row.picture_m_per_px
    )


def _change_from_row(row: BuildingFindingRow) -> BuildingChange | None:
    if row.verdict is None:
        return None
    figures = cast("dict[str, Any]", row.figures)
    rings = cast("list[list[list[float]]]", row.part)
    return BuildingChange(
        building_id=row.building_id,
        verdict=ChangeVerdict(row.verdict),
        reason=row.reason,
        height_change_m=figures["height_change_m"],
        height_change_std_m=figures["height_change_std_m"],
        area_m2=figures["area_m2"],
        part_lonlat=tuple(tuple((lon, lat) for lon, lat in ring) for ring in rings),
        roof_before_m=figures["roof_before_m"],
        roof_after_m=figures["roof_after_m"],
        seen_share=figures["seen_share"],
    )


def _roof_from_row(row: BuildingFindingRow) -> RoofHeight | None:
    figures = cast("dict[str, Any]", row.figures)
    height_m, reason = figures["roof_height_m"], figures["roof_reason"]
    if height_m is None and reason is None:
        return None
    return RoofHeight(row.building_id, height_m, figures["roof_height_std_m"], reason)


def _shown_from_entry(entry: Mapping[str, Any]) -> ShownIn:
    x_min, y_min, x_max, y_max = entry["bbox_xyxy"]
    rings = tuple(tuple((x, y) for x, y in ring) for ring in entry["polygons"])
    return ShownIn(str(entry["photo_id"]), (x_min, y_min, x_max, y_max), rings)


def _entries(row: BuildingFindingRow, side: str) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", row.photos.get(side, []))
