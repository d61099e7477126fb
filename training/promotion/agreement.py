"""Two ways of running one model on the same tiles: do they say the same, and which is faster."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detection.detectors.base import Detector, TileDetections, TileImage
from detection.domain.geometry import FloatArray, compute_iou

MIN_SCORE = 0.1
"""Score from which a box must have its like on the other side."""

ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Agreement:
    """Boxes of ``MIN_SCORE`` and more, both ways, and how many have one of their class at ``iou``.

    The score errors are those of the matched ones.
    """

    pair: str
    tiles: int
    iou: float
    boxes: int
    matched: int
    mean_score_error: float
    max_score_error: float

    @property
    def share(self) -> float:
        """Matched boxes of all; 1 where there is none."""
        return self.matched / self.boxes if self.boxes else 1.0


@dataclass(frozen=True, slots=True)
class Speed:
    """Milliseconds per tile of two detectors, and the first's speed over the second's by round.

    Both ran in turns in one process, so that a busy machine slows both.
    """

    first_ms: float
    second_ms: float
    ratio: float
    ratio_low: float
    ratio_high: float


def compare_answers(
    pair: str, first: Sequence[TileDetections], second: Sequence[TileDetections], *, iou: float
) -> Agreement:
    """Compare what two detectors said of the same tiles."""
    errors: list[FloatArray] = []
    for one, other in zip(first, second, strict=True):
        errors += [_score_errors(one, other, iou), _score_errors(other, one, iou)]
    found = np.concatenate(errors) if errors else np.zeros(0)
    matched = found[np.isfinite(found)]
    return Agreement(
        pair,
        len(second),
        iou,
        len(found),
        len(matched),
        float(matched.mean()) if len(matched) else 0.0,
        float(matched.max(initial=0.0)),
    )


def measure_speed(first: Detector, second: Detector, tiles: Sequence[TileImage]) -> Speed:
    """Time both in turns over the tiles; the ratio is above 1 where the first is faster."""
    for detector in (first, second):
        list(detector.detect_tiles(tiles[:2]))
    rounds = np.array([[_time_ms(first, tiles), _time_ms(second, tiles)] for _ in range(ROUNDS)])
    low, middle, high = np.percentile(rounds[:, 1] / rounds[:, 0], [25, 50, 75])
    first_ms, second_ms = np.median(rounds, axis=0)
    return Speed(float(first_ms), float(second_ms), float(middle), float(low), float(high))


def _time_ms(detector: Detector, tiles: Sequence[TileImage]) -> float:
    started = time.perf_counter()
    for _ in detector.detect_tiles(tiles):
        pass
    return (time.perf_counter() - started) * 1000 / len(tiles)


def _score_errors(seen: TileDetections, target: TileDetections, iou: float) -> FloatArray:
    """Return for each box of ``seen`` the score error of its like; infinite without one."""
    rows = seen.rows[seen.rows[:, 4] >= MIN_SCORE].astype(np.float64)
    others = target.rows.astype(np.float64)
    overlap = compute_iou(rows[:, :4], others[:, :4])
    like = (overlap >= iou) & (rows[:, None, 5] == others[None, :, 5])
    difference = np.abs(rows[:, None, 4] - others[None, :, 4])
    return np.asarray(np.where(like, difference, np.inf).min(axis=1, initial=np.inf))
