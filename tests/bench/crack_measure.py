"""How true lengths and widths of cracks are, on rendered ones.

Run as ``python -m tests.bench.crack_measure``; prints one JSON object. Outlines are given wider
than the crack, as a model draws them.
"""

from __future__ import annotations

import itertools
import json
import sys
import time

import numpy as np

from detection.crack_measure import measure_shape
from tests.rendered_cracks import render_crack

SEEDS = range(24)
KINDS = ((0.3, 2.0, 0.0), (0.3, 1.2, 30.0), (0.3, 4.0, 15.0))
"""Millimetres a pixel, width in millimetres, angle at which the wall is seen."""

WIDER_PX = (0.5, 1.5, 3.0)


def measure_rendered() -> dict[str, object]:
    """Return errors of length, mean and largest width against the truth, in pixels and shares."""
    rows = []
    seconds = 0.0
    for seed, (gsd_mm, width_mm, incidence_deg) in itertools.product(SEEDS, KINDS):
        truth = render_crack(seed, gsd_mm=gsd_mm, width_mm=width_mm, incidence_deg=incidence_deg)
        for wider_px in WIDER_PX:
            outline = truth.as_polygons(wider_px)
            started = time.thread_time()
            found = measure_shape(outline, truth.pixels)
            seconds += time.thread_time() - started
            if found is not None:
                width_off = found.mean_width_px - truth.mean_width_px
                largest_off = found.max_width_px - truth.max_width_px
                share = found.length_px / truth.length_px
                rows.append((share, width_off, largest_off, width_off / found.width_std_px))
    shares, mean_off, largest_off, sigmas = np.array(rows).T
    wanted = len(SEEDS) * len(KINDS) * len(WIDER_PX)
    return {
        "measured": len(rows),
        "of": wanted,
        "ms_each": round(1e3 * seconds / wanted, 1),
        "length_share_5_50_95": np.percentile(shares, [5, 50, 95]).round(3).tolist(),
        "length_lack_rms": _root_mean_square(1.0 / shares - 1.0),
        "mean_width_off_px": round(float(mean_off.mean()), 2),
        "mean_width_rms_px": _root_mean_square(mean_off),
        "largest_width_rms_px": _root_mean_square(largest_off),
        "beyond_two_std": round(float(np.mean(np.abs(sigmas) > 2.0)), 3),
    }


def _root_mean_square(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    return round(float(np.sqrt(np.mean(values**2))), 3)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure_rendered(), indent=1) + "\n")
