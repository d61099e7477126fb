"""The truth of a rendered flight as files: things, camera poses, houses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from detection.domain.hazard import HazardClass
from training.synthetic.boxes import Body
from training.synthetic.camera import Array, PinholeCamera
from training.synthetic.covers import Cover
from training.synthetic.cracks import Crack
from training.synthetic.flight_plan import Shot
from training.synthetic.geodesy import StreetFrame
from training.synthetic.rasterize import Canvas
from training.synthetic.scene import Scene
from training.synthetic.training_cracks import measure_width_px
from training.synthetic.truth import LabelledBox, box_cover, box_crack, box_polygon, label_box

# 9 decimals of a degree are a tenth of a millimetre.
DEGREE_DECIMALS = 9
NOTE = "Rendered by hazardlens; no such street exists."


@dataclass(slots=True)
class Thing:
    """A labelled thing of the scene and the photos that show it."""

    thing_id: str
    hazard_class: HazardClass
    position: Array
    shape: Cover | Crack | Body
    sightings: list[dict[str, object]] = field(default_factory=list)


def list_things(scene: Scene) -> list[Thing]:
    """Everything that carries a label, in a fixed order."""
    things = [
        Thing(f"cover-{index + 1:02d}", cover.hazard_class, cover.center, cover)
        for index, cover in enumerate(scene.covers)
    ]
    cracks = [crack for house in scene.buildings for crack in house.cracks]
    for index, crack in enumerate(cracks):
        position = (crack.outline.min(axis=0) + crack.outline.max(axis=0)) / 2
        thing_id = f"crack-{index + 1:02d}"
        things.append(Thing(thing_id, HazardClass.FACADE_CRACK, position, crack))
    additions = [house.addition for house in scene.buildings if house.addition is not None]
    for index, body in enumerate(additions):
        position = (body.low + body.high) / 2
        thing_id = f"addition-{index + 1:02d}"
        things.append(Thing(thing_id, HazardClass.ADDED_STOREY, position, body))
    return things


def observe_things(
    canvas: Canvas, camera: PinholeCamera, things: Sequence[Thing], photo: str
) -> None:
    """Append to every thing its exact box in this photo, where any of it is visible."""
    for thing in things:
        labelled = _box(canvas, camera, thing)
        if labelled is None:
            continue
        row: dict[str, object] = {
            "photo": photo,
            "bbox_xyxy": [round(value, 2) for value in labelled.bbox.xyxy],
            "visible_fraction": round(labelled.visible_fraction, 3),
        }
        if isinstance(thing.shape, Crack):
            row["mean_width_px"] = round(measure_width_px(camera, thing.shape), 2)
        thing.sightings.append(row)


def write_truth(path: Path, things: Sequence[Thing], frame: StreetFrame, seed: int) -> None:
    """Write an RFC 7946 collection: one point feature per thing."""
    features: list[dict[str, object]] = []
    for thing in things:
        lon, lat = frame.lonlat_from_street(thing.position)
        features.append(
            {
                "type": "Feature",
                "id": thing.thing_id,
                "geometry": {
                    "type": "Point",
                    "coordinates": [round(lon, DEGREE_DECIMALS), round(lat, DEGREE_DECIMALS)],
                },
                "properties": {
                    "id": thing.thing_id,
                    "hazard_class": thing.hazard_class.value,
                    "kind": thing.hazard_class.thing,
                    "height_m": round(float(thing.position[2]), 3),
                    **_describe(thing.shape),
                    "photos": thing.sightings,
                },
            }
        )
    _write_collection(path, features, {"rendered": True, "note": NOTE, "seed": seed})


def write_poses(
    path: Path, shots: Sequence[Shot], frame: StreetFrame, base_m: float, names: Sequence[str]
) -> None:
    """Write the exact pose and intrinsics of every photo, without noise."""
    rows = []
    for shot, name in zip(shots, names, strict=True):
        camera = shot.camera
        lon, lat = frame.lonlat_from_street(camera.position)
        rows.append(
            {
                "photo": name,
                "kind": shot.kind,
                "lon": round(lon, DEGREE_DECIMALS),
                "lat": round(lat, DEGREE_DECIMALS),
                "altitude_agl_m": round(float(camera.position[2]), 4),
                "altitude_m": round(base_m + float(camera.position[2]), 4),
                "yaw_deg": shot.yaw_deg,
                "pitch_deg": shot.pitch_deg,
                "roll_deg": shot.roll_deg,
                "width_px": camera.width_px,
                "height_px": camera.height_px,
                "focal_px": round(camera.focal_px, 6),
                "cx_px": camera.width_px / 2,
                "cy_px": camera.height_px / 2,
            }
        )
    document = {"rendered": True, "note": NOTE, "photos": rows}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def write_buildings(path: Path, scene: Scene, frame: StreetFrame) -> None:
    """Write the footprints of the houses along the street, counter-clockwise."""
    features: list[dict[str, object]] = []
    for index, house in enumerate(scene.buildings):
        (x_low, y_low), (x_high, y_high) = house.body.low[:2], house.body.high[:2]
        corners = [(x_low, y_low), (x_high, y_low), (x_high, y_high), (x_low, y_high)]
        ring = [
            [round(value, DEGREE_DECIMALS) for value in frame.lonlat_from_street(np.array(corner))]
            for corner in (*corners, corners[0])
        ]
        features.append(
            {
                "type": "Feature",
                "id": f"building-{index + 1:02d}",
                "geometry": {"type": "Polygon", "coordinates": [ring]},
                "properties": {
                    "id": f"building-{index + 1:02d}",
                    "storeys": house.storeys,
                    "height_m": round(float(house.body.high[2]), 2),
                    "has_added_storey": house.addition is not None,
                },
            }
        )
    _write_collection(path, features, {"rendered": True, "note": NOTE})


def _box(canvas: Canvas, camera: PinholeCamera, thing: Thing) -> LabelledBox | None:
    if isinstance(thing.shape, Cover):
        return box_cover(canvas, camera, thing.shape)
    if isinstance(thing.shape, Crack):
        return box_crack(canvas, camera, thing.shape)
    box = box_polygon(camera, order_hull(camera, thing.shape.corners))
    return label_box(canvas, thing.hazard_class, box, _spread_samples(thing.shape))


def order_hull(camera: PinholeCamera, corners: Array) -> Array:
    """Those of the corners ``(n, 3)`` that make the convex outline in the photo, in order.

    All corners are returned as they are where one lies behind the lens.
    """
    xy, depth = camera.project(corners)
    if (depth <= 0).any():
        return corners
    hull: list[int] = []
    order = sorted(range(len(xy)), key=lambda i: (xy[i][0], xy[i][1]))
    for direction in (order, order[::-1]):
        chain: list[int] = []
        for index in direction:
            while len(chain) > 1 and _turn(xy[chain[-2]], xy[chain[-1]], xy[index]) <= 0:
                chain.pop()
            chain.append(index)
        hull += chain[:-1]
    return np.asarray(corners[hull], dtype=np.float64)


def _turn(a: Array, b: Array, c: Array) -> float:
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def _spread_samples(body: Body) -> Array:
    """Points on the top and upper walls of a body: what a drone can see of it at all."""
    share = np.linspace(0.05, 0.95, 7)
    x, y = np.meshgrid(share, share)
    top = np.column_stack([x.ravel(), y.ravel(), np.ones(x.size)])
    return np.asarray(body.low + top * (body.high - body.low), dtype=np.float64)


def _describe(shape: Cover | Crack | Body) -> dict[str, object]:
    if isinstance(shape, Cover):
        return {"diameter_m": round(2 * shape.radius_m, 3)}
    if isinstance(shape, Crack):
        return {"mean_width_mm": round(1000 * shape.mean_width_m, 1)}
    return {"storey_height_m": round(float(shape.high[2] - shape.low[2]), 2)}


def _write_collection(
    path: Path, features: list[dict[str, object]], members: dict[str, object]
) -> None:
    document = {"type": "FeatureCollection", **members, "features": features}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
