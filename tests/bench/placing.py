"""How far places are off, and whether their 95 % ellipses hold the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pyproj import Geod

from detection.domain.ellipse import CHI2_95_2D
from detection.domain.finding import GroundPoint
from detection.domain.hazard import HazardClass
from detection.georeference import georeference_detection
from detection.taxonomy import load_taxonomy
from tests.bench.worlds import NOISE, SIZE_PX, Rng, World, draw_box, fly, make_detection
from training.synthetic.camera import Array, PinholeCamera
from training.synthetic.open_ground import GroundCover
from training.synthetic.survey import NADIR_DEG, Survey, aim_at

VIEWS: dict[str, tuple[float, float]] = {
    "nadir_60m": (60.0, NADIR_DEG),
    "45deg_60m": (60.0, -45.0),
    "30deg_60m": (60.0, -30.0),
    "30deg_100m": (100.0, -30.0),
    "20deg_100m": (100.0, -20.0),
}
"""Height and pitch of the views whose budget is stated, with and without RTK."""

PHOTOS, TARGETS = 2, 3
REGIONS = {"": 1 / 4, "_whole_photo": 1.0}
"""Share of each side of the photo, about its middle, in which targets are sought: the budgets are
stated for the middle; towards the rim of a photo every error of angle and height weighs more."""

FLATTEST_DEG = 10.0
"""Rays flatter than this are not aimed at: too near to those that are refused."""

RELIEF_M = 0.05
"""Deviation of a cover's height from the ground, as the taxonomy assumes. How uneven the ground is
counts with the height of the camera, whose error is that against the ground at the target."""

_GEOD = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True)
class Placing:
    """One placed target: its error, its squared Mahalanobis distance, how steeply it was seen.

    ``region`` is the key of `REGIONS` that it was sought in.
    """

    error_m: float
    squared: float
    depression_deg: float
    region: str


def measure_setups(flights: int, seed: int) -> dict[str, list[Placing]]:
    """Fly ``flights`` random flights of each view with each noise; return what was placed."""
    results: dict[str, list[Placing]] = {}
    for view, (height_m, pitch_deg) in VIEWS.items():
        for noise in NOISE:
            rng = np.random.default_rng((seed, *map(ord, view + noise)))
            survey = Survey(PHOTOS, SIZE_PX, height_m, pitch_deg, 0.8)
            placed: list[Placing] = []
            for _ in range(flights):
                placed += place_targets(rng, fly(rng, survey, NOISE[noise]))
            for region in REGIONS:
                results[f"{view}_{noise}{region}"] = [one for one in placed if one.region == region]
    return results


def place_targets(rng: Rng, world: World) -> list[Placing]:
    """Draw boxes round covers at random pixels of each photo and place them as the product does."""
    taxonomy = load_taxonomy()
    placed = []
    for camera, photo in zip(world.cameras, world.photos, strict=True):
        for region, share in REGIONS.items():
            for cover, depression_deg in aim_covers(rng, camera, share):
                box = draw_box(rng, camera, cover)
                if box is None:
                    continue
                detection = make_detection(photo, box, cover.hazard_class, 0.9)
                ground = georeference_detection(detection, photo, taxonomy).ground
                if ground is not None:
                    truth = world.lonlat(cover.center)
                    placed.append(compare(ground, truth, depression_deg, region))
    return placed


def aim_covers(rng: Rng, camera: PinholeCamera, share: float) -> list[tuple[GroundCover, float]]:
    """Covers on the rays of random pixels of a photo, and how steeply each is seen, degrees.

    The pixels lie within ``share`` of the sides, about the middle.
    """
    size = np.array([camera.width_px, camera.height_px])
    xy = (0.5 + share * rng.uniform(-0.5, 0.5, (TARGETS, 2))) * size
    rays = camera.rays(xy)
    depression = np.degrees(np.arctan2(-rays[:, 2], np.hypot(rays[:, 0], rays[:, 1])))
    heights = rng.normal(0, RELIEF_M, TARGETS)
    steep = depression > FLATTEST_DEG
    points = aim_at(camera, xy[steep], heights[steep])
    return [
        (GroundCover(HazardClass.MANHOLE_MISSING, point, 0.35), float(angle))
        for point, angle in zip(points, depression[steep], strict=True)
    ]


def compare(
    ground: GroundPoint, truth: tuple[float, float], depression_deg: float, region: str
) -> Placing:
    """Return how far a place is from the truth (lon, lat), along the geodesic."""
    offset = measure_offset(truth, ground)
    covariance = np.array(
        [[ground.cov_ee_m2, ground.cov_en_m2], [ground.cov_en_m2, ground.cov_nn_m2]]
    )
    squared = float(offset @ np.linalg.solve(covariance, offset))
    return Placing(float(np.linalg.norm(offset)), squared, depression_deg, region)


def measure_offset(start: tuple[float, float], ground: GroundPoint) -> Array:
    """East and north metres from ``start`` (lon, lat) to a place, (2,)."""
    azimuth_deg, _, distance_m = _GEOD.inv(*start, ground.lon, ground.lat)
    azimuth = np.radians(azimuth_deg)
    return np.array([np.sin(azimuth) * distance_m, np.cos(azimuth) * distance_m])


def summarize_placing(placed: list[Placing]) -> dict[str, float]:
    """Return the figures of one setup."""
    errors = np.array([one.error_m for one in placed])
    held = [one.squared <= CHI2_95_2D for one in placed]
    return {
        "median_m": round(float(np.median(errors)), 3),
        "p95_m": round(float(np.percentile(errors, 95)), 3),
        "ellipse_coverage": round(float(np.mean(held)), 4),
        "n": len(placed),
    }
