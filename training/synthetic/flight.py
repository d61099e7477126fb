"""Render a whole flight: photos with metadata, and the truth about what is in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np

from detection.domain.errors import InvalidInputError
from training.synthetic.cover_drawing import draw_cover
from training.synthetic.flight_plan import (
    NoiseKind,
    Shot,
    draw_shared_offset,
    plan_shots,
    write_pose,
)
from training.synthetic.geodesy import StreetFrame
from training.synthetic.metadata import make_exif, make_xmp
from training.synthetic.rasterize import Canvas, Image
from training.synthetic.scene import Scene, build_scene
from training.synthetic.sensor import SensorLook, develop, draw_look, encode_jpeg, make_sky
from training.synthetic.textures import Rng
from training.synthetic.truth_files import (
    Thing,
    list_things,
    observe_things,
    write_buildings,
    write_poses,
    write_truth,
)

DEMO_SEED = 7
DEMO_PHOTOS = 15
DEMO_WIDTH_PX = 1920
DEMO_HEIGHT_M = 16.0
MIN_WIDTH_PX = 160
LON, LAT, GROUND_ALTITUDE_M = 113.0, 23.0, 12.0
FIRST_PHOTO_AT = datetime(2026, 3, 14, 10, 20, 0, tzinfo=timezone(timedelta(hours=8)))
SECONDS_APART = 4
SUPERSAMPLING = 2


@dataclass(frozen=True, slots=True)
class RenderedFlight:
    """What was written: the folder, its photos and how many things of each class they show."""

    folder: Path
    photos: tuple[Path, ...]
    counts: dict[str, int]
    total_bytes: int


def render_flight(
    out_dir: Path,
    *,
    seed: int = DEMO_SEED,
    photos: int = DEMO_PHOTOS,
    width_px: int = DEMO_WIDTH_PX,
    height_m: float = DEMO_HEIGHT_M,
    noise: NoiseKind = NoiseKind.GPS,
    covers: int = 14,
    cracks: int = 4,
    on_photo: Callable[[int, int], None] | None = None,
) -> RenderedFlight:
    """Write ``photos`` JPEGs (4:3), ``truth.geojson``, ``truth_poses.json``, ``buildings.geojson``.

    The same arguments give the same bytes. ``height_m`` is the height of the nadir strip above
    the street; ``noise`` how far the written poses are off. ``on_photo(done, total)`` is called
    after every photo.

    Raises:
        InvalidInputError: an argument is out of range, or ``out_dir`` cannot be made.
    """
    limits = (
        ("photos", photos, 1, 200),
        ("width", width_px, MIN_WIDTH_PX, 8000),
        ("height", height_m, 8, 120),
        ("covers", covers, 0, 40),
        ("cracks", cracks, 0, 12),
    )
    _check(limits)
    size_px = (width_px, round(width_px * 3 / 4))
    scene_rng, plan_rng, noise_rng, sensor_rng = (
        np.random.default_rng((seed, stream)) for stream in range(4)
    )
    scene = build_scene(scene_rng, cover_count=covers, crack_count=cracks)
    frame = StreetFrame(LON + 0.01 * (seed % 13), LAT + 0.01 * (seed % 7), scene.heading_deg)
    shots = plan_shots(plan_rng, scene, photos=photos, size_px=size_px, height_m=height_m)
    look = draw_look(sensor_rng, is_wild=False)
    things = list_things(scene)
    shared = draw_shared_offset(noise_rng, noise)
    _make_folder(out_dir)
    paths = []
    for index, shot in enumerate(shots):
        name = f"HLR_{index + 1:04d}.JPG"
        pixels = _photograph(sensor_rng, scene, shot, look, things=things, name=name)
        pose = write_pose(
            noise_rng, shot, frame, base_m=GROUND_ALTITUDE_M, noise=noise, shared=shared
        )
        captured_at = FIRST_PHOTO_AT + timedelta(seconds=SECONDS_APART * index)
        exif = make_exif(pose, captured_at, shot.camera.focal_px, size_px)
        xmp = make_xmp(pose, captured_at, shot.camera.focal_px, size_px)
        (out_dir / name).write_bytes(encode_jpeg(pixels, look.jpeg_quality, exif, xmp))
        paths.append(out_dir / name)
        if on_photo is not None:
            on_photo(index + 1, len(shots))
    write_truth(out_dir / "truth.geojson", things, frame, seed)
    write_poses(
        out_dir / "truth_poses.json", shots, frame, GROUND_ALTITUDE_M, [p.name for p in paths]
    )
    write_buildings(out_dir / "buildings.geojson", scene, frame)
    return RenderedFlight(
        out_dir,
        tuple(paths),
        _count(things),
        sum(path.stat().st_size for path in paths),
    )


def render_view(scene: Scene, shot: Shot, sky: Image) -> Canvas:
    """Draw the scene as the shot sees it, without lens and sensor."""
    canvas = Canvas(shot.camera, SUPERSAMPLING, sky)
    for face in scene.faces:
        canvas.draw(face)
    for house in scene.buildings:
        for crack in house.cracks:
            canvas.blend(crack.face)
    for cover in scene.covers:
        draw_cover(canvas, cover)
    return canvas


def _photograph(
    rng: Rng, scene: Scene, shot: Shot, look: SensorLook, *, things: list[Thing], name: str
) -> Image:
    canvas = render_view(scene, shot, make_sky(rng, 0.0))
    observe_things(canvas, shot.camera, things, name)
    depth = canvas.inverse_depth[::SUPERSAMPLING, ::SUPERSAMPLING]
    return develop(rng, canvas.resolve(), depth, look)


def _count(things: list[Thing]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for thing in things:
        if thing.sightings:
            key = thing.hazard_class.value
            counts[key] = counts.get(key, 0) + 1
    return counts


def _check(limits: tuple[tuple[str, float, int, int], ...]) -> None:
    for name, value, low, high in limits:
        if not low <= value <= high:
            message = f"--{name} {value} is out of range."
            raise InvalidInputError(message, remedy=f"Choose a value from {low} to {high}.")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"The folder {folder} cannot be made: {error.strerror}."
        raise InvalidInputError(message, remedy="Name a folder that you may write to.") from error
