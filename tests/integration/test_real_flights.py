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
from detection.ingest.dji_xmp import read_maker_note_angles
from detection.ingest.flight import read_flight
from detection.ingest.flight_checks import FLIGHT_CODES
from detection.ingest.header import read_header
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
        MINSK: ("exif:FocalLength+sensor", 3027.2, 60.5),
        TURIN: ("xmp:DewarpData", 1964.4, 8.7),
        SHEFFIELD: ("exif:FocalLength+sensor", 452.7, 9.1),
    }
    for name, (source, focal_px, std_px) in expected.items():
        camera = read(shared_dir, name).photos[0].intrinsics
        assert camera is not None
        assert camera.focal_std_px is not None
        assert (camera.source, round(camera.focal_px, 1)) == (source, focal_px)
        assert round(camera.focal_std_px, 1) == std_px


def test_turin_states_its_lens_and_its_rtk_deviations(shared_dir: Path) -> None:
    for photo in read(shared_dir, TURIN).photos:
        assert photo.intrinsics is not None
        assert photo.intrinsics.distortion == (-0.42275, 0.369101, 0.0040638, 0.0040638, -0.264306)
        assert photo.intrinsics.cx_px == pytest.approx(800 - 19.0419922)
        assert photo.pose is not None
        assert 0.02 <= photo.pose.horizontal_std_m < 0.03
        assert photo.pose.source == "position=xmp+rtk;altitude=xmp;angles=xmp"


def test_two_sources_of_one_photo_agree(shared_dir: Path) -> None:
    for name in (MINSK, TURIN):
        folder = shared_dir / "flights" / name
        for path in sorted(folder.glob("*.JPG")):
            header = read_header(path)
            noted = read_maker_note_angles(header.exif.maker_note)
            (tags,) = header.tags
            assert noted == pytest.approx((tags.yaw_deg, tags.pitch_deg, tags.roll_deg), abs=1e-4)
            if tags.lat is not None:
                assert tags.lat == pytest.approx(header.exif.lat, abs=5e-8)


def test_no_real_flight_has_a_fault_of_its_own(
    shared_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detection.ingest.header.MIN_SIDE_PX", 8)
    for name in (MINSK, TURIN, SHEFFIELD, "samples/dji_p4pro_stub", "samples/tiny"):
        for photo in read(shared_dir, name).photos:
            assert FLIGHT_CODES.isdisjoint(photo.warnings)


def test_a_plane_without_gimbal_states_its_lean_and_its_accuracy(
    shared_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detection.ingest.header.MIN_SIDE_PX", 8)
    pose = read(shared_dir, "samples/tiny").photos[0].pose
    assert pose is not None
    assert pose.source == "position=exif;altitude=none;angles=xmp:camera"
    assert (pose.horizontal_std_m, pose.vertical_std_m) == pytest.approx((5.028, 4.824), abs=1e-3)
    assert pose.pitch_deg == pytest.approx(-82.9, abs=0.01)  # leans by 6.7 and 2.4 degrees


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
