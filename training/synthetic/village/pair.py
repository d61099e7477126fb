"""Render a pair of flights over one village: photos, building layer, register and truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np

from training.synthetic.flight_plan import Exposure
from training.synthetic.geodesy import StreetFrame
from training.synthetic.metadata import make_exif, make_xmp
from training.synthetic.noise import NoiseKind, NoiseModel, choose_noise
from training.synthetic.sensor import develop, draw_look, encode_jpeg, make_sky
from training.synthetic.survey import expose_views
from training.synthetic.textures import Rng
from training.synthetic.truth_files import write_poses, write_written_poses
from training.synthetic.village.changes import House, draw_changes
from training.synthetic.village.coverage import RoofViews, note_views, sample_roofs
from training.synthetic.village.flights import plan_views
from training.synthetic.village.heights import measure_heights
from training.synthetic.village.plan import Village, plan_village
from training.synthetic.village.register import permit_storeys, write_register
from training.synthetic.village.scene import SUPERSAMPLING, build_day, render_day
from training.synthetic.village.season import Season, draw_seasons
from training.synthetic.village.truth import write_building_layer, write_truth

PAIR_PHOTOS, PAIR_WIDTH_PX = 35, 1200
BASE, NEW = "base", "new"
LON, LAT, GROUND_ALTITUDE_M = 113.2, 23.1, 21.0
DAYS = (
    datetime(2025, 11, 18, 10, 5, 0, tzinfo=timezone(timedelta(hours=8))),
    datetime(2026, 5, 9, 15, 40, 0, tzinfo=timezone(timedelta(hours=8))),
)
SECONDS_APART = timedelta(seconds=3)
RTK_SHARE = 0.35
FOCAL_SHARE = 0.01
"""Deviation of the focal length that a camera writes as calibrated, which is its design's."""


@dataclass(frozen=True, slots=True)
class RenderedPair:
    """What was written: the folder, how many photos each flight has, and how many houses stood."""

    folder: Path
    photos: tuple[int, int]
    buildings: int


@dataclass(frozen=True, slots=True)
class _World:
    seed: int
    frame: StreetFrame
    village: Village
    houses: tuple[House, ...]
    seasons: tuple[Season, Season]
    receivers: tuple[NoiseKind, NoiseKind]
    turns_deg: tuple[float, float]


def render_pair(
    out_dir: Path,
    *,
    seed: int,
    photos: int = PAIR_PHOTOS,
    width_px: int = PAIR_WIDTH_PX,
    on_photo: Callable[[], None] | None = None,
) -> RenderedPair:
    """Render two flights of about ``photos`` photos; the same arguments give the same bytes.

    Writes ``base/`` and ``new/`` (photos, true and written poses), ``buildings.geojson``,
    ``register.csv``, ``truth.json`` and ``heights_base.npz``, ``heights_new.npz``.
    ``on_photo()`` is called after every photo.
    """
    world = _draw_world(seed)
    size_px = (width_px, round(width_px * 3 / 4))
    counts: list[int] = []
    views: list[list[RoofViews]] = []
    for day, name in enumerate((BASE, NEW)):
        exposures = _plan_flight(world, day, photos, size_px)
        counts.append(len(exposures))
        views.append(_fly(out_dir / name, world, day, exposures, on_photo or _ignore))
        grid = measure_heights(world.village, world.houses, day, world.frame)
        np.savez_compressed(out_dir / f"heights_{name}.npz", **asdict(grid))
    _write_papers(out_dir, world, (views[0], views[1]))
    return RenderedPair(out_dir, (counts[0], counts[1]), len(world.houses))


def _ignore() -> None:
    pass


def _draw_world(seed: int) -> _World:
    rng = np.random.default_rng((seed, 10))
    village = plan_village(rng)
    houses = draw_changes(np.random.default_rng((seed, 11)), village.plots)
    heading_deg = float(rng.uniform(0, 360))
    frame = StreetFrame(LON + 0.01 * (seed % 11), LAT + 0.01 * (seed % 7), heading_deg)
    seasons = draw_seasons(rng)
    receivers = _draw_receivers(np.random.default_rng((seed, 12)))
    turns_deg = _draw_turns(np.random.default_rng((seed, 13)))
    return _World(seed, frame, village, houses, seasons, receivers, turns_deg)


