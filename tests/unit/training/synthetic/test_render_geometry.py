"""What is drawn lies where the projection says, to less than half a pixel."""

from __future__ import annotations

import numpy as np
import pytest

from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from training.synthetic.boxes import Body
from training.synthetic.camera import Array, PinholeCamera, aim_camera
from training.synthetic.cover_drawing import draw_cover
from training.synthetic.covers import Cover, build_cover
from training.synthetic.cracks import (
    HALO_MARGIN_M,
    CrackLine,
    _draw_lines,
    build_crack,
    grow_crack,
    step_crack,
    trace_outline,
)
from training.synthetic.light import Light
from training.synthetic.rasterize import Canvas, Face, Image, Texture
from training.synthetic.truth import box_cover, box_crack, box_polygon
from training.synthetic.truth_files import order_hull

LIGHT = Light(np.array([0.3, 0.4, 0.866]) / np.linalg.norm([0.3, 0.4, 0.866]), 0.5)
BLACK: Image = np.zeros((4, 4, 3), dtype=np.uint8)
VIEWS = [(0.3, -0.2, 14.0), (9.0, -7.0, 8.0), (-14.0, 3.0, 5.0)]


def make_camera(position: tuple[float, float, float], target: Array) -> PinholeCamera:
    return aim_camera(np.array(position), target, roll_deg=4.0, focal_px=700.0, size_px=(640, 480))


def make_ground(colour: int) -> Face:
    texture = Texture(np.full((64, 64, 3), colour, dtype=np.uint8))
    return Face(
        np.array([-40.0, 40.0, 0.0]), np.array([80.0, 0, 0]), np.array([0, -80.0, 0]), texture
    )


