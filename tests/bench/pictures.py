"""Pictures of footprints, ellipses and groups on a flight: ``python -m tests.bench.pictures OUT``.

A rendered flight, with the truth beside it; and a real one where its folder is named after OUT.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse, Polygon

from detection.coverage.footprint import compute_footprints
from detection.dedupe import group_candidates
from detection.domain.ellipse import compute_ellipse
from detection.domain.finding import Candidate, GeoDetection, GroundPoint
from detection.domain.geometry import BBox, FloatArray
from detection.domain.hazard import HazardClass
from detection.domain.photo import FlightKind, Photo
from detection.georeference import georeference_detection
from detection.ingest.flight import read_flight
from detection.plane import LocalPlane
from detection.taxonomy import load_taxonomy
from tests.bench.rendered import read_boxes
from tests.bench.worlds import NOISE, make_detection
from tests.survey_panels import pick_panels
from training.synthetic.flight import render_flight

PANEL_HALF_PX = 12.0
CLOSE_UP_MARGIN = 1.2


@dataclass(frozen=True, slots=True)
class Subject:
    """A flight to draw: its photos, what was placed in them, and true places (n, 2) lon, lat."""

    name: str
    photos: tuple[Photo, ...]
    placed: tuple[GeoDetection, ...]
    truth: FloatArray


def render_subject(seed: int) -> Subject:
    """A rendered block flight without RTK: true boxes of covers, placed by what was written."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        render_flight(
            folder,
            seed=seed,
            photos=24,
            width_px=1280,
            height_m=30.0,
            overlap=0.7,
            noise=NOISE["gps"],
        )
        flight = read_flight(folder, FlightKind.DRONE, "rendered")
        boxes = [one for one in read_boxes(folder / "truth.geojson") if one.building is None]
    photos = {photo.photo_id: photo for photo in flight.photos}
    # Every cover as a missing one: intact covers alone make no candidate.
    placed = [_place(photos[one.photo_id], one.box, HazardClass.MANHOLE_MISSING) for one in boxes]
    truth = np.array(sorted({one.place for one in boxes}))
    return Subject("rendered, no RTK, 30 m", flight.photos, tuple(placed), truth)


def read_subject(folder: Path) -> Subject:
    """A real flight: survey panels stand in for covers, as no true hazard is known."""
    flight = read_flight(folder, FlightKind.DRONE, folder.name)
    placed = [
        _place(photo, _box_panel(pick.xy), HazardClass.MANHOLE_MISSING)
        for photo in flight.photos
        for pick in pick_panels(photo)
    ]
    return Subject(folder.name, flight.photos, tuple(placed), np.empty((0, 2)))


def _box_panel(xy: tuple[float, float]) -> BBox:
    x, y = xy
    return BBox(x - PANEL_HALF_PX, y - PANEL_HALF_PX, x + PANEL_HALF_PX, y + PANEL_HALF_PX)


def _place(photo: Photo, box: BBox, hazard_class: HazardClass) -> GeoDetection:
    detection = make_detection(photo, box, hazard_class, 0.9)
    return georeference_detection(detection, photo, load_taxonomy())


def draw_subject(subject: Subject, path: Path) -> None:
    """Draw the whole flight and close-ups of the largest candidates."""
    pose = next(photo.pose for photo in subject.photos if photo.pose is not None)
    plane = LocalPlane(pose.lon, pose.lat)
    candidates = group_candidates(subject.placed, {p.photo_id: p for p in subject.photos})
    figure = plt.figure(figsize=(17, 8), layout="constrained")
    whole, *close = figure.subplot_mosaic("AABC;AADE").values()
    _draw_footprints(whole, subject.photos, plane)
    for axes in (whole, *close):
        _draw_candidates(axes, candidates, plane)
        if len(subject.truth):
            axes.plot(*plane.to_metres(subject.truth).T, "kx", markersize=7)
        axes.set_aspect("equal")
    largest = sorted(candidates, key=lambda one: -len(one.sightings))[: len(close)]
    for axes, candidate in zip(close, largest, strict=False):
        _zoom(axes, candidate, plane)
    held = sum(len(one.sightings) for one in candidates)
    figure.suptitle(
        f"{subject.name}: {len(subject.photos)} footprints, {held} sightings in {len(candidates)} "
        "candidates (thin: 95 % ellipse of a sighting, bold: of the candidate; colour: candidate; "
        "cross: truth)"
    )
    whole.set_xlabel("east, m")
    whole.set_ylabel("north, m")
    figure.savefig(path, dpi=90)
    plt.close(figure)


def _draw_footprints(axes: Axes, photos: Sequence[Photo], plane: LocalPlane) -> None:
    for footprint in compute_footprints(photos):
        if footprint.refused is None:
            ring = plane.to_metres(np.array(footprint.ring))
            axes.add_patch(Polygon(ring, facecolor="#4477aa10", edgecolor="#4477aa60", lw=0.8))
    track = np.array([(p.pose.lon, p.pose.lat) for p in photos if p.pose is not None])
    axes.plot(*plane.to_metres(track).T, "-", color="#888888", lw=0.6)
    axes.plot(*plane.to_metres(track).T, ".", color="#444444", markersize=4)


def _draw_candidates(axes: Axes, candidates: Sequence[Candidate], plane: LocalPlane) -> None:
    colours = mpl.colormaps["tab20"]
    for index, candidate in enumerate(candidates):
        colour = colours(index % 20)
        for sighting in candidate.sightings:
            if sighting.ground is not None:
                _draw_ellipse(axes, sighting.ground, plane, colour, width=0.6)
        if candidate.ground is not None:
            _draw_ellipse(axes, candidate.ground, plane, colour, width=2.2)


def _draw_ellipse(
    axes: Axes,
    ground: GroundPoint,
    plane: LocalPlane,
    colour: tuple[float, float, float, float],
    *,
    width: float,
) -> None:
    (x, y), ellipse = plane.to_metres((ground.lon, ground.lat)), compute_ellipse(ground)
    axes.add_patch(
        Ellipse(
            (x, y),
            2 * ellipse.semi_major_m,
            2 * ellipse.semi_minor_m,
            angle=90.0 - ellipse.angle_deg,
            fill=False,
            edgecolor=colour,
            lw=width,
        )
    )
    axes.plot(x, y, "o" if width > 1 else ".", color=colour, markersize=5 if width > 1 else 3)


def _zoom(axes: Axes, candidate: Candidate, plane: LocalPlane) -> None:
    grounds = [one.ground for one in candidate.sightings if one.ground is not None]
    places = plane.to_metres([(ground.lon, ground.lat) for ground in grounds])
    reach = CLOSE_UP_MARGIN * max(compute_ellipse(ground).semi_major_m for ground in grounds)
    middle = places.mean(axis=0)
    axes.set_xlim(middle[0] - reach, middle[0] + reach)
    axes.set_ylim(middle[1] - reach, middle[1] + reach)
    axes.set_title(f"{len(grounds)} sightings, ± {candidate.error_m or 0.0:.1f} m", fontsize=9)


def main() -> None:
    """Draw into the folder named first."""
    mpl.use("Agg")
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    draw_subject(render_subject(7), out / "rendered.png")
    for name in sys.argv[2:]:
        draw_subject(read_subject(Path(name)), out / f"{Path(name).name}.png")


if __name__ == "__main__":
    main()
