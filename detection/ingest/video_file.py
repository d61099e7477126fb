"""A video file: what its head says, its frames one by one, and the subtitles inside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from detection.ingest.decode import MAX_PIXELS
from detection.ingest.subrip import Cue

_FORMATS = "mov,mp4,matroska,avi"
"""The only containers that are opened: a play list, whatever its name, could ask for addresses."""

_TELEMETRY_TAGS = frozenset({"djmd", "dbgi", "gpmd", "camm"})
"""Streams with positions in forms of their own: of DJI, GoPro and of street cameras."""

_SHARPNESS_SIDE_PX = 1024
_TX3G_HEAD_BYTES = 2
_QUARTER_DEG = 90
_END_TOLERANCE_S = 1.0
_MAX_SIDE_PX = 65_000
"""A JPEG holds little more."""
_YEARS = range(1990, 2200)
"""A clock that was never set says 1904 or 1970."""


class UnreadableVideoError(Exception):
    """A file that is no video we can open."""


class DamagedVideoError(Exception):
    """A video that breaks off or lost pieces; all frames before were handed out."""


@dataclass(frozen=True, slots=True)
class VideoHead:
    """What a video says before its first frame.

    ``started_at`` is the container's own clock (UTC), which some drones set to local time.
    ``has_telemetry`` tells of a data stream with positions that is not read here.
    """

    duration_s: float | None
    started_at: datetime | None
    camera_model: str | None
    has_telemetry: bool


@dataclass(frozen=True)
class DecodedFrame:
    """One frame: its number from 0, its moment in seconds, and its picture when asked for."""

    number: int
    at_s: float
    picture: av.VideoFrame = field(repr=False)

    @cached_property
    def sharpness(self) -> float:
        """Variance of the Laplacian of the middle's brightness, in full resolution.

        It compares frames of one view; between views it depends on what is in them.
        """
        gray = self._convert("gray")
        top, left = (max(0, side - _SHARPNESS_SIDE_PX) // 2 for side in gray.shape)
        middle = gray[top : top + _SHARPNESS_SIDE_PX, left : left + _SHARPNESS_SIDE_PX]
        return float(cv2.Laplacian(middle, cv2.CV_32F).var())

    def read_pixels(self) -> NDArray[np.uint8]:
        """Return RGB pixels ``(H, W, 3)`` as displayed: turned as the camera was held."""
        pixels = self._convert("rgb24")
        turns = round(self.picture.rotation / _QUARTER_DEG) % 4
        return np.ascontiguousarray(np.rot90(pixels, turns), dtype=np.uint8)

    def _convert(self, layout: str) -> NDArray[np.uint8]:
        try:
            return np.asarray(self.picture.to_ndarray(format=layout), dtype=np.uint8)
        except (av.FFmpegError, ValueError) as error:  # a layout of pixels that nobody knows
            raise DamagedVideoError from error


def read_video_head(path: Path) -> VideoHead:
    """Return what the video says of itself.

    Raises:
        UnreadableVideoError: the file cannot be opened as a video, or holds no picture.
    """
    with _open_video(path) as container:
        duration = container.duration
        notes = {key.lower(): value for key, value in container.metadata.items()}
        tags = {str(getattr(stream, "codec_tag", "")).lower() for stream in container.streams}
        return VideoHead(
            duration_s=None if duration is None else duration / av.time_base,
            started_at=_read_clock(notes.get("creation_time", "")),
            camera_model=notes.get("com.apple.quicktime.model") or notes.get("model") or None,
            has_telemetry=bool(tags & _TELEMETRY_TAGS),
        )


def iterate_frames(path: Path) -> Iterator[DecodedFrame]:
    """Yield every frame that can be decoded, in the order of display.

    Raises:
        UnreadableVideoError: the file cannot be opened, or not one frame can be decoded.
        DamagedVideoError: at the end, where a part could not be decoded or is missing.
    """
    number, at_s, is_damaged = -1, 0.0, False
    with _open_video(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        unit_s = float(stream.time_base or 0)
        start_s = (stream.start_time or 0) * unit_s
        whole_s = (container.duration or 0) / av.time_base
        duration_s = whole_s if stream.duration is None else stream.duration * unit_s
        try:
            for number, frame in enumerate(container.decode(stream)):
                is_damaged |= frame.is_corrupt
                if frame.time is not None and not frame.is_corrupt:
                    at_s = frame.time - start_s
                    yield DecodedFrame(number, at_s, frame)
        except av.FFmpegError:
            is_damaged = True
    if number < 0:
        raise UnreadableVideoError
    if is_damaged or duration_s - at_s > _END_TOLERANCE_S:
        raise DamagedVideoError


def read_embedded_cues(path: Path) -> tuple[Cue, ...]:
    """Return the subtitles inside a video, none where it has none.

    Raises:
        UnreadableVideoError: the file cannot be opened.
    """
    cues: list[Cue] = []
    with _open_video(path) as container:
        if not container.streams.subtitles:
            return ()
        stream = container.streams.subtitles[0]
        is_timed_text = stream.codec_context.name == "mov_text"
        try:
            for packet in container.demux(stream):
                data = bytes(packet)
                if is_timed_text:  # two bytes of length, the text, then boxes of style
                    length = int.from_bytes(data[:_TX3G_HEAD_BYTES])
                    data = data[_TX3G_HEAD_BYTES : _TX3G_HEAD_BYTES + length]
                if packet.pts is None or not data:
                    continue
                unit_s = float(packet.time_base or 0)
                start_s = packet.pts * unit_s
                end_s = start_s + (packet.duration or 0) * unit_s
                cues.append(Cue(start_s, end_s, data.decode("utf-8", "replace")))
        except av.FFmpegError:
            return tuple(cues)
    return tuple(cues)


@contextmanager
def _open_video(path: Path) -> Iterator[InputContainer]:
    try:
        if not path.is_file():
            raise UnreadableVideoError
        container = av.open(str(path), options={"format_whitelist": _FORMATS})
    except (av.FFmpegError, OSError, ValueError) as error:
        raise UnreadableVideoError from error
    with container:
        if not container.streams.video or _is_too_large(container.streams.video[0]):
            raise UnreadableVideoError
        yield container


def _is_too_large(stream: VideoStream) -> bool:
    sides = (stream.width or 0, stream.height or 0)
    return max(sides) > _MAX_SIDE_PX or sides[0] * sides[1] > MAX_PIXELS


def _read_clock(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.year not in _YEARS:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
