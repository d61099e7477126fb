"""Flights with pixels: the shipped models look at them, and every step is held against truth."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from detection.detectors.base import Detector
from detection.detectors.manifest import select_manifests
from detection.detectors.registry import load_detector
from detection.domain.ellipse import CHI2_95_2D
from detection.domain.finding import Candidate, Detection
from detection.domain.geometry import BBox, compute_iou
from detection.domain.hazard import HazardClass
from detection.domain.photo import FlightKind
from detection.georeference import Surroundings, georeference_detection
from detection.ingest.flight import read_flight
from detection.layers.read import read_buildings
from detection.pipeline import detect_flight
from detection.settings import load_settings
from detection.taxonomy import load_taxonomy
from tests.bench.placing import compare
from tests.bench.worlds import NOISE, make_detection
from training.synthetic.flight import render_flight

PHOTOS, WIDTH_PX = 10, 1280
CLEAR_SHARE, LEAST_IOU = 0.9, 0.4


@dataclass(frozen=True, slots=True)
class TrueBox:
    """A thing in a photo as the renderer drew it."""

    thing_id: str
    photo_id: str
    box: BBox
    hazard_class: HazardClass
    place: tuple[float, float]
    building: str | None


@dataclass(slots=True)
class Figures:
    """What one noise gave: of true boxes placed, and of what the models found and grouped."""

    cover_errors_m: list[float] = field(default_factory=list)
    covers_held: list[bool] = field(default_factory=list)
    right_building: list[bool] = field(default_factory=list)
    joined: Counter[bool] = field(default_factory=Counter)
    candidate_errors_m: list[float] = field(default_factory=list)
    candidates: int = 0
    things: int = 0

    def summarize(self) -> str:
        """Return a line for people."""
        building = f"{np.mean(self.right_building):.3f} of {len(self.right_building)}"
        return (
            f"covers {np.median(self.cover_errors_m):.2f} m off, {np.mean(self.covers_held):.3f} "
            f"of {len(self.covers_held)} in their ellipse; cracks and storeys on the right "
            f"building {building}; models: {self.candidates} candidates of {self.things} things, "
            f"{self.joined[True]} sightings with their own kind and {self.joined[False]} not, "
            f"candidates {np.median(self.candidate_errors_m or [np.nan]):.2f} m off"
        )


def measure_rendered(flights: int, seed: int) -> dict[str, str]:
    """Render ``flights`` streets with each noise; return a line for people each."""
    settings = load_settings()
    detectors = [load_detector(model, runtime=settings.runtime) for model in select_manifests(())]
    lines = {}
    for noise, model in NOISE.items():
        figures = Figures()
        for index in range(flights):
            with tempfile.TemporaryDirectory() as name:
                render_flight(
                    Path(name), seed=seed + index, photos=PHOTOS, width_px=WIDTH_PX, noise=model
                )
                _look(Path(name), detectors, figures)
        lines[noise] = figures.summarize()
    return lines


def _look(folder: Path, detectors: Sequence[Detector], figures: Figures) -> None:
    flight = read_flight(folder, FlightKind.DRONE, "bench")
    buildings = read_buildings(folder / "buildings.geojson")
    surroundings = Surroundings(buildings=buildings)
    boxes = read_boxes(folder / "truth.geojson")
    photos = {photo.photo_id: photo for photo in flight.photos}
    taxonomy = load_taxonomy()
    for one in boxes:
        detection = make_detection(photos[one.photo_id], one.box, one.hazard_class, 0.9)
        placed = georeference_detection(
            detection, photos[one.photo_id], taxonomy, surroundings=surroundings
        )
        if one.building is not None:
            on_building = placed.on_building
            figures.right_building.append(
                on_building is not None and on_building.building_id == one.building
            )
        elif placed.ground is not None:
            result = compare(placed.ground, one.place, 90.0, "")
            figures.cover_errors_m.append(result.error_m)
            figures.covers_held.append(result.squared <= CHI2_95_2D)
    done = detect_flight(flight, detectors, load_settings(), surroundings=surroundings)
    _count_candidates(done.candidates, boxes, figures)


def read_boxes(path: Path) -> list[TrueBox]:
    """Return the boxes of a flight's truth, of things that are hidden by little."""
    document = json.loads(path.read_text(encoding="utf-8"))
    rows = []
    for feature in document["features"]:
        about, (lon, lat) = feature["properties"], feature["geometry"]["coordinates"]
        rows += [
            TrueBox(
                about["id"],
                seen["photo"],
                BBox(*seen["bbox_xyxy"]),
                HazardClass(about["hazard_class"]),
                (lon, lat),
                about.get("building"),
            )
            for seen in about["photos"]
            if seen["visible_fraction"] >= CLEAR_SHARE
        ]
    return rows


def _count_candidates(
    candidates: Sequence[Candidate], boxes: Sequence[TrueBox], figures: Figures
) -> None:
    """Add how the sightings of the candidates agree with truth; false alarms are not counted."""
    by_photo: dict[str, list[TrueBox]] = {}
    places = {}
    for one in boxes:
        by_photo.setdefault(one.photo_id, []).append(one)
        places[one.thing_id] = one.place
    seen: set[str] = set()
    for candidate in candidates:
        things = [_name_thing(s.detection, by_photo) for s in candidate.sightings]
        counts = Counter(thing for thing in things if thing is not None)
        if not counts:
            continue
        (main, most), *_ = counts.most_common(1)
        seen |= set(counts)
        figures.candidates += 1
        figures.joined[True] += most
        figures.joined[False] += len(things) - most
        if candidate.ground is not None and candidate.hazard_class.thing == "manhole":
            offset = compare(candidate.ground, places[main], 90.0, "")
            figures.candidate_errors_m.append(offset.error_m)
    figures.things += len(seen)


def _name_thing(detection: Detection, by_photo: dict[str, list[TrueBox]]) -> str | None:
    """Return the thing of the same kind whose true box a found one covers, if any."""
    thing = detection.hazard_class.thing
    rows = [one for one in by_photo.get(detection.photo_id, []) if one.hazard_class.thing == thing]
    if not rows:
        return None
    truth = np.array([one.box.xyxy for one in rows])
    overlap = compute_iou(np.array([detection.bbox_xyxy.xyxy]), truth)[0]
    best = int(overlap.argmax())
    return rows[best].thing_id if overlap[best] >= LEAST_IOU else None
