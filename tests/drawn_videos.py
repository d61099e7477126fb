"""Small videos drawn in code, with subtitles beside or inside, for every test that needs one.

Import as ``from tests.drawn_videos import draw_video``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.packet import Packet
from av.stream import Stream
from numpy.typing import NDArray

RATE = 10
LON, LAT = 106.55, 29.56
METRES_PER_DEGREE_NORTH = 110_863.0
"""Length of a degree of latitude at ``LAT``."""


def subtitle_at(north_m: float, *, extra: str = "[rel_alt: 20.000 abs_alt: 310.000]") -> str:
    """Return a DJI subtitle ``north_m`` metres north of the start."""
    lat = LAT + north_m / METRES_PER_DEGREE_NORTH
    return f"[focal_len: 24.00] [latitude: {lat:.7f}] [longitude: {LON:.7f}] {extra} "


def draw_frames(
    count: int, *, size_px: tuple[int, int] = (320, 240), blurred: Iterable[int] = ()
) -> list[NDArray[np.uint8]]:
    """Return RGB frames of one pattern that slides by a pixel each; ``blurred`` are smeared."""
    rng = np.random.default_rng(5)
    width_px, height_px = size_px
    small = (height_px // 4 + 1, (width_px + count) // 4 + 1, 3)
    coarse = rng.integers(0, 255, small, dtype=np.uint8)
    ground = np.asarray(
        cv2.resize(coarse, (width_px + count, height_px), interpolation=cv2.INTER_NEAREST)
    )
    smeared = set(blurred)
    frames = []
    for number in range(count):
        frame = np.ascontiguousarray(ground[:, number : number + width_px])
        frames.append(np.asarray(cv2.blur(frame, (25, 25))) if number in smeared else frame)
    return [np.asarray(frame, dtype=np.uint8) for frame in frames]


def draw_video(
    path: Path,
    frames: Sequence[NDArray[np.uint8]],
    *,
    subtitles: Sequence[str] = (),
    inside: bool = False,
    model: str | None = None,
) -> Path:
    """Write ``frames`` at ``RATE`` a second, with one subtitle a second beside or ``inside``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as out:
        out.metadata["creation_time"] = "2026-03-01T02:20:30Z"
        if model is not None:
            out.metadata["model"] = model
        stream = out.add_stream("libx264", rate=RATE, options={"crf": "10", "preset": "ultrafast"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        track = out.add_mux_stream("mov_text") if inside else None
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode())
        if track is not None:
            out.mux([_pack_subtitle(track, n, text) for n, text in enumerate(subtitles)])
    if subtitles and not inside:
        write_subtitles(path.with_suffix(".SRT"), subtitles)
    return path


def _pack_subtitle(track: Stream, second: int, text: str) -> Packet[Stream]:
    """Return a packet of timed text: two bytes of length, then the text."""
    data = text.encode()
    packet: Packet[Stream] = Packet(struct.pack(">H", len(data)) + data)
    packet.stream, packet.time_base = track, Fraction(1, 1000)
    packet.pts = packet.dts = second * 1000
    packet.duration = 1000
    return packet


def write_subtitles(path: Path, texts: Sequence[str]) -> Path:
    """Write a SubRip file with one subtitle a second."""
    blocks = (
        f"{n + 1}\n00:{n // 60:02d}:{n % 60:02d},000 --> "
        f"00:{(n + 1) // 60:02d}:{(n + 1) % 60:02d},000\n{text}\n"
        for n, text in enumerate(texts)
    )
    path.write_text("\n".join(blocks), encoding="utf-8")
    return path
