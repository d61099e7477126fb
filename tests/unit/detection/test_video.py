"""Videos to photos: which frames, with what pose, and what is said of bad ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.domain.photo import Flight, FlightKind, Photo
from detection.georeference import place_pixel
from detection.ingest.decode import decode_photo
from detection.ingest.frame_choice import StepLength, choose_frames, count_track_steps
from detection.ingest.track import Track, TrackKind, TrackPoint
from detection.ingest.video import VideoOptions, add_videos, extract_frames, find_track
from detection.ingest.video_file import DamagedVideoError, UnreadableVideoError
from detection.ingest.video_pose import CameraGiven, find_pose
from tests.drawn_videos import (
    LAT,
    LON,
    METRES_PER_DEGREE_NORTH,
    RATE,
    draw_frames,
    draw_video,
    subtitle_at,
    write_subtitles,
)

GIMBAL = "[rel_alt: 20.000 abs_alt: 310.000] [gb_yaw: 30.0 gb_pitch: -90.0 gb_roll: 0.0]"


def fly(seconds: int, speed_mps: float = 4.0, extra: str = GIMBAL) -> list[str]:
    return [subtitle_at(second * speed_mps, extra=extra) for second in range(seconds + 1)]


def read(video: Path, out: Path, options: VideoOptions | None = None) -> list[Photo]:
    _, track = find_track(video, video.name, None)
    return list(extract_frames(video, track, out, options=options))


def numbers(photos: Sequence[Photo]) -> list[int]:
    return [int(photo.path.stem.removeprefix("frame_")) for photo in photos]


@dataclass(frozen=True)
class Drawn:
    at_s: float
    sharpness: float


@given(
    st.lists(st.floats(0.02, 0.5), min_size=1, max_size=60),
    st.floats(0.2, 30.0),
    st.randoms(use_true_random=False),
)
def test_chosen_frames_are_evenly_spaced_and_none_is_missed(
    waits: list[float], speed: float, random: object
) -> None:
    """Steps of the way; between two chosen frames 0.75 to 1.25 steps and one frame at most."""
    times = np.cumsum(waits)
    rng = np.random.default_rng(abs(hash(str(random))) % 2**32)
    frames = [Drawn(float(at_s), float(rng.random())) for at_s in times]
    chosen = list(choose_frames(frames, lambda start, end: (end - start) * speed))
    assert chosen
    assert [one.at_s for one in chosen] == sorted({one.at_s for one in chosen})
    longest = max([0.0, *waits[1:]]) * speed
    steps = [(b.at_s - a.at_s) * speed for a, b in itertools.pairwise(chosen)]
    assert all(0.75 - 1e-9 <= step <= 1.25 + 2 * longest + 1e-9 for step in steps)
    assert (times[-1] - chosen[-1].at_s) * speed < 1.25 + 2 * longest


def test_the_sharpest_of_a_window_is_chosen(tmp_path: Path) -> None:
    """At 4 m/s and 10 frames a second a step of 4 m is 10 frames and a window is 5."""
    clear = {2, 13}
    frames = draw_frames(25, blurred=set(range(25)) - clear)
    video = draw_video(tmp_path / "DJI_0001.MP4", frames, subtitles=fly(3))
    photos = read(video, tmp_path / "out", VideoOptions(step=StepLength(spacing_m=4.0)))
    assert numbers(photos)[:2] == sorted(clear)


@pytest.mark.parametrize("kind", ["srt", "embedded"])
def test_frames_follow_the_way_and_know_where_they_are(tmp_path: Path, kind: str) -> None:
    video = draw_video(
        tmp_path / "a/DJI_0001.MP4",
        draw_frames(60),
        subtitles=fly(6),
        inside=kind == "embedded",
        model="X",
    )
    photos = read(video, tmp_path / "out")
    assert len(photos) == 5
    for photo, number in zip(photos, numbers(photos), strict=True):
        assert photo.photo_id == f"DJI_0001.MP4/frame_{number:06d}.jpg"
        assert decode_photo(photo).shape == (240, 320, 3)
        assert photo.warnings == ()
        assert photo.camera_model == "X"
        assert photo.captured_at is not None
        assert photo.captured_at.replace(microsecond=0) == datetime(
            2026, 3, 1, 2, 20, 30 + number // RATE, tzinfo=UTC
        )
        pose = photo.pose
        assert pose is not None
        north_m = (pose.lat - LAT) * METRES_PER_DEGREE_NORTH
        assert north_m == pytest.approx(4.0 * number / RATE, abs=0.02)
        assert pose.lon == pytest.approx(LON, abs=1e-9)
        assert (pose.altitude_agl_m, pose.yaw_deg, pose.pitch_deg) == (20.0, 30.0, -90.0)
        assert pose.source == f"position={kind};altitude={kind};angles={kind}"
        ground = place_pixel(photo, 160, 120)
        assert ground.lat == pytest.approx(pose.lat, abs=1e-9)
        assert photo.intrinsics is not None
        assert photo.intrinsics.focal_px == pytest.approx(24.0 / 43.267 * 400, rel=1e-6)


def test_a_second_run_gives_the_same_names_and_bytes(tmp_path: Path) -> None:
    video = draw_video(tmp_path / "DJI_0001.MP4", draw_frames(30), subtitles=fly(3))
    first, second = (read(video, tmp_path / name) for name in ("one", "two"))
    assert [photo.photo_id for photo in first] == [photo.photo_id for photo in second]
    assert [photo.sha256 for photo in first] == [photo.sha256 for photo in second]


def test_hovering_gives_one_frame_and_turning_gives_more(tmp_path: Path) -> None:
    frames = draw_frames(60)
    still = draw_video(tmp_path / "still.MP4", frames, subtitles=fly(6, 0.0))
    assert len(read(still, tmp_path / "out")) == 1
    turns = [
        subtitle_at(0, extra=f"[gb_yaw: {20.0 * second} gb_pitch: -90.0 gb_roll: 0.0]")
        for second in range(7)
    ]
    turning = draw_video(tmp_path / "turning.MP4", frames, subtitles=turns)
    assert len(read(turning, tmp_path / "out")) in {5, 6}


def test_straight_down_the_turn_is_that_of_the_picture() -> None:
    points = tuple(
        TrackPoint(LON, LAT, "srt", at_s=at_s, yaw_deg=yaw, pitch_deg=-90.0, roll_deg=0.0)
        for at_s, yaw in ((0.0, 170.0), (1.0, -170.0))
    )
    steps = count_track_steps(Track(TrackKind.SRT, points), StepLength(turn_deg=20.0), 0.0, 1.0)
    assert steps == pytest.approx(1.0)


def test_without_a_track_frames_are_a_second_apart(tmp_path: Path) -> None:
    video = draw_video(tmp_path / "a.mp4", draw_frames(50))
    track_id, track = find_track(video, "sub/a.mp4", None)
    assert (track_id, track.warnings) == ("sub/a.mp4", ("no_track",))
    photos = read(video, tmp_path / "out")
    assert 4 <= len(photos) <= 6
    assert {photo.pose for photo in photos} == {None}
    assert {photo.warnings for photo in photos} == {("no_position", "no_focal_length")}
    street = read(video, tmp_path / "out", VideoOptions(kind=FlightKind.STREET))
    assert {photo.warnings for photo in street} == {("no_position",)}


def test_angles_nobody_wrote_are_not_made_up(tmp_path: Path) -> None:
    texts = fly(4, extra="[rel_alt: 20.000 abs_alt: 310.000]")
    video = draw_video(tmp_path / "a.mp4", draw_frames(40), subtitles=texts)
    for photo in read(video, tmp_path / "out"):
        assert photo.warnings == ("no_attitude",)
        assert photo.pose is not None
        assert not photo.pose.is_complete
        assert photo.pose.source == "position=srt;altitude=srt;angles=none"


def test_angles_that_are_given_go_with_the_course_and_its_error(tmp_path: Path) -> None:
    texts = fly(4, extra="[rel_alt: 20.000 abs_alt: 310.000]")
    video = draw_video(tmp_path / "a.mp4", draw_frames(40), subtitles=texts)
    given = CameraGiven(pitch_deg=-60.0, focal_35mm=35.0)
    for photo in read(video, tmp_path / "out", VideoOptions(given=given)):
        assert photo.warnings == ("assumed_attitude",)
        assert photo.pose is not None
        assert photo.pose.yaw_deg == pytest.approx(0.0, abs=0.01)
        assert (photo.pose.pitch_deg, photo.pose.roll_deg) == (-60.0, 0.0)
        assert photo.pose.yaw_std_deg > 10
        assert photo.pose.source.endswith("angles=course+given")
        assert photo.intrinsics is not None
        assert photo.intrinsics.source == "given"


def test_what_a_track_says_of_the_angles_goes_before_what_is_given() -> None:
    point = TrackPoint(
        LON, LAT, "srt", at_s=0.0, altitude_agl_m=9.0, yaw_deg=1.0, pitch_deg=-45.0, roll_deg=0.5
    )
    pose, warnings = find_pose(Track(TrackKind.SRT, (point,)), 0.0, CameraGiven(pitch_deg=-90.0))
    assert warnings == ()
    assert pose is not None
    assert (pose.yaw_deg, pose.pitch_deg, pose.roll_deg) == (1.0, -45.0, 0.5)


def test_a_hovering_drone_has_no_course(tmp_path: Path) -> None:
    texts = fly(4, 0.0, extra="[rel_alt: 20.000 abs_alt: 310.000]")
    video = draw_video(tmp_path / "a.mp4", draw_frames(40), subtitles=texts)
    options = VideoOptions(given=CameraGiven(pitch_deg=-90.0))
    assert {p.warnings for p in read(video, tmp_path / "out", options)} == {("no_attitude",)}


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x00\x00\x00\x20ftypisom", b"#EXTM3U\n#EXTINF:1,\nother.mp4\n"]
)
def test_a_file_that_is_no_video_is_a_row(tmp_path: Path, content: bytes) -> None:
    video = tmp_path / "a.mp4"
    video.write_bytes(content)
    flight = Flight("f", FlightKind.DRONE, (), ())
    done = add_videos(flight, [("a.mp4", video)], tmp_path / "out", VideoOptions())
    assert [(row.photo_id, row.code) for row in done.failures] == [("a.mp4", "unreadable_video")]


def test_a_track_that_cannot_be_opened_costs_the_places_not_the_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detection.ingest.sidecar_text.MAX_BYTES", 10)
    video = draw_video(tmp_path / "a.mp4", draw_frames(15), subtitles=fly(2))
    empty = Flight("f", FlightKind.DRONE, (), ())
    flight = add_videos(empty, [("a.mp4", video)], tmp_path / "out", VideoOptions())
    assert [one.code for one in flight.failures] == ["unreadable_track"]
    assert flight.photos
    assert all(photo.pose is None for photo in flight.photos)


def test_a_picture_too_large_for_memory_is_no_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detection.ingest.video_file.MAX_PIXELS", 320 * 240 - 1)
    video = draw_video(tmp_path / "a.mp4", draw_frames(3))
    with pytest.raises(UnreadableVideoError):
        find_track(video, "a.mp4", None)


def test_a_video_that_breaks_off_gives_what_is_whole(tmp_path: Path) -> None:
    frames = draw_frames(80)
    whole = draw_video(tmp_path / "a.mkv", frames, subtitles=fly(8))
    data = whole.read_bytes()
    whole.write_bytes(data[: len(data) // 2])
    flight = Flight("f", FlightKind.DRONE, (), ())
    done = add_videos(flight, [("a.mkv", whole)], tmp_path / "out", VideoOptions())
    assert 2 <= len(done.photos) < 7
    assert [row.code for row in done.failures] == ["damaged_video"]


def test_damage_is_told_after_the_good_frames(tmp_path: Path) -> None:
    video = draw_video(tmp_path / "a.mkv", draw_frames(80))
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    frames = extract_frames(video, Track(TrackKind.SRT, ()), tmp_path / "out")
    assert next(frames).photo_id.startswith("a.mkv/frame_")
    with pytest.raises(DamagedVideoError):
        list(frames)
    with pytest.raises(UnreadableVideoError):
        find_track(tmp_path / "none.mp4", "none.mp4", None)


def test_the_order_of_coordinates_comes_from_the_photos_beside(tmp_path: Path) -> None:
    video = draw_video(tmp_path / "a.mp4", draw_frames(20))
    write_subtitles(tmp_path / "a.SRT", ["GPS(29.560000,76.550000,16.0M) BAROMETER:20.0M"] * 3)
    empty = Flight("f", FlightKind.DRONE, (), ())
    lost = add_videos(empty, [("a.mp4", video)], tmp_path / "out", VideoOptions())
    codes = [(row.photo_id, row.code) for row in lost.failures]
    assert codes == [("a.SRT", "ambiguous_coordinate_order")]
    assert lost.photos[0].warnings[0] == "no_position"
    near = VideoOptions(near=(76.5, 29.5))
    found = add_videos(empty, [("a.mp4", video)], tmp_path / "out", near)
    pose = found.photos[0].pose
    assert pose is not None
    assert (pose.lon, pose.lat) == pytest.approx((76.55, 29.56))
    beside = Flight("f", FlightKind.DRONE, found.photos, ())
    again = add_videos(beside, [("a.mp4", video)], tmp_path / "out", VideoOptions())
    assert again.failures == ()
    assert again.photos[-1].pose == pose


def test_errors_of_subtitles_once_a_second_hold_the_way_of_a_second(tmp_path: Path) -> None:
    video = draw_video(tmp_path / "a.mp4", draw_frames(30), subtitles=fly(3, 10.0))
    for photo in read(video, tmp_path / "out"):
        assert photo.pose is not None
        assert photo.pose.horizontal_std_m >= math.hypot(1.5, 10 / 12**0.5) - 0.01


@pytest.mark.parametrize("starts", ["02:20:29", "05:00:00"])
def test_a_street_video_takes_its_places_from_the_logger_beside(
    tmp_path: Path, starts: str
) -> None:
    """The video starts at 02:20:30 UTC; a logger of other hours is not believed."""
    video = draw_video(tmp_path / "a.mp4", draw_frames(30))
    start = datetime.fromisoformat(f"2026-03-01T{starts}+00:00")
    points = "".join(
        f'<trkpt lat="{LAT + 1e-4 * n}" lon="{LON}"><time>'
        f"{(start + timedelta(seconds=n)).isoformat()}</time></trkpt>"
        for n in range(6)
    )
    (tmp_path / "a.gpx").write_text(
        f'<gpx version="1.1"><trk><trkseg>{points}</trkseg></trk></gpx>', encoding="utf-8"
    )
    empty = Flight("f", FlightKind.STREET, (), ())
    options = VideoOptions(kind=FlightKind.STREET)
    flight = add_videos(empty, [("a.mp4", video)], tmp_path / "out", options)
    if starts == "05:00:00":
        rows = [(row.photo_id, row.code) for row in flight.failures]
        assert rows == [("a.gpx", "track_mismatch")]
        return
    assert flight.failures == ()
    for photo, number in zip(flight.photos, numbers(flight.photos), strict=True):
        assert photo.pose is not None
        assert photo.pose.lat == pytest.approx(LAT + 1e-4 * (1 + number / RATE), abs=1e-9)
        assert photo.warnings == ()
