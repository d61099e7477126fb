"""How close the pipeline comes to the models' own speed.

Measured on the rendered demo flight, or on the folder named as the one argument.

Prints one JSON object as its last line. ``pipeline_over_forward`` is the wall time of the whole
pipeline divided by that of the bare models on the same tiles, both best of the rounds: 1.0 is the
limit, and the ratio holds on a noisy machine where seconds do not.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from detection.detectors.base import Detector, TileImage
from detection.detectors.manifest import select_manifests
from detection.detectors.registry import load_detector
from detection.domain.photo import Flight, FlightKind
from detection.ingest.decode import decode_photo
from detection.ingest.flight import read_flight
from detection.pipeline import detect_photos
from detection.settings import load_settings
from detection.tiling import cut_tile, tile_photo
from training.synthetic.flight import render_flight

ROUNDS = 3
DEMO_SEED = 7


def best_seconds(work: Callable[[], object]) -> float:
    """Shortest wall time of several rounds, seconds."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def cut_flight(flight: Flight, tile_px: int) -> list[TileImage]:
    """Every tile of every photo, ready for a model that sees ``tile_px``."""
    tiles: list[TileImage] = []
    for photo in flight.photos:
        pixels = decode_photo(photo)
        plan = tile_photo(photo.width_px, photo.height_px, tile_px=tile_px)
        tiles += [cut_tile(pixels, tile, tile_px) for tile in plan]
    return tiles


def run_models(detectors: list[Detector], tiles: dict[int, list[TileImage]]) -> None:
    """The bare forward passes."""
    for detector in detectors:
        for _ in detector.detect_tiles(tiles[detector.manifest.tile_px]):
            pass


def measure_detection(folder: Path) -> dict[str, float]:
    """Figures of the detection room on the photos of ``folder``."""
    settings = load_settings()
    detectors = [load_detector(model, runtime=settings.runtime) for model in select_manifests(())]
    started = time.perf_counter()
    flight = read_flight(folder, FlightKind.DRONE, "bench")
    read_s = time.perf_counter() - started
    sizes = {detector.manifest.tile_px for detector in detectors}
    tiles = {tile_px: cut_flight(flight, tile_px) for tile_px in sizes}
    forward_s = best_seconds(lambda: run_models(detectors, tiles))
    pipeline_s = best_seconds(lambda: list(detect_photos(flight.photos, detectors, settings)))
    return {
        "photos": len(flight.photos),
        "models": len(detectors),
        "forward_passes": sum(len(tiles[one.manifest.tile_px]) for one in detectors),
        "read_ms_per_photo": round(1000 * read_s / len(flight.photos), 2),
        "forward_s": round(forward_s, 3),
        "pipeline_s": round(pipeline_s, 3),
        "photos_per_s": round(len(flight.photos) / pipeline_s, 2),
        "pipeline_over_forward": round(pipeline_s / forward_s, 3),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main() -> None:
    """Measure and write the figures to standard output."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(name)
        if len(sys.argv) == 1:
            render_flight(folder, seed=DEMO_SEED)
        figures = {"detection": measure_detection(folder)}
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
