"""Time per photo and peak memory against the number of photos: both should be flat.

The photos of a real flight are taken again and again under other names until there are enough; each
is decoded and looked at anew, and the whole flight is grouped. Every count is a process of its own,
so that its peak is its own. One line for each, one JSON object last:

    python -m tests.bench.speed_scaling 10 50 200
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

from detection.domain.photo import Flight
from detection.pipeline import detect_flight
from detection.settings import load_settings
from tests.bench.speed_recall import load_detectors, read_photos

COUNTS = (10, 50, 200, 1000, 2000)
FLAT_FROM = 50
"""Photos from which the time per photo is to be constant."""
FLIGHT = "sheffield"
Figures = dict[str, float]


def repeat_photos(flight: Flight, count: int) -> Flight:
    """Return a flight of ``count`` photos; names and hashes differ, the pixels come again."""
    photos = tuple(
        replace(
            flight.photos[index % len(flight.photos)],
            photo_id=f"{index:05d}.jpg",
            sha256=f"{index:064x}",
        )
        for index in range(count)
    )
    return replace(flight, photos=photos)


def measure_count(count: int, name: str = FLIGHT) -> Figures:
    """Return the figures of one count in this process; loading the models is not counted."""
    flight, settings = repeat_photos(read_photos(name), count), load_settings()
    detectors = load_detectors(settings)
    list(detect_flight(repeat_photos(flight, 1), detectors, settings).results)  # compiles a side
    seen: list[float] = []
    started = time.perf_counter()
    detect_flight(
        flight, detectors, settings, on_result=lambda _: seen.append(time.perf_counter() - started)
    )
    total_s = time.perf_counter() - started
    return {
        "photos": count,
        "ms_per_photo": round(1000 * seen[-1] / count, 2),
        "grouping_s": round(total_s - seen[-1], 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "load": round(os.getloadavg()[0], 1),
    }


def measure_scaling(counts: Sequence[int] = COUNTS, name: str = FLIGHT) -> dict[str, object]:
    """Return every count's figures, and the spread of the time per photo from 50 photos on."""
    rows = [_measure_apart(count, name) for count in counts]
    times = [row["ms_per_photo"] for row in rows if row["photos"] >= FLAT_FROM] or [0.0]
    spread = max(times) / min(times) - 1 if min(times) else None
    return {
        "rows": rows,
        "spread": None if spread is None else round(spread, 3),
        "peak_mb": max(row["peak_mb"] for row in rows),
    }


def _measure_apart(count: int, name: str) -> Figures:
    command = [sys.executable, "-m", "tests.bench.speed_scaling", "--apart", str(count)]
    done = subprocess.run(
        [*command, "--photos", name], check=True, stdout=subprocess.PIPE, text=True
    )
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    sys.stderr.write(f"{figures}\n")
    return figures


def main() -> None:
    """Measure and write the figures to standard output."""
    parser = argparse.ArgumentParser(description="Time per photo against the number of photos.")
    parser.add_argument("counts", nargs="*", type=int)
    parser.add_argument("--photos", default=FLIGHT, help="minsk, turin, sheffield or a folder")
    parser.add_argument("--apart", type=int, help="one count, in this process")
    options = parser.parse_args()
    if options.apart:
        figures: object = measure_count(options.apart, options.photos)
    else:
        figures = measure_scaling(options.counts or COUNTS, options.photos)
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
