"""Streets with added storeys: what is drawn, what is labelled; Blender itself is not needed."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.synthetic.camera import aim_camera
from training.synthetic.storeys.additions import build_addition, choose_part, list_free
from training.synthetic.storeys.grounds import GROUND_NUMBER, lay_ground, list_grounds
from training.synthetic.storeys.house import Body, build_body, draw_body
from training.synthetic.storeys.labels import box_things, write_rows
from training.synthetic.storeys.solids import (
    Solid,
    make_box,
    make_gable,
    make_pipe,
    make_slab,
    map_texture,
)
from training.synthetic.storeys.street import Street, build_street
from training.synthetic.storeys.surfaces import TEXELS, WARDROBES
from training.synthetic.storeys.view import draw_camera

SIZE_PX = 200
CAMERA = aim_camera(
    np.array([0.0, -30.0, 40.0]),
    np.zeros(3),
    roll_deg=0.0,
    focal_px=300.0,
    size_px=(SIZE_PX, SIZE_PX),
)


@pytest.fixture(scope="module")
def street() -> Street:
    """A street with additions."""
    return build_street(np.random.default_rng(4), "train")


def test_the_same_seed_draws_the_same_street(street: Street) -> None:
    again = build_street(np.random.default_rng(4), "train")
    assert again.added == street.added
    assert len(again.solids) == len(street.solids)
    for one, other in zip(street.solids, again.solids, strict=True):
        assert one.surface == other.surface
        assert all(map(np.array_equal, one.faces, other.faces))
    for name, surface in street.surfaces.items():
        assert np.array_equal(surface.texture, again.surfaces[name].texture)


def test_every_solid_wears_a_surface_that_is_drawn(street: Street) -> None:
    assert {solid.surface for solid in street.solids} <= set(street.surfaces)
    shapes = {surface.texture.shape for surface in street.surfaces.values()}
    assert shapes == {(TEXELS, TEXELS, 3)}


def test_every_addition_stands_on_a_roof(street: Street) -> None:
    assert street.added
    things = {solid.thing for solid in street.solids} - {0}
    assert things == set(range(1, len(street.added) + 1))
    lowest = min(face[:, 2].min() for solid in street.solids if solid.thing for face in solid.faces)
    assert lowest > 2.0  # one storey at least is under it


def test_the_held_out_wardrobe_shares_no_colour_with_train() -> None:
    train, held_out = WARDROBES["train"], WARDROBES["held_out"]
    for kind in ("walls", "steel", "tiles", "brick", "paint"):
        assert not set(getattr(train, kind)) & set(getattr(held_out, kind))


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_an_addition_stays_on_its_house(seed: int) -> None:
    rng = np.random.default_rng(seed)
    body = draw_body(rng)
    part = choose_part(rng, body)
    solids = build_addition(rng, body, part, thing=3)
    points = np.concatenate([face for solid in solids for face in solid.faces])
    assert {solid.thing for solid in solids} == {3}
    assert np.abs(points[:, 0]).max() <= body.width_m / 2 + 1.5
    assert np.abs(points[:, 1]).max() <= body.depth_m / 2 + 1.5
    assert 1.0 < points[:, 2].max() - body.roof_m < 6.0
    free = list_free(body, part)
    if free is not None:
        assert free[2] <= part[0] or free[0] >= part[2] or free[3] <= part[1] or free[1] >= part[3]


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_no_fresh_masonry_on_a_house_of_bare_masonry(seed: int) -> None:
    rng = np.random.default_rng(seed)
    body = Body(10.0, 10.0, 3, 3.0, "brick0", "roof0", is_flat=True)
    solids = build_addition(rng, body, choose_part(rng, body), 1)
    bricks = [solid for solid in solids if solid.surface.startswith("brick")]
    steel = [solid for solid in solids if solid.surface.startswith(("steel", "netting"))]
    works = [solid for solid in solids if solid.surface in {"bamboo", "metal"}]
    assert not bricks or steel or works


def test_faces_look_outwards() -> None:
    box = make_box("x", (-1, -2, 0), (1, 2, 3))
    slab = make_slab("x", [(-1, -1, 5), (1, -1, 5), (1, 1, 5), (-1, 1, 5)], 0.5)
    pipe = make_pipe("x", (0, 0, 0), (0, 0, 4), 1.0)
    for solid, middle in ((box, (0, 0, 1.5)), (slab, (0, 0, 4.75)), (pipe, (0, 0, 2))):
        for face in solid.faces:
            normal = np.cross(face[1] - face[0], face[2] - face[0])
            assert normal @ (face.mean(axis=0) - np.array(middle)) > 0


def test_a_gable_reaches_from_eaves_to_ridge() -> None:
    roof, ends = make_gable("tile0", "wall0", (-4, -3, 6), (4, 3, 8), 0.5)
    tops = [face[:, 2].max() for face in (*roof.faces, *ends.faces)]
    assert tops == [8, 8, 8, 8]
    assert min(face[:, 2].min() for face in roof.faces) < 6


def test_textures_keep_metres() -> None:
    wall = make_box("x", (0, 0, 0), (4, 2, 3)).faces[0]
    sides = np.linalg.norm(np.diff(map_texture(wall), axis=0), axis=1)
    assert sides == pytest.approx(np.linalg.norm(np.diff(wall, axis=0), axis=1))


def test_a_house_turned_a_quarter_swaps_its_sides() -> None:
    body = Body(12.0, 8.0, 2, 3.0, "wall0", "roof0", is_flat=True)
    solids = build_body(np.random.default_rng(1), body)
    walls = next(solid for solid in solids if solid.surface == "wall0").placed((5.0, 6.0), 90.0)
    points = np.concatenate(walls.faces)
    assert np.ptp(points, axis=0) == pytest.approx([8.0, 12.0, 6.0])
    assert points[:, :2].mean(axis=0) == pytest.approx([5.0, 6.0])


def draw_numbers(solid: Solid, number: int, hidden_rows: int = 0) -> NDArray[np.uint8]:
    numbers = np.zeros((SIZE_PX, SIZE_PX), dtype=np.uint8)
    for face in solid.faces:
        pixels, _ = CAMERA.project(face)
        hull = cv2.convexHull(pixels.astype(np.int32))
        cv2.fillConvexPoly(numbers, hull, number)
    if hidden_rows:
        rows = np.nonzero(numbers.any(axis=1))[0]
        numbers[rows[0] : rows[0] + hidden_rows] = 0
    return numbers


def test_a_box_bounds_what_is_seen_of_a_thing() -> None:
    solid = make_box("x", (-3, -3, 0), (3, 3, 3))
    corners = {7: np.concatenate(solid.faces)}
    (box,) = box_things(draw_numbers(solid, 7), CAMERA, corners)
    pixels, _ = CAMERA.project(corners[7])
    assert (box.x_min, box.y_min) == pytest.approx(pixels.min(axis=0), abs=1.5)
    assert (box.x_max, box.y_max) == pytest.approx(pixels.max(axis=0), abs=1.5)
    half = box_things(draw_numbers(solid, 7, hidden_rows=20), CAMERA, corners)
    assert half[0].y_min == pytest.approx(box.y_min + 20, abs=1)


def test_what_is_hidden_or_tiny_has_no_box() -> None:
    solid = make_box("x", (-3, -3, 0), (3, 3, 3))
    corners = {7: np.concatenate(solid.faces)}
    height = int(np.ptp(CAMERA.project(corners[7])[0], axis=0)[1])
    assert not box_things(draw_numbers(solid, 7, hidden_rows=height - 6), CAMERA, corners)
    assert not box_things(np.zeros((SIZE_PX, SIZE_PX), dtype=np.uint8), CAMERA, corners)
    small = make_box("x", (0, 0, 0), (0.8, 0.8, 0.8))
    assert not box_things(draw_numbers(small, 1), CAMERA, {1: np.concatenate(small.faces)})


def test_what_the_frame_cuts_keeps_its_box() -> None:
    solid = make_box("x", (9, -3, 0), (40, 3, 3))
    (box,) = box_things(draw_numbers(solid, 2), CAMERA, {2: np.concatenate(solid.faces)})
    assert box.x_max == SIZE_PX


def test_rows_are_normalised() -> None:
    solid = make_box("x", (-3, -3, 0), (3, 3, 3))
    boxes = box_things(draw_numbers(solid, 1), CAMERA, {1: np.concatenate(solid.faces)})
    number, *values = write_rows(boxes, SIZE_PX).split()
    assert number == "0"
    assert float(values[2]) * SIZE_PX == pytest.approx(boxes[0].width_px, abs=0.01)


def test_real_ground_comes_only_where_ground_was(tmp_path: Path) -> None:
    path = tmp_path / "ground.jpg"
    cv2.imwrite(str(path), np.full((300, 300, 3), (0, 0, 200), dtype=np.uint8))  # red
    photo = np.full((80, 80, 3), 100, dtype=np.uint8)
    numbers = np.zeros((80, 80), dtype=np.uint8)
    numbers[:40] = GROUND_NUMBER
    laid = lay_ground(np.random.default_rng(0), photo, numbers, path)
    assert np.array_equal(laid[50:], photo[50:])
    assert laid[:30, :, 0].min() > 150
    assert laid[:30, :, 1:].max() < 40
    assert lay_ground(np.random.default_rng(0), photo, numbers * 0, path) is photo


def test_only_the_first_photos_of_a_flight_are_ground(tmp_path: Path) -> None:
    for name in ("c.jpg", "a.JPG", "b.jpg", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in list_grounds([f"{tmp_path}:2"])] == ["a.JPG", "b.jpg"]
    assert len(list_grounds([str(tmp_path)])) == 3


def test_cameras_look_down_from_above_the_roofs(street: Street) -> None:
    rng = np.random.default_rng(8)
    for _ in range(60):
        camera = draw_camera(rng, street, SIZE_PX)
        assert camera.position[2] >= 25.0
        assert math.degrees(math.asin(-camera.rotation[2, 2])) >= 24.0
