"""Which photos show a point, how finely, and whether the photo is any good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from detection.coverage.footprint import Footprint
from detection.coverage.photo_flags import is_usable
from detection.coverage.sightline import (
    CameraArray,
    build_camera_array,
    compute_surface_gsd_m,
    project_offsets,
)
from detection.coverage.targets import SamplePoints
from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.geometry import FloatArray
from detection.layers.layer import GeometryArray, as_geometry_array, find_middle, unwrap_lonlat
from detection.needs import Needs
from detection.plane import LocalPlane
from detection.terrain import Terrain

MARGIN_SIGMAS = 2.0
"""Standard deviations by which the whole flight may have been elsewhere."""

_PHOTOS_AT_ONCE = 64
_NEAR_M = 60.0
"""Round a camera that looks towards the horizon, walls as near as this are looked for."""

_SHIFTS = ((0, 0, 0), (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0))
_CIRCLE = np.array([(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)])


@dataclass(frozen=True, eq=False)
class FlightView:
    """The photos of a flight that have a full pose, in one plane.

    ``feet_m`` (n, 2) are the cameras' places, ``rings_m`` (n,) their footprints, empty where
    there is none; ``reach_m`` (n,) encloses all that a photo can show of use. ``usable`` (n,)
    tells whether the photos are good enough. ``margin_m`` is how far the footprints may be off
    together: the errors of neighbouring photos are mostly the same (a GPS that drifts slowly, one
    take-off height), so they move the flight's border and open no gaps inside it.
    """

    plane: LocalPlane
    cameras: CameraArray
    feet_m: FloatArray
    rings_m: GeometryArray
    reach_m: GeometryArray
    usable: NDArray[np.bool_]
    margin_m: float


@dataclass(frozen=True, eq=False)
class PointViews:
    """What all photos show of ``m`` points, wherever the flight really was within its margin.

    ``good`` (m,) counts the usable photos that show a point finely enough, ``is_fine`` tells
    whether any photo, however poor, does, ``is_shown`` whether any shows it at all. ``gsd_m`` is
    the finest pixel in any photo (inf: none) by the places as they are written.
    """

    good: NDArray[np.int64]
    is_fine: NDArray[np.bool_]
    is_shown: NDArray[np.bool_]
    gsd_m: FloatArray


def build_flight_view(footprints: Sequence[Footprint], needs: Needs) -> FlightView | None:
    """Return the flight's geometry; None where no photo has a full pose."""
    posed: list[tuple[Footprint, CameraPose, CameraIntrinsics]] = [
        (one, one.pose, one.intrinsics)
        for one in footprints
        if one.pose is not None and one.intrinsics is not None and _has_view(one)
    ]
    if not posed:
        return None
    cameras = build_camera_array([(pose, intrinsics) for _, pose, intrinsics in posed])
    plane = find_flight_plane(cameras.lonlat)
    feet_m = plane.to_metres(cameras.lonlat)
    near_m = np.array([_NEAR_M if one.is_cut or one.refused else 0.0 for one, _, _ in posed])
    corners = [np.reshape(one.ring, (-1, 2)) for one, _, _ in posed]
    ends = np.cumsum([len(one) for one in corners])[:-1]
    rings = np.split(plane.to_metres(np.concatenate(corners)), ends)
    around = feet_m[:, None] + near_m[:, None, None] * _CIRCLE
    return FlightView(
        plane,
        cameras,
        feet_m,
        rings_m=as_geometry_array([shapely.Polygon(one) for one in rings]),
        reach_m=np.asarray(
            shapely.convex_hull(
                as_geometry_array(
                    [
                        shapely.MultiPoint(np.concatenate([ring, near]))
                        for ring, near in zip(rings, around, strict=True)
                    ]
                )
            ),
            dtype=object,
        ),
        usable=np.array([is_usable(one, needs) for one, _, _ in posed]),
        margin_m=MARGIN_SIGMAS * _find_usual_error(posed),
    )


def _find_usual_error(posed: Sequence[tuple[Footprint, CameraPose, CameraIntrinsics]]) -> float:
    """Return the median error of the footprints, m; where there is none, of the positions."""
    errors_m = [one.error_m for one, _, _ in posed if one.ring]
    return float(np.median(errors_m or [pose.horizontal_std_m for _, pose, _ in posed]))


