from __future__ import annotations

import io
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from training.synthetic.metadata import WrittenPose, _sexagesimal, make_exif, make_xmp
from training.synthetic.sensor import encode_jpeg

DJI = "{http://www.dji.com/drone-dji/1.0/}"
POSE = WrittenPose(
    lon=113.00012345,
    lat=-23.00054321,
    altitude_m=28.25,
    relative_m=16.25,
    yaw_deg=-12.5,
    pitch_deg=-89.9,
    roll_deg=0.1,
    flight_yaw_deg=-12.0,
)
TAKEN_AT = datetime(2026, 3, 14, 10, 20, 4, tzinfo=timezone(timedelta(hours=8)))
SIZE = (640, 480)


def open_photo(pose: WrittenPose) -> Image.Image:
    exif = make_exif(pose, TAKEN_AT, 443.5, SIZE)
    xmp = make_xmp(pose, TAKEN_AT, 443.5, SIZE)
    data = encode_jpeg(np.zeros((480, 640, 3), dtype=np.uint8), 80, exif, xmp)
    return Image.open(io.BytesIO(data))


def read_xmp(photo: Image.Image) -> dict[str, str]:
    description = next(
        fromstring(photo.info["xmp"]).iter(
            "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
        )
    )
    return {key.removeprefix(DJI): value for key, value in description.attrib.items()}


def test_exif_holds_camera_time_with_zone_and_focal_length() -> None:
    exif = open_photo(POSE).getexif()
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    assert exif[ExifTags.Base.Make] == "hazardlens"
    assert exif[ExifTags.Base.Model] == "Renderer"
    assert inner[ExifTags.Base.DateTimeOriginal] == "2026:03:14 10:20:04"
    assert inner[ExifTags.Base.OffsetTimeOriginal] == "+08:00"
    assert float(inner[ExifTags.Base.FocalLength]) == pytest.approx(443.5 * 6.4 / 640, abs=1e-3)
    assert inner[ExifTags.Base.FocalLengthIn35mmFilm] == 24


def test_exif_gps_holds_the_position_on_the_right_hemisphere() -> None:
    gps = open_photo(POSE).getexif().get_ifd(ExifTags.IFD.GPSInfo)
    degrees, minutes, seconds = (float(part) for part in gps[ExifTags.GPS.GPSLatitude])
    assert gps[ExifTags.GPS.GPSLatitudeRef] == "S"
    assert degrees + minutes / 60 + seconds / 3600 == pytest.approx(23.00054321, abs=1e-9)
    assert gps[ExifTags.GPS.GPSLongitudeRef] == "E"
    assert float(gps[ExifTags.GPS.GPSAltitude]) == pytest.approx(28.25)
    assert gps[ExifTags.GPS.GPSDateStamp] == "2026:03:14"
    assert [int(part) for part in gps[ExifTags.GPS.GPSTimeStamp]] == [2, 20, 4]


def test_xmp_holds_signed_strings_in_the_dji_namespace() -> None:
    tags = read_xmp(open_photo(POSE))
    assert tags["AbsoluteAltitude"] == "+28.25"
    assert tags["RelativeAltitude"] == "+16.25"
    assert tags["GimbalYawDegree"] == "-12.50"
    assert tags["GimbalPitchDegree"] == "-89.90"
    assert tags["GimbalRollDegree"] == "+0.10"
    assert float(tags["GpsLatitude"]) == pytest.approx(-23.00054321)
    assert float(tags["CalibratedFocalLength"]) == pytest.approx(443.5)
    assert float(tags["CalibratedOpticalCenterX"]) == 320
    assert "RtkFlag" not in tags


def test_rtk_tags_are_written_only_with_their_deviations() -> None:
    pose = WrittenPose(
        113.0, 23.0, 28.0, 16.0, 0.0, -90.0, 0.0, 0.0,
        rtk_std_horizontal_m=0.012, rtk_std_vertical_m=0.022,
    )  # fmt: skip
    tags = read_xmp(open_photo(pose))
    assert tags["RtkFlag"] == "50"
    assert float(tags["RtkStdLon"]) == pytest.approx(0.012)
    assert float(tags["RtkStdHgt"]) == pytest.approx(0.022)
    assert tags["LRFStatus"] == "Normal"
    assert float(tags["LRFTargetDistance"]) == pytest.approx(16.0)


def test_a_rangefinder_that_looks_along_a_street_reads_nothing() -> None:
    pose = WrittenPose(
        113.0, 23.0, 28.0, 16.0, 0.0, -5.0, 0.0, 0.0,
        rtk_std_horizontal_m=0.012, rtk_std_vertical_m=0.022,
    )  # fmt: skip
    tags = read_xmp(open_photo(pose))
    assert tags["LRFStatus"] == "NoSignal"
    assert "LRFTargetDistance" not in tags


@given(st.floats(-180, 180))
def test_degrees_minutes_seconds_carry_and_keep_the_value(degrees: float) -> None:
    whole, minutes, seconds = (float(part) for part in _sexagesimal(degrees))
    assert 0 <= minutes < 60
    assert 0 <= seconds < 60
    assert whole + minutes / 60 + seconds / 3600 == pytest.approx(abs(degrees), abs=1e-9)
