"""The real flights are read as their own tag lists say."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from detection.domain.errors import EmptyFlightError
from detection.domain.finding import Detection
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from detection.domain.photo import Flight, FlightKind, Photo
from detection.georeference import georeference_detection, project_point
from detection.ingest.decode import decode_photo
from detection.ingest.flight import read_flight
from detection.taxonomy import load_taxonomy

pytestmark = pytest.mark.shared

MINSK, TURIN = "minsk_oblique_fc220", "turin_nadir_p4m_rtk"
SHEFFIELD = "sheffield_park_fc300s_800px"


def read(shared_dir: Path, name: str) -> Flight:
    return read_flight(shared_dir / "flights" / name, FlightKind.DRONE, name)


def list_tags(shared_dir: Path, name: str) -> dict[str, dict[str, str]]:
    path = shared_dir / "flights" / f"{name}.meta.csv"
    with path.open(newline="", encoding="utf-8") as file:
        return {row["SourceFile"].split(f"{name}/")[1]: row for row in csv.DictReader(file)}


def detect_middle(photo: Photo) -> Detection:
    x, y = photo.width_px / 2, photo.height_px / 2
    box = BBox(x - 10, y - 10, x + 10, y + 10)
    return Detection(photo.photo_id, HazardClass.MANHOLE_BROKEN, 0.5, box, "m", "0" * 64)


@pytest.mark.parametrize(
    ("name", "count", "size_px"),
    [(MINSK, 8, (4000, 2250)), (TURIN, 32, (1600, 1300)), (SHEFFIELD, 68, (800, 600))],
)
def test_every_photo_is_read_and_decoded(
    shared_dir: Path, name: str, count: int, size_px: tuple[int, int]
) -> None:
    flight = read(shared_dir, name)
    assert (len(flight.photos), flight.failures) == (count, ())
    assert {(p.width_px, p.height_px) for p in flight.photos} == {size_px}
    for photo in flight.photos[:3]:
        assert decode_photo(photo).shape == (size_px[1], size_px[0], 3)


@pytest.mark.parametrize("name", [MINSK, TURIN])
def test_poses_are_those_of_the_tags(shared_dir: Path, name: str) -> None:
    tags = list_tags(shared_dir, name)
    flight = read(shared_dir, name)
    assert {p.photo_id for p in flight.photos} == set(tags)
    for photo in flight.photos:
        row, pose = tags[photo.photo_id], photo.pose
        assert pose is not None
        assert photo.warnings == ()
        assert pose.lon == pytest.approx(float(row["GPSLongitude"]), abs=5e-8)
        assert pose.lat == pytest.approx(float(row["GPSLatitude"]), abs=5e-8)
        assert pose.altitude_agl_m == float(row["RelativeAltitude"])
        assert pose.pitch_deg == float(row["GimbalPitchDegree"])
        assert pose.yaw_deg == float(row["GimbalYawDegree"])
        assert photo.captured_at is not None
        assert photo.captured_at.strftime("%Y:%m:%d %H:%M:%S") == row["DateTimeOriginal"]


def test_only_turin_is_rtk(shared_dir: Path) -> None:
    for name, is_rtk in ((TURIN, True), (MINSK, False)):
        for photo in read(shared_dir, name).photos:
            assert photo.pose is not None
            assert ("rtk" in photo.pose.source) is is_rtk
            assert (photo.pose.horizontal_std_m < 0.1) is is_rtk


def test_focal_lengths_come_from_the_best_source(shared_dir: Path) -> None:
    expected = {
        MINSK: ("exif:FocalLength+sensor", 3071.4),
        TURIN: ("xmp:CalibratedFocalLength", 1913.3),
        SHEFFIELD: ("exif:FocalLength+sensor", 468.8),
    }
    for name, (source, focal_px) in expected.items():
        camera = read(shared_dir, name).photos[0].intrinsics
        assert camera is not None
        assert (camera.source, round(camera.focal_px, 1)) == (source, focal_px)


def test_sheffield_has_angles_from_the_maker_note_but_no_height(shared_dir: Path) -> None:
    tags = list_tags(shared_dir, SHEFFIELD)
    for photo in read(shared_dir, SHEFFIELD).photos:
        row, pose = tags[photo.photo_id], photo.pose
        assert pose is not None
        assert pose.pitch_deg == pytest.approx(float(row["CameraPitch"]), abs=1e-4)
        assert pose.yaw_deg == pytest.approx(float(row["CameraYaw"]), abs=1e-4)
        assert "makernote" in pose.source
        assert pose.altitude_agl_m is None
        assert photo.warnings == ("no_altitude",)
        placed = georeference_detection(detect_middle(photo), photo, load_taxonomy())
        assert placed.unplaced_reason == "no_altitude"


def test_the_middle_of_every_minsk_photo_is_placed_and_projects_back(shared_dir: Path) -> None:
    for photo in read(shared_dir, MINSK).photos:
        detection = detect_middle(photo)
        ground = georeference_detection(detection, photo, load_taxonomy()).ground
        assert ground is not None
        assert photo.pose is not None
        assert photo.intrinsics is not None
        pixel = project_point(photo.pose, photo.intrinsics, ground.lon, ground.lat)
        assert pixel == pytest.approx(detection.bbox_xyxy.center, abs=0.01)


def test_thumbnails_of_a_flight_are_named_too_small(shared_dir: Path) -> None:
    with pytest.raises(EmptyFlightError, match="too small"):
        read(shared_dir, "samples/dji_p4pro_stub")
