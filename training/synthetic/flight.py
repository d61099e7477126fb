"""Render a whole flight: photos with metadata, and the truth about what is in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np

from detection.domain.errors import InvalidInputError
from training.synthetic.cover_drawing import draw_cover
from training.synthetic.flight_plan import Exposure, Shot, expose_street, plan_shots
from training.synthetic.geodesy import StreetFrame
from training.synthetic.metadata import make_exif, make_xmp
from training.synthetic.noise import NoiseKind, NoiseModel, choose_noise
from training.synthetic.open_ground import scatter_covers
from training.synthetic.rasterize import Canvas, Image
from training.synthetic.scene import COVER_SPACING_M, Scene, build_scene, list_states
from training.synthetic.sensor import (
    SensorLook,
    develop,
    draw_look,
    encode_blank_jpeg,
    encode_jpeg,
    make_sky,
)
from training.synthetic.survey import NADIR_DEG, Survey, expose_survey
from training.synthetic.textures import Rng
from training.synthetic.truth_files import (
    Thing,
    list_covers,
    list_things,
    observe_open_ground,
    observe_things,
    write_buildings,
    write_poses,
    write_truth,
    write_written_poses,
)

DEMO_SEED = 7
DEMO_PHOTOS = 15
DEMO_WIDTH_PX = 1920
DEMO_HEIGHT_M = 16.0
MIN_WIDTH_PX = 160
LON, LAT, GROUND_ALTITUDE_M = 113.0, 23.0, 12.0
FIRST_PHOTO_AT = datetime(2026, 3, 14, 10, 20, 0, tzinfo=timezone(timedelta(hours=8)))
SECONDS_APART = timedelta(seconds=4)
SUPERSAMPLING = 2
DEFAULT_OVERLAP = 0.8
MOST_RENDERED, MOST_POSES = (200, 40), (9999, 20_000)
"""Photos and covers at most, rendered and as poses only."""


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
    pitch_deg: float | None = None,
    overlap: float | None = None,
    noise: NoiseModel | NoiseKind = NoiseKind.GPS,
    covers: int = 14,
    cracks: int = 4,
    poses_only: bool = False,
    on_photo: Callable[[int, int], None] | None = None,
) -> RenderedFlight:
    """Write ``photos`` JPEGs (4:3), and the truth about them.

    ``truth.geojson`` holds the things, ``truth_poses.json`` and ``written_poses.json`` the poses
    without and with noise, ``buildings.geojson`` the houses. The same arguments give the same
    bytes. ``height_m`` is the height above the street of the nadir strip, or, with ``pitch_deg``
    or ``overlap``, of a block of parallel lines. ``poses_only`` writes grey photos with full
    metadata, of open ground with ``covers`` on it, however large. ``on_photo(done, total)`` is
    called after every photo.

    Raises:
        InvalidInputError: an argument is out of range, or ``out_dir`` cannot be made.
    """
    survey = Survey(
        photos,
        (width_px, round(width_px * 3 / 4)),
        height_m,
        NADIR_DEG if pitch_deg is None else pitch_deg,
        DEFAULT_OVERLAP if overlap is None else overlap,
    )
    most_photos, most_covers = MOST_POSES if poses_only else MOST_RENDERED
    limits: tuple[tuple[str, float, float, float], ...] = (
        ("photos", photos, 1, most_photos),
        ("width", width_px, MIN_WIDTH_PX, 8000),
        ("height", height_m, 8, 120),
        ("pitch", survey.pitch_deg, NADIR_DEG, -15),
        ("overlap", survey.overlap, 0, 0.95),
        ("covers", covers, 0, most_covers),
        ("cracks", cracks, 0, 12),
    )
    _check(limits)
    model = choose_noise(noise) if isinstance(noise, NoiseKind) else noise
    is_block = pitch_deg is not None or overlap is not None
    _make_folder(out_dir)
    if poses_only:
        drawn = _draw_open_ground(seed, survey, model, covers)
    else:
        drawn = _draw_street(
            seed, survey, model, is_block=is_block, cover_count=covers, crack_count=cracks
        )
    return _write_flight(out_dir, drawn, seed, on_photo or _ignore)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A flight before its photos are written; without a ``scene`` they stay grey."""

    frame: StreetFrame
    exposures: list[Exposure]
    things: list[Thing]
    sensor_rng: Rng
    scene: Scene | None


