"""Where photos show a place, how large and how turned: what lays two photos over each other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree
from sqlalchemy import select
from sqlalchemy.orm import Session

from detection.domain.camera import CameraPose
from detection.domain.geometry import FloatArray
from detection.domain.sight import compute_camera_axes
from detection.georeference.place import place_pixel
from detection.georeference.projection import (
    lonlat_from_offsets,
    offsets_from_lonlat,
    project_points,
)
from detection.georeference.refusal import NotPlacedError, require_pose
from detection.plane import LocalPlane
from serving.db.tables import FlightRow, PhotoRow
from serving.flights.layer_rows import Bounds
from serving.flights.layers import grow_bounds
from serving.flights.photo_rows import photo_from_row

REACH_M = 300.0
"""A photo taken farther away than this shows nothing of a cover or of a crack."""

MIN_PX_PER_M = 3.0
"""Below this a storey is ten pixels high: nothing to compare."""

RIM_SHARE = 0.04
"""Nearer to the edge of a photo than this share of it, the errors may put the place outside."""

STEEP_PITCH_DEG = -45.0
"""A photo that looks steeper down than this is turned by its compass; others stand upright."""

NEAR_CAMERA_M = 60.0
"""Two photos taken farther apart than this show little of the same ground."""

MAX_PHOTOS = 3000
"""The latest photos near a place that are looked at: a second's work, and years of flights."""

_STEP_M = 0.5


@dataclass(frozen=True, slots=True)
class PlaceInPhoto:
    """Where a photo shows a place.

    ``point_px`` is (x, y) of the displayed photo, ``px_per_m`` how many pixels a metre across the
    line of sight has there, ``turn_deg`` how far east is turned clockwise from the right of the
    photo; None where the photo looks ahead, and is upright. ``elevation_deg`` is the angle of the
    line of sight below the horizon, ``azimuth_deg`` its direction.
    """

    point_px: tuple[float, float]
    px_per_m: float
    turn_deg: float | None
    elevation_deg: float
    azimuth_deg: float


@dataclass(frozen=True, slots=True)
class PhotoOfPlace:
    """A photo that shows a place, and where."""

    photo: PhotoRow
    shown: PlaceInPhoto


def locate_in_photo(
    row: PhotoRow, lon: float, lat: float, height_m: float = 0.0
) -> PlaceInPhoto | None:
    """Return where a photo shows a place ``height_m`` above the take-off ground; None: not at all.

    The point may lie outside the photo. A photo without a full pose cannot say.
    """
    try:
        pose, intrinsics = require_pose(photo_from_row(row, Path(row.name)))
    except NotPlacedError:
        return None
    place = np.array([(lon, lat)])
    flat_m = offsets_from_lonlat(pose.lon, pose.lat, place)[0]
    offset_m = np.array([*flat_m, height_m - (pose.altitude_agl_m or 0.0)])
    axes = compute_camera_axes(pose.yaw_deg or 0.0, pose.pitch_deg or 0.0, pose.roll_deg or 0.0)
    depth_m = float(axes[2] @ offset_m)
    if depth_m <= _STEP_M:
        return None
    steps_m = np.array([(0.0, 0.0), (_STEP_M, 0.0), (0.0, _STEP_M)])
    around = lonlat_from_offsets(pose.lon, pose.lat, flat_m + steps_m)
    pixels = project_points(pose, intrinsics, around, height_m)
    if not np.isfinite(pixels).all():
        return None
    return PlaceInPhoto(
        point_px=(float(pixels[0, 0]), float(pixels[0, 1])),
        px_per_m=intrinsics.focal_px / depth_m,
        turn_deg=_measure_turn(pixels) if _looks_down(pose) else None,
        elevation_deg=math.degrees(math.atan2(-offset_m[2], float(np.hypot(*flat_m)))),
        azimuth_deg=math.degrees(math.atan2(flat_m[0], flat_m[1])),
    )


def locate_middle(row: PhotoRow) -> tuple[float, float] | None:
    """Return longitude and latitude of the ground in the middle of a photo; None: not known."""
    photo = photo_from_row(row, Path(row.name))
    try:
        ground = place_pixel(photo, row.width_px / 2, row.height_px / 2)
    except NotPlacedError:
        return None
    return ground.lon, ground.lat


def at_pixel(shown: PlaceInPhoto, x_px: float, y_px: float) -> PlaceInPhoto:
    """Return the same view with the point where a person or a model saw the thing."""
    return replace(shown, point_px=(x_px, y_px))


