"""Why a pixel has no place, and what a pose must say for it to have one."""

from __future__ import annotations

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.photo import Photo


class NotPlacedError(Exception):
    """A ray that has no usable meeting point with the ground; ``reason`` is the code."""

    def __init__(self, reason: str) -> None:
        """Keep the reason code."""
        super().__init__(reason)
        self.reason = reason


def require_pose(photo: Photo) -> tuple[CameraPose, CameraIntrinsics]:
    """Return pose and intrinsics of a photo that says where it looks.

    Raises:
        NotPlacedError: ``no_position``, ``no_attitude``, ``no_altitude`` or ``no_focal_length``.
    """
    pose, intrinsics = photo.pose, photo.intrinsics
    if pose is None:
        reason = "no_position"
    elif None in (pose.yaw_deg, pose.pitch_deg, pose.roll_deg):
        reason = "no_attitude"
    elif pose.altitude_agl_m is None:
        reason = "no_altitude"
    elif intrinsics is None:
        reason = "no_focal_length"
    else:
        return pose, intrinsics
    raise NotPlacedError(reason)