def _draw_street(
    seed: int,
    survey: Survey,
    noise: NoiseModel,
    *,
    is_block: bool,
    cover_count: int,
    crack_count: int,
) -> _Drawn:
    scene_rng, plan_rng, noise_rng, sensor_rng = _draw_generators(seed)
    scene = build_scene(scene_rng, cover_count=cover_count, crack_count=crack_count)
    frame = _choose_frame(seed, scene.heading_deg)
    if is_block:
        exposures = expose_survey(noise_rng, survey, frame, base_m=GROUND_ALTITUDE_M, noise=noise)
    else:
        shots = plan_shots(
            plan_rng,
            scene,
            photos=survey.photos,
            size_px=survey.size_px,
            height_m=survey.height_m,
        )
        exposures = expose_street(noise_rng, shots, frame, base_m=GROUND_ALTITUDE_M, noise=noise)
    return _Drawn(frame, exposures, list_things(scene), sensor_rng, scene)


def _draw_open_ground(seed: int, survey: Survey, noise: NoiseModel, cover_count: int) -> _Drawn:
    scene_rng, plan_rng, noise_rng, sensor_rng = _draw_generators(seed)
    frame = _choose_frame(seed, float(plan_rng.uniform(0, 360)))
    covers = scatter_covers(
        scene_rng, list_states(cover_count), survey.bounds(), spacing_m=COVER_SPACING_M
    )
    exposures = expose_survey(noise_rng, survey, frame, base_m=GROUND_ALTITUDE_M, noise=noise)
    return _Drawn(frame, exposures, list_covers(covers), sensor_rng, None)


def _draw_generators(seed: int) -> list[Rng]:
    """Return the generators of the scene, the plan, the noise and the sensor."""
    return [np.random.default_rng((seed, stream)) for stream in range(4)]


def _choose_frame(seed: int, heading_deg: float) -> StreetFrame:
    return StreetFrame(LON + 0.01 * (seed % 13), LAT + 0.01 * (seed % 7), heading_deg)


def _write_flight(
    out_dir: Path, drawn: _Drawn, seed: int, on_photo: Callable[[int, int], None]
) -> RenderedFlight:
    look = draw_look(drawn.sensor_rng, is_wild=False)
    paths = []
    for index in range(len(drawn.exposures)):
        path = out_dir / f"HLR_{index + 1:04d}.JPG"
        path.write_bytes(_take_photo(drawn, look, index, path.name))
        paths.append(path)
        on_photo(index + 1, len(drawn.exposures))
    names = [path.name for path in paths]
    write_truth(out_dir / "truth.geojson", drawn.things, drawn.frame, seed)
    write_poses(
        out_dir / "truth_poses.json", drawn.exposures, drawn.frame, GROUND_ALTITUDE_M, names
    )
    write_written_poses(out_dir / "written_poses.json", drawn.exposures, names)
    houses = () if drawn.scene is None else drawn.scene.buildings
    write_buildings(out_dir / "buildings.geojson", houses, drawn.frame)
    return RenderedFlight(
        out_dir,
        tuple(paths),
        _count(drawn.things),
        sum(path.stat().st_size for path in paths),
    )


def _take_photo(drawn: _Drawn, look: SensorLook, index: int, name: str) -> bytes:
    """Return the JPEG with its metadata, and note in the things what it shows."""
    exposure = drawn.exposures[index]
    camera, captured_at = exposure.shot.camera, FIRST_PHOTO_AT + SECONDS_APART * index
    size_px = (camera.width_px, camera.height_px)
    exif = make_exif(exposure.written, captured_at, exposure.focal_px, size_px)
    xmp = make_xmp(exposure.written, captured_at, exposure.focal_px, size_px)
    if drawn.scene is None:
        observe_open_ground(camera, drawn.things, name)
        return encode_blank_jpeg(size_px, exif, xmp)
    canvas = render_view(drawn.scene, exposure.shot, make_sky(drawn.sensor_rng, 0.0))
    observe_things(canvas, camera, drawn.things, name)
    depth = canvas.inverse_depth[::SUPERSAMPLING, ::SUPERSAMPLING]
    pixels = develop(drawn.sensor_rng, canvas.resolve(), depth, look)
    return encode_jpeg(pixels, look.jpeg_quality, exif, xmp)


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


def _ignore(_done: int, _total: int) -> None:
    pass


def _count(things: list[Thing]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for thing in things:
        if thing.sightings:
            key = thing.hazard_class.value
            counts[key] = counts.get(key, 0) + 1
    return counts


def _check(limits: tuple[tuple[str, float, float, float], ...]) -> None:
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
