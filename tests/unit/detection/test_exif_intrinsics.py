from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from detection.domain.camera import CameraIntrinsics
from detection.domain.geometry import FloatArray
from detection.domain.lens import distort_points
from detection.ingest.drone_tags import DroneTags, LensTags
from detection.ingest.exif import ExifData, read_exif, read_number
from detection.ingest.intrinsics import read_intrinsics, rotate_intrinsics
from detection.ingest.pose import roll_as_displayed
from tests.factories import DrawnPose, build_exif

CALIBRATED = LensTags("xmp:CalibratedFocalLength", 3666.7, None, None, 2736.0, 1824.0)


def state(*lenses: LensTags) -> tuple[DroneTags, ...]:
    return (DroneTags(lenses=lenses),)


def focal(width_px: int, height_px: int, exif: ExifData, *lenses: LensTags) -> float:
    camera = read_intrinsics(width_px, height_px, exif, state(*lenses))
    assert camera is not None
    return camera.focal_px


@pytest.mark.parametrize("value", [IFDRational(0, 0), float("inf"), "abc", None, (1, 2), b""])
def test_what_is_no_number_is_none(value: object) -> None:
    assert read_number(value) is None


def test_broken_exif_says_so() -> None:
    def explode() -> Image.Exif:
        raise SyntaxError

    assert read_exif(explode) == ExifData(is_broken=True)


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (0x9003, "0000:00:00 00:00:00"),
        (0x9003, "yesterday"),
        (0x920A, IFDRational(0, 0)),
        (0xA405, 0),
    ],
)
def test_a_senseless_value_is_left_out(tag: int, value: object) -> None:
    exif = build_exif(DrawnPose())
    exif.get_ifd(0x8769)[tag] = value
    data = read_exif(lambda: exif)
    missing = {0x9003: data.captured_at, 0x920A: data.focal_mm, 0xA405: data.focal_35mm}
    assert missing[tag] is None
    assert data.lat == pytest.approx(29.5647, abs=1e-9)


def test_half_a_position_is_none() -> None:
    exif = build_exif(DrawnPose())
    exif.get_ifd(0x8825)[2] = (IFDRational(29, 1), IFDRational(0, 0), IFDRational(1, 1))
    data = read_exif(lambda: exif)
    assert data.lat is None
    assert data.lon is not None


def test_the_calibrated_length_goes_first() -> None:
    exif = ExifData(model="FC6310", focal_mm=8.8, focal_35mm=24, exif_width_px=5472)
    camera = read_intrinsics(5472, 3648, exif, state(CALIBRATED))
    assert camera is not None
    assert (camera.focal_px, camera.source) == (3666.7, "xmp:CalibratedFocalLength")
    assert (camera.cx_px, camera.cy_px) == (2736.0, 1824.0)
    assert camera.focal_std_px == pytest.approx(36.667)
    assert camera.distortion is None


def test_a_measured_lens_brings_its_distortion_and_the_spread_of_its_focal_lengths() -> None:
    bent = (-0.4, 0.3, 0.001, 0.002, -0.2)
    measured = replace(CALIBRATED, source="xmp:DewarpData", distortion=bent, focal_spread_px=20.0)
    camera = read_intrinsics(5472, 3648, ExifData(), state(measured, CALIBRATED))
    assert camera is not None
    assert (camera.source, camera.distortion) == ("xmp:DewarpData", bent)
    assert camera.focal_std_px == pytest.approx(20.0)
    sure = replace(measured, focal_spread_px=0.0)
    camera = read_intrinsics(5472, 3648, ExifData(), state(sure))
    assert camera is not None
    assert camera.focal_std_px == pytest.approx(3666.7 * 0.002)


@pytest.mark.parametrize("exif_width_px", [None, 5472, 1368])
def test_a_resized_copy_scales_the_calibration(exif_width_px: int | None) -> None:
    exif = ExifData(exif_width_px=exif_width_px)
    camera = read_intrinsics(1368, 912, exif, state(CALIBRATED))
    assert camera is not None
    assert camera.focal_px == pytest.approx(3666.7 / 4)
    assert (camera.cx_px, camera.cy_px) == (684.0, 456.0)


