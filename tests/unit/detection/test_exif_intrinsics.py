from __future__ import annotations

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from detection.domain.camera import CameraIntrinsics
from detection.ingest.dji_xmp import DjiTags
from detection.ingest.exif import ExifData, read_exif, read_number
from detection.ingest.intrinsics import read_intrinsics, rotate_intrinsics
from detection.ingest.pose import roll_as_displayed
from tests.factories import DrawnPose, build_exif

CALIBRATED = DjiTags(focal_px=3666.7, center_x_px=2736.0, center_y_px=1824.0)


def focal(width_px: int, height_px: int, exif: ExifData, dji: DjiTags) -> float:
    camera = read_intrinsics(width_px, height_px, exif, dji)
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
    camera = read_intrinsics(5472, 3648, exif, CALIBRATED)
    expected = CameraIntrinsics(5472, 3648, 3666.7, 2736.0, 1824.0, "xmp:CalibratedFocalLength")
    assert camera == expected


@pytest.mark.parametrize("exif_width_px", [None, 5472, 1368])
def test_a_resized_copy_scales_the_calibration(exif_width_px: int | None) -> None:
    camera = read_intrinsics(1368, 912, ExifData(exif_width_px=exif_width_px), CALIBRATED)
    assert camera is not None
    assert camera.focal_px == pytest.approx(3666.7 / 4)
    assert (camera.cx_px, camera.cy_px) == (684.0, 456.0)


def test_a_calibration_without_centre_uses_the_exif_width() -> None:
    dji = DjiTags(focal_px=3666.7)
    assert focal(2736, 1824, ExifData(exif_width_px=5472), dji) == pytest.approx(1833.35)
    assert focal(2736, 1824, ExifData(), dji) == 3666.7


@pytest.mark.parametrize("focal_px", [0.0, -5.0, 12.0, 9e9])
def test_a_senseless_calibration_falls_back(focal_px: float) -> None:
    exif = ExifData(model="FC6310", focal_mm=8.8)
    dji = DjiTags(focal_px=focal_px)
    assert focal(5472, 3648, exif, dji) == pytest.approx(8.8 / 13.2 * 5472)


def test_a_known_sensor_goes_before_the_rounded_film_length() -> None:
    exif = ExifData(model="FC220", focal_mm=4.73, focal_35mm=26)
    assert focal(4000, 2250, exif, DjiTags()) == pytest.approx(4.73 / 6.16 * 4000)


def test_an_unknown_camera_uses_the_film_diagonal() -> None:
    exif = ExifData(model="Phone", focal_mm=5.4, focal_35mm=26)
    whole = focal(4000, 3000, exif, DjiTags())
    assert whole == pytest.approx(26 / 43.267 * 5000)
    assert focal(4000, 2250, exif, DjiTags()) == whole
    assert focal(3000, 4000, exif, DjiTags()) == whole


def test_nothing_gives_nothing() -> None:
    assert read_intrinsics(4000, 3000, ExifData(focal_mm=5.4), DjiTags()) is None


def test_a_far_off_optical_centre_is_not_believed() -> None:
    dji = DjiTags(focal_px=3666.7, center_x_px=2736.0, center_y_px=10.0)
    camera = read_intrinsics(5472, 3648, ExifData(), dji)
    assert camera is not None
    assert (camera.cx_px, camera.cy_px) == (2736.0, 1824.0)


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
