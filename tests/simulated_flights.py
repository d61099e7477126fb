"""Flights of poses over open ground with noise, misses and false alarms, and what is true of them.

The gimbal holds what the camera writes; the camera in truth stands and leans off by the errors.
Import as ``from tests.simulated_flights import RTK, simulate_flight``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.finding import Candidate, Detection, GeoDetection
from detection.domain.geometry import BBox, FloatArray
from detection.domain.hazard import HazardClass
from detection.domain.photo import Photo
from detection.domain.sight import compute_camera_axes
from detection.georeference import place_pixels
from detection.plane import LocalPlane
from detection.taxonomy import TaxonomyEntry, load_taxonomy

PLANE = LocalPlane(106.55, 29.56)
CAMERA = CameraIntrinsics(5280, 3956, 3664.0, 2640.0, 1978.0, "exif:FocalLengthIn35mmFilm")
SECONDS_PER_PHOTO = 2.5
DRIFT_S = 300.0
STARTED_AT = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
SMALLEST_PX = 12.0
FALSE_ALARM = -1
Rng = np.random.Generator
Shot = tuple[FloatArray, float]
"""Position (east, north, up), metres, and heading, degrees."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Standard deviations of an error: of the whole flight, slow over minutes, new a photo."""

    shared: float = 0.0
    drifting: float = 0.0
    photo: float = 0.0


@dataclass(frozen=True, slots=True)
class Noise:
    """Errors in metres and degrees; ``stated`` is what the camera says of the four of them."""

    position: Spread
    height: Spread
    yaw: Spread
    tilt: Spread
    stated: tuple[float, float, float, float]
    focal_share: float = 0.01

    def draw(self, rng: Rng, part: str) -> FloatArray:
        """East, north, up, yaw, pitch and lean of one ``part`` of the spreads, (6,)."""
        p, h, y, t = (
            float(getattr(spread, part))
            for spread in (self.position, self.height, self.yaw, self.tilt)
        )
        return rng.normal(0, 1, 6) * [p, p, h, y, t, t]


EXACT = Noise(Spread(), Spread(), Spread(), Spread(), (0.05, 0.3, 0.5, 0.2), 0.0)
RTK = Noise(
    Spread(0.03, 0.0, 0.04),
    Spread(0.25, 0.1, 0.1),
    Spread(0.4, 0.0, 0.3),
    Spread(0.1, 0.0, 0.17),
    (0.05, 0.3, 0.5, 0.2),
    0.005,
)
NO_RTK = Noise(
    Spread(1.0, 1.0, 0.5),
    Spread(2.5, 1.5, 0.6),
    Spread(1.7, 0.0, 1.0),
    Spread(0.4, 0.0, 0.3),
    (1.5, 3.0, 2.0, 0.5),
)
NO_RTK_PHOTO = replace(NO_RTK, yaw=Spread(photo=2.0), tilt=Spread(photo=0.5))
"""The angles' whole error is new in every photo."""
NO_RTK_SHARED = replace(NO_RTK, yaw=Spread(shared=2.0), tilt=Spread(shared=0.5))
"""The angles' whole error is that of the flight."""


@dataclass(frozen=True, slots=True)
class SimulatedFlight:
    """Detections with their photos; ``truth`` names the cover of each, or `FALSE_ALARM`.

    ``covers_m`` (n, 2) are the true places in `PLANE`.
    """

    photos: dict[str, Photo]
    detections: tuple[GeoDetection, ...]
    truth: tuple[int, ...]
    covers_m: FloatArray


def scatter_covers(
    rng: Rng, count: int, size_m: tuple[float, float], spacing_m: float
) -> FloatArray:
    """Return random places (n, 2) around the origin, none nearer than ``spacing_m`` to another."""
    chosen = np.empty((count, 2))
    found = 0
    while found < count:
        point = (rng.random(2) - 0.5) * size_m
        if not found or np.hypot(*(chosen[:found] - point).T).min() >= spacing_m:
            chosen[found] = point
            found += 1
    return chosen


