"""Subtitles, RTK logs and GPX files to points in time, and points to a place at a moment."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.domain.errors import InvalidInputError
from detection.ingest.coordinate_order import CoordinateOrder, HomeDistance, find_order
from detection.ingest.gpx_track import read_gpx
from detection.ingest.mrk import read_mrk
from detection.ingest.srt_text import read_subtitle
from detection.ingest.srt_track import read_srt
from detection.ingest.subrip import Cue, split_cues
from detection.ingest.track import (
    Track,
    TrackKind,
    TrackPoint,
    has_jumps,
    interpolate_track,
    measure_distance_m,
    mix_angles_deg,
)

CHONGQING = (106.55, 29.56)
LABELLED = (
    '<font size="28">FrameCnt: {n}, DiffTime: 33ms\n2026-06-06 14:10:{n:02d}.123\n'
    "[iso: 100] [focal_len: 24.00] [dzoom_ratio: 20000, delta:0],[latitude: {lat:.6f}] "
    "[longitude: {lon:.6f}] [rel_alt: 50.000 abs_alt: 310.500] "
    "[gb_yaw: -170.0 gb_pitch: -63.1 gb_roll: 0.0]</font>"
)


def write_srt(path: Path, texts: list[str], *, end: str = "\n") -> Path:
    blocks = (
        f"{n}\n00:00:{n:02d},000 --> 00:00:{n + 1:02d},000\n{text}\n"
        for n, text in enumerate(texts)
    )
    path.write_text("\n".join(blocks).replace("\n", end), encoding="utf-8")
    return path


def make_points(*places: tuple[float, float, float]) -> tuple[TrackPoint, ...]:
    return tuple(TrackPoint(lon, lat, "srt", at_s=at_s) for at_s, lon, lat in places)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_new_subtitle_gives_all_it_says(tmp_path: Path, end: str) -> None:
    texts = [LABELLED.format(n=n, lat=29.56 + n * 1e-5, lon=106.55) for n in range(3)]
    track = read_srt(write_srt(tmp_path / "a.SRT", texts, end=end))
    assert track.warnings == ()
    assert [point.at_s for point in track.points] == [0.0, 1.0, 2.0]
    point = track.points[1]
    assert (point.lon, point.lat) == (106.55, 29.56001)
    assert (point.altitude_agl_m, point.altitude_m) == (50.0, 310.5)
    assert (point.yaw_deg, point.pitch_deg, point.roll_deg) == (-170.0, -63.1, 0.0)
    assert point.focal_35mm == 48.0
    assert point.at == datetime(2026, 6, 6, 14, 10, 1, 123_000)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "focal_35mm"),
    [
        ("[focal_len : 240] ", 24.0),
        ("[focal_len: 24.00] ", 24.0),
        ("[focal_len: 24.00] [dzoom_ratio: 1.00],", 24.0),
        ("[focal_len : 280] [dzoom_ratio: 10000, delta:0]", 28.0),
        ("[focal_len: 0] ", None),
        ("", None),
    ],
)
def test_the_focal_length_is_read_in_both_units(text: str, focal_35mm: float | None) -> None:
    assert read_subtitle(text).focal_35mm == focal_35mm


def test_the_angles_of_the_aircraft_are_not_the_cameras() -> None:
    text = "GPS (8.2, 47.4, 18), F.PRY (2.7°, -7.0°, 110.1°), G.PRY (-24.4°, 0.5°, 110.4°)"
    reading = read_subtitle(text)
    assert (reading.pitch_deg, reading.roll_deg, reading.yaw_deg) == (-24.4, 0.5, 110.4)
    assert read_subtitle("F.PRY (2.7°, -7.0°, 110.1°)").pitch_deg is None


def test_a_number_that_breaks_off_is_not_read() -> None:
    assert read_subtitle("[latitude: 29.561234] [longitude: 106.5").labelled is None


@pytest.mark.parametrize(
    "height",
    ["BAROMETER:12.5", "BAROMETER:12.5M", "BAROMETER(12.5)", "Hb:12.5 Hs:3.0", "D 8.0m, H 12.50m"],
)
def test_every_writing_of_the_height_is_read(height: str) -> None:
    assert read_subtitle(f"GPS(106.55,29.56,14) {height}").altitude_agl_m == 12.5


def test_two_numbers_alone_are_refused_where_both_orders_are_possible(tmp_path: Path) -> None:
    path = write_srt(tmp_path / "a.SRT", ["GPS(36.6146,-6.1120,0.0M) BAROMETER:0.3M"] * 2)
    assert read_srt(path) == Track(TrackKind.SRT, (), ("ambiguous_coordinate_order",))
    spain, tanzania = read_srt(path, (-6.0, 36.6)), read_srt(path, (36.6, -6.0))
    assert {(point.lon, point.lat) for point in spain.points} == {(-6.112, 36.6146)}
    assert {(point.lon, point.lat) for point in tanzania.points} == {(36.6146, -6.112)}
    assert read_srt(path, CHONGQING).warnings == ("track_elsewhere",)


@pytest.mark.parametrize("text", ["GPS(106.5507,29.5647,16)", "GPS(29.5647,106.5507,16.0M)"])
def test_a_number_beyond_90_tells_the_order(tmp_path: Path, text: str) -> None:
    track = read_srt(write_srt(tmp_path / "a.SRT", [text]))
    assert [(point.lon, point.lat) for point in track.points] == [(106.5507, 29.5647)]
    assert track.warnings == ("coarse_position",)
    assert track.points[0].horizontal_std_m == pytest.approx(math.hypot(1.5, 11.132 / 12**0.5))


@given(
    st.floats(-85, 85),
    st.floats(-60, 60),
    st.floats(0.001, 0.02),
    st.floats(0.001, 0.02),
    st.sampled_from(list(CoordinateOrder)),
)
def test_the_distance_from_home_never_tells_the_wrong_order(
    lon: float, lat: float, east: float, north: float, order: CoordinateOrder
) -> None:
    """Where both orders give the same distance nothing is said; else the true one."""
    drone = TrackPoint(lon + east, lat + north, "srt")
    home = TrackPoint(lon, lat, "srt")
    pair, home_pair = order.read((drone.lon, drone.lat)), order.read((lon, lat))
    distance = HomeDistance(pair, home_pair, measure_distance_m(home, drone))
    assert find_order([pair], [distance], None) in {order, None}


def test_far_from_the_diagonal_the_distance_from_home_tells_the_order() -> None:
    pair, home = (-58.851745, -34.237922), (-58.847509, -34.232707)
    assert find_order([pair], [HomeDistance(pair, home, 698.7)], None) is CoordinateOrder.LON_LAT
    turned = HomeDistance(pair[::-1], home[::-1], 698.7)
    assert find_order([pair[::-1]], [turned], None) is CoordinateOrder.LAT_LON


def test_a_labelled_position_tells_the_order_of_the_others(tmp_path: Path) -> None:
    texts = ["GPS (8.2090, 47.4692, 18)", "[latitude: 47.4692] [longitude: 8.2091] "]
    track = read_srt(write_srt(tmp_path / "a.SRT", texts))
    assert [(point.lon, point.lat) for point in track.points] == [
        (8.209, 47.4692),
        (8.2091, 47.4692),
    ]


def test_what_holds_no_position_is_left_out_and_named(tmp_path: Path) -> None:
    fix = "GPS(106.550701,29.564701,16)"
    texts = [fix, "GPS(N/A,N/A,4)", "GPS(0.000000,0.000000,0)", "", "GPS(106.55", fix]
    track = read_srt(write_srt(tmp_path / "a.SRT", texts))
    assert [point.at_s for point in track.points] == [0.0, 5.0]
    assert track.warnings == ("null_island", "track_incomplete")


@pytest.mark.parametrize("content", ["", "1\n", "hello\n", "\x00\xff", "1\n00:00:00,000 --> "])
def test_a_file_without_a_position_is_an_empty_track(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.SRT"
    path.write_text(content, encoding="utf-8")
    assert read_srt(path) == Track(TrackKind.SRT, (), ("empty_track",))


def test_a_file_that_is_not_there_is_the_users_to_mend(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_srt(tmp_path / "a.SRT")


def test_without_times_the_clock_is_used() -> None:
    texts = ["1\n2017.08.05 14:11:51,393,525\nx", "2\n2017.08.05 14:11:53,393,525\ny"]
    cues = split_cues("\n\n".join(texts))
    assert [cue.start_s for cue in cues] == [None, None]
    assert [read_subtitle(cue.text).at for cue in cues] == [
        datetime(2017, 8, 5, 14, 11, 51, 393_525),  # noqa: DTZ001
        datetime(2017, 8, 5, 14, 11, 53, 393_525),  # noqa: DTZ001
    ]


@given(st.text())
def test_no_text_is_too_strange_to_be_split_and_read(text: str) -> None:
    for cue in split_cues(text):
        assert isinstance(cue, Cue)
        read_subtitle(cue.text)


def test_numbers_of_thousands_of_digits_are_no_numbers() -> None:
    digits = "9" * 5000
    (cue,) = split_cues(f"1\n{digits}:00:00,000 --> {digits}:00:01,000\n[latitude: {digits}]")
    assert cue.start_s is None
    assert read_subtitle(cue.text).labelled is None
    assert read_subtitle(f"BAROMETER: {digits} GPS ({digits}, {digits}, 1)").pair is None


def test_a_jump_is_told_from_coarse_digits() -> None:
    coarse = TrackPoint(106.5507, 29.5647, "srt", horizontal_std_m=3.5, at_s=0.0)
    step = TrackPoint(106.5508, 29.5647, "srt", horizontal_std_m=3.5, at_s=0.033)
    far = TrackPoint(106.5520, 29.5647, "srt", horizontal_std_m=3.5, at_s=0.066)
    assert not has_jumps((coarse, step))
    assert has_jumps((coarse, step, far))


@given(st.floats(0, 4))
def test_between_two_points_the_place_is_on_the_line(at_s: float) -> None:
    track = Track(TrackKind.GPX, make_points((0, 106.55, 29.56), (4, 106.5504, 29.5604)))
    place = interpolate_track(track, at_s)
    assert place is not None
    assert place.lon == pytest.approx(106.55 + 1e-4 * at_s, abs=1e-9)
    assert place.lat == pytest.approx(29.56 + 1e-4 * at_s, abs=1e-9)
    assert place.at_s == at_s
    away_s = min(at_s, 4 - at_s)
    assert place.horizontal_std_m == pytest.approx(math.hypot(1.5, 0.5 * away_s))


@given(st.floats(-180, 179.9), st.floats(-180, 179.9), st.floats(0, 1))
def test_angles_are_mixed_the_short_way(start: float, end: float, share: float) -> None:
    mixed = mix_angles_deg(start, end, share)
    way = abs((end - start + 180) % 360 - 180)
    assert abs((mixed - start + 180) % 360 - 180) == pytest.approx(share * way, abs=1e-9)
    assert -180 <= mixed < 180


def test_across_the_antimeridian_the_way_is_short() -> None:
    track = Track(TrackKind.SRT, make_points((0, 179.9999, 0), (2, -179.9999, 0)))
    place = interpolate_track(track, 0.5)
    assert place is not None
    assert place.lon == pytest.approx(179.99995)


def test_nothing_is_made_up_outside_a_track_and_in_its_gaps() -> None:
    track = Track(TrackKind.SRT, make_points((10, 106.55, 29.56), (30, 106.55, 29.56)))
    assert [interpolate_track(track, at_s) for at_s in (8.0, 20.0, 32.0)] == [None] * 3
    near = [interpolate_track(track, at_s) for at_s in (9.5, 10.0, 30.0, 30.5)]
    assert all(point is not None for point in near)
    assert interpolate_track(Track(TrackKind.SRT, ()), 0.0) is None


def test_a_subtitle_names_its_moment_only_to_its_own_length() -> None:
    places = make_points((0, 106.55, 29.56), (1, 106.5501, 29.56))
    exact = interpolate_track(Track(TrackKind.GPX, places), 0.0)
    subtitle = interpolate_track(Track(TrackKind.SRT, places), 0.0)
    assert exact is not None
    assert subtitle is not None
    assert exact.horizontal_std_m == 1.5
    way_m = measure_distance_m(*places)
    assert subtitle.horizontal_std_m == pytest.approx(math.hypot(1.5, way_m / 12**0.5))


def test_moments_with_and_without_a_zone_are_not_compared() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    points = tuple(
        TrackPoint(106.55, 29.56 + 1e-4 * n, "gpx", at=noon + timedelta(seconds=n))
        for n in range(3)
    )
    track = Track(TrackKind.GPX, points)
    place = interpolate_track(track, noon + timedelta(seconds=1.5))
    assert place is not None
    assert place.lat == pytest.approx(29.56015)
    assert place.at == noon + timedelta(seconds=1.5)
    with pytest.raises(ValueError, match="zone"):
        interpolate_track(track, noon.replace(tzinfo=None))
    with pytest.raises(ValueError, match="video"):
        interpolate_track(track, 1.0)


MRK_LINE = (
    "{number}\t296288.242869\t[2211]\t     3,N\t     0,E\t    75,V\t47.6436873208,Lat\t"
    "16.4759271684,Lon\t512.998,Ellh\t0.014391, 0.033698, 0.029694\t{quality},Q"
)


def test_a_time_stamp_file_gives_each_photo_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a.MRK"
    rows = [(3, 50), (2, 34), (4, 0)]
    lines = [MRK_LINE.format(number=number, quality=quality) for number, quality in rows]
    path.write_text("\n".join([*lines, "torn 2962"]), encoding="utf-8")
    track = read_mrk(path)
    assert track.warnings == ("track_incomplete", "rtk_not_fixed")
    floating, fixed = track.points
    assert (fixed.number, fixed.lon, fixed.lat) == (3, 16.4759271684, 47.6436873208)
    assert (fixed.source, fixed.horizontal_std_m, fixed.vertical_std_m) == (
        "mrk+rtk",
        0.033698,
        0.029694,
    )
    assert fixed.at == datetime(2022, 5, 25, 10, 17, 50, 242_869, tzinfo=UTC)
    assert (fixed.altitude_m, fixed.altitude_agl_m) == (512.998, None)
    assert (floating.source, floating.horizontal_std_m) == ("mrk", 1.5)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "hello",
        MRK_LINE.format(number=1, quality=0),
        MRK_LINE.format(number="1" * 5000, quality=50),
        MRK_LINE.format(number=1, quality=50).replace("512.998", "9" * 400),
    ],
)
def test_a_time_stamp_file_without_a_place_is_empty(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.MRK"
    path.write_text(content, encoding="utf-8")
    assert read_mrk(path) == Track(TrackKind.MRK, (), ("empty_track",))


GPX = (
    '<?xml version="1.0"?><gpx version="1.1" creator="t" '
    'xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>{}</trkseg></trk></gpx>'
)


def test_a_logger_gives_its_points_in_the_order_of_their_time(tmp_path: Path) -> None:
    path = tmp_path / "a.gpx"
    path.write_text(
        GPX.format(
            '<trkpt lat="29.57" lon="106.55"><time>2026-03-01T02:20:30Z</time></trkpt>'
            '<trkpt lat="29.56" lon="106.55"><ele>310</ele><time>2026-03-01T10:20:00+08:00</time>'
            '</trkpt><trkpt lat="29.56" lon="106.55"></trkpt>'
        ),
        encoding="utf-8",
    )
    track = read_gpx(path)
    assert [point.lat for point in track.points] == [29.56, 29.57]
    assert track.points[0].at == datetime(2026, 3, 1, 2, 20, tzinfo=UTC)
    assert track.points[0].altitude_m == 310
    assert track.warnings == ("track_incomplete",)


@pytest.mark.parametrize(
    ("content", "warning"),
    [
        (GPX.format(""), "empty_track"),
        ("hello", "unreadable_track"),
        ("<gpx><trk>", "unreadable_track"),
        ('<!DOCTYPE g [<!ENTITY a "b">]><gpx>&a;</gpx>', "unreadable_track"),
        (
            GPX.format(
                '<trkpt lat="1" lon="1"><time>0001-01-01T00:00:00+08:00</time></trkpt>'
                '<trkpt lat="nan" lon="1"><time>2026-03-01T00:00:00Z</time></trkpt>'
            ),
            "empty_track",
        ),
    ],
)
def test_a_logger_file_that_is_no_use_says_so(tmp_path: Path, content: str, warning: str) -> None:
    path = tmp_path / "a.gpx"
    path.write_text(content, encoding="utf-8")
    assert read_gpx(path) == Track(TrackKind.GPX, (), (warning,))
