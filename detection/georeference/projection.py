"""A place to the pixel that shows it: the way back from `place`."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from pyproj import Geod

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.geometry import FloatArray
from detection.domain.lens import distort_points
from detection.domain.sight import compute_camera_axes

_GEOD = Geod(ellps="WGS84")


def project_points(
    pose: CameraPose, intrinsics: CameraIntrinsics, lonlat: ArrayLike, height_m: ArrayLike = 0.0
) -> FloatArray:
    """Return the pixels ``(n, 2)`` of places ``(n, 2)``, ``height_m`` above the take-off ground.

    A pixel may lie outside the photo; NaN where the place is behind the camera or beyond what
    the lens model covers.

    Raises:
        ValueError: the pose lacks height or angles.
    """
    if (
        pose.altitude_agl_m is None
        or pose.yaw_deg is None
        or pose.pitch_deg is None
        or pose.roll_deg is None
    ):
        message = "the pose lacks height or angles"
        raise ValueError(message)
    degrees = np.asarray(lonlat, dtype=np.float64).reshape(-1, 2)
    offsets = np.empty((len(degrees), 3))
    offsets[:, :2] = offsets_from_lonlat(pose.lon, pose.lat, degrees)
    offsets[:, 2] = np.asarray(height_m, dtype=np.float64) - pose.altitude_agl_m
    in_camera = offsets @ compute_camera_axes(pose.yaw_deg, pose.pitch_deg, pose.roll_deg).T
    depth = np.where(in_camera[:, 2] > 0, in_camera[:, 2], np.nan)
    shown = in_camera[:, :2] / depth[:, None]
    if intrinsics.distortion is not None:
        shown = distort_points(shown, intrinsics.distortion)
    center_px = np.array([intrinsics.cx_px, intrinsics.cy_px])
    return np.asarray(shown * intrinsics.focal_px + center_px)


def project_point(
    pose: CameraPose, intrinsics: CameraIntrinsics, lon: float, lat: float, height_m: float = 0.0
) -> tuple[float, float] | None:
    """Return the pixel ``(x, y)`` of one place as `project_points`; None instead of NaN.

    Raises:
        ValueError: the pose lacks height or angles.
    """
    x_px, y_px = project_points(pose, intrinsics, [(lon, lat)], height_m)[0]
    return None if np.isnan(x_px) else (float(x_px), float(y_px))


def offsets_from_lonlat(lon: float, lat: float, lonlat: FloatArray) -> FloatArray:
    """Return east and north metres ``(n, 2)`` of degrees ``(n, 2)``, along geodesics."""
    count = len(lonlat)
    # As lists: pyproj takes an array of one for a number, and numpy warns about that.
    azimuth_deg, _, distance_m = _GEOD.inv(
        [lon] * count, [lat] * count, lonlat[:, 0].tolist(), lonlat[:, 1].tolist()
    )
    azimuth, distance = np.radians(azimuth_deg), np.asarray(distance_m)
    return np.stack([distance * np.sin(azimuth), distance * np.cos(azimuth)], axis=1)


def lonlat_from_offsets(lon: float, lat: float, offsets_m: FloatArray) -> FloatArray:
    """Return degrees ``(n, 2)`` of east and north metres ``(n, 2)``, along geodesics."""
    count = len(offsets_m)
    azimuth_deg = np.degrees(np.arctan2(offsets_m[:, 0], offsets_m[:, 1]))
    found_lon, found_lat, _ = _GEOD.fwd(
        [lon] * count, [lat] * count, azimuth_deg.tolist(), np.hypot(*offsets_m.T).tolist()
    )
    return np.stack([np.asarray(found_lon), np.asarray(found_lat)], axis=1)