def plan_block(
    lines: int,
    per_line: int,
    *,
    height_m: float = 60.0,
    pitch_deg: float = -90.0,
    overlap: float = 0.8,
) -> list[Shot]:
    """Return a block flight, forth and back, whose looks centre on the origin."""
    slant_m = height_m / np.sin(np.radians(-pitch_deg))
    along_m = CAMERA.height_px / CAMERA.focal_px * slant_m / np.sin(np.radians(-pitch_deg))
    across_m = CAMERA.width_px / CAMERA.focal_px * slant_m
    setback_m = height_m / np.tan(np.radians(-pitch_deg))
    shots = []
    for line in range(lines):
        way = 1.0 if line % 2 == 0 else -1.0
        for place in range(per_line):
            north_m = way * ((place - (per_line - 1) / 2) * along_m * (1 - overlap) - setback_m)
            east_m = (line - (lines - 1) / 2) * across_m * (1 - overlap)
            shots.append((np.array([east_m, north_m, height_m]), 0.0 if way > 0 else 180.0))
    return shots


def simulate_flight(
    seed: int,
    covers_m: FloatArray,
    shots: Sequence[Shot],
    noise: Noise,
    *,
    pitch_deg: float = -90.0,
    recall: float = 0.9,
    alarms_per_photo: float = 1.0,
    relief_m: float = 0.1,
    hazard_class: HazardClass = HazardClass.MANHOLE_MISSING,
) -> SimulatedFlight:
    """Fly, look and place; every error comes from ``seed``.

    The things stand as high as the taxonomy assumes of their class, give or take ``relief_m``.
    """
    rng = np.random.default_rng(seed)
    shared, drift = noise.draw(rng, "shared"), noise.draw(rng, "drifting")
    kept = np.exp(-SECONDS_PER_PHOTO / DRIFT_S)
    entry = load_taxonomy()[hazard_class]
    heights = entry.target_height_m + rng.normal(0, relief_m, len(covers_m))
    covers = np.column_stack([covers_m, heights])
    radii_m = rng.uniform(0.3, 0.4, len(covers_m))
    focal_px = CAMERA.focal_px * (1 + rng.normal() * noise.focal_share)
    photos: dict[str, Photo] = {}
    detections: list[GeoDetection] = []
    truth: list[int] = []
    for index, (planned, heading_deg) in enumerate(shots):
        drift = kept * drift + np.sqrt(1 - kept**2) * noise.draw(rng, "drifting")
        error = shared + drift + noise.draw(rng, "photo")
        position = planned + rng.normal(0, 0.3, 3)
        photo = _write_photo(index, position + error[:3], heading_deg, pitch_deg, noise)
        axes = _lean(heading_deg + error[3], pitch_deg + error[4], error[5])
        centers, sizes, names = _look(
            rng, covers, radii_m, position, axes, focal_px=focal_px, recall=recall
        )
        alarms = rng.poisson(alarms_per_photo)
        frame = np.array([CAMERA.width_px, CAMERA.height_px])
        centers = np.vstack([centers, rng.random((alarms, 2)) * frame])
        sizes = np.concatenate([sizes, rng.uniform(20, 60, alarms)])
        photos[photo.photo_id] = photo
        for ground_of, name in zip(
            _place(rng, photo, entry, centers, sizes),
            [*names, *[FALSE_ALARM] * alarms],
            strict=True,
        ):
            if ground_of is not None:
                detections.append(ground_of)
                truth.append(name)
    return SimulatedFlight(photos, tuple(detections), tuple(truth), covers_m)


def _write_photo(
    index: int, position: FloatArray, heading_deg: float, pitch_deg: float, noise: Noise
) -> Photo:
    lon, lat = (float(value) for value in PLANE.to_lonlat(position[:2]))
    h, v, y, t = noise.stated
    up = float(position[2])
    pose = CameraPose(lon, lat, up, None, heading_deg, pitch_deg, 0.0, h, v, y, t, t, "simulated")
    return Photo(
        photo_id=f"p{index:05d}.jpg",
        path=Path("x"),
        sha256=f"{index:064x}",
        width_px=CAMERA.width_px,
        height_px=CAMERA.height_px,
        captured_at=STARTED_AT + timedelta(seconds=SECONDS_PER_PHOTO * index),
        camera_model=None,
        intrinsics=CAMERA,
        pose=pose,
    )


