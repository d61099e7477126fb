"""The truth of a rendered flight as files: things, camera poses, houses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from detection.domain.hazard import HazardClass
from training.synthetic.boxes import Body
from training.synthetic.buildings import Building
from training.synthetic.camera import Array, PinholeCamera
from training.synthetic.covers import Cover
from training.synthetic.cracks import Crack
from training.synthetic.flight_plan import Exposure
from training.synthetic.geodesy import StreetFrame
from training.synthetic.open_ground import ClearView, GroundCover, contains
from training.synthetic.scene import Scene
from training.synthetic.training_cracks import measure_width_px
from training.synthetic.truth import LabelledBox, View, box_cover, box_crack, box_polygon, label_box

# 9 decimals of a degree are a tenth of a millimetre.
DEGREE_DECIMALS = 9
NEAR_PX = 200.0
"""So far beside a photo the middle of a thing may lie that shows its rim."""
NOTE = "Rendered by hazardlens; no such street exists."


@dataclass(slots=True)
class Thing:
    """A labelled thing of the scene, the building that it is on, and the photos that show it."""

    thing_id: str
    hazard_class: HazardClass
    position: Array
    shape: Cover | Crack | Body | GroundCover
    building: str | None = None
    sightings: list[dict[str, object]] = field(default_factory=list)


def list_things(scene: Scene) -> list[Thing]:
    """Everything that carries a label, in a fixed order."""
    things = [
        Thing(f"cover-{index + 1:02d}", cover.hazard_class, cover.center, cover)
        for index, cover in enumerate(scene.covers)
    ]
    cracks = [
        (crack, name_building(index))
        for index, house in enumerate(scene.buildings)
        for crack in house.cracks
    ]
    for index, (crack, building) in enumerate(cracks):
        position = (crack.outline.min(axis=0) + crack.outline.max(axis=0)) / 2
        thing_id = f"crack-{index + 1:02d}"
        things.append(Thing(thing_id, HazardClass.FACADE_CRACK, position, crack, building))
    additions = [
        (house.addition, name_building(index))
        for index, house in enumerate(scene.buildings)
        if house.addition is not None
    ]
    for index, (body, building) in enumerate(additions):
        position = (body.low + body.high) / 2
        thing_id = f"addition-{index + 1:02d}"
        things.append(Thing(thing_id, HazardClass.ADDED_STOREY, position, body, building))
    return things


def name_building(index: int) -> str:
    """Return the id of a house by its place in the scene."""
    return f"building-{index + 1:02d}"


def list_covers(covers: Sequence[GroundCover]) -> list[Thing]:
    """Return the covers of open ground as labelled things."""
    return [
        Thing(f"cover-{index + 1:05d}", cover.hazard_class, cover.center, cover)
        for index, cover in enumerate(covers)
    ]


def observe_open_ground(camera: PinholeCamera, things: Sequence[Thing], photo: str) -> None:
    """Append to every thing its exact box in a photo that nothing stands before."""
    if not things:
        return
    near = contains(camera, np.stack([thing.position for thing in things]), NEAR_PX)
    within = [thing for thing, is_near in zip(things, near, strict=True) if is_near]
    observe_things(ClearView(camera), camera, within, photo)


def observe_things(view: View, camera: PinholeCamera, things: Sequence[Thing], photo: str) -> None:
    """Append to every thing its exact box in this photo, where any of it is visible."""
    for thing in things:
        labelled = _box(view, camera, thing)
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
                    **({} if thing.building is None else {"building": thing.building}),
                    **_describe(thing.shape),
                    "photos": thing.sightings,
                },
            }
        )
    _write_collection(path, features, {"rendered": True, "note": NOTE, "seed": seed})


def write_poses(
    path: Path,
    exposures: Sequence[Exposure],
    frame: StreetFrame,
    base_m: float,
    names: Sequence[str],
) -> None:
    """Write the exact pose and intrinsics of every photo, without noise."""
    rows = []
    for exposure, name in zip(exposures, names, strict=True):
        shot, camera = exposure.shot, exposure.shot.camera
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
    _write_document(path, {"rendered": True, "note": NOTE, "photos": rows})


def write_written_poses(path: Path, exposures: Sequence[Exposure], names: Sequence[str]) -> None:
    """Write what the photos' own metadata say of their poses: with noise, before rounding."""
    rows = [
        {"photo": name, **asdict(exposure.written)}
        for exposure, name in zip(exposures, names, strict=True)
    ]
    _write_document(path, {"rendered": True, "note": NOTE, "photos": rows})


def write_buildings(path: Path, houses: Sequence[Building], frame: StreetFrame) -> None:
    """Write the footprints of the houses, counter-clockwise."""
    features: list[dict[str, object]] = []
    for index, house in enumerate(houses):
        (x_low, y_low), (x_high, y_high) = house.body.low[:2], house.body.high[:2]
        corners = [(x_low, y_low), (x_high, y_low), (x_high, y_high), (x_low, y_high)]
        ring = [
            [round(value, DEGREE_DECIMALS) for value in frame.lonlat_from_street(np.array(corner))]
            for corner in (*corners, corners[0])
        ]
        features.append(
            {
                "type": "Feature",
                "id": name_building(index),
                "geometry": {"type": "Polygon", "coordinates": [ring]},
                "properties": {
                    "id": name_building(index),
                    "storeys": house.storeys,
                    "height_m": round(float(house.body.high[2]), 2),
                    "has_added_storey": house.addition is not None,
                },
            }
        )
    _write_collection(path, features, {"rendered": True, "note": NOTE})


def _box(view: View, camera: PinholeCamera, thing: Thing) -> LabelledBox | None:
    if isinstance(thing.shape, (Cover, GroundCover)):
        return box_cover(view, camera, thing.shape)
    if isinstance(thing.shape, Crack):
        return box_crack(view, camera, thing.shape)
    box = box_polygon(camera, order_hull(camera, thing.shape.corners))
    return label_box(view, thing.hazard_class, box, _spread_samples(thing.shape))


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


def _describe(shape: Cover | Crack | Body | GroundCover) -> dict[str, object]:
    if isinstance(shape, (Cover, GroundCover)):
        return {"diameter_m": round(2 * shape.radius_m, 3)}
    if isinstance(shape, Crack):
        return {"mean_width_mm": round(1000 * shape.mean_width_m, 1)}
    return {"storey_height_m": round(float(shape.high[2] - shape.low[2]), 2)}


def _write_collection(
    path: Path, features: list[dict[str, object]], members: dict[str, object]
) -> None:
    _write_document(path, {"type": "FeatureCollection", **members, "features": features})


def _write_document(path: Path, document: dict[str, object]) -> None:
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
