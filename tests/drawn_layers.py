"""Layers and flights of poses drawn in code, for tests of layers and coverage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.photo import Photo
from detection.layers.areas import Area, AreaLayer
from detection.layers.buildings import Building, BuildingLayer
from detection.layers.covers import Cover, CoverLayer
from detection.plane import LocalPlane

PLACE = (106.5507, 29.5647)
CAMERA = CameraIntrinsics(5472, 3648, 3648.0, 2736.0, 1824.0, "xmp:CalibratedFocalLength")
"""One and a half times as wide as its focal length: 60 m above ground it shows 90 m by 60 m."""


@cache
def plane_at(place: tuple[float, float]) -> LocalPlane:
    """Return the plane round a place; making one takes milliseconds."""
    return LocalPlane(*place)


def box_at(
    east_m: float, north_m: float, side_m: float = 10.0, place: tuple[float, float] = PLACE
) -> BaseGeometry:
    """Return a square in degrees round a point some metres from ``place``."""
    half = side_m / 2
    square = shapely.box(east_m - half, north_m - half, east_m + half, north_m + half)
    return shapely.transform(square, plane_at(place).to_lonlat)


def write_geojson(path: Path, rows: Sequence[tuple[object, Mapping[str, object]]]) -> Path:
    """Write shapes (of shapely, or GeoJSON as it is, or None) with their fields."""
    features = [
        {
            "type": "Feature",
            "geometry": mapping(shape) if isinstance(shape, BaseGeometry) else shape,
            "properties": dict(fields),
        }
        for shape, fields in rows
    ]
    document = {"type": "FeatureCollection", "features": features}
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path


def build_buildings(*places_m: tuple[float, float], height_m: float = 6.0) -> BuildingLayer:
    """Return square buildings of 10 m at metres from `PLACE`, named by their number."""
    return BuildingLayer(
        tuple(
            Building(f"b{number}", "", box_at(*place_m), height_m)
            for number, place_m in enumerate(places_m)
        )
    )


def build_covers(*places_m: tuple[float, float], diameter_m: float | None = None) -> CoverLayer:
    """Return covers at metres from `PLACE`, named by their number."""
    lonlat = plane_at(PLACE).to_lonlat(np.array(places_m, dtype=np.float64).reshape(-1, 2))
    return CoverLayer(
        tuple(
            Cover(f"c{number}", "", float(lon), float(lat), diameter_m)
            for number, (lon, lat) in enumerate(lonlat)
        )
    )


def build_area(side_m: float, east_m: float = 0.0) -> AreaLayer:
    """Return one square area round `PLACE`, moved east."""
    return AreaLayer((Area("a1", "网格一", "网格", box_at(east_m, 0.0, side_m)),))


def pose_photo(
    east_m: float = 0.0,
    north_m: float = 0.0,
    *,
    name: str = "one.jpg",
    height_m: float | None = 60.0,
    pitch_deg: float | None = -90.0,
    yaw_deg: float = 0.0,
    std_m: float = 0.0,
    place: tuple[float, float] = PLACE,
    intrinsics: CameraIntrinsics | None = CAMERA,
) -> Photo:
    """Return a photo without pixels, taken some metres from ``place``; exact unless ``std_m``."""
    lon, lat = plane_at(place).to_lonlat(np.array([east_m, north_m]))
    pose = CameraPose(
        lon=float(lon),
        lat=float(lat),
        altitude_agl_m=height_m,
        altitude_m=300.0,
        yaw_deg=yaw_deg,
        pitch_deg=pitch_deg,
        roll_deg=0.0,
        horizontal_std_m=std_m,
        vertical_std_m=0.0,
        yaw_std_deg=0.0,
        pitch_std_deg=0.0,
        roll_std_deg=0.0,
        source="test",
    )
    return Photo(name, Path(name), "0" * 64, 5472, 3648, None, None, intrinsics, pose)


def fly_block(columns: int, rows: int, step_m: tuple[float, float] = (27.0, 18.0)) -> list[Photo]:
    """Return nadir photos on a grid of ``step_m`` east and north that starts at `PLACE`."""
    return [
        pose_photo(column * step_m[0], row * step_m[1], name=f"{column}-{row}.jpg")
        for column in range(columns)
        for row in range(rows)
    ]
