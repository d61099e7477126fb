"""Length and widths of a crack in pixels of the photo."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detection.crack_measure.centre_line import CentreLine, trace_centre_line
from detection.crack_measure.widths import measure_widths
from detection.domain.finding import CrackShape, Detection
from detection.domain.geometry import FloatArray, Polygon
from detection.domain.hazard import HazardClass

MAX_QUANTILE = 0.95
"""The largest width is that which a twentieth of the length exceeds: forks and stains are wider."""

EDGE_STD_PX, WIDTH_STD = 0.5, 0.1
"""Error of a mean width from the photo that many places do not average out, one standard deviation:
in pixels, and as a share of the width. Seven rendered cracks of 3 to 7 px, seen straight, were
0.5 px off (root mean square); one of 14 px that forks, 2.5 px."""

OUTLINE_STD_PX = 2.3
"""The same of a width from a model's outline: two cells of a mask, or 8 px, over the root of 12."""

_MIN_SHARE = 0.3


def add_shape(detection: Detection, pixels: NDArray[np.uint8]) -> Detection:
    """Return a crack that has an outline with its shape; anything else as it is."""
    if detection.hazard_class is not HazardClass.FACADE_CRACK or not detection.polygons:
        return detection
    return replace(detection, crack=measure_shape(detection.polygons, pixels))


def measure_shape(polygons: Sequence[Polygon], pixels: NDArray[np.uint8]) -> CrackShape | None:
    """Return length and widths of the dark line within an outline, None without a centre line.

    ``pixels`` is the RGB photo ``(H, W, 3)`` that the outline is in. Where the line is too faint
    in most places the outline's own width stands in, with its larger error.
    """
    line = trace_centre_line(polygons)
    if line is None:
        return None
    widths, weights = measure_widths(line, pixels)
    seen = np.isfinite(widths)
    if weights[seen].sum() < _MIN_SHARE * weights.sum():
        return _shape_from_outline(line)
    return _summarize(line, widths[seen], weights[seen], EDGE_STD_PX)


def measure_outline(polygons: Sequence[Polygon]) -> CrackShape | None:
    """Return length and widths of the outline alone, None where it has no centre line."""
    line = trace_centre_line(polygons)
    return None if line is None else _shape_from_outline(line)


def _shape_from_outline(line: CentreLine) -> CrackShape:
    return _summarize(line, line.widths, line.lengths, OUTLINE_STD_PX)


def _summarize(
    line: CentreLine, widths: FloatArray, weights: FloatArray, edge_std_px: float
) -> CrackShape:
    mean_px = float(np.average(widths, weights=weights))
    variance = float(np.average((widths - mean_px) ** 2, weights=weights))
    largest_px = float(np.quantile(widths, MAX_QUANTILE, weights=weights, method="inverted_cdf"))
    # Neighbouring places see the same pixels: about one per pixel of the line is its own.
    places = max(1.0, min(len(widths), line.length_px))
    return CrackShape(
        length_px=line.length_px,
        mean_width_px=mean_px,
        max_width_px=max(mean_px, largest_px),
        width_std_px=math.hypot(edge_std_px, WIDTH_STD * mean_px, math.sqrt(variance / places)),
    )