def find_photos_of_place(
    session: Session,
    lon: float,
    lat: float,
    *,
    height_m: float = 0.0,
    flight_ids: Iterable[int] | None = None,
    but_flight_id: int | None = None,
) -> list[PhotoOfPlace]:
    """Return the photos of other flights that show a place well inside their frame."""
    near = grow_bounds(Bounds(lon, lat, lon, lat), REACH_M)
    statement = select(PhotoRow).where(
        PhotoRow.lat.between(near.south, near.north), PhotoRow.lon.between(near.west, near.east)
    )
    if flight_ids is not None:
        statement = statement.where(PhotoRow.flight_id.in_(list(flight_ids)))
    if but_flight_id is not None:
        statement = statement.where(PhotoRow.flight_id != but_flight_id)
    rows = session.scalars(statement.order_by(PhotoRow.id.desc()).limit(MAX_PHOTOS))
    shown = ((row, locate_in_photo(row, lon, lat, height_m)) for row in rows)
    return [
        PhotoOfPlace(row, place)
        for row, place in shown
        if place is not None and place.px_per_m >= MIN_PX_PER_M and _is_inside(row, place)
    ]


def choose_best_by_flight(
    photos: Sequence[PhotoOfPlace], like: PlaceInPhoto | None
) -> list[PhotoOfPlace]:
    """Return one photo of each flight: in the middle, and from where ``like`` looked."""
    best: dict[int, PhotoOfPlace] = {}
    for each in sorted(photos, key=lambda one: (_unlikeness(one, like), one.photo.id)):
        best.setdefault(each.photo.flight_id, each)
    return list(best.values())


def list_flights_nearby(session: Session, flight_id: int, limit: int) -> list[FlightRow]:
    """Return other flights with photos where this one's were taken, newest first."""
    own = select(PhotoRow.lon, PhotoRow.lat).where(
        PhotoRow.flight_id == flight_id, PhotoRow.lon.is_not(None)
    )
    places = session.execute(own).all()
    if not places:
        return []
    lons, lats = [row.lon for row in places], [row.lat for row in places]
    near = grow_bounds(Bounds(min(lons), min(lats), max(lons), max(lats)), REACH_M / 3)
    others = (
        select(PhotoRow.flight_id)
        .where(
            PhotoRow.flight_id != flight_id,
            PhotoRow.lat.between(near.south, near.north),
            PhotoRow.lon.between(near.west, near.east),
        )
        .distinct()
    )
    statement = select(FlightRow).where(FlightRow.id.in_(others))
    return list(session.scalars(statement.order_by(FlightRow.id.desc()).limit(limit)))


def list_photos_near(session: Session, flight_id: int, other_id: int) -> list[int]:
    """Return the photos of a flight that were taken near one of another's, the nearest first."""
    own, other = _list_places(session, flight_id), _list_places(session, other_id)
    if not own or not other:
        return []
    plane = LocalPlane(*other[0][1:])
    places = plane.to_metres([place[1:] for place in own])
    tree = cKDTree(plane.to_metres([place[1:] for place in other]))
    distances = np.asarray(tree.query(places)[0])
    order = np.argsort(distances, kind="stable")
    return [own[index][0] for index in order if distances[index] <= NEAR_CAMERA_M]


def _list_places(session: Session, flight_id: int) -> list[tuple[int, float, float]]:
    statement = select(PhotoRow.id, PhotoRow.lon, PhotoRow.lat).where(
        PhotoRow.flight_id == flight_id, PhotoRow.lon.is_not(None), PhotoRow.lat.is_not(None)
    )
    return [(row.id, row.lon, row.lat) for row in session.execute(statement.order_by(PhotoRow.id))]


def _looks_down(pose: CameraPose) -> bool:
    return pose.pitch_deg is not None and pose.pitch_deg < STEEP_PITCH_DEG


def _measure_turn(pixels: FloatArray) -> float:
    """Return how far east is turned clockwise, of pixels at a place, east and north of it.

    Seen from above north is a quarter turn anticlockwise of east; the mean of both evens out
    what a slanting view squeezes.
    """
    (east_x, east_y), (north_x, north_y) = pixels[1] - pixels[0], pixels[2] - pixels[0]
    return math.degrees(math.atan2(east_y + north_x, east_x - north_y))


def _is_inside(row: PhotoRow, shown: PlaceInPhoto) -> bool:
    x_px, y_px = shown.point_px
    rim_x, rim_y = RIM_SHARE * row.width_px, RIM_SHARE * row.height_px
    return rim_x <= x_px <= row.width_px - rim_x and rim_y <= y_px <= row.height_px - rim_y


def _unlikeness(photo: PhotoOfPlace, like: PlaceInPhoto | None) -> float:
    row, shown = photo.photo, photo.shown
    off_x = abs(shown.point_px[0] / row.width_px - 0.5)
    off_y = abs(shown.point_px[1] / row.height_px - 0.5)
    off_center = 2 * max(off_x, off_y)
    if like is None:
        return off_center
    scale = abs(math.log2(shown.px_per_m / like.px_per_m))
    return off_center + scale + _angle_between_deg(shown, like) / 45.0


def _angle_between_deg(one: PlaceInPhoto, other: PlaceInPhoto) -> float:
    up, other_up = math.radians(one.elevation_deg), math.radians(other.elevation_deg)
    turn = math.radians(one.azimuth_deg - other.azimuth_deg)
    cosine = math.sin(up) * math.sin(other_up) + math.cos(up) * math.cos(other_up) * math.cos(turn)
    return math.degrees(math.acos(min(1.0, max(-1.0, cosine))))