def test_a_calibration_without_centre_uses_the_exif_width() -> None:
    lens = LensTags("xmp:CalibratedFocalLength", 3666.7)
    assert focal(2736, 1824, ExifData(exif_width_px=5472), lens) == pytest.approx(1833.35)
    assert focal(2736, 1824, ExifData(), lens) == 3666.7


def test_a_lens_bent_beyond_all_numbers_is_not_believed() -> None:
    mad = replace(CALIBRATED, source="xmp:DewarpData", distortion=(0.0, 0.0, 0.0, 0.0, 1e308))
    camera = read_intrinsics(5472, 3648, ExifData(), state(mad, CALIBRATED))
    assert camera is not None
    assert (camera.source, camera.distortion) == ("xmp:CalibratedFocalLength", None)


@pytest.mark.parametrize("focal_px", [0.0, -5.0, 12.0, 9e9])
def test_a_senseless_calibration_falls_back(focal_px: float) -> None:
    exif = ExifData(model="FC6310", focal_mm=8.8)
    lens = LensTags("xmp:CalibratedFocalLength", focal_px)
    assert focal(5472, 3648, exif, lens) == pytest.approx(8.8 / 13.2 * 5472)


def test_a_known_sensor_goes_before_the_rounded_film_length() -> None:
    exif = ExifData(model="FC220", focal_mm=4.73, focal_35mm=26)
    assert focal(4000, 2250, exif) == pytest.approx(4.73 / 6.25 * 4000)


def test_the_tele_lens_under_the_name_of_the_wide_one_is_not_measured_by_its_sensor() -> None:
    exif = ExifData(model="M3E", focal_mm=29.9, focal_35mm=162)
    assert focal(4000, 3000, exif) == pytest.approx(162 / 43.267 * 5000)


def test_an_unknown_camera_uses_the_film_diagonal() -> None:
    exif = ExifData(model="Phone", focal_mm=5.4, focal_35mm=26)
    whole = focal(4000, 3000, exif)
    assert whole == pytest.approx(26 / 43.267 * 5000)
    assert focal(4000, 2250, exif) == whole
    assert focal(3000, 4000, exif) == whole


def test_the_pixel_density_gives_the_sensor() -> None:
    exif = ExifData(focal_mm=5.2, pixels_per_mm=13651.877 / 25.4, exif_width_px=4000)
    assert focal(2000, 1500, exif) == pytest.approx(5.2 * 13651.877 / 25.4 / 2)


def test_a_density_left_from_before_the_photo_was_shrunk_is_not_believed() -> None:
    exif = ExifData(focal_mm=5.2, pixels_per_mm=13651.877 / 25.4, exif_width_px=48)
    assert read_intrinsics(48, 36, exif) is None


def test_a_digital_zoom_lengthens_what_does_not_count_it_in() -> None:
    zoomed = ExifData(model="FC6310", focal_mm=8.8, digital_zoom=2.0)
    assert focal(5472, 3648, zoomed) == pytest.approx(2 * 8.8 / 13.2 * 5472)
    off_middle = replace(CALIBRATED, center_x_px=2746.0)
    camera = read_intrinsics(5472, 3648, zoomed, state(off_middle))
    assert camera is not None
    assert camera.focal_px == pytest.approx(2 * 3666.7)
    assert (camera.cx_px, camera.cy_px) == (2756.0, 1824.0)
    phone = ExifData(focal_35mm=52, digital_zoom=2.0)
    assert focal(4000, 3000, phone) == pytest.approx(52 / 43.267 * 5000)


def test_nothing_gives_nothing() -> None:
    assert read_intrinsics(4000, 3000, ExifData(focal_mm=5.4)) is None


def test_a_fisheye_is_no_pinhole() -> None:
    exif = ExifData(model="FC6310", focal_mm=8.8)
    fisheye = LensTags("xmp:ModelType", is_fisheye=True)
    assert read_intrinsics(5472, 3648, exif, state(fisheye)) is None