def _draw_receivers(rng: Rng) -> tuple[NoiseKind, NoiseKind]:
    """Draw a receiver for each flight: plain GPS, or RTK on about a third of them."""
    first, second = (NoiseKind.RTK if rng.random() < RTK_SHARE else NoiseKind.GPS for _ in range(2))
    return first, second


def _plan_flight(world: _World, day: int, photos: int, size_px: tuple[int, int]) -> list[Exposure]:
    rng = np.random.default_rng((world.seed, 14, day))
    planned = plan_views(rng, world.village.reach_m, photos, size_px, world.turns_deg[day])
    noise = make_budget(world.receivers[day])
    return expose_views(rng, planned, size_px, world.frame, base_m=GROUND_ALTITUDE_M, noise=noise)


def make_budget(kind: NoiseKind) -> NoiseModel:
    """Return the errors that the product states for a receiver, with and without RTK."""
    if kind is NoiseKind.RTK:
        model = choose_noise(
            kind, gps_std_m=0.05, height_std_m=0.3, gimbal_std_deg=0.2, yaw_std_deg=0.5
        )
    else:
        model = choose_noise(
            kind, gps_std_m=1.5, height_std_m=3.0, gimbal_std_deg=0.5, yaw_std_deg=2.0
        )
    return replace(model, focal_share=FOCAL_SHARE)


def _draw_turns(rng: Rng) -> tuple[float, float]:
    """Draw headings of the lines: roughly along the lanes, or across them."""
    first, second = rng.choice([0.0, 90.0, 180.0, 270.0], size=2, replace=False)
    return float(first + rng.normal(0, 6)), float(second + rng.normal(0, 6))


def _fly(
    folder: Path,
    world: _World,
    day: int,
    exposures: Sequence[Exposure],
    on_photo: Callable[[], None],
) -> list[RoofViews]:
    """Write the photos of one flight; return how they see the roofs."""
    folder.mkdir(parents=True, exist_ok=True)
    scene = build_day(world.seed, world.village, world.houses, world.seasons[day], day)
    roofs = sample_roofs(world.houses, day)
    rng = np.random.default_rng((world.seed, 15, day))
    look = draw_look(rng, is_wild=False)
    names = []
    for index, exposure in enumerate(exposures):
        camera = exposure.shot.camera
        canvas = render_day(scene, camera, make_sky(rng, 0.0))
        note_views(roofs, canvas, camera)
        depth = canvas.inverse_depth[::SUPERSAMPLING, ::SUPERSAMPLING]
        pixels = develop(rng, canvas.resolve(), depth, look)
        size_px = (camera.width_px, camera.height_px)
        moment = DAYS[day] + SECONDS_APART * index
        metadata = [make(exposure.written, moment, exposure.focal_px, size_px) for make in WRITERS]
        names.append(f"HLR_{index + 1:04d}.JPG")
        path = folder / names[-1]
        path.write_bytes(encode_jpeg(pixels, look.jpeg_quality, *metadata))
        on_photo()
    write_poses(folder / "truth_poses.json", exposures, world.frame, GROUND_ALTITUDE_M, names)
    write_written_poses(folder / "written_poses.json", exposures, names)
    return roofs


WRITERS = (make_exif, make_xmp)


def _write_papers(
    out_dir: Path,
    world: _World,
    views: tuple[Sequence[RoofViews], Sequence[RoofViews]],
) -> None:
    rng = np.random.default_rng((world.seed, 16))
    write_building_layer(out_dir / "buildings.geojson", rng, world.houses, world.frame)
    permitted = permit_storeys(rng, world.houses)
    write_register(
        out_dir / "register.csv",
        rng,
        world.houses,
        world.frame,
        permitted=permitted,
        encoding="gbk" if world.seed % 2 else "utf-8-sig",
    )
    receivers = [kind.value for kind in world.receivers]
    write_truth(
        out_dir / "truth.json",
        world.houses,
        world.frame,
        permitted=permitted,
        views=views,
        about={"seed": world.seed, "noise": {BASE: receivers[0], NEW: receivers[1]}},
    )
