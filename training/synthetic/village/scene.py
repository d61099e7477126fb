"""The whole village on one day, lit and ready to be photographed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from training.synthetic.boxes import Body
from training.synthetic.camera import Array, PinholeCamera
from training.synthetic.ground import Ground
from training.synthetic.light import Light
from training.synthetic.props import build_car, build_tree
from training.synthetic.rasterize import Canvas, Face, Image, Texture
from training.synthetic.shadows import cast_box_shadow, darken
from training.synthetic.textures import Rng
from training.synthetic.village.changes import House
from training.synthetic.village.ground import (
    FAR_DROP_M,
    bake_far_ground,
    bake_near_ground,
    slope_face,
)
from training.synthetic.village.houses import build_house
from training.synthetic.village.placing import Placement, light_faces, list_corners
from training.synthetic.village.plan import Village, ground_height
from training.synthetic.village.season import Season
from training.synthetic.village.things import Structure

SUPERSAMPLING = 2
SHADOW_MAP_STEP = 2
TREES, CARS = 26, 7
CLEAR_M = 1.2
"""Least distance of a trunk from a wall; crowns reach over roofs' edges."""
OVERHEAD = Light(np.array([0.0, 0.0, 1.0]), 0.7)


@dataclass(frozen=True, slots=True)
class DayScene:
    """Faces of everything there is to photograph on one day."""

    faces: tuple[Face, ...]


def build_day(
    seed: int, village: Village, houses: Sequence[House], season: Season, day: int
) -> DayScene:
    """Build the village as it stands on day 0 or 1 in that day's light."""
    day_rng = np.random.default_rng((seed, 200, day))
    structures = [_standing(house, day) for house in houses]
    faces: list[Face] = []
    casters: list[Array] = []
    for house, structure in zip(houses, structures, strict=True):
        if structure is not None:
            built = build_house(house.plot, structure, day, season.wet)
            faces += built.faces
            casters += built.casters
    rubble_faces, rubble = _heap_rubble(seed, houses, structures)
    tree_faces, crowns = _plant_trees(seed, village, season)
    car_faces, cars = _park_cars(day_rng, village)
    casters += rubble
    lit = light_faces([*faces, *rubble_faces], season.light, casters)
    near = bake_near_ground(seed, village, season, day_rng)
    ground = slope_face(near, village.slope)
    _shade_ground(near, ground, season.light, [*casters, *crowns, *cars])
    far_face = slope_face(bake_far_ground(seed, season), village.slope, FAR_DROP_M)
    return DayScene((ground, far_face, *lit, *tree_faces, *car_faces))


def render_day(scene: DayScene, camera: PinholeCamera, sky: Image) -> Canvas:
    """Draw the village as a camera sees it, without lens and sensor."""
    canvas = Canvas(camera, SUPERSAMPLING, sky)
    for face in scene.faces:
        canvas.draw(face)
    return canvas


def _standing(house: House, day: int) -> Structure | None:
    return house.plot.structure if day == 0 else house.after


def _shade_ground(ground: Ground, face: Face, light: Light, casters: Sequence[Array]) -> None:
    shape = tuple(side // SHADOW_MAP_STEP for side in ground.pixels.shape[:2])
    cover = np.zeros(shape, dtype=np.float32)
    for corners in casters:
        cast_box_shadow(face, corners, light, cover)
    darken(ground.pixels, cv2.GaussianBlur(cover, (0, 0), 1.0), light.shadow)


def _plant_trees(seed: int, village: Village, season: Season) -> tuple[list[Face], list[Array]]:
    """Plant trees in gaps and round the village, the same ones on both days."""
    rng = np.random.default_rng((seed, 300))
    faces: list[Face] = []
    casters: list[Array] = []
    for _ in range(TREES):
        place = _find_free(rng, village)
        size = float(rng.uniform(1.0, 1.9))
        tree_seed = int(rng.integers(2**31))
        if place is None:
            continue
        own, bodies = build_tree(np.random.default_rng(tree_seed), 0.0, 0.0, OVERHEAD)
        foot = np.array([*place, ground_height(village.slope, place)])
        placement = Placement(foot, float(tree_seed % 90), size * season.growth)
        tint = (*season.foliage, 1.0)
        faces += [placement.face(_tint(face, tint)) for face in own]
        casters += list_corners(placement, bodies)
    return faces, casters


def _tint(face: Face, colour: tuple[float, ...]) -> Face:
    if not face.is_cutout:
        return face
    pixels = np.clip(face.texture.pixels * np.array(colour, dtype=np.float32), 0, 255)
    return Face(
        face.origin, face.edge_u, face.edge_v, Texture(pixels.astype(np.uint8)), face.is_cutout
    )


def _find_free(rng: Rng, village: Village) -> Array | None:
    """Find a spot for a trunk: off the lanes and clear of walls; None where none was found."""
    reach = np.array(village.reach_m) + 12
    for _ in range(40):
        place = rng.uniform(-reach, reach)
        lanes = [abs(place[1] - y) for y in village.lanes_y] + [abs(place[0] - village.cross_x)]
        if min(lanes) < village.lane_m / 2 + 0.4:
            continue
        outside = [
            (np.abs(place - plot.middle) > np.array(plot.size_m) / 2 + CLEAR_M).any()
            for plot in village.plots
        ]
        if all(outside):
            return np.asarray(place, dtype=np.float64)
    return None


def _park_cars(rng: Rng, village: Village) -> tuple[list[Face], list[Array]]:
    """Park cars along the lanes, elsewhere on every day."""
    faces: list[Face] = []
    casters: list[Array] = []
    for _ in range(CARS):
        own, body = build_car(rng, 0.0, 0.0)
        along = float(rng.uniform(-village.reach_m[0], village.reach_m[0]))
        lane = village.lanes_y[int(rng.integers(len(village.lanes_y)))]
        place = np.array([along, lane + float(rng.choice([-1, 1])) * (village.lane_m / 2 - 1.1)])
        foot = np.array([*place, ground_height(village.slope, place)])
        placement = Placement(foot, float(rng.normal(0, 3)))
        faces += [placement.face(face) for face in own]
        casters += list_corners(placement, [body])
    return faces, casters


def _heap_rubble(
    seed: int, houses: Sequence[House], structures: Sequence[Structure | None]
) -> tuple[list[Face], list[Array]]:
    """Where a house was pulled down: low heaps of brick and concrete."""
    faces: list[Face] = []
    casters: list[Array] = []
    for index, (house, structure) in enumerate(zip(houses, structures, strict=True)):
        if structure is not None:
            continue
        rng = np.random.default_rng((seed, 400, index))
        half = np.array(house.plot.size_m) / 2 - 0.5
        placement = Placement(np.array([*house.plot.middle, house.plot.foot_m]))
        for _ in range(40):
            size = rng.uniform([0.4, 0.4, 0.1], [2.4, 2.0, 0.6])
            low = np.array([*rng.uniform(-half, half - size[:2]), -0.3])
            body = Body(low, low + size + np.array([0.0, 0.0, 0.3]))
            faces += [placement.face(face) for face in _face_rubble(rng, body)]
            casters += list_corners(placement, [body])
    return faces, casters


def _face_rubble(rng: Rng, body: Body) -> list[Face]:
    colour = (150.0, 96.0, 78.0) if rng.random() < 0.5 else (150.0, 147.0, 140.0)  # noqa: PLR2004
    grain = rng.uniform(0.6, 1.25, (24, 24, 1))
    pixels = np.clip(grain * np.array(colour), 0, 255).astype(np.uint8)
    return [body.face(side, Texture(pixels)) for side in ("front", "back", "left", "right", "top")]
