"""What choosing views saves and costs: rendered flights with exact truth, looked at in part.

Run as ``python -m tests.bench.speed_views``; prints one JSON object. Every photo is looked at once;
then candidates are grouped from those photos alone that ``--views N`` would have taken.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from detection.coverage.footprint import compute_footprints
from detection.dedupe import group_candidates
from detection.detectors.manifest import select_manifests
from detection.detectors.registry import load_detector
from detection.domain.finding import Candidate
from detection.domain.geometry import BBox, compute_iou
from detection.domain.photo import Flight, FlightKind
from detection.ingest.flight import read_flight
from detection.pipeline import PhotoResult, detect_photos
from detection.settings import load_settings
from detection.views import choose_views
from training.synthetic.flight import render_flight

SEEDS = {-90.0: (9401, 9402, 9403, 9404), -60.0: (9501, 9502)}
"""Of the flights, by the pitch of the camera; the first stands for 16 m, the second for 20 m."""

HEIGHTS_M = {-90.0: 16.0, -60.0: 20.0}
PHOTOS, WIDTH_PX, OVERLAP = 48, 1920, 0.8
VIEWS = (0, 1, 2, 3, 5)
MIN_VISIBLE = 0.5
MIN_IOU = {"manhole": 0.5, "facade": 0.2, "added": 0.5}
"""A box shows a thing from this overlap on, by the first word of its class; cracks are thin."""

Truth = dict[str, list[tuple[str, str, BBox]]]
"""Things by photo: name, class, box."""


@dataclass(slots=True)
class ViewTally:
    """Sums over flights: photos, those looked at, candidates, and hazards that have one."""

    photos: int = 0
    looked_at: int = 0
    candidates: int = 0
    hazards: set[str] = field(default_factory=set)


def measure_views(seeds: dict[float, tuple[int, ...]] | None = None) -> dict[str, object]:
    """Return by pitch and N the share of photos and how many hazards of all photos are kept."""
    rows: dict[str, object] = {}
    for pitch_deg, numbers in (seeds or SEEDS).items():
        tallies = {wanted: ViewTally() for wanted in VIEWS}
        for seed in numbers:
            with tempfile.TemporaryDirectory() as name:
                _add_flight(tallies, Path(name), seed, pitch_deg)
        known = tallies[0].hazards
        for wanted, tally in tallies.items():
            rows[f"pitch{pitch_deg:.0f}_views{wanted}"] = {
                "share": round(tally.looked_at / tally.photos, 3),
                "hazards_kept": len(tally.hazards & known),
                "hazards": len(known),
                "candidates": tally.candidates,
            }
    return rows


def _add_flight(tallies: dict[int, ViewTally], folder: Path, seed: int, pitch_deg: float) -> None:
    render_flight(
        folder,
        seed=seed,
        photos=PHOTOS,
        width_px=WIDTH_PX,
        height_m=HEIGHTS_M[pitch_deg],
        pitch_deg=pitch_deg,
        overlap=OVERLAP,
    )
    flight = read_flight(folder, FlightKind.DRONE, str(seed))
    truth = _read_truth(folder / "truth.geojson")
    results = _look(flight)
    footprints = compute_footprints(flight.photos)
    for wanted, tally in tallies.items():
        chosen = choose_views(footprints, wanted, lambda asked: [True] * len(asked)).chosen
        kept = [result for result, is_in in zip(results, chosen, strict=True) if is_in]
        candidates = group_candidates(
            [found for result in kept for found in result.detections],
            {result.photo.photo_id: result.photo for result in kept},
        )
        tally.photos += len(chosen)
        tally.looked_at += len(kept)
        tally.candidates += len(candidates)
        tally.hazards |= {f"{seed}/{thing}" for thing in _find_things(candidates, truth)}


def _look(flight: Flight) -> list[PhotoResult]:
    settings = load_settings(exhaustive=True)
    detectors = [
        load_detector(one, streams=settings.streams, precision=settings.precision)
        for one in select_manifests(())
    ]
    return list(detect_photos(flight.photos, detectors, settings))


def _read_truth(path: Path) -> Truth:
    truth: Truth = {}
    for feature in json.loads(path.read_text(encoding="utf-8"))["features"]:
        thing = feature["properties"]
        for seen in thing["photos"]:
            if seen["visible_fraction"] >= MIN_VISIBLE:
                row = (thing["id"], thing["hazard_class"], BBox(*seen["bbox_xyxy"]))
                truth.setdefault(seen["photo"], []).append(row)
    return truth


def _find_things(candidates: Sequence[Candidate], truth: Truth) -> set[str]:
    """Return the hazards that a candidate of their kind shows; intact covers are none."""
    found = set()
    for candidate in candidates:
        for sighting in candidate.sightings:
            box, own = sighting.detection.bbox_xyxy, sighting.detection.hazard_class.value
            for thing, key, true_box in truth.get(sighting.detection.photo_id, []):
                kind = key.split("_", maxsplit=1)[0]
                if kind == own.split("_", maxsplit=1)[0] and key != "manhole_ok":
                    found |= {thing} if _overlap(box, true_box) >= MIN_IOU[kind] else set()
    return found


def _overlap(one: BBox, other: BBox) -> float:
    return float(compute_iou(np.array([one.xyxy]), np.array([other.xyxy])).item())


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure_views()) + "\n")
