"""Width of a dark line from the photo's own pixels, across a known centre line.

The outline of a model tells where a crack runs, but its edges come from cells of four pixels. The
width is taken from the brightness across the line instead: from where it falls half way from the
wall's to the crack's to where it has risen half way again. Half way is where an edge blurred by
the lens and by pixels that see both sides lies (Sensors 2018, 18(8), 2644).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.crack_measure.centre_line import CentreLine
from detection.domain.geometry import FloatArray

_STEP_PX = 0.25
_MARGIN_PX = 4.0
_MAX_REACH_PX = 40.0
_MAX_PROFILES = 500
_MIN_DEPTH = 8.0
_NOISE_SIGMAS = 2.5
_FULL_QUANTILE = 0.9
_WIDER_PX = 2.0
_BLURRED_PX = 8.0
"""Wider, a line has a floor between its edges: half way is exact."""

_MAD_TO_STD = 1.4826


def measure_widths(line: CentreLine, pixels: NDArray[np.uint8]) -> tuple[FloatArray, FloatArray]:
    """Return widths in pixels, NaN where no line is told from the wall, and their weights.

    ``pixels`` is the RGB photo ``(H, W, 3)``; a weight is the length of the line that its width
    stands for. Long lines are looked at in ``_MAX_PROFILES`` places.

    A line narrower than the blur is as wide half way as the blur, but less dark. There the
    brightness that is missing, over how dark the same crack is where it is widest, says how wide
    it is. Stains beside a crack only make that figure larger, so the smaller of both counts.
    """
    chosen = _choose_places(line)
    profiles, offsets, outside = _read_profiles(line, chosen, pixels)
    beside = np.where(outside, profiles, np.nan)
    wall = _find_medians(beside)
    noise = _MAD_TO_STD * _find_medians(np.abs(beside - wall[:, None]))
    darkest = np.argmin(np.where(outside, np.inf, profiles), axis=1)
    rows = np.arange(len(profiles))
    depth = wall - profiles[rows, darkest]
    half = wall - depth / 2
    right = _find_crossing(profiles, darkest, half)
    left = _find_crossing(profiles[:, ::-1], len(offsets) - 1 - darkest, half)
    is_line = depth > np.maximum(_MIN_DEPTH, _NOISE_SIGMAS * noise)
    half_way = np.nan_to_num((right + left) * _STEP_PX)
    # What is wider than its outline is a shadow or a joint that the outline only runs along.
    is_line &= (half_way > 0) & (half_way <= line.widths[chosen] + _WIDER_PX)
    widths = np.full(len(profiles), np.nan)
    if is_line.any():
        middles = offsets[darkest] + (right - left) / 2 * _STEP_PX
        away = np.abs(offsets - middles[:, None])
        missing = np.maximum(wall[:, None] - profiles, 0.0)
        by_darkness = _weigh_darkness(missing[is_line], away[is_line], half_way[is_line])
        is_wide = half_way[is_line] > _BLURRED_PX
        widths[is_line] = np.minimum(half_way[is_line], np.where(is_wide, np.inf, by_darkness))
    return widths, line.lengths[chosen]


def _find_medians(rows: FloatArray) -> FloatArray:
    """Return the median of each row ``(n, k)``, NaN left out; ``np.nanmedian`` sorts slower."""
    ordered = np.sort(rows, axis=1)  # NaN come last
    counts = np.isfinite(rows).sum(axis=1)
    both = np.stack([(counts - 1) // 2, counts // 2], axis=1)
    return np.asarray(np.take_along_axis(ordered, both, axis=1).mean(axis=1))


def _weigh_darkness(missing: FloatArray, away: FloatArray, half_way: FloatArray) -> FloatArray:
    """Return widths ``(n,)`` from the brightness that is missing ``(n, k)``, none where brighter.

    ``away`` ``(n, k)`` is the distance from the middle of the line.
    """
    reach = half_way[:, None]
    floor = np.where(away <= reach / 4 + _STEP_PX, missing, np.nan)
    dark = _find_medians(floor)
    total = np.where(away <= reach, missing, 0.0).sum(axis=1) * _STEP_PX
    return np.asarray(total / np.maximum(dark, np.quantile(dark, _FULL_QUANTILE)))


def _choose_places(line: CentreLine) -> NDArray[np.intp]:
    count = len(line.lengths)
    return np.linspace(0, count - 1, min(count, _MAX_PROFILES)).round().astype(np.intp)


def _read_profiles(
    line: CentreLine, chosen: NDArray[np.intp], pixels: NDArray[np.uint8]
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Return brightness ``(n, k)`` across the line, offsets ``(k,)``, and what is beside it.

    Only the part of the photo around the line is converted.
    """
    reach_px = min(_MAX_REACH_PX, float(np.quantile(line.widths, 0.95)) / 2 + 2 * _MARGIN_PX)
    steps = int(reach_px / _STEP_PX)
    offsets = np.asarray(np.arange(-steps, steps + 1) * _STEP_PX, dtype=np.float64)
    places = line.middles[chosen, None] + line.normals[chosen, None] * offsets[:, None]
    limits = np.array(pixels.shape[1::-1])
    low = np.clip(np.floor(places.min(axis=(0, 1))) - 1, 0, limits - 1).astype(np.intp)
    high = np.clip(np.ceil(places.max(axis=(0, 1))) + 2, low + 1, limits).astype(np.intp)
    window = pixels[low[1] : high[1], low[0] : high[0]]
    gray = cv2.cvtColor(np.ascontiguousarray(window), cv2.COLOR_RGB2GRAY).astype(np.float32)
    # Outlines count from the corner of the first pixel, sampling from its middle.
    x, y = np.moveaxis(places - low - 0.5, -1, 0).astype(np.float32)
    profiles = cv2.remap(gray, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    half_widths = line.widths[chosen, None] / 2
    limits_px = np.minimum(half_widths + _MARGIN_PX, reach_px - _MARGIN_PX)
    outside = np.asarray(np.abs(offsets) > limits_px, dtype=np.bool_)
    return np.asarray(profiles, dtype=np.float64), offsets, outside


def _find_crossing(
    profiles: FloatArray, starts: NDArray[np.intp], levels: FloatArray
) -> FloatArray:
    """Return after how many samples beyond its start each profile rises above its level."""
    columns = np.arange(profiles.shape[1])
    is_above = (profiles > levels[:, None]) & (columns > starts[:, None])
    first = np.argmax(is_above, axis=1)
    rows = np.arange(len(profiles))
    after, before = profiles[rows, first], profiles[rows, np.maximum(first - 1, 0)]
    step = np.where(after > before, after - before, 1.0)
    crossing = first - 1 + (levels - before) / step - starts
    return np.where(is_above.any(axis=1), crossing, np.nan)
