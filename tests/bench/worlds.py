"""Random flights over open ground: what is true, and the photos as our ingest reads them.

Truth comes from the renderer's own camera and frame, photos from files that it wrote: nothing here
shares code with what places, groups or covers.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detection.domain.finding import Detection
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from detection.domain.photo import IngestFailure, Photo
from detection.ingest.flight import read_photo
from training.synthetic.camera import Array, PinholeCamera
from training.synthetic.flight_plan import Exposure
from training.synthetic.geodesy import StreetFrame
from training.synthetic.metadata import make_exif, make_xmp
from training.synthetic.noise import NoiseKind, NoiseModel, choose_noise
from training.synthetic.open_ground import GroundCover, contains
from training.synthetic.sensor import encode_blank_jpeg
from training.synthetic.survey import Survey, expose_survey

SIZE_PX = (4000, 3000)
FIRST_PHOTO_AT = datetime(2026, 3, 14, 2, 20, 0, tzinfo=UTC)
PIXEL_STD_PX, BOX_STD = 1.5, 0.03
"""How well a detector draws a box: its middle is off by the larger of so many pixels and so much
of its size."""

FOCAL_SHARE = 0.01
"""Deviation of a focal length that the camera writes as calibrated, which is its design's."""

NOISE: dict[str, NoiseModel] = {
    "rtk": replace(
        choose_noise(
            NoiseKind.RTK, gps_std_m=0.05, height_std_m=0.3, gimbal_std_deg=0.2, yaw_std_deg=0.5
        ),
        focal_share=FOCAL_SHARE,
    ),
    "gps": replace(
        choose_noise(
            NoiseKind.GPS, gps_std_m=1.5, height_std_m=3.0, gimbal_std_deg=0.5, yaw_std_deg=2.0
        ),
        focal_share=FOCAL_SHARE,
    ),
}
"""The two budgets that the product states: standard deviations of a receiver with and without a
fixed solution, and of the calibrated focal length."""

PLACES = (
    (113.05, 23.1),
    (121.47, 31.23),
    (116.4, 39.9),
    (87.6, 43.8),
    (114.0, 30.6),
    (180.0, 52.0),
)
"""Cities from south to north; one on the border of two UTM zones, one on the antimeridian."""

Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class World:
    """A flight: ``photos`` as read, and the true cameras (in the frame's metres) beside them."""

    frame: StreetFrame
    cameras: tuple[PinholeCamera, ...]
    photos: tuple[Photo, ...]

    def lonlat(self, point: Array) -> tuple[float, float]:
        """True longitude in [-180, 180) and latitude of a point (2,) or (3,) of the frame."""
        lon, lat = self.frame.lonlat_from_street(point)
        return (lon + 180.0) % 360.0 - 180.0, lat


@dataclass(frozen=True, slots=True)
class Sighting:
    """A box that a detector drew, and which true thing it shows (None: nothing, a false alarm)."""

    detection: Detection
    thing: int | None


def fly(rng: Rng, survey: Survey, noise: NoiseModel) -> World:
    """Fly a block at a random place and heading; the photos go through files and our ingest."""
    lon, lat = PLACES[int(rng.integers(len(PLACES)))]
    frame = StreetFrame(lon, lat, float(rng.uniform(0, 360)))
    exposures = expose_survey(rng, survey, frame, base_m=40.0, noise=noise)
    with tempfile.TemporaryDirectory() as folder:
        photos = tuple(
            _read_exposure(Path(folder, f"{index:05d}.jpg"), exposure, index)
            for index, exposure in enumerate(exposures)
        )
    return World(frame, tuple(one.shot.camera for one in exposures), photos)


def _read_exposure(path: Path, exposure: Exposure, index: int) -> Photo:
    camera, moment = exposure.shot.camera, FIRST_PHOTO_AT + timedelta(seconds=3 * index)
    size_px = (camera.width_px, camera.height_px)
    written = replace(exposure.written, lon=(exposure.written.lon + 180.0) % 360.0 - 180.0)
    metadata = [make(written, moment, exposure.focal_px, size_px) for make in (make_exif, make_xmp)]
    path.write_bytes(encode_blank_jpeg(size_px, *metadata))
    photo = read_photo(path, path.name)
    if isinstance(photo, IngestFailure):
        raise TypeError(photo.message)
    return photo


def draw_box(rng: Rng, camera: PinholeCamera, cover: GroundCover) -> BBox | None:
    """Draw the box of a cover as a detector does; None where the photo does not hold all of it."""
    outline = cover.outline()
    if not contains(camera, outline).all():
        return None
    xy, _ = camera.project(outline)
    low, high = xy.min(axis=0), xy.max(axis=0)
    std = np.maximum(PIXEL_STD_PX, BOX_STD * (high - low))
    # Each edge errs alone; the middle of two edges errs less by the root of two.
    edges = np.concatenate([low, high]) + rng.normal(0, 1, 4) * np.tile(std * np.sqrt(2), 2)
    x, y = sorted(edges[[0, 2]]), sorted(edges[[1, 3]])
    return BBox(float(x[0]), float(y[0]), float(x[1]), float(y[1]))


def make_detection(photo: Photo, box: BBox, hazard_class: HazardClass, score: float) -> Detection:
    """Return a box as if the models had drawn it."""
    return Detection(photo.photo_id, hazard_class, score, box, "bench", "0" * 64)


def find_covers(camera: PinholeCamera, centers: Array) -> NDArray[np.intp]:
    """Indices of the covers whose middles ``(n, 3)`` the photo holds."""
    return np.flatnonzero(contains(camera, centers))


def centers_of(covers: Sequence[GroundCover]) -> Array:
    """Middles of the covers, (n, 3)."""
    return np.stack([cover.center for cover in covers])
