from __future__ import annotations

import contextlib
import os
import shutil
import struct
import zlib
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detection.domain.errors import InvalidInputError
from detection.domain.photo import FlightKind, IngestFailure, Photo
from detection.ingest.decode import MAX_PIXELS, PhotoUnreadableError, decode_photo
from detection.ingest.flight import read_photo
from tests.factories import DrawnPose, build_exif, build_maker_note, build_xmp, draw_photo


def read(path: Path, **options: FlightKind) -> Photo:
    photo = read_photo(path, path.name, **options)
    assert isinstance(photo, Photo), photo
    return photo


def fail(path: Path) -> IngestFailure:
    failure = read_photo(path, path.name)
    assert isinstance(failure, IngestFailure), failure
    assert failure.message
    assert failure.remedy
    return failure


def test_a_drawn_photo_is_read_whole(tmp_path: Path) -> None:
    photo = read(draw_photo(tmp_path / "照片 01.JPG"))
    assert photo.photo_id == "照片 01.JPG"
    assert (photo.width_px, photo.height_px) == (320, 240)
    assert photo.camera_model == "FC6310"
    assert photo.captured_at == datetime.fromisoformat("2026-03-01T10:20:30")
    assert photo.warnings == ()
    pose = photo.pose
    assert pose is not None
    assert (pose.lon, pose.lat) == pytest.approx((106.5507, 29.5647), abs=1e-9)
    assert (pose.altitude_agl_m, pose.altitude_m) == (10.0, 310.0)
    assert (pose.yaw_deg, pose.pitch_deg, pose.roll_deg) == (30.0, -90.0, 0.0)
    assert pose.is_complete


def test_a_stored_upload_keeps_the_name_it_is_given(tmp_path: Path) -> None:
    stored = tmp_path / "3f9a"
    shutil.copy(draw_photo(tmp_path / "a.jpg"), stored)
    photo = read_photo(stored, "DCIM/a.jpg")
    assert isinstance(photo, Photo)
    assert (photo.photo_id, photo.path) == ("DCIM/a.jpg", stored)


@pytest.mark.parametrize("photo_id", ["", "/etc/a.jpg", "../a.jpg", "a/../../b.jpg", "a\x00.jpg"])
def test_an_id_that_climbs_out_is_refused(tmp_path: Path, photo_id: str) -> None:
    with pytest.raises(InvalidInputError):
        read_photo(draw_photo(tmp_path / "a.jpg"), photo_id)


