"""A crack through the whole pipeline: its shape from the pixels, its scale from the wall."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from detection.detectors.base import TileDetections, TileImage
from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.finding import GeoDetection
from detection.domain.hazard import HazardClass
from detection.domain.photo import FlightKind, Photo
from detection.georeference import Surroundings
from detection.layers.buildings import Building, BuildingLayer
from detection.pipeline import PixelResult, detect_photos, place_detections
from detection.plane import LocalPlane
from detection.report.progress import FinishedPhoto, ProgressLog
from detection.settings import DetectionSettings
from tests.fakes import FakeDetector, build_manifest

SETTINGS = DetectionSettings.model_construct()
SIZE_PX = (640, 480)
FOCAL_PX, DISTANCE_M, WIDTH_PX = 16000.0, 4.0, 6
LON, LAT = 106.55, 29.56


def find_dark_line(tile: TileImage) -> TileDetections:
    """Return one crack around the dark pixels with an outline 2 px too wide on each side."""
    y, x = np.nonzero(tile.mean(axis=2) < 70)
    if not len(x):
        return TileDetections.from_rows(np.zeros((0, 6), dtype=np.float32))
    low = np.array([x.min() - 2.0, y.min() - 2.0])
    high = np.array([x.max() + 3.0, y.max() + 3.0])
    ring = np.array([low, (high[0], low[1]), high, (low[0], high[1])])
    row = np.array([[*low, *high, 0.9, 0]], dtype=np.float32)
    return TileDetections(row, ((ring,),))


def draw_wall(path: Path) -> Photo:
    """Photograph a crack 6 px wide in a wall 4 m to the north, with RTK and a steady gimbal."""
    pixels: NDArray[np.uint8] = np.full((SIZE_PX[1], SIZE_PX[0], 3), 170, dtype=np.uint8)
    pixels[120:360, 317 : 317 + WIDTH_PX] = 30
    cv2.imwrite(str(path), pixels)
    pose = CameraPose(
        lon=LON,
        lat=LAT,
        altitude_agl_m=8.0,
        altitude_m=None,
        yaw_deg=0.0,
        pitch_deg=0.0,
        roll_deg=0.0,
        horizontal_std_m=0.02,
        vertical_std_m=0.3,
        yaw_std_deg=0.5,
        pitch_std_deg=0.2,
        roll_std_deg=0.2,
        source="test",
    )
    camera = CameraIntrinsics(*SIZE_PX, FOCAL_PX, SIZE_PX[0] / 2, SIZE_PX[1] / 2, "test", 10.0)
    return Photo("wall.png", path, "0" * 64, *SIZE_PX, None, None, camera, pose)


def build_house(distance_m: float = DISTANCE_M) -> Surroundings:
    plane = LocalPlane(LON, LAT)
    corners = plane.to_lonlat([(-8, distance_m), (8, distance_m), (8, 20), (-8, 20)])
    house = Building("house", "", shapely.Polygon(corners), 18.0, None, {})
    return Surroundings(buildings=BuildingLayer((house,)))


def detect(photo: Photo, surroundings: Surroundings | None) -> GeoDetection:
    manifest = build_manifest("cracks", (HazardClass.FACADE_CRACK,), task="segment")
    detector = FakeDetector(find_dark_line, manifest)
    (result,) = detect_photos([photo], [detector], SETTINGS, surroundings=surroundings)
    (found,) = result.detections
    return found


def test_a_crack_in_a_known_wall_is_measured_in_millimetres(tmp_path: Path) -> None:
    found = detect(draw_wall(tmp_path / "wall.png"), build_house())
    assert found.on_building is not None
    measure = found.measure
    assert measure is not None
    assert measure.reason is None
    assert measure.gsd_mm == pytest.approx(1000 * DISTANCE_M / FOCAL_PX, rel=0.05)
    assert measure.mean_width_px == pytest.approx(WIDTH_PX, abs=0.5)
    assert measure.length_px == pytest.approx(240, abs=15)
    assert measure.mean_width_mm == pytest.approx(1.5, abs=0.2)
    assert measure.length_mm == pytest.approx(60.0, abs=5.0)
    assert measure.width_std_mm is not None
    # Half a metre of the map is an eighth of the distance: the footprint decides the error.
    assert 0.15 < measure.width_std_mm < 0.4


def test_from_very_near_the_map_is_too_coarse_to_give_a_scale(tmp_path: Path) -> None:
    found = detect(draw_wall(tmp_path / "wall.png"), build_house(1.5))
    assert found.measure is not None
    assert found.measure.reason == "unknown_scale"


def test_without_the_wall_a_crack_has_pixels_only(tmp_path: Path) -> None:
    found = detect(draw_wall(tmp_path / "wall.png"), None)
    measure = found.measure
    assert measure is not None
    assert (measure.reason, measure.width_measurable) == ("unknown_scale", False)
    assert measure.mean_width_px == pytest.approx(WIDTH_PX, abs=0.5)
    assert measure.mean_width_mm is None


def test_a_run_that_goes_on_keeps_the_shape_from_the_pixels(tmp_path: Path) -> None:
    photo = draw_wall(tmp_path / "wall.png")
    found = detect(photo, None)
    with ProgressLog(tmp_path, "hash") as log:
        log.append(FinishedPhoto("wall.png", photo.sha256, (found.detection,), 1, 0.1))
    (row,) = ProgressLog(tmp_path, "hash").read([photo]).values()
    assert row.detections == (found.detection,)
    again = place_detections(photo, PixelResult(row.detections, 1), FlightKind.DRONE, 0.1)
    assert again.detections[0].measure == found.measure
    boxes = PixelResult((replace(found.detection, crack=None),), 1)
    assert place_detections(photo, boxes, FlightKind.DRONE, 0.1).detections[0].measure is None
