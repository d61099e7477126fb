from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from pyproj import Geod

from detection.domain.camera import CameraPose
from detection.domain.photo import FlightKind, Photo
from detection.ingest.flight import read_flight
from detection.ingest.sidecars import apply_tracks
from detection.ingest.track import Track, TrackKind, TrackPoint
from tests.factories import DrawnPose, draw_photo

GEOD = Geod(ellps="WGS84")
START = datetime(2026, 3, 1, 2, 0, 0, tzinfo=UTC)
LON, LAT = 106.55, 29.56
POSE = CameraPose(
    LON, LAT, 60.0, 310.0, 30.0, -90.0, 0.0, 1.5, 3.0, 2.0, 0.5, 0.5,
    "position=xmp;altitude=xmp;angles=xmp",
)  # fmt: skip


def move(north_m: float) -> tuple[float, float]:
    lon, lat, _ = GEOD.fwd(LON, LAT, 0.0, north_m)
    return lon, lat


def build_photo(name: str, moment: datetime | None, north_m: float | None) -> Photo:
    pose = None
    if north_m is not None:
        lon, lat = move(north_m)
        pose = replace(POSE, lon=lon, lat=lat)
    warnings = ("no_position",) if pose is None else ("rtk_not_fixed",)
    return Photo(name, Path(name), "0" * 64, 4000, 3000, moment, "X", None, pose, warnings)


def build_log(numbers: range, *, shift_m: float = 0.5, north_m: float = 0.0) -> Track:
    """An RTK log: one point each 10 m to the north, ``shift_m`` beside the cameras."""
    points = []
    for number in numbers:
        lon, lat = move(10.0 * number + shift_m + north_m)
        points.append(
            TrackPoint(lon, lat, "mrk+rtk", 0.02, 0.04, number=number, at=START, altitude_m=355.0)
        )
    return Track(TrackKind.MRK, tuple(points))


def build_drive(seconds: int = 600) -> Track:
    """A logger on a car that drives 10 m/s to the north."""
    points = tuple(
        TrackPoint(*move(10.0 * second), "gpx", 5.0, 10.0, at=START + timedelta(seconds=second))
        for second in range(0, seconds + 1, 2)
    )
    return Track(TrackKind.GPX, points)


def test_an_rtk_log_replaces_what_is_worse_and_says_so() -> None:
    photos = [build_photo(f"100_0001_{n:04}.JPG", None, 10.0 * n) for n in range(1, 5)]
    for number, photo in enumerate(apply_tracks(photos, [build_log(range(1, 5))]), start=1):
        pose = photo.pose
        assert pose is not None
        assert (pose.lon, pose.lat) == pytest.approx(move(10.0 * number + 0.5), abs=1e-9)
        assert (pose.horizontal_std_m, pose.vertical_std_m) == (0.02, 3.0)
        assert (pose.altitude_agl_m, pose.altitude_m) == (60.0, 355.0)
        assert pose.source == "position=mrk+rtk;altitude=xmp;angles=xmp"
        assert photo.warnings == ()


def test_a_better_position_of_the_camera_stays() -> None:
    photo = build_photo("DJI_0001.JPG", None, 10.0)
    assert photo.pose is not None
    sure = replace(photo, pose=replace(photo.pose, horizontal_std_m=0.01))
    assert apply_tracks([sure], [build_log(range(1, 5))]) == (sure,)


def test_a_log_in_tens_fits_a_camera_of_six_lenses() -> None:
    photos = [build_photo(f"DJI_{10 * n:04}.JPG", None, 10.0 * n) for n in range(1, 5)]
    for photo in apply_tracks(photos, [build_log(range(1, 50))]):
        assert photo.pose is not None
        assert photo.pose.source.startswith("position=mrk+rtk")


def test_a_log_of_another_flight_is_named_and_not_used() -> None:
    photos = [build_photo(f"DJI_{n:04}.JPG", None, 10.0 * n) for n in range(1, 5)]
    far = build_log(range(1, 50), north_m=5000.0)
    for before, after in zip(photos, apply_tracks(photos, [far]), strict=True):
        assert after.pose == before.pose
        assert "track_mismatch" in after.warnings


def test_a_log_gives_a_position_where_others_bear_it_out() -> None:
    photos = [build_photo(f"DJI_{n:04}.JPG", None, 10.0 * n if n != 2 else None) for n in (1, 2, 3)]
    found = apply_tracks(photos, [build_log(range(1, 5))])[1]
    assert found.pose is not None
    assert (found.pose.lon, found.pose.lat) == pytest.approx(move(20.5), abs=1e-9)
    assert (found.pose.yaw_deg, found.pose.altitude_agl_m) == (None, None)
    assert found.pose.source == "position=mrk+rtk;altitude=none;angles=none"
    assert found.warnings == ()