def measure_changed(before: Image, after: Image, supersampling: int) -> BBox:
    rows, columns = np.nonzero(np.abs(after.astype(int) - before).max(axis=2) > 40)
    low = np.array([columns.min(), rows.min()]) / supersampling
    high = (np.array([columns.max(), rows.max()]) + 1) / supersampling
    return BBox(float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def assert_close(box: BBox | None, drawn: BBox) -> None:
    assert box is not None
    assert np.abs(np.array(box.xyxy) - np.array(drawn.xyxy)).max() < 0.5


@pytest.mark.parametrize("position", VIEWS)
def test_marker_disc_is_drawn_inside_the_projected_outline(
    position: tuple[float, float, float],
) -> None:
    cover = build_cover(
        np.random.default_rng(1), HazardClass.MANHOLE_OK, np.zeros(3), LIGHT, radius_m=0.45
    )
    camera = make_camera(position, np.zeros(3))
    canvas = Canvas(camera, 4, BLACK)
    canvas.draw(make_ground(20))
    before = canvas.rgb.copy()
    axis = (np.arange(512) + 0.5) / 256 - 1
    disc = np.hypot(axis[None, :], axis[:, None]) <= 1
    pixels = np.repeat((disc * 255).astype(np.uint8)[..., None], 4, axis=2)
    face = cover.surround
    middle = face.origin + (face.edge_u + face.edge_v) / 2
    scale = 2 * cover.radius_m / float(np.linalg.norm(face.edge_u))
    edge_u, edge_v = face.edge_u * scale, face.edge_v * scale
    canvas.blend(Face(middle - (edge_u + edge_v) / 2, edge_u, edge_v, Texture(pixels)))
    assert_close(box_polygon(camera, cover.outline()), measure_changed(before, canvas.rgb, 4))


def test_crack_is_drawn_inside_its_box() -> None:
    rng = np.random.default_rng(3)
    wall = Face(
        np.array([-4.0, 0, 6.0]),
        np.array([8.0, 0, 0]),
        np.array([0, 0, -6.0]),
        Texture(np.full((60, 80, 3), 230, dtype=np.uint8)),
    )
    camera = make_camera((1.5, -9.0, 4.0), np.array([0.0, 0.0, 3.0]))
    grown = grow_crack(rng, np.array([3.5, 4.0]), -1.2, 2.0, 0.03)
    # Even width: real tips taper off below a texel, where nothing can be measured.
    lines = [CrackLine(line.points, np.full(len(line.points), 0.012)) for line in grown]
    crack = build_crack(rng, lines, wall, 0.003)
    canvas = Canvas(camera, 4, BLACK)
    canvas.draw(wall)
    before = canvas.rgb.copy()
    # Only the gap itself, without stain and lip.
    outline = trace_outline(lines)
    size = np.array(crack.face.texture.pixels.shape[1::-1])
    low = outline.min(axis=0) - HALO_MARGIN_M
    coverage = _draw_lines(lines, low, low + size * 0.003, size, 0.003)
    gap = np.zeros((*coverage.shape, 4), dtype=np.uint8)
    gap[coverage > 0.5, 3] = 255
    canvas.blend(Face(crack.face.origin, crack.face.edge_u, crack.face.edge_v, Texture(gap)))
    labelled = box_crack(canvas, camera, crack)
    assert labelled is not None
    drawn = measure_changed(before, canvas.rgb, 4)
    assert_close(labelled.bbox, drawn)
    assert labelled.visible_fraction == pytest.approx(1.0)


def test_stepped_crack_follows_the_courses() -> None:
    lines = step_crack(np.random.default_rng(0), np.array([1.0, 3.0]), (0.25, 0.075), 1.5, 0.01)
    points = lines[0].points
    assert points[-1, 1] < points[0, 1]
    off_joint = np.abs((3.0 - points[:, 1]) / 0.075 - np.round((3.0 - points[:, 1]) / 0.075))
    along = np.abs(np.gradient(points[:, 0])) > 0.008
    assert np.median(off_joint[along]) < 0.05


def test_nearer_face_hides_the_farther_whatever_the_order() -> None:
    camera = make_camera((0.0, -10.0, 5.0), np.array([0.0, 0.0, 1.0]))
    body = Body(np.array([-1.0, -1.0, 0.0]), np.array([1.0, 1.0, 2.0]))
    faces = [body.face("front", Texture(np.full((8, 8, 3), 200, dtype=np.uint8))), make_ground(50)]
    results = []
    for order in (faces, faces[::-1]):
        canvas = Canvas(camera, 1, BLACK)
        for face in order:
            canvas.draw(face)
        results.append(canvas.rgb)
    assert np.array_equal(results[0], results[1])
    assert 200 in results[0]


def test_cover_behind_a_wall_has_no_box_and_a_half_hidden_one_says_so() -> None:
    camera = make_camera((0.0, -12.0, 3.0), np.zeros(3))
    cover = build_cover(
        np.random.default_rng(1), HazardClass.MANHOLE_MISSING, np.zeros(3), LIGHT, radius_m=0.45
    )
    fractions = []
    for x_low, x_high in ((3.0, 4.0), (0.0, 4.0), (-4.0, 4.0)):
        canvas = Canvas(camera, 2, BLACK)
        canvas.draw(make_ground(80))
        body = Body(np.array([x_low, -3.0, 0.0]), np.array([x_high, -2.5, 4.0]))
        canvas.draw(body.face("front", Texture(np.full((8, 8, 3), 90, dtype=np.uint8))))
        labelled = box_cover(canvas, camera, cover)
        fractions.append(labelled.visible_fraction if labelled else 0.0)
    assert fractions[0] == 1.0
    assert 0.3 < fractions[1] < 0.7
    assert fractions[2] == 0.0


def render_middle(hazard_class: HazardClass) -> tuple[Image, Cover]:
    camera = make_camera((0.2, -0.3, 6.0), np.zeros(3))
    canvas = Canvas(camera, 2, BLACK)
    canvas.draw(make_ground(120))
    cover = build_cover(np.random.default_rng(5), hazard_class, np.zeros(3), LIGHT, radius_m=0.45)
    draw_cover(canvas, cover)
    return canvas.resolve()[225:255, 305:335], cover


def test_open_shaft_is_darker_than_the_lid() -> None:
    shaft, _ = render_middle(HazardClass.MANHOLE_MISSING)
    lid, whole = render_middle(HazardClass.MANHOLE_OK)
    assert whole.shaft is None
    assert shaft.mean() < 0.6 * lid.mean()


@pytest.mark.parametrize("seed", range(12))
def test_broken_cover_shows_something_else_than_the_whole_lid(seed: int) -> None:
    camera = make_camera((0.2, -0.3, 6.0), np.zeros(3))
    photos = []
    for hazard_class in (HazardClass.MANHOLE_OK, HazardClass.MANHOLE_BROKEN):
        canvas = Canvas(camera, 2, BLACK)
        canvas.draw(make_ground(120))
        rng = np.random.default_rng(seed)
        draw_cover(canvas, build_cover(rng, hazard_class, np.zeros(3), LIGHT, radius_m=0.45))
        photos.append(canvas.resolve().astype(int))
    changed = np.abs(photos[1] - photos[0]).max(axis=2) > 12
    assert changed.sum() > 60


def test_box_is_cut_where_the_photo_ends() -> None:
    camera = make_camera((0.0, 0.0, 6.0), np.array([0.0, 0.0, 0.0]))
    square = np.array([[2.0, -1, 0], [9.0, -1, 0], [9.0, 1, 0], [2.0, 1, 0]])
    box = box_polygon(camera, square)
    assert box is not None
    assert 0 <= box.x_min < box.x_max <= 640
    assert 0 <= box.y_min < box.y_max <= 480
    assert box_polygon(camera, square + np.array([100.0, 0, 0])) is None


def test_hull_of_a_body_encloses_all_its_corners() -> None:
    camera = make_camera((8.0, -9.0, 12.0), np.array([0.0, 0.0, 1.0]))
    corners = Body(np.array([-2.0, -1.0, 0.0]), np.array([2.0, 1.0, 3.0])).corners
    hull = order_hull(camera, corners)
    assert len(hull) == 6
    xy, _ = camera.project(corners)
    box = box_polygon(camera, hull)
    assert box is not None
    assert np.allclose(box.xyxy, [*xy.min(axis=0), *xy.max(axis=0)])
