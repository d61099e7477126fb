"""Which frames of a video become photos: one per step of the way, the sharpest near each mark."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from detection.domain.sight import compute_camera_axes
from detection.ingest.track import Track, TrackPoint, interpolate_track, measure_distance_m

_OPENS_AT, _WINDOW = 0.75, 0.5
"""A window of choice opens three quarters of a step after the last frame, half a step wide: two
chosen frames are between 0.75 and 1.25 steps apart."""

_MAX_WINDOW_S = 1.0
"""A camera that stops within a window is not waited for."""


@dataclass(frozen=True, slots=True)
class StepLength:
    """What counts as one step: metres flown, degrees turned, or seconds where no place is known."""

    spacing_m: float = 5.0
    turn_deg: float = 20.0
    seconds: float = 1.0


class Sharp(Protocol):
    """A frame as far as the choice goes; ``sharpness`` may be costly and is asked for rarely."""

    @property
    def at_s(self) -> float:
        """Seconds from the start of the video."""

    @property
    def sharpness(self) -> float:
        """More is sharper, among frames of one place."""


FrameT = TypeVar("FrameT", bound=Sharp)


def choose_frames(
    frames: Iterable[FrameT], count_steps: Callable[[float, float], float]
) -> Iterator[FrameT]:
    """Yield the sharpest frame near each step of the way, in their order.

    ``count_steps(from_s, to_s)`` says how many steps lie between two moments. Only the best frame
    of the open window is kept.
    """
    best: FrameT | None = None
    opened_s = 0.0
    last_s: float | None = None
    for frame in frames:
        if best is not None and _is_past(opened_s, frame.at_s, count_steps):
            yield best
            last_s, best = best.at_s, None
        if best is not None:
            best = max(best, frame, key=lambda one: one.sharpness)
        elif last_s is None or count_steps(last_s, frame.at_s) >= _OPENS_AT:
            best, opened_s = frame, frame.at_s
    if best is not None:
        yield best


def _is_past(opened_s: float, at_s: float, count_steps: Callable[[float, float], float]) -> bool:
    return at_s - opened_s > _MAX_WINDOW_S or count_steps(opened_s, at_s) > _WINDOW


def count_track_steps(track: Track, step: StepLength, from_s: float, to_s: float) -> float:
    """Return the steps between two moments: the larger of the way moved and the turn.

    The way is the straight one, so that a hovering drone's unsteady GPS does not add up. Where
    the track knows no place, time counts.
    """
    first, second = interpolate_track(track, from_s), interpolate_track(track, to_s)
    if first is None or second is None:
        return (to_s - from_s) / step.seconds
    moved = measure_distance_m(first, second) / step.spacing_m
    return max(moved, _measure_turn_deg(first, second) / step.turn_deg)


def _measure_turn_deg(first: TrackPoint, second: TrackPoint) -> float:
    """Return by how much the camera turned in all, 0 where it is not known.

    From the whole attitude, since a camera that looks straight down turns without moving the
    direction that it looks in: the angle of the rotation R has trace R = 1 + 2 cos.
    """
    axes = []
    for one in (first, second):
        if one.yaw_deg is None or one.pitch_deg is None:
            return 0.0
        axes.append(compute_camera_axes(one.yaw_deg, one.pitch_deg, one.roll_deg or 0.0))
    cosine = (float(np.sum(axes[0] * axes[1])) - 1.0) / 2.0
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
