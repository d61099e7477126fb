"""Time and memory of the largest flight that we promise: 5,000 photos, 100,000 detections.

Run as a process of its own, so that its peak of memory is its own: prints one JSON object. Seconds
are those of the processor, of all threads together: what one core needs, however busy the machine.
"""

from __future__ import annotations

import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from detection.coverage.document import build_coverage_document
from detection.coverage.footprint import compute_footprints
from detection.coverage.geojson import build_refly_geojson
from detection.coverage.kml import build_refly_kml
from detection.coverage.measure import measure_coverage
from detection.coverage.refly import list_refly
from detection.dedupe import group_candidates
from detection.domain.finding import GeoDetection
from detection.domain.photo import Photo
from detection.georeference import place_pixels
from detection.layers.read import read_areas, read_buildings, read_covers
from detection.needs import load_needs
from tests.bench.grouping import detect
from tests.bench.worlds import NOISE, SIZE_PX, Rng, World, fly
from training.synthetic.flight_plan import Exposure
from training.synthetic.open_ground import GroundCover, scatter_covers
from training.synthetic.scene import list_states
from training.synthetic.survey import Survey, expose_survey

PHOTOS, DETECTIONS = 5000, 100_000
HEIGHT_M, OVERLAP = 60.0, 0.7
BUILDINGS, INVENTORY = 5000, 5000
HOUSE_M = (10.0, 25.0)
SEED = 1


def measure_scale() -> dict[str, float]:
    """Run this module as a process on one core and return its figures."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.scale"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def fly_large(rng: Rng) -> tuple[World, Survey]:
    """A block of `PHOTOS` photos; only one goes through a file, the others take its camera."""
    survey = Survey(PHOTOS, SIZE_PX, HEIGHT_M, overlap=OVERLAP)
    first = fly(rng, replace(survey, photos=1), NOISE["gps"])
    exposures = expose_survey(rng, survey, first.frame, base_m=40.0, noise=NOISE["gps"])
    photos = tuple(_copy_photo(first.photos[0], one, i) for i, one in enumerate(exposures))
    return World(first.frame, tuple(one.shot.camera for one in exposures), photos), survey


def _copy_photo(model: Photo, exposure: Exposure, index: int) -> Photo:
    if model.pose is None:
        message = "the photo of the model has no pose"
        raise TypeError(message)
    written = exposure.written
    pose = replace(
        model.pose,
        lon=(written.lon + 180.0) % 360.0 - 180.0,
        lat=written.lat,
        altitude_agl_m=written.relative_m,
        altitude_m=written.altitude_m,
        yaw_deg=written.yaw_deg,
        pitch_deg=written.pitch_deg,
        roll_deg=written.roll_deg,
    )
    name = f"{index:05d}.jpg"
    return replace(model, photo_id=name, path=Path(name), sha256=f"{index:064x}", pose=pose)


def write_layers(rng: Rng, world: World, survey: Survey, folder: Path) -> None:
    """Write houses, an inventory of covers and the area, a tenth larger than what was flown."""
    low_x, low_y, high_x, high_y = (1.1 * side for side in survey.bounds())
    span = np.array([high_x - low_x, high_y - low_y])
    corners = np.array([low_x, low_y]) + rng.uniform(0, 1, (BUILDINGS, 2)) * span
    sizes = rng.uniform(*HOUSE_M, (BUILDINGS, 2))
    houses = [
        ({"id": f"b{i}", "height": 12.0}, _ring(world, x, y, x + w, y + h))
        for i, ((x, y), (w, h)) in enumerate(zip(corners, sizes, strict=True))
    ]
    _write(folder / "buildings.geojson", "Polygon", houses)
    _write(
        folder / "area.geojson",
        "Polygon",
        [({"id": "a", "name": "a"}, _ring(world, low_x, low_y, high_x, high_y))],
    )
    points = np.array([low_x, low_y]) + rng.uniform(0, 1, (INVENTORY, 2)) * span
    _write(
        folder / "covers.geojson",
        "Point",
        [({"id": f"c{i}"}, world.lonlat(point)) for i, point in enumerate(points)],
    )


def _ring(world: World, x_low: float, y_low: float, x_high: float, y_high: float) -> object:
    corners = [(x_low, y_low), (x_high, y_low), (x_high, y_high), (x_low, y_high), (x_low, y_low)]
    return [[world.lonlat(np.array(corner)) for corner in corners]]


def _write(path: Path, kind: str, rows: list[tuple[dict[str, object], object]]) -> None:
    features = [
        {"type": "Feature", "properties": row, "geometry": {"type": kind, "coordinates": shape}}
        for row, shape in rows
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def see_covers(rng: Rng, world: World, survey: Survey) -> list[GeoDetection]:
    """About `DETECTIONS` placed sightings of covers, cut to that number."""
    x_low, y_low, x_high, y_high = survey.bounds()
    photo_m2 = math.prod(survey.footprint_m)
    per_photo = 1.15 * DETECTIONS / PHOTOS
    count = round(per_photo * (x_high - x_low) * (y_high - y_low) / photo_m2)
    covers: list[GroundCover] = scatter_covers(
        rng, list_states(count), survey.bounds(), spacing_m=3.0, relief_m=0.1
    )
    photos = {photo.photo_id: photo for photo in world.photos}
    found: dict[str, list[GeoDetection]] = {}
    for sighting in detect(rng, world, covers):
        one = GeoDetection(sighting.detection, None)
        found.setdefault(sighting.detection.photo_id, []).append(one)
    placed: list[GeoDetection] = []
    for photo_id, rows in found.items():
        middles = [row.detection.bbox_xyxy.center for row in rows]
        places = place_pixels(photos[photo_id], middles, target_height_std_m=0.5)
        placed += [
            replace(row, ground=places.ground(i), unplaced_reason=places.reasons[i])
            for i, row in enumerate(rows)
        ]
    return placed[:DETECTIONS]


def main() -> None:
    """Measure and write the figures to standard output."""
    rng = np.random.default_rng(SEED)
    world, survey = fly_large(rng)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_layers(rng, world, survey, folder)
        buildings = read_buildings(folder / "buildings.geojson")
        covers = read_covers(folder / "covers.geojson")
        area = read_areas(folder / "area.geojson")
    started = time.process_time()
    footprints = compute_footprints(world.photos)
    coverage = measure_coverage(
        footprints, buildings=buildings, covers=covers, area=area, needs=load_needs()
    )
    spots = list_refly(coverage)
    build_refly_kml("bench", spots)
    json.dumps([build_coverage_document(coverage, spots), build_refly_geojson(spots)])
    footprints_s = time.process_time() - started
    placed = see_covers(rng, world, survey)
    photos = {photo.photo_id: photo for photo in world.photos}
    started = time.process_time()
    group_candidates(placed, photos)
    grouping_s = time.process_time() - started
    figures = {
        "photos": len(world.photos),
        "footprints_s": round(footprints_s, 2),
        "detections": len(placed),
        "grouping_s": round(grouping_s, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
