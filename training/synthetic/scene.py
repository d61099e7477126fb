"""One street: ground, houses, covers, cars and trees, in metres of the street's own frame.

x runs along the street, y to its left, z up; the origin lies on the road in the middle.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.domain.hazard import HazardClass
from training.synthetic.boxes import Body, make_plain_faces
from training.synthetic.buildings import Building, build_backdrop, build_building
from training.synthetic.camera import Array
from training.synthetic.covers import Cover, build_cover
from training.synthetic.facades import STOREY_M
from training.synthetic.ground import Ground, StreetLayout, bake_ground
from training.synthetic.light import Light
from training.synthetic.props import build_car, build_tree
from training.synthetic.rasterize import Face
from training.synthetic.shadows import LIT_SHARE, SHADOW_MAP_STEP, cast_box_shadow, darken
from training.synthetic.textures import Rng

HALF_LENGTH_M = 40.0
HALF_WIDTH_M = 13.0
NEAR_TEXEL_M = 0.013
FAR_HALF_M = 110.0
FAR_TEXEL_M = 0.12
COVER_SPACING_M = 3.0
CLEAR_VIEW_M = 6.0
DAMAGED_SHARE = 0.22


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything there is to photograph. ``heading_deg`` is the azimuth of the street's x axis."""

    heading_deg: float
    light: Light
    faces: tuple[Face, ...]
    covers: tuple[Cover, ...]
    buildings: tuple[Building, ...]


def build_scene(rng: Rng, *, cover_count: int, crack_count: int) -> Scene:
    """Draw a street with the given numbers of covers and facade cracks and one roof addition."""
    heading_deg = float(rng.uniform(20, 160))
    light = _draw_sun(rng)
    layout = StreetLayout(
        road_tone=float(rng.uniform(88, 112)), material_seed=int(rng.integers(2**31))
    )
    bounds = (-HALF_LENGTH_M, -HALF_WIDTH_M, HALF_LENGTH_M, HALF_WIDTH_M)
    ground = bake_ground(rng, bounds, NEAR_TEXEL_M, layout)
    buildings = _line_street(rng, layout, light, crack_count)
    cracks = [crack for building in buildings for crack in building.cracks]
    keep_clear = [crack.samples.mean(axis=0)[:2] for crack in cracks]
    prop_faces, casters = _place_props(rng, layout, light, keep_clear)
    casters += [body for building in buildings for body in building.casters]
    lit = _shade_ground(ground, light, casters)
    covers = _place_covers(rng, layout, light, ground, lit=lit, count=cover_count)
    faces = [ground.face(), _make_far_ground(rng, layout), *_lay_kerbs(rng, layout, light)]
    for building in buildings:
        faces += building.faces
    faces += _build_backdrops(rng, light)
    return Scene(heading_deg, light, (*faces, *prop_faces), tuple(covers), tuple(buildings))


def _draw_sun(rng: Rng) -> Light:
    """A sun that reaches one front and the street, in clear to slightly hazy weather."""
    azimuth = rng.uniform(0.25, 0.75) * np.pi * rng.choice([-1, 1])
    height = np.radians(rng.uniform(48, 64))
    level = np.array([np.cos(azimuth), np.sin(azimuth)]) * np.cos(height)
    return Light(np.array([*level, np.sin(height)]), float(rng.uniform(0.48, 0.6)))


def _line_street(rng: Rng, layout: StreetLayout, light: Light, crack_count: int) -> list[Building]:
    bodies: list[tuple[Body, str]] = []
    for side, street_side in ((1, "front"), (-1, "back")):
        x = -HALF_LENGTH_M + rng.uniform(0, 4)
        while x < HALF_LENGTH_M - 8:
            width = float(rng.uniform(12, 18))
            height = STOREY_M * int(rng.integers(3, 6))
            near = layout.verge_end_m + rng.uniform(0.6, 1.6)
            edges = sorted((side * near, side * (near + rng.uniform(9, 11))))
            low, high = np.array([x, edges[0], 0.0]), np.array([x + width, edges[1], height])
            bodies.append((Body(low, high), street_side))
            x += width + rng.uniform(1.5, 5)
    middle = sorted(range(len(bodies)), key=lambda i: abs(bodies[i][0].corners[:, 0].mean()))
    cracked = [middle[index % 4] for index in range(crack_count)]
    lowest = min(middle[:4], key=lambda i: float(bodies[i][0].high[2]))
    all_bodies = [body for body, _ in bodies]
    return [
        build_building(
            rng,
            body,
            street_side,
            light,
            [other for other in all_bodies if other is not body],
            crack_count=cracked.count(index),
            has_addition=index == lowest,
        )
        for index, (body, street_side) in enumerate(bodies)
    ]