def test_dots_inside_a_name_are_no_climbing(tmp_path: Path) -> None:
    assert read(draw_photo(tmp_path / "a..b.jpg")).photo_id == "a..b.jpg"


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_every_format_keeps_its_position(tmp_path: Path, suffix: str) -> None:
    photo = read(draw_photo(tmp_path / f"a.{suffix}"))
    assert photo.pose is not None
    assert photo.pose.lat == pytest.approx(29.5647, abs=1e-9)
    assert photo.pose.altitude_agl_m == 10.0
    assert photo.warnings == ()


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_that_of_the_photo_as_displayed(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    exif = build_exif(DrawnPose(), orientation=orientation)
    photo = read(draw_photo(tmp_path / f"a.{suffix}", exif=exif))
    expected = (240, 320) if orientation >= 5 else (320, 240)
    assert (photo.width_px, photo.height_px) == expected
    assert photo.intrinsics is not None
    assert (photo.intrinsics.width_px, photo.intrinsics.height_px) == expected


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    assert fail(tmp_path / "a.jpg").code == "empty_file"


def test_text_named_jpg_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("这不是照片", encoding="utf-8")
    assert fail(tmp_path / "a.jpg").code == "not_an_image"


@pytest.mark.parametrize("kept", [4, 40, 600])
def test_a_photo_cut_in_its_head_is_truncated(tmp_path: Path, kept: int) -> None:
    path = draw_photo(tmp_path / "a.jpg")
    path.write_bytes(path.read_bytes()[:kept])
    assert fail(path).code == "truncated_image"


@pytest.mark.parametrize("image_format", ["GIF", "BMP", "WEBP"])
def test_other_image_formats_are_named(tmp_path: Path, image_format: str) -> None:
    Image.new("RGB", (100, 100)).save(tmp_path / "a.jpg", format=image_format)
    assert fail(tmp_path / "a.jpg").code == "unsupported_format"


def test_an_iphone_heic_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\x00\x00\x00\x24ftypheic" + bytes(40))
    assert fail(tmp_path / "a.jpg").code == "unsupported_format"


def test_floating_point_samples_are_named(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((100, 100), np.float32)).save(tmp_path / "a.tif")
    assert fail(tmp_path / "a.tif").code == "unsupported_format"


def test_a_thumbnail_is_too_small(tmp_path: Path) -> None:
    failure = fail(draw_photo(tmp_path / "a.jpg", size_px=(40, 30)))
    assert failure.code == "too_small"
    assert "40 x 30" in failure.message


def _png_head(width_px: int, height_px: int) -> bytes:
    body = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + body


@pytest.mark.parametrize("side_px", [20_000, 60_000])
def test_a_decompression_bomb_is_too_large(
    tmp_path: Path, side_px: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert side_px**2 > MAX_PIXELS
    head = _png_head(side_px, side_px)
    crc = struct.pack(">I", zlib.crc32(head[12:]))
    data = head + crc + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    (tmp_path / "a.png").write_bytes(data)
    monkeypatch.setattr("warnings.warn", lambda *_args, **_options: None)
    assert fail(tmp_path / "a.png").code == "too_large"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    assert fail(tmp_path / "a.jpg").code == "unreadable_file"


def test_a_folder_and_a_dead_link_are_unreadable(tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "dead.jpg").symlink_to(tmp_path / "gone.jpg")
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    for name in ("folder.jpg", "dead.jpg", "loop.jpg"):
        assert fail(tmp_path / name).code == "unreadable_file"


def test_a_file_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = draw_photo(tmp_path / "a.jpg")

    def refuse(_path: Path, *_args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    failure = fail(path)
    assert failure.code == "unreadable_file"
    assert "Permission denied" in failure.message


def test_a_photo_without_metadata_warns_and_is_kept(tmp_path: Path) -> None:
    photo = read(draw_photo(tmp_path / "a.jpg", exif=Image.Exif(), xmp=b""))
    assert photo.pose is None
    assert photo.intrinsics is None
    assert photo.captured_at is None
    assert photo.warnings == ("no_position", "no_attitude", "no_altitude", "no_focal_length")


def test_a_street_photo_is_only_warned_about_its_position(tmp_path: Path) -> None:
    path = draw_photo(tmp_path / "a.jpg", exif=Image.Exif(), xmp=b"")
    assert read(path, kind=FlightKind.STREET).warnings == ("no_position",)


def test_null_island_is_no_position(tmp_path: Path) -> None:
    photo = read(draw_photo(tmp_path / "a.jpg", pose=DrawnPose(lon=0.0, lat=0.0)))
    assert photo.pose is None
    assert photo.warnings == ("no_position", "null_island")


def test_an_attitude_of_zeros_is_no_attitude(tmp_path: Path) -> None:
    pose = DrawnPose(yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0)
    photo = read(draw_photo(tmp_path / "a.jpg", pose=pose))
    assert photo.pose is not None
    assert not photo.pose.is_complete
    assert photo.warnings == ("no_attitude", "zero_attitude")


def test_broken_xmp_is_named_and_what_it_holds_is_used(tmp_path: Path) -> None:
    xmp = b'<x:xmpmeta drone-dji:RelativeAltitude="+41.50"'
    photo = read(draw_photo(tmp_path / "a.jpg", xmp=xmp))
    assert photo.pose is not None
    assert photo.pose.altitude_agl_m == 41.5
    assert "broken_metadata" in photo.warnings


def test_rtk_makes_the_position_better_and_says_so(tmp_path: Path) -> None:
    plain = read(draw_photo(tmp_path / "a.jpg")).pose
    fixed = read(draw_photo(tmp_path / "b.jpg", pose=DrawnPose(rtk=True))).pose
    assert plain is not None
    assert fixed is not None
    assert (plain.horizontal_std_m, plain.vertical_std_m) == (1.5, 3.0)
    assert (fixed.horizontal_std_m, fixed.vertical_std_m) == (0.02, 3.0)
    assert "rtk" in fixed.source
    assert "rtk" not in plain.source


def test_rtk_without_a_fix_is_plain_gps_and_warned_about(tmp_path: Path) -> None:
    tags = {"RtkFlag": "16", "RelativeAltitude": "+60", "GimbalYawDegree": "+1"}
    xmp = build_xmp(tags | {"GimbalPitchDegree": "-90", "RtkStdLon": "0.01"})
    photo = read(draw_photo(tmp_path / "a.jpg", xmp=xmp))
    assert photo.pose is not None
    assert photo.pose.horizontal_std_m == 1.5
    assert photo.warnings == ("rtk_not_fixed",)


def test_the_camera_may_call_its_own_position_invalid(tmp_path: Path) -> None:
    photo = read(draw_photo(tmp_path / "a.jpg", xmp=build_xmp({"GpsStatus": "Invalid"})))
    assert photo.pose is None
    assert photo.warnings[:2] == ("no_position", "invalid_position")


def test_the_time_knows_its_zone_where_the_camera_wrote_it(tmp_path: Path) -> None:
    exif = build_exif(DrawnPose())
    exif.get_ifd(0x8769)[0x9011] = "+08:00"
    photo = read(draw_photo(tmp_path / "a.jpg", exif=exif))
    assert photo.captured_at is not None
    assert photo.captured_at.tzinfo == timezone(timedelta(hours=8))


def test_southern_and_western_positions_are_negative(tmp_path: Path) -> None:
    pose = DrawnPose(lon=-58.3816, lat=-34.6037, altitude_m=-3.5)
    photo = read(draw_photo(tmp_path / "a.jpg", pose=pose, xmp=b""))
    assert photo.pose is not None
    assert (photo.pose.lon, photo.pose.lat) == pytest.approx((-58.3816, -34.6037), abs=1e-9)
    assert photo.pose.altitude_m == -3.5


def test_a_position_out_of_range_falls_back_to_exif(tmp_path: Path) -> None:
    xmp = build_xmp({"GpsLatitude": "129.5", "GpsLongitude": "106.55"})
    photo = read(draw_photo(tmp_path / "a.jpg", xmp=xmp))
    assert photo.pose is not None
    assert photo.pose.lat == pytest.approx(29.5647, abs=1e-9)
    assert "position=exif" in photo.pose.source
    lost = read(draw_photo(tmp_path / "b.jpg", xmp=xmp, exif=build_exif(None)))
    assert lost.pose is None
    assert lost.warnings[:2] == ("no_position", "invalid_position")


def test_a_copy_without_xmp_has_the_angles_of_the_maker_note(tmp_path: Path) -> None:
    exif = build_exif(DrawnPose(), maker_note=build_maker_note(-75.5, 85.25, 0.0))
    photo = read(draw_photo(tmp_path / "a.jpg", exif=exif, xmp=b""))
    assert photo.pose is not None
    assert (photo.pose.yaw_deg, photo.pose.pitch_deg, photo.pose.roll_deg) == (85.25, -75.5, 0.0)
    assert "angles=makernote" in photo.pose.source
    assert photo.warnings == ("no_altitude",)


def test_the_note_of_another_maker_is_not_read(tmp_path: Path) -> None:
    exif = build_exif(DrawnPose(), maker_note=build_maker_note(-75.5, 85.25, 0.0))
    exif[0x010F] = "Canon"
    photo = read(draw_photo(tmp_path / "a.jpg", exif=exif, xmp=b""))
    assert photo.warnings == ("no_attitude", "no_altitude")


def test_a_digital_zoom_and_a_fisheye_are_named(tmp_path: Path) -> None:
    exif = build_exif(DrawnPose())
    exif.get_ifd(0x8769)[0xA404] = 2.0
    zoomed = read(draw_photo(tmp_path / "a.jpg", exif=exif))
    assert zoomed.warnings == ("digital_zoom",)
    assert zoomed.intrinsics is not None
    plain = read(draw_photo(tmp_path / "b.jpg")).intrinsics
    assert plain is not None
    assert zoomed.intrinsics.focal_px == pytest.approx(2 * plain.focal_px)
    xmp = build_xmp({"RelativeAltitude": "60", "GimbalYawDegree": "1", "GimbalPitchDegree": "-90"})
    lens = b'xmlns:Camera="http://pix4d.com/camera/1.0" Camera:ModelType="fisheye" rdf:about'
    round_lens = read(draw_photo(tmp_path / "c.jpg", xmp=xmp.replace(b"rdf:about", lens)))
    assert round_lens.intrinsics is None
    assert round_lens.warnings == ("no_focal_length", "fisheye_lens")


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow remarks on every damaged tag
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_no_flipped_byte_makes_reading_raise(tmp_path: Path, suffix: str) -> None:
    exif = build_exif(DrawnPose(), maker_note=build_maker_note(1.0, 2.0, 3.0))
    path = draw_photo(tmp_path / f"a.{suffix}", exif=exif, size_px=(96, 80))
    data, rng = path.read_bytes(), np.random.default_rng(5)
    for _ in range(150):
        flipped = np.frombuffer(data, np.uint8).copy()
        places = rng.integers(0, len(data), 4) % rng.choice([64, 1200, len(data)])
        flipped[places] = rng.integers(0, 256, 4)
        path.write_bytes(flipped.tobytes())
        result = read_photo(path, path.name)
        if isinstance(result, Photo):
            with contextlib.suppress(PhotoUnreadableError):
                assert decode_photo(result).shape == (result.height_px, result.width_px, 3)
