"""Training photos of covers: one small street per seed, seen from many places."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.domain.hazard import HazardClass
from training.synthetic.camera import Array, PinholeCamera, aim_camera
from training.synthetic.cover_drawing import draw_cover
from training.synthetic.covers import Cover, build_cover
from training.synthetic.ground import Ground, StreetLayout, bake_ground
from training.synthetic.light import Light, draw_light
from training.synthetic.rasterize import Canvas, Face, Image
from training.synthetic.sensor import develop, draw_look, make_sky
from training.synthetic.shadows import cast_ground_shadows
from training.synthetic.textures import Rng
from training.synthetic.truth import LabelledBox, box_cover

STATES = (HazardClass.MANHOLE_OK, HazardClass.MANHOLE_BROKEN, HazardClass.MANHOLE_MISSING)
# Real data hold six missing and six intact covers for every broken one.
STATE_SHARES = (0.3, 0.42, 0.28)
ROADS = ("asphalt", "asphalt", "asphalt", "concrete", "pavers", "slabs", "soil")
# Half width of the finely textured patch and its texel, both metres.
SCALES = ((3.8, 0.0037), (8.0, 0.008), (16.0, 0.016))
FAR_HALF_M = 60.0
FAR_TEXEL_M = 0.1


@dataclass(frozen=True, slots=True)
class CoverScene:
    """A patch of street with its covers, ready to be photographed."""

    faces: tuple[Face, ...]
    covers: tuple[Cover, ...]
    light: Light
    half_m: float
    finest_gsd_m: float


def build_cover_scene(rng: Rng, *, has_covers: bool) -> CoverScene:
    """Draw a street patch; close scenes are small and fine, far ones wide and coarse."""
    half_m, texel_m = SCALES[int(rng.choice(3, p=[0.35, 0.4, 0.25]))]
    layout = StreetLayout(
        road_half_m=float(rng.uniform(3.0, 6.0)),
        pavement_end_m=float(rng.uniform(7.0, 9.0)),
        verge_end_m=float(rng.uniform(9.0, 12.0)),
        road_material=str(rng.choice(ROADS)),
        road_tone=float(rng.uniform(62, 150)),
        pavement_material=str(rng.choice(["pavers", "slabs", "concrete"], p=[0.55, 0.3, 0.15])),
        material_seed=int(rng.integers(2**31)),
    )
    # The patch slides across the street so that some scenes are all pavement, some all road.
    shift = rng.uniform(-layout.pavement_end_m, layout.pavement_end_m) * rng.uniform(0.3, 1)
    bounds = (-half_m, shift - half_m, half_m, shift + half_m)
    ground = bake_ground(rng, bounds, texel_m, layout)
    light = draw_light(rng)
    is_lit = cast_ground_shadows(rng, ground, light)
    covers = _scatter(rng, ground, light, layout, is_lit) if has_covers else []
    far = _make_far_ground(rng, layout)
    return CoverScene((far, ground.face()), tuple(covers), light, half_m, texel_m)


def photograph_covers(
    rng: Rng, scene: CoverScene, size_px: int
) -> tuple[Image, list[LabelledBox], int]:
    """One photo (size_px square), its boxes and the JPEG quality to store it with."""
    camera = _place_camera(rng, scene, size_px)
    look = draw_look(rng, is_wild=True)
    canvas = Canvas(camera, 2, make_sky(rng, 0.0))
    for face in scene.faces:
        canvas.draw(face)
    for cover in scene.covers:
        draw_cover(canvas, cover)
    boxes = [box_cover(canvas, camera, cover) for cover in scene.covers]
    depth = canvas.inverse_depth[::2, ::2]
    photo = develop(rng, canvas.resolve(), depth, look)
    return photo, [box for box in boxes if box is not None], look.jpeg_quality


def _scatter(
    rng: Rng, ground: Ground, light: Light, layout: StreetLayout, is_lit: NDArray[np.bool_]
) -> list[Cover]:
    x_min, y_min, x_max, y_max = ground.bounds_m
    count = 1 + int(rng.poisson(0.5 + (x_max - x_min) * 0.16))
    covers: list[Cover] = []
    for _ in range(count * 4):
        radius_m = float(rng.uniform(0.32, 0.48))
        inner = (x_max - x_min) * 0.4
        x = rng.uniform(-inner, inner)
        y = (y_min + y_max) / 2 + rng.uniform(-inner, inner)
        center = np.array([x, y, 0.0])
        if any(np.hypot(*(center - other.center)[:2]) < 2.5 for other in covers):  # noqa: PLR2004
            continue
        column, row = ground.to_px(center[None, :2])[0]
        height, width = is_lit.shape
        scale = height / ground.pixels.shape[0]
        lit = is_lit[min(int(row * scale), height - 1), min(int(column * scale), width - 1)]
        covers.append(
            build_cover(
                rng,
                STATES[int(rng.choice(3, p=STATE_SHARES))],
                center,
                light,
                radius_m=radius_m,
                is_square=bool(rng.random() < 0.14),  # noqa: PLR2004 - a share of designs
                is_sunlit=bool(lit),
                road_tone=layout.road_tone,
            )
        )
        if len(covers) == count:
            break
    return covers


def _place_camera(rng: Rng, scene: CoverScene, size_px: int) -> PinholeCamera:
    """Aim near a cover (or anywhere) so that it is 15 to 250 px wide."""
    if scene.covers:
        aim = scene.covers[int(rng.integers(len(scene.covers)))].center
    else:
        aim = np.array([0.0, scene.faces[1].corners[:, 1].mean(), 0.0])
    finest = scene.finest_gsd_m * 0.8
    gsd_m = float(np.exp(rng.uniform(math.log(finest), math.log(finest * 3.2))))
    focal_px = size_px * float(rng.uniform(0.9, 2.6))
    distance = gsd_m * focal_px
    if rng.random() < 0.55:  # noqa: PLR2004 - the share of near-nadir photos
        pitch = math.radians(rng.uniform(-90, -65))
    else:
        pitch = math.radians(rng.uniform(-65, -18))
    heading = rng.uniform(0, 2 * math.pi)
    back = np.array(
        [math.cos(heading) * math.cos(pitch), math.sin(heading) * math.cos(pitch), math.sin(pitch)]
    )
    off_centre: Array = rng.uniform(-0.36, 0.36, 3) * size_px * gsd_m * np.array([1, 1, 0])
    target = aim + off_centre
    position = target - back * distance
    roll_deg = float(rng.normal(0, 3))
    size = (size_px, size_px)
    return aim_camera(position, target, roll_deg=roll_deg, focal_px=focal_px, size_px=size)


def _make_far_ground(rng: Rng, layout: StreetLayout) -> Face:
    """The same street in coarse texels, a little lower so that the patch wins."""
    bounds = (-FAR_HALF_M, -FAR_HALF_M, FAR_HALF_M, FAR_HALF_M)
    face = bake_ground(rng, bounds, FAR_TEXEL_M, layout).face()
    return Face(face.origin - np.array([0.0, 0.0, 0.03]), face.edge_u, face.edge_v, face.texture)
