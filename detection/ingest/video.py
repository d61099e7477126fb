"""Videos to photos: frames by distance and sharpness, each with its pose, saved as JPEG."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import simplejpeg

from detection.domain.errors import InvalidInputError
from detection.domain.photo import Flight, FlightKind, Photo
from detection.domain.reasons import build_failure
from detection.ingest.frame_choice import StepLength, choose_frames, count_track_steps
from detection.ingest.gpx_track import read_gpx
from detection.ingest.srt_track import read_srt, track_from_cues
from detection.ingest.track import Track, TrackKind, TrackPoint, interpolate_track
from detection.ingest.video_file import (
    DamagedVideoError,
    UnreadableVideoError,
    VideoHead,
    iterate_frames,
    read_embedded_cues,
    read_video_head,
)
from detection.ingest.video_pose import CameraGiven, find_intrinsics, find_pose

JPEG_QUALITY = 95
_DRONE_WARNINGS = frozenset({"no_altitude", "no_attitude", "no_focal_length"})


@dataclass(frozen=True, slots=True)
class VideoOptions:
    """How frames are chosen, and what a person says of the flight; ``near`` is (lon, lat)."""

    step: StepLength = field(default_factory=StepLength)
    given: CameraGiven = field(default_factory=CameraGiven)
    near: tuple[float, float] | None = None
    kind: FlightKind = FlightKind.DRONE


def add_videos(
    flight: Flight,
    videos: Iterable[tuple[str, Path]],
    out_dir: Path,
    options: VideoOptions,
    *,
    on_frame: Callable[[Photo], None] | None = None,
) -> Flight:
    """Return the flight with the frames of ``videos`` (id, path) after its photos.

    The frames are saved below ``out_dir``. What is wrong with a video or its track becomes a row
    of the flight's failures. Where coordinates are written in an unknown order, the first photo
    with a position says where the flight was, unless ``options`` do.
    """
    near = options.near or next((_place_of(p) for p in flight.photos if p.pose is not None), None)
    photos, failures = list(flight.photos), list(flight.failures)
    for video_id, path in videos:
        try:
            track_id, track = _find_usable_track(path, video_id, near)
            failures += [build_failure(track_id, code) for code in track.warnings]
            for photo in extract_frames(path, track, out_dir, video_id=video_id, options=options):
                photos.append(photo)
                if on_frame is not None:
                    on_frame(photo)
        except UnreadableVideoError:
            failures.append(build_failure(video_id, "unreadable_video"))
        except DamagedVideoError:
            failures.append(build_failure(video_id, "damaged_video"))
    return replace(flight, photos=tuple(photos), failures=tuple(failures))


def _place_of(photo: Photo) -> tuple[float, float] | None:
    return None if photo.pose is None else (photo.pose.lon, photo.pose.lat)


def _find_usable_track(
    video: Path, video_id: str, near: tuple[float, float] | None
) -> tuple[str, Track]:
    """Return the track as `find_track`; one whose file cannot be opened has no points."""
    try:
        return find_track(video, video_id, near)
    except InvalidInputError:
        return video_id, Track(TrackKind.SRT, (), ("unreadable_track",))


def find_track(video: Path, video_id: str, near: tuple[float, float] | None) -> tuple[str, Track]:
    """Return the id of the file with the video's track, and the track.

    The subtitle file of the same name goes before subtitles inside the video, and those before a
    GPX file of the same name. Without any the track has no points and says ``no_track``, or
    ``unread_telemetry`` where the video holds one in a form that is not read.

    Raises:
        UnreadableVideoError: the file cannot be opened as a video.
        InvalidInputError: the file of the track cannot be opened or is too large.
    """
    head = read_video_head(video)
    subtitles = _find_beside(video, ".srt")
    if subtitles is not None:
        return str(Path(video_id).with_name(subtitles.name)), read_srt(subtitles, near)
    cues = read_embedded_cues(video)
    if cues:
        return video_id, track_from_cues(cues, TrackKind.EMBEDDED, near)
    logged = _find_beside(video, ".gpx")
    if logged is not None and head.started_at is not None:
        track = start_track_at(read_gpx(logged), head.started_at, head.duration_s or 0.0)
        return str(Path(video_id).with_name(logged.name)), track
    code = "unread_telemetry" if head.has_telemetry else "no_track"
    return video_id, Track(TrackKind.EMBEDDED, (), (code,))


def _find_beside(video: Path, suffix: str) -> Path | None:
    names = (video.with_suffix(one) for one in (suffix, suffix.upper()))
    return next((path for path in names if path.is_file()), None)


def start_track_at(track: Track, started_at: datetime, duration_s: float) -> Track:
    """Return a logger's track in seconds of a video that started at ``started_at``.

    A track with no point within the video speaks of another time, or the camera's clock is wrong:
    it comes back without points and says ``track_mismatch``.
    """
    points = tuple(
        replace(point, at_s=(point.at - started_at).total_seconds())
        for point in track.points
        if point.at is not None
    )
    if points and not any(0 <= (point.at_s or 0.0) <= duration_s for point in points):
        return Track(track.kind, (), ("track_mismatch",))
    return replace(track, points=points)


def extract_frames(
    video: Path,
    track: Track,
    out_dir: Path,
    *,
    video_id: str = "",
    options: VideoOptions | None = None,
) -> Iterator[Photo]:
    """Save frames of ``video`` as ``<out_dir>/<video_id>/frame_000123.jpg`` and yield their photos.

    One frame per step of the way (`StepLength`), the sharpest near each mark; the number is that
    of the frame in the video, so names and bytes are the same in every run.

    Raises:
        UnreadableVideoError: the file cannot be opened, or not one frame can be decoded.
        DamagedVideoError: at the end, where a part of the video could not be decoded.
        OSError: a frame cannot be written.
    """
    video_id = video_id or video.name
    recording = _Recording(video_id, read_video_head(video), track, options or VideoOptions())
    folder = out_dir / video_id
    folder.mkdir(parents=True, exist_ok=True)
    count_steps = partial(count_track_steps, track, recording.options.step)
    for frame in choose_frames(iterate_frames(video), count_steps):
        pixels = frame.read_pixels()
        data = simplejpeg.encode_jpeg(pixels, quality=JPEG_QUALITY, colorspace="RGB")
        path = folder / f"frame_{frame.number:06d}.jpg"
        _write_whole(path, data)
        digest = hashlib.sha256(data).hexdigest()
        yield _build_photo(recording, path, digest, frame.at_s, pixels.shape)


@dataclass(frozen=True, slots=True)
class _Recording:
    """A video with all that is known of it."""

    video_id: str
    head: VideoHead
    track: Track
    options: VideoOptions


def _write_whole(path: Path, data: bytes) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.replace(path)


def _build_photo(
    recording: _Recording, path: Path, sha256: str, at_s: float, shape: tuple[int, ...]
) -> Photo:
    given = recording.options.given
    point = interpolate_track(recording.track, at_s)
    pose, warnings = find_pose(recording.track, at_s, given)
    intrinsics = find_intrinsics(shape[1], shape[0], point, given)
    warnings += () if intrinsics is not None else ("no_focal_length",)
    if recording.options.kind is FlightKind.STREET:
        warnings = tuple(code for code in warnings if code not in _DRONE_WARNINGS)
    return Photo(
        photo_id=f"{recording.video_id}/{path.name}",
        path=path,
        sha256=sha256,
        width_px=shape[1],
        height_px=shape[0],
        captured_at=_find_moment(point, recording.head, at_s),
        camera_model=recording.head.camera_model,
        intrinsics=intrinsics,
        pose=pose,
        warnings=warnings,
    )


def _find_moment(point: TrackPoint | None, head: VideoHead, at_s: float) -> datetime | None:
    """Return the track's clock, else that of the video's head."""
    if point is not None and point.at is not None:
        return point.at
    return None if head.started_at is None else head.started_at + timedelta(seconds=at_s)