def test_a_log_alone_is_believed_by_nobody() -> None:
    photos = [build_photo(f"DJI_{n:04}.JPG", None, None) for n in (1, 2, 3)]
    assert all(photo.pose is None for photo in apply_tracks(photos, [build_log(range(1, 5))]))


def test_a_logger_places_photos_with_a_zone_by_time() -> None:
    moment = (START + timedelta(seconds=33)).astimezone(timezone(timedelta(hours=8)))
    (photo,) = apply_tracks([build_photo("a.jpg", moment, None)], [build_drive()])
    assert photo.pose is not None
    assert (photo.pose.lon, photo.pose.lat) == pytest.approx(move(330.0), abs=1e-7)
    assert photo.pose.source == "position=gpx;altitude=none;angles=none"
    assert photo.pose.horizontal_std_m >= 5.0
    assert photo.warnings == ()


def test_what_is_wrong_with_a_track_is_told_of_the_photos_it_placed() -> None:
    photos = [build_photo(f"{n}.jpg", START + timedelta(seconds=9), n) for n in (None, 90.0)]
    jumpy = replace(build_drive(), warnings=("track_jump",))
    placed, own = apply_tracks(photos, [jumpy])
    assert placed.warnings == ("track_jump",)
    assert own.warnings == ("rtk_not_fixed",)


def test_the_zone_is_found_from_photos_that_know_where_they_were() -> None:
    local = [START.replace(tzinfo=None) + timedelta(hours=8, seconds=100 * n) for n in range(5)]
    known = [build_photo(f"{n}.jpg", m, 1000.0 * n + 3) for n, m in enumerate(local)]
    lost = build_photo("lost.jpg", local[2] + timedelta(seconds=10), None)
    *kept, found = apply_tracks([*known, lost], [build_drive()])
    assert found.captured_at == START + timedelta(seconds=210)
    assert found.pose is not None
    assert (found.pose.lon, found.pose.lat) == pytest.approx(move(2100.0), abs=1e-7)
    assert [photo.pose for photo in kept] == [photo.pose for photo in known]


def test_a_zone_that_stays_open_is_named() -> None:
    moment = (START + timedelta(hours=8, seconds=5)).replace(tzinfo=None)
    day = Track(TrackKind.GPX, tuple(
        TrackPoint(*move(float(second)), "gpx", 5.0, 10.0, at=START + timedelta(seconds=second))
        for second in range(-40_000, 40_000, 5)
    ))  # fmt: skip
    (photo,) = apply_tracks([build_photo("a.jpg", moment, None)], [day])
    assert photo.pose is None
    assert photo.captured_at == moment
    assert photo.warnings == ("no_position", "track_without_zone")


def test_a_photo_elsewhere_than_its_logger_is_named() -> None:
    photos = [build_photo("a.jpg", START + timedelta(seconds=10), 5000.0)]
    (photo,) = apply_tracks(photos, [build_drive()])
    assert photo.pose == photos[0].pose
    assert "track_mismatch" in photo.warnings


def test_photos_outside_the_track_stay_as_they_are() -> None:
    early = build_photo("a.jpg", START - timedelta(hours=1), None)
    timeless = build_photo("b.jpg", None, None)
    assert apply_tracks([early, timeless], [build_drive()]) == (early, timeless)


def test_subtitles_of_a_video_do_not_touch_photos() -> None:
    photo = build_photo("a.jpg", START, None)
    track = Track(TrackKind.SRT, (TrackPoint(LON, LAT, "srt", at_s=0.0),))
    assert apply_tracks([photo], [track]) == (photo,)


def test_a_log_counts_for_its_own_folder_only(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        for number in (1, 2):
            lon, lat = move(10.0 * number)
            pose = DrawnPose(lon=lon, lat=lat)
            seed = number + 10 * (folder == "two")
            draw_photo(tmp_path / folder / f"DJI_000{number}.JPG", pose=pose, seed=seed)
    rows = "".join(
        f"{n}\t100.0\t[2211]\t3,N\t0,E\t75,V\t{move(10.0 * n)[1]:.10f},Lat\t"
        f"{move(10.0 * n)[0]:.10f},Lon\t355.0,Ellh\t0.014, 0.013, 0.029\t50,Q\n"
        for n in (1, 2)
    )
    (tmp_path / "one" / "one_Timestamp.MRK").write_text(rows)
    (tmp_path / "two" / "broken.gpx").write_text("no track")
    flight = read_flight(tmp_path, FlightKind.DRONE, "f")
    sources = {p.photo_id: p.pose.source for p in flight.photos if p.pose is not None}
    assert {name for name, source in sources.items() if "mrk+rtk" in source} == {
        "one/DJI_0001.JPG",
        "one/DJI_0002.JPG",
    }
    assert [(f.photo_id, f.code) for f in flight.failures] == [
        ("two/broken.gpx", "unreadable_track")
    ]
    assert flight.other_files == 0
