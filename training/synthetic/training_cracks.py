"""Training photos of cracked walls: one wall per seed, seen from many places."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from training.synthetic.camera import PinholeCamera, aim_camera
from training.synthetic.cracks import Crack, CrackLine, build_crack, grow_crack, step_crack
from training.synthetic.facades import RectM, Wall, WallStyle, draw_style, make_wall
from training.synthetic.light import draw_light
from training.synthetic.rasterize import Canvas, Face, Image, Texture
from training.synthetic.sensor import develop, draw_look, make_sky
from training.synthetic.shadows import SHADOW_TINT
from training.synthetic.textures import Rng, make_asphalt, octave_noise, shade
from training.synthetic.truth import LabelledBox, box_crack

# Width and height of the wall and its texel, metres: a hand's breadth to a whole front.
SCALES = ((1.6, 1.4, 0.0009), (4.5, 3.6, 0.0025), (12.0, 9.5, 0.0065))
SCALE_SHARES = (0.3, 0.4, 0.3)
# Narrower than this many pixels on average a crack cannot be told from the wall.
MIN_WIDTH_PX = 0.45
# A branch starts one step of its own beside its stem; both step at most 0.4 % of their length.
CONNECTED_STEPS = 3.0


@dataclass(frozen=True, slots=True)
class CrackScene:
    """A wall in the plane y = 0 facing -y, with what is on it."""

    wall: Face
    ground: Face
    cracks: tuple[Crack, ...]
    size_m: tuple[float, float]
    texel_m: float


def build_crack_scene(rng: Rng, *, has_cracks: bool) -> CrackScene:
    """Draw a wall at one of three scales, its light and its cracks."""
    width_m, height_m, texel_m = SCALES[int(rng.choice(3, p=SCALE_SHARES))]
    style = draw_style(rng)
    is_close = width_m < 2.0  # noqa: PLR2004 - a close-up holds no whole window
    has_windows = not is_close and bool(rng.random() < 0.65)  # noqa: PLR2004
    wall = make_wall(
        rng, (width_m, height_m), texel_m, style, has_windows=has_windows, is_street_side=False
    )
    _light_wall(rng, wall)
    face = Face(
        np.array([-width_m / 2, 0.0, height_m]),
        np.array([width_m, 0.0, 0.0]),
        np.array([0.0, 0.0, -height_m]),
        Texture(wall.pixels),
    )
    cracks = _crack_wall(rng, wall, face) if has_cracks else []
    return CrackScene(
        face, _make_pavement(rng, width_m), tuple(cracks), (width_m, height_m), texel_m
    )


def photograph_cracks(
    rng: Rng, scene: CrackScene, size_px: int
) -> tuple[Image, list[LabelledBox], int]:
    """One photo (size_px square), its boxes and the JPEG quality to store it with."""
    camera = _place_camera(rng, scene, size_px)
    look = draw_look(rng, is_wild=True)
    canvas = Canvas(camera, 2, make_sky(rng, 0.0))
    canvas.draw(scene.ground)
    canvas.draw(scene.wall)
    for crack in scene.cracks:
        canvas.blend(crack.face)
    boxes = [
        box_crack(canvas, camera, crack)
        for crack in scene.cracks
        if measure_width_px(camera, crack) >= MIN_WIDTH_PX
    ]
    photo = develop(rng, canvas.resolve(), canvas.inverse_depth[::2, ::2], look)
    return photo, [box for box in boxes if box is not None], look.jpeg_quality


def measure_width_px(camera: PinholeCamera, crack: Crack) -> float:
    """Mean width of a crack in pixels, seen at right angles from its distance."""
    distance = float(np.linalg.norm(crack.samples.mean(axis=0) - camera.position))
    return crack.mean_width_m * camera.focal_px / max(distance, 1e-6)


def draw_crack_lines(
    rng: Rng, area: RectM, style: WallStyle, width_m: float, windows: list[RectM]
) -> list[CrackLine]:
    """Draw one crack inside ``area`` (wall metres) that stops at windows."""
    start = np.array([rng.uniform(area[0], area[2]), rng.uniform(area[1], area[3])])
    reach = min(area[2] - area[0], area[3] - area[1])
    length_m = reach * float(rng.uniform(0.25, 0.9))
    if style.kind == "brick" and style.unit_m is not None and rng.random() < 0.7:  # noqa: PLR2004
        snapped = np.floor(start / np.array(style.unit_m)) * np.array(style.unit_m)
        # Between bricks only an open joint can be told from a sound one.
        lines = step_crack(rng, snapped, style.unit_m, length_m, 1.7 * width_m)
    else:
        heading = rng.choice([-math.pi / 2, 0.0, -math.pi / 4, -3 * math.pi / 4])
        heading += rng.normal(0, 0.3)
        lines = grow_crack(rng, start, heading, length_m, width_m)
    cut_lines = [cut for line in lines if (cut := _cut_line(line, area, windows)) is not None]
    return _keep_connected(cut_lines)


def _keep_connected(lines: list[CrackLine]) -> list[CrackLine]:
    """Drop branches whose stem was cut away before them: a crack is one connected thing."""
    kept = lines[:1]
    for line in lines[1:]:
        step_m = float(np.linalg.norm(line.points[1] - line.points[0]))
        stems = np.concatenate([other.points for other in kept])
        gap_m = float(np.linalg.norm(stems - line.points[0], axis=1).min())
        if gap_m <= CONNECTED_STEPS * step_m:
            kept.append(line)
    return kept


def _cut_line(line: CrackLine, area: RectM, windows: list[RectM]) -> CrackLine | None:
    """Keep the line up to where it leaves the wall or meets a window; None if too short."""
    x, y = line.points.T
    outside = (x < area[0]) | (x > area[2]) | (y < area[1]) | (y > area[3])
    for rect in windows:
        outside |= (x > rect[0]) & (x < rect[2]) & (y > rect[1]) & (y < rect[3])
    end = int(np.argmax(outside)) if outside.any() else len(x)
    if end < 12:  # noqa: PLR2004 - a stump of a few steps is no crack
        return None
    return CrackLine(line.points[:end], line.widths_m[:end])


def _crack_wall(rng: Rng, wall: Wall, face: Face) -> list[Crack]:
    margin = 0.03 * wall.width_m
    area = (margin, margin, wall.width_m - margin, wall.height_m - margin)
    cracks: list[Crack] = []
    for _ in range(1 + int(rng.poisson(1.0))):
        width_m = wall.texel_m * float(np.exp(rng.uniform(math.log(1.2), math.log(9))))
        lines = draw_crack_lines(rng, area, wall.style, width_m, wall.windows)
        if lines:
            cracks.append(build_crack(rng, lines, face, wall.texel_m * 0.7))
    return cracks


def _light_wall(rng: Rng, wall: Wall) -> None:
    """Shade the whole wall, sometimes with the soft shadow of branches or an edge on it."""
    light = draw_light(rng)
    shape = wall.pixels.shape[:2]
    if rng.random() < 0.6:  # noqa: PLR2004 - evenly lit walls
        shade(wall.pixels, np.full(shape, rng.uniform(0.6, 1.1), dtype=np.float32))
        return
    small = (shape[0] // 4, shape[1] // 4)
    texel_m = wall.texel_m * 4
    if rng.random() < 0.5:  # noqa: PLR2004 - foliage or a straight edge
        leaves = octave_noise(rng, small, wall.width_m / 3 / texel_m, 3.0, falloff=0.75)
        cover = np.clip((leaves - rng.uniform(-0.3, 0.8)) * 4, 0, 1)
    else:
        y, x = np.mgrid[-1 : 1 : small[0] * 1j, -1 : 1 : small[1] * 1j]
        angle = rng.uniform(0, 2 * math.pi)
        edge = x * math.cos(angle) + y * math.sin(angle) - rng.uniform(-0.5, 0.5)
        cover = np.clip(edge * 60, 0, 1)
    cover = cv2.resize(cover.astype(np.float32), shape[::-1])
    shade(wall.pixels, 1 - np.float32(1 - light.shadow) * cover, SHADOW_TINT)


def _make_pavement(rng: Rng, width_m: float) -> Face:
    half = width_m * 3
    pixels = make_asphalt(rng, (256, 256), 2 * half / 256, rng.uniform(80, 150))
    return Face(
        np.array([-half, 0.0, 0.0]),
        np.array([2 * half, 0.0, 0.0]),
        np.array([0.0, -2 * half, 0.0]),
        Texture(pixels),
    )


def _place_camera(rng: Rng, scene: CrackScene, size_px: int) -> PinholeCamera:
    """Look at a crack (or anywhere) from in front, off to the side, above or below."""
    width_m, height_m = scene.size_m
    if scene.cracks:
        aim = scene.cracks[int(rng.integers(len(scene.cracks)))].samples.mean(axis=0)
    else:
        aim = np.array([rng.uniform(-0.3, 0.3) * width_m, 0.0, rng.uniform(0.3, 0.7) * height_m])
    gsd_m = scene.texel_m * float(np.exp(rng.uniform(math.log(0.75), math.log(2.0))))
    focal_px = size_px * float(rng.uniform(0.9, 2.5))
    distance = gsd_m * focal_px
    side, tilt = rng.normal(0, 0.4), rng.normal(0.1, 0.28)
    back = np.array(
        [math.sin(side) * math.cos(tilt), -math.cos(side) * math.cos(tilt), math.sin(tilt)]
    )
    jitter = rng.uniform(-0.25, 0.25, 3) * size_px * gsd_m * np.array([1, 0, 1])
    target = aim + jitter
    # The edge of the wall should be the exception in the photo, as it is in close-ups.
    inner = np.maximum(np.array([width_m, height_m]) / 2 - 0.45 * size_px * gsd_m, 0)
    target[0] = np.clip(target[0], -inner[0], inner[0])
    target[2] = height_m / 2 + np.clip(target[2] - height_m / 2, -inner[1], inner[1])
    position = target + back * distance
    position[2] = max(position[2], 0.25)
    size = (size_px, size_px)
    roll = float(rng.normal(0, 5))
    return aim_camera(position, target, roll_deg=roll, focal_px=focal_px, size_px=size)