def _place_props(
    rng: Rng, layout: StreetLayout, light: Light, keep_clear: list[Array]
) -> tuple[list[Face], list[Body]]:
    """Trees and parked cars; no tree hides a crack, whose places (2,) are given."""
    faces: list[Face] = []
    casters: list[Body] = []
    for x in np.arange(-HALF_LENGTH_M + 4, HALF_LENGTH_M - 3, 13.0):
        for side in (-1, 1):
            if rng.random() < 0.45:  # noqa: PLR2004 - gaps in the row of trees
                continue
            place = np.array([x + rng.uniform(0, 6), side * (layout.pavement_end_m + 0.7)])
            if any(np.linalg.norm(place - crack) < CLEAR_VIEW_M for crack in keep_clear):
                continue
            tree, bodies = build_tree(rng, float(place[0]), float(place[1]), light)
            faces += tree
            casters += bodies
    for x in np.arange(-HALF_LENGTH_M + 6, HALF_LENGTH_M - 6, 11.0):
        if rng.random() < 0.5:  # noqa: PLR2004 - free parking places
            lane = float(rng.choice([-1, 1]))
            along = float(x + rng.uniform(0, 4))
            car, body = build_car(rng, along, lane * (layout.road_half_m - 1.15))
            faces += car
            casters.append(body)
    return faces, casters


def _shade_ground(ground: Ground, light: Light, casters: list[Body]) -> NDArray[np.bool_]:
    height, width = ground.pixels.shape[:2]
    cover = np.zeros((height // SHADOW_MAP_STEP, width // SHADOW_MAP_STEP), dtype=np.float32)
    face = ground.face()
    for caster in casters:
        cast_box_shadow(face, caster.corners, light, cover)
    cover = cv2.GaussianBlur(cover, (0, 0), 0.05 / (ground.texel_m * SHADOW_MAP_STEP))
    darken(ground.pixels, cover, light.shadow)
    return np.asarray(cover < LIT_SHARE, dtype=np.bool_)


def _place_covers(
    rng: Rng,
    layout: StreetLayout,
    light: Light,
    ground: Ground,
    *,
    lit: NDArray[np.bool_],
    count: int,
) -> list[Cover]:
    """Spread covers over road and pavement; about a fifth missing, a fifth broken."""
    places: list[Array] = []
    reach = HALF_LENGTH_M * 0.8
    while len(places) < count:
        on_road = rng.random() < 0.7  # noqa: PLR2004 - most covers lie in the road
        across = rng.uniform(0.4, layout.road_half_m - 2.4)
        if not on_road:
            across = rng.uniform(layout.road_half_m + 0.8, layout.pavement_end_m - 0.8)
        place = np.array([rng.uniform(-reach, reach), rng.choice([-1, 1]) * across, 0.0])
        if all(np.linalg.norm(place - other) > COVER_SPACING_M for other in places):
            places.append(place)
    covers = []
    for state, place in zip(list_states(count), places, strict=True):
        column, row = ground.to_px(place[None, :2])[0] / SHADOW_MAP_STEP
        covers.append(
            build_cover(
                rng,
                state,
                place,
                light,
                radius_m=float(rng.uniform(0.39, 0.46)),
                is_sunlit=bool(lit[int(row), int(column)]),
                road_tone=layout.road_tone,
            )
        )
    return covers


def list_states(count: int) -> list[HazardClass]:
    """Return the states of so many covers: about a fifth missing, a fifth broken."""
    damaged = round(DAMAGED_SHARE * count)
    states = [HazardClass.MANHOLE_MISSING] * damaged + [HazardClass.MANHOLE_BROKEN] * damaged
    return states + [HazardClass.MANHOLE_OK] * (count - len(states))


def _lay_kerbs(rng: Rng, layout: StreetLayout, light: Light) -> list[Face]:
    """Kerb stones that stand a little above road and pavement."""
    faces = []
    for side in (-1, 1):
        edges = sorted((side * layout.road_half_m, side * (layout.road_half_m + 0.15)))
        body = Body(
            np.array([-HALF_LENGTH_M, edges[0], 0.0]), np.array([HALF_LENGTH_M, edges[1], 0.1])
        )
        faces += make_plain_faces(rng, body, (158, 154, 148), light, texel_m=0.03)
    return faces


def _build_backdrops(rng: Rng, light: Light) -> list[Face]:
    faces: list[Face] = []
    for side in (-1, 1):
        for x in np.arange(-90, 80, 34.0):
            start = x + rng.uniform(0, 8)
            near = 40 + rng.uniform(0, 10)
            edges = sorted((side * near, side * (near + 13)))
            top = STOREY_M * int(rng.integers(4, 8))
            low = np.array([start, edges[0], 0.0])
            high = np.array([start + rng.uniform(18, 25), edges[1], top])
            faces += build_backdrop(rng, Body(low, high), light)
    return faces


def _make_far_ground(rng: Rng, layout: StreetLayout) -> Face:
    """The same street in coarse texels, a little lower so that the near texture wins."""
    bounds = (-FAR_HALF_M, -FAR_HALF_M, FAR_HALF_M, FAR_HALF_M)
    face = bake_ground(rng, bounds, FAR_TEXEL_M, layout).face()
    return Face(face.origin - np.array([0.0, 0.0, 0.05]), face.edge_u, face.edge_v, face.texture)
