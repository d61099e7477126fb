"""How right places, groups and coverage are, and how fast: random flights with exact truth.

``make bench-geometry``. Thousands of random flights of poses and a few with pixels; tables first,
one JSON object as the last line. Same seed, same figures, but for times and memory.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise

from tests.bench.grouping import Tally, measure_grouping
from tests.bench.placing import Placing, measure_setups, summarize_placing
from tests.bench.rendered import measure_rendered
from tests.bench.reprojection import measure_reprojection
from tests.bench.scale import measure_scale

SEED = 1
FLIGHTS, GROUPED_FLIGHTS, RENDERED_FLIGHTS, REPROJECTED_FLIGHTS = 400, 8, 2, 50
"""Flights of each view and noise that are placed and that are grouped, flights of each noise that
are rendered with pixels, and of each lens without noise that are projected."""

FLATNESS_DEG = (10, 15, 20, 30, 45, 91)


def say(line: str) -> None:
    """Write a line for people."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def say_setups(results: dict[str, list[Placing]]) -> None:
    """Write the table of errors by setup, and the ellipses' hold by how flat the ray is."""
    say(f"{'setup':34s} {'median m':>9s} {'p95 m':>8s} {'in ellipse':>10s} {'n':>7s}")
    for name, placed in results.items():
        row = summarize_placing(placed)
        say(
            f"{name:34s} {row['median_m']:9.2f} {row['p95_m']:8.2f} "
            f"{row['ellipse_coverage']:10.3f} {row['n']:7d}"
        )
    everything = [one for placed in results.values() for one in placed]
    for low, high in pairwise(FLATNESS_DEG):
        within = [one for one in everything if low <= one.depression_deg < high]
        held = summarize_placing(within)["ellipse_coverage"]
        say(f"in ellipse, {low} to {high} degrees below the horizon: {held:.3f} of {len(within)}")


def say_grouping(sums: dict[str, Tally]) -> None:
    """Write the table of groups by view and noise."""
    for name, tally in sums.items():
        row, placed = tally.summarize(), summarize_placing(tally.placed)
        say(
            f"grouping {name:11s} precision {row['precision']:.4f} recall {row['recall']:.4f} "
            f"candidates/things {row['ratio']:.4f} ({tally.true_pairs} pairs, {tally.things} "
            f"things, {tally.flagged} flagged); couples 1.5 m apart: {tally.pairs_kept_apart} of "
            f"{tally.pairs} stay two, {tally.pairs_flagged} flagged, {tally.pairs_lost} lost; "
            f"candidates {placed['median_m']:.2f} m off, {placed['ellipse_coverage']:.3f} in "
            "their ellipse"
        )


def main() -> None:
    """Measure and write."""
    for name, worst_px in measure_reprojection(REPROJECTED_FLIGHTS, SEED).items():
        say(f"camera model, {name}: truth falls within {worst_px:.3f} px of its pixel")
    setups = measure_setups(FLIGHTS, SEED)
    say_setups(setups)
    grouping = measure_grouping(GROUPED_FLIGHTS, SEED)
    say_grouping(grouping)
    for name, value in measure_rendered(RENDERED_FLIGHTS, SEED).items():
        say(f"with pixels: {name}: {value}")
    total = Tally()
    for tally in grouping.values():
        total.add(tally)
    document = {
        "setups": {name: summarize_placing(placed) for name, placed in setups.items()},
        "grouping": total.summarize(),
        "scale": measure_scale(),
    }
    say(json.dumps(document))


if __name__ == "__main__":
    main()