def _lean(yaw_deg: float, pitch_deg: float, lean_deg: float) -> FloatArray:
    """Return the axes of a camera (rows) that leans clockwise about its level heading."""
    axes = compute_camera_axes(yaw_deg, pitch_deg, 0.0)
    yaw, lean = np.radians(yaw_deg), np.radians(lean_deg)
    heading = np.array([np.sin(yaw), np.cos(yaw), 0.0])
    along = (axes @ heading)[:, None] * heading
    turned = np.cos(lean) * (axes - along) + np.sin(lean) * np.cross(heading, axes)
    return np.asarray(along + turned)


def _look(
    rng: Rng,
    covers: FloatArray,
    radii_m: FloatArray,
    position: FloatArray,
    axes: FloatArray,
    *,
    focal_px: float,
    recall: float,
) -> tuple[FloatArray, FloatArray, list[int]]:
    """Return the middles (n, 2) and sizes (n,) of the boxes of covers, and which those are."""
    seen = (covers - position) @ axes.T
    depth = np.where(seen[:, 2] > 1.0, seen[:, 2], np.nan)
    xy = seen[:, :2] / depth[:, None] * focal_px + [CAMERA.cx_px, CAMERA.cy_px]
    size = 2 * radii_m / depth * focal_px
    with np.errstate(invalid="ignore"):
        inside = (xy >= 0) & (xy <= [CAMERA.width_px, CAMERA.height_px])
        shown = inside.all(axis=1) & (size >= SMALLEST_PX) & (rng.random(len(covers)) < recall)
    names = np.flatnonzero(shown)
    jitter = rng.normal(0, 1, (len(names), 2)) * np.maximum(1.0, 0.02 * size[names])[:, None]
    return xy[names] + jitter, size[names], names.tolist()


def _place(
    rng: Rng, photo: Photo, entry: TaxonomyEntry, centers: FloatArray, sizes: FloatArray
) -> list[GeoDetection | None]:
    if not len(centers):
        return []
    stds = np.repeat(np.maximum(1.5, 0.03 * sizes)[:, None], 2, axis=1)
    placed = place_pixels(
        photo,
        centers,
        target_height_m=entry.target_height_m,
        target_height_std_m=entry.target_height_std_m,
        pixel_std_px=stds,
    )
    found: list[GeoDetection | None] = []
    for index, ((x, y), size) in enumerate(zip(centers.tolist(), sizes.tolist(), strict=True)):
        ground = placed.ground(index)
        box = BBox(x - size / 2, y - size / 2, x + size / 2, y + size / 2)
        score = float(rng.uniform(0.4, 0.95))
        seen = Detection(photo.photo_id, entry.hazard_class, score, box, "simulated", "0" * 64)
        found.append(None if ground is None else GeoDetection(seen, ground))
    return found


@dataclass(frozen=True, slots=True)
class PairScore:
    """How well candidates agree with truth.

    ``precision`` and ``recall`` count pairs of sightings of one candidate and pairs of sightings
    of one cover, pairs with a false alarm as wrong; ``ratio`` is the candidates that hold a
    cover to the covers that were seen.
    """

    precision: float
    recall: float
    ratio: float


def score_pairs(flight: SimulatedFlight, candidates: Sequence[Candidate]) -> PairScore:
    """Compare the candidates of a flight with what is true."""
    truth = {id(seen): name for seen, name in zip(flight.detections, flight.truth, strict=True)}
    held = [Counter(truth[id(seen)] for seen in one.sightings) for one in candidates]
    joined = sum(_count_pairs(names.total()) for names in held)
    right = sum(
        _count_pairs(count)
        for names in held
        for name, count in names.items()
        if name != FALSE_ALARM
    )
    seen = Counter(name for name in flight.truth if name != FALSE_ALARM)
    wanted = sum(_count_pairs(count) for count in seen.values())
    real = sum(1 for names in held if set(names) != {FALSE_ALARM})
    return PairScore(right / max(1, joined), right / max(1, wanted), real / max(1, len(seen)))


def _count_pairs(count: int) -> int:
    return count * (count - 1) // 2