def test_a_far_off_optical_centre_is_not_believed() -> None:
    lens = replace(CALIBRATED, center_y_px=10.0)
    camera = read_intrinsics(5472, 3648, ExifData(), state(lens))
    assert camera is not None
    assert (camera.cx_px, camera.cy_px) == (2736.0, 1824.0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_distortion_turns_with_the_pixels(orientation: int) -> None:
    bent = (-0.1, 0.05, 0.02, 0.03, 0.01)
    stored = CameraIntrinsics(100, 60, 80.0, 50.0, 30.0, "x", 1.0, bent)
    shown = rotate_intrinsics(stored, orientation)
    assert shown.distortion is not None
    assert shown.focal_std_px == 1.0
    ideal = np.array([[0.3, 0.1], [-0.2, 0.25]])
    expected = turn_with_pixels(distort_points(ideal, bent), orientation)
    assert distort_points(turn_with_pixels(ideal, orientation), shown.distortion) == pytest.approx(
        expected
    )


def turn_with_pixels(xy: FloatArray, orientation: int) -> FloatArray:
    """Turn offsets from the middle (right, down) as a viewer turns the stored pixels."""
    x, y = xy[:, 0], xy[:, 1]
    turned = {
        1: (x, y), 2: (-x, y), 3: (-x, -y), 4: (x, -y), 5: (y, x),
        6: (-y, x), 7: (-y, -x), 8: (y, -x),
    }  # fmt: skip
    return np.stack(turned[orientation], axis=1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_optical_centre_turns_with_the_pixels(orientation: int) -> None:
    stored = Image.new("L", (100, 60))
    stored.putpixel((70, 20), 255)
    flip = Image.Transpose
    turns = {
        2: flip.FLIP_LEFT_RIGHT,
        3: flip.ROTATE_180,
        4: flip.FLIP_TOP_BOTTOM,
        5: flip.TRANSPOSE,
        6: flip.ROTATE_270,
        7: flip.TRANSVERSE,
        8: flip.ROTATE_90,
    }
    shown = stored.transpose(turns[orientation]) if orientation > 1 else stored
    camera = rotate_intrinsics(CameraIntrinsics(100, 60, 80.0, 70.5, 20.5, "x"), orientation)
    assert (camera.width_px, camera.height_px) == shown.size
    assert shown.getpixel((int(camera.cx_px), int(camera.cy_px))) == 255


@pytest.mark.parametrize(
    ("roll_deg", "orientation", "displayed_deg"),
    [(0, 1, 0), (90, 6, 0), (-90, 8, 0), (180, 3, 0), (2, 6, 2), (-3, 3, -3), (180, 1, -180)],
)
def test_the_roll_is_that_of_the_photo_as_displayed(
    roll_deg: float, orientation: int, displayed_deg: float
) -> None:
    assert roll_as_displayed(roll_deg, orientation) == pytest.approx(displayed_deg)


def test_a_fraction_of_a_second_is_kept() -> None:
    exif = build_exif(DrawnPose())
    exif.get_ifd(0x8769)[37521] = "25"
    moment = read_exif(lambda: exif).captured_at
    assert moment is not None
    assert moment.microsecond == 250_000


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ((2.0, 20.0, 30.5), datetime(2026, 3, 1, 2, 20, 30, 500_000, tzinfo=UTC)),
        ((2.0, 20.0), None),
        ("02:20:30", None),
        ((1e300, 0.0, 0.0), None),
    ],
)
def test_the_gps_time_is_utc(clock: object, expected: datetime | None) -> None:
    exif = build_exif(DrawnPose())
    exif.get_ifd(0x8825).update({29: "2026:03:01", 7: clock})
    assert read_exif(lambda: exif).gps_time == expected


def test_a_position_radius_and_a_pixel_density_are_read() -> None:
    exif = build_exif(DrawnPose())
    exif.get_ifd(0x8825)[31] = 4.7
    exif.get_ifd(0x8769).update({41486: 5000.0, 41488: 3, 41988: 1.5})
    data = read_exif(lambda: exif)
    assert data.position_radius_m == 4.7
    assert data.pixels_per_mm == 500.0
    assert data.digital_zoom == 1.5
