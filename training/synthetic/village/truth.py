"""The truth of a pair of flights as files: the building layer and what became of every house."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.synthetic.boxes import Body
from training.synthetic.camera import Array
from training.synthetic.geodesy import StreetFrame
from training.synthetic.textures import Rng
from training.synthetic.village.changes import House
from training.synthetic.village.coverage import RoofViews
from training.synthetic.village.houses import place_house
from training.synthetic.village.things import BELOW_GROUND_M, Block

DEGREE_DECIMALS = 9
OUTLINE_STD_M = (0.22, 0.15)
"""Deviation per axis by which a drawn outline is off as a whole, and each corner for itself:
0.27 m together, what a person draws from an orthophoto."""
NOTE = "Rendered by hazardlens; no such village exists."


def write_building_layer(path: Path, rng: Rng, houses: Sequence[House], frame: StreetFrame) -> None:
    """Write the footprints as somebody drew them, counter-clockwise; no heights."""
    features = []
    for house in houses:
        corners = _list_corners(house, house.plot.structure.blocks)
        off = rng.normal(0, OUTLINE_STD_M[0], 2) + rng.normal(0, OUTLINE_STD_M[1], (4, 2))
        ring = _to_lonlat(corners + off, frame)
        number = int(house.plot.building_id[1:])
        about = {"id": house.plot.building_id, "name": f"示例村{number}号"}
        geometry = {"type": "Polygon", "coordinates": [ring]}
        features.append(
            {
                "type": "Feature",
                "id": house.plot.building_id,
                "geometry": geometry,
                "properties": about,
            }
        )
    document = {"type": "FeatureCollection", "rendered": True, "note": NOTE, "features": features}
    _write(path, document)


def write_truth(
    path: Path,
    houses: Sequence[House],
    frame: StreetFrame,
    *,
    permitted: Sequence[int],
    views: tuple[Sequence[RoofViews], Sequence[RoofViews]],
    about: dict[str, object],
) -> None:
    """Write what became of every house, with exact heights and whether both flights see it."""
    rows = [
        _describe(house, storeys, before, after, frame)
        for house, storeys, before, after in zip(houses, permitted, *views, strict=True)
    ]
    origin = {"lon": frame.lon, "lat": frame.lat, "heading_deg": frame.heading_deg}
    _write(
        path,
        {
            "rendered": True,
            "note": NOTE,
            **about,
            "origin": origin,
            "buildings": rows,
        },
    )


def _describe(
    house: House, permitted: int, before: RoofViews, after: RoofViews, frame: StreetFrame
) -> dict[str, object]:
    main_m = float(house.plot.structure.blocks[0].body.high[2])
    ridge_m = house.plot.structure.blocks[0].ridge_m / 2
    part = house.part
    sides = np.zeros(2) if part is None else (part.high - part.low)[:2]
    ring = None if part is None else _to_lonlat(_outline(house, part), frame)
    newest = None if house.after is None else house.after.blocks[-1].roof.value
    return {
        "building_id": house.plot.building_id,
        "kind": house.kind.value,
        "rise_m": round(house.rise_m, 3),
        "area_m2": round(float(sides[0] * sides[1]), 2),
        "part_lonlat": ring,
        "storeys_before": house.plot.storeys,
        "storeys_after": house.storeys_after,
        "storey_height_m": round(house.plot.storey_m, 3),
        "permitted_storeys": permitted,
        "ground_m": round(house.plot.foot_m, 3),
        "roof_before_m": round(main_m + ridge_m, 3),
        "roof_after_m": 0.0 if house.after is None else round(main_m + ridge_m + house.rise_m, 3),
        "main_roof": house.plot.structure.blocks[0].roof.value,
        "new_roof": newest if house.kind.is_rise else None,
        "photos_base": len(before.directions),
        "photos_new": len(after.directions),
        "well_covered": before.is_well_covered and after.is_well_covered,
    }


def _outline(house: House, body: Body) -> Array:
    (x_low, y_low), (x_high, y_high) = body.low[:2], body.high[:2]
    corners = np.array([[x_low, y_low], [x_high, y_low], [x_high, y_high], [x_low, y_high]])
    foot = np.full((4, 1), -BELOW_GROUND_M)
    return np.asarray(place_house(house.plot).points(np.hstack([corners, foot]))[:, :2])


def _list_corners(house: House, blocks: Sequence[Block]) -> Array:
    low = np.min([one.body.low for one in blocks], axis=0)
    high = np.max([one.body.high for one in blocks], axis=0)
    return _outline(house, Body(low, high))


def _to_lonlat(corners: Array, frame: StreetFrame) -> list[list[float]]:
    ring = [
        [round(value, DEGREE_DECIMALS) for value in frame.lonlat_from_street(corner)]
        for corner in corners
    ]
    return [*ring, ring[0]]


def _write(path: Path, document: dict[str, object]) -> None:
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
