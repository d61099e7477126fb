"""The camera of a photo from whatever it wrote, for the photo's own size.

Where the focal length is taken from: :mod:`detection.ingest.focal`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from detection.domain.camera import CameraIntrinsics
from detection.domain.lens import Distortion
from detection.ingest.drone_tags import DroneTags
from detection.ingest.exif import SIDE_SWAPPING_ORIENTATIONS, ExifData
from detection.ingest.focal import FILM_SOURCE, Focal, iterate_focals

_FOCAL_RANGE = (0.2, 60.0)
"""Believable focal lengths as multiples of the photo's longer side."""

_ZOOM_STD = 0.02
"""One standard deviation of a digital zoom's factor, as a share."""


def read_intrinsics(
    width_px: int, height_px: int, exif: ExifData, tags: Sequence[DroneTags] = ()
) -> CameraIntrinsics | None:
    """Return the camera of a photo of ``width_px`` x ``height_px`` stored pixels (not rotated).

    None where no source gives a believable focal length, or where the camera calls its lens a
    fisheye, which no pinhole stands for.
    """
    if has_fisheye(tags):
        return None
    longer = max(width_px, height_px)
    for found in iterate_focals(width_px, height_px, exif, tags):
        if not _FOCAL_RANGE[0] <= found.focal_px / longer <= _FOCAL_RANGE[1]:
            continue
        zoom = 1.0 if found.source == FILM_SOURCE else exif.digital_zoom
        std_share = math.hypot(found.std_share, _ZOOM_STD if zoom > 1 else 0.0)
        focal_px = found.focal_px * zoom
        x_px, y_px = _place_center(found, width_px, height_px, zoom)
        return CameraIntrinsics(
            width_px=width_px,
            height_px=height_px,
            focal_px=focal_px,
            cx_px=x_px,
            cy_px=y_px,
            source=found.source,
            focal_std_px=std_share * focal_px,
            distortion=found.distortion,
        )
    return None


def has_fisheye(tags: Sequence[DroneTags]) -> bool:
    """Whether the camera itself calls its lens a fisheye."""
    return any(lens.is_fisheye for one in tags for lens in one.lenses)


def _place_center(found: Focal, width_px: int, height_px: int, zoom: float) -> tuple[float, float]:
    """Return the optical centre where the camera gives one near the middle, else the middle."""
    middle = (width_px / 2, height_px / 2)
    if found.center_px is None:
        return middle
    pairs = list(zip(found.center_px, middle, strict=True))
    if any(abs(center - half) >= half / 5 for center, half in pairs):
        return middle
    x_px, y_px = (half + (center - half) * zoom for center, half in pairs)
    return x_px, y_px


def rotate_intrinsics(camera: CameraIntrinsics, orientation: int) -> CameraIntrinsics:
    """Return the camera of the photo as displayed, for an EXIF ``orientation`` of 1-8."""
    width, height = camera.width_px, camera.height_px
    x, y = camera.cx_px, camera.cy_px
    centers = {
        2: (width - x, y), 3: (width - x, height - y), 4: (x, height - y), 5: (y, x),
        6: (height - y, x), 7: (height - y, width - x), 8: (y, width - x),
    }  # fmt: skip
    cx_px, cy_px = centers.get(orientation, (x, y))
    if orientation in SIDE_SWAPPING_ORIENTATIONS:
        width, height = height, width
    return CameraIntrinsics(
        width_px=width,
        height_px=height,
        focal_px=camera.focal_px,
        cx_px=cx_px,
        cy_px=cy_px,
        source=camera.source,
        focal_std_px=camera.focal_std_px,
        distortion=camera.distortion and _rotate_distortion(camera.distortion, orientation),
    )


def _rotate_distortion(distortion: Distortion, orientation: int) -> Distortion:
    """Turn the tangential part, which is a vector (p2, p1) in pixels right and down."""
    k1, k2, p1, p2, k3 = distortion
    turned = {
        2: (-p2, p1), 3: (-p2, -p1), 4: (p2, -p1), 5: (p1, p2),
        6: (-p1, p2), 7: (-p1, -p2), 8: (p1, -p2),
    }  # fmt: skip
    right, down = turned.get(orientation, (p2, p1))
    return (k1, k2, down, right, k3)
