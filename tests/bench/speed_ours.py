"""Our pipeline as a contender: ``python -m tests.bench.speed_ours name=value …`` (settings).

Orders name a folder and photos in it. ``forward`` asks for the bare models on the same tiles,
ready in memory: what no pipeline can beat. ``given`` asks for the boxes of given tiles, without the
gate of sizes: what SAHI finds is compared with it; ``parts`` for the same before merging, and
``raw`` before thresholds too.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detection.detectors.base import Detector, TileImage
from detection.detectors.openvino import OpenVinoDetector
from detection.detectors.rows import build_photo_boxes
from detection.domain.finding import Detection
from detection.domain.geometry import Tile
from detection.domain.photo import FlightKind, Photo
from detection.ingest.decode import decode_photo
from detection.ingest.flight import read_flight
from detection.looks import plan_looks
from detection.merge import merge_detections
from detection.pipeline import detect_photos
from detection.settings import DetectionSettings, load_settings
from detection.tiling import PhotoBox, cut_tile
from tests.bench.speed_lines import serve
from tests.bench.speed_recall import load_detectors


class Ours:
    """The shipped pipeline with its models loaded."""

    def __init__(self, settings: DetectionSettings) -> None:
        """Load the models of the settings."""
        self._settings = settings
        self._detectors = load_detectors(settings)
        self._photos: dict[str, dict[str, Photo]] = {}

    def work(self, order: dict[str, Any]) -> dict[str, Any]:
        """Do what one order asks for."""
        photos = self._find(order["folder"], order["photos"])
        if order["kind"] == "forward":
            return self._measure_forward(photos)
        if order["kind"] in {"given", "parts", "raw"}:
            tiles = order["tiles"]
            return {
                "boxes": {
                    one.photo_id: self._look_through(one, tiles[one.photo_id], order["kind"])
                    for one in photos
                }
            }
        results = list(detect_photos(photos, self._detectors, self._settings))
        return {
            "boxes": {
                one.photo.photo_id: [_describe(placed.detection) for placed in one.detections]
                for one in results
            },
            "tiles": sum(one.tiles for one in results),
            "skipped_tiles": sum(one.skipped_tiles for one in results),
        }

    def _find(self, folder: str, names: Sequence[str]) -> list[Photo]:
        if folder not in self._photos:
            flight = read_flight(Path(folder), FlightKind.DRONE, "bench")
            self._photos[folder] = {photo.photo_id: photo for photo in flight.photos}
        return [self._photos[folder][name] for name in names]

    def _look_through(
        self, photo: Photo, tiles: Mapping[str, Sequence[Sequence[int]]], kind: str
    ) -> list[list[Any]]:
        """Return the boxes of each model's given tiles and of the whole photo."""
        pixels = decode_photo(photo)
        boxes: list[PhotoBox] = []
        for detector in self._detectors:
            manifest = detector.manifest
            fitting = manifest.tile_px / max(photo.width_px, photo.height_px)
            whole = Tile(0, 0, photo.width_px, photo.height_px, fitting)
            plan = [*(Tile(x0, y0, x1, y1, 1.0) for x0, y0, x1, y1 in tiles[manifest.name]), whole]
            images = (cut_tile(pixels, tile, manifest.tile_px) for tile in plan)
            for tile, found in zip(plan, detector.detect_tiles(images), strict=True):
                boxes += build_photo_boxes(
                    found,
                    tile,
                    manifest,
                    photo_id=photo.photo_id,
                    width_px=photo.width_px,
                    height_px=photo.height_px,
                    use_thresholds=kind != "raw",
                )
        merged = merge_detections(boxes) if kind == "given" else boxes
        return [_describe(one.detection) for one in merged]

    def _measure_forward(self, photos: Sequence[Photo]) -> dict[str, Any]:
        """Return the seconds of the bare models, model after model, over all tiles.

        Of the clock and of the processors, both without making the tiles.
        """
        wall_s = cpu_s = 0.0
        for detector in self._detectors:
            tiles = [tile for photo in photos for tile in self._cut(photo, detector)]
            started = time.perf_counter(), time.process_time()
            run_bare(detector, tiles)
            wall_s += time.perf_counter() - started[0]
            cpu_s += time.process_time() - started[1]
        return {"wall_s": wall_s, "cpu_s": cpu_s}

    def _cut(self, photo: Photo, detector: Detector) -> Iterator[TileImage]:
        pixels = decode_photo(photo)
        for look in plan_looks(photo.width_px, photo.height_px, detector.manifest, self._settings):
            for tile in look.tiles:
                yield np.ascontiguousarray(cut_tile(pixels, tile, look.size_px))


def run_bare(detector: Detector, tiles: Sequence[TileImage]) -> None:
    """Run a model over ready tiles, two for each stream under way, and read no answer."""
    if not isinstance(detector, OpenVinoDetector):
        message = "The bare model is timed in OpenVINO alone."
        raise TypeError(message)
    model = detector._trained.model  # the bench looks beneath the adapter
    count = 2 * min(4, detector._threads)
    requests = deque(model.create_infer_request() for _ in range(count))
    for tile in tiles:
        request = requests.popleft()
        request.wait()
        np.copyto(request.get_input_tensor().data[0], tile)
        request.start_async()
        requests.append(request)
    for request in requests:
        request.wait()


def _describe(found: Detection) -> list[Any]:
    return [found.hazard_class.value, round(found.score, 4), *found.bbox_xyxy.xyxy]


def main() -> None:
    """Wait for orders."""
    changes = dict(one.split("=", 1) for one in sys.argv[1:])
    serve(Ours(load_settings(None, **changes)).work)


if __name__ == "__main__":
    main()