def _has_view(footprint: Footprint) -> bool:
    return footprint.refused in {None, "above_horizon"}


def find_flight_plane(lonlat: FloatArray) -> LocalPlane:
    """Return a plane round the median of places ``(n, 2)``: a stray photo does not move it."""
    middle_lon, _ = find_middle(lonlat)
    lon, lat = np.median(unwrap_lonlat(lonlat, middle_lon), axis=0)
    return LocalPlane(float(lon), float(lat))


def count_views(
    points: SamplePoints, flight: FlightView, needs: Needs, terrain: Terrain | None = None
) -> PointViews:
    """Look at every point through every photo that may show it.

    Once where it is, and four times moved by the margin of the flight; the worst counts.
    """
    places_m = _lift_to_ground(points.places_m, flight, terrain)
    looks = [
        _look_at_all(places_m + flight.margin_m * np.array(shift), points, flight, needs)
        for shift in _SHIFTS
    ]
    return PointViews(
        good=np.min([one.good for one in looks], axis=0),
        is_fine=np.all([one.is_fine for one in looks], axis=0),
        is_shown=np.all([one.is_shown for one in looks], axis=0),
        gsd_m=looks[0].gsd_m,
    )


def _look_at_all(
    places_m: FloatArray, points: SamplePoints, flight: FlightView, needs: Needs
) -> PointViews:
    """Look at places ``(m, 3)``, heights above the take-off, some photos at a time."""
    good = np.zeros(len(places_m), dtype=np.int64)
    is_fine = np.zeros(len(places_m), dtype=bool)
    gsd_m = np.full(len(places_m), np.inf)
    tree = shapely.STRtree(np.asarray(shapely.points(places_m[:, :2]), dtype=object))
    min_cosine = float(np.cos(np.radians(needs.target.max_incidence_deg)))
    for start in range(0, len(flight.feet_m), _PHOTOS_AT_ONCE):
        near = flight.reach_m[start : start + _PHOTOS_AT_ONCE]
        photo, point = tree.query(near, predicate="intersects")
        photo = photo + start
        seen, pixel_m = _look(flight, photo, places_m[point], points.normals[point], min_cosine)
        photo, point, pixel_m = photo[seen], point[seen], pixel_m[seen]
        np.minimum.at(gsd_m, point, pixel_m)
        fine = pixel_m <= points.max_gsd_m[point]
        is_fine[point[fine]] = True
        good += np.bincount(point[fine & flight.usable[photo]], minlength=len(good))
    return PointViews(good, is_fine, np.isfinite(gsd_m), gsd_m)


def _lift_to_ground(
    places_m: FloatArray, flight: FlightView, terrain: Terrain | None
) -> FloatArray:
    """Return places with heights above the take-off; flat ground where no model has a height."""
    if terrain is None:
        return places_m
    view = terrain.view_from(flight.plane.lon, flight.plane.lat)
    ground_m = np.nan_to_num(view.heights_at(places_m[:, :2]))
    return np.column_stack([places_m[:, :2], places_m[:, 2] + ground_m])


def _look(
    flight: FlightView,
    photo: NDArray[np.intp],
    places_m: FloatArray,
    normals: FloatArray,
    min_cosine: float,
) -> tuple[NDArray[np.bool_], FloatArray]:
    """Tell which of the pairs of photo and point (k,) are seen, and the side of a pixel there."""
    cameras = flight.cameras
    eyes_m = np.column_stack([flight.feet_m[photo], cameras.height_m[photo]])
    offsets_m = places_m - eyes_m
    distance_m = np.maximum(np.linalg.norm(offsets_m, axis=1), 0.01)
    cosine = -np.einsum("ij,ij->i", offsets_m, normals) / distance_m
    pixels = project_offsets(cameras, photo, offsets_m)
    focal_px = cameras.focal_px[photo]
    inside = (pixels >= 0.0) & (pixels <= cameras.size_px[photo])
    seen = inside.all(axis=1) & (cosine >= min_cosine)
    depth_m = np.einsum("ij,ij->i", cameras.axes[photo, 2], offsets_m)
    gsd_m = compute_surface_gsd_m(
        distance_m, np.maximum(depth_m, 0.0), np.maximum(cosine, min_cosine), focal_px
    )
    return seen, gsd_m
