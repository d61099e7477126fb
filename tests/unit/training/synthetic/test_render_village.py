from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon

from detection.domain.photo import FlightKind
from detection.ingest.flight import read_flight
from detection.layers.read import read_buildings
from training.synthetic import cli
from training.synthetic.boxes import Body
from training.synthetic.camera import Array
from training.synthetic.cli import render_flight as command
from training.synthetic.geodesy import StreetFrame
from training.synthetic.light import Light
from training.synthetic.rasterize import Face, Texture
from training.synthetic.survey import View
from training.synthetic.village import flights, ground, pair, plan
from training.synthetic.village.changes import ChangeKind, House, draw_changes
from training.synthetic.village.coverage import LEAST_PHOTOS, RoofViews
from training.synthetic.village.flights import plan_views
from training.synthetic.village.heights import HeightGrid, measure_heights
from training.synthetic.village.houses import place_house
from training.synthetic.village.pair import RenderedPair, render_pair
from training.synthetic.village.placing import Placement, light_faces
from training.synthetic.village.plan import Plot, Village, plan_village
from training.synthetic.village.register import HEADINGS

SEEDS = range(6)
FRAME = StreetFrame(113.0, 23.0, 37.0)
SIZE = (1200, 900)


def draw(seed: int) -> tuple[Village, tuple[House, ...]]:
    village = plan_village(np.random.default_rng(seed))
    return village, draw_changes(np.random.default_rng((seed, 1)), village.plots)


def outline(plot: Plot, body: Body, frame: StreetFrame | None = None) -> Polygon:
    """The plan of a body, in metres of the village or, with a frame, east and north."""
    corners = place_house(plot).points(body.corners)[[0, 1, 3, 2]]
    if frame is not None:
        corners = corners @ frame.enu_from_street.T
    return Polygon(corners[:, :2])


def mask_of(grid: HeightGrid, polygon: Polygon) -> Array:
    ring = np.array(polygon.exterior.coords)
    texels = (ring - [grid.west_m, grid.north_m]) * [1, -1] / grid.cell_m
    mask = np.zeros(grid.heights_m.shape, dtype=np.uint8)
    cv2.fillPoly(mask, [np.round(texels - 0.5).astype(np.int32)], 1)
    return np.asarray(mask, dtype=np.float64)


def measure_difference(seed: int) -> tuple[tuple[House, ...], HeightGrid]:
    village, houses = draw(seed)
    before, after = (measure_heights(village, houses, day, FRAME) for day in (0, 1))
    difference = after.heights_m - before.heights_m
    return houses, HeightGrid(difference, after.cell_m, after.west_m, after.north_m)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_houses_stand_apart_and_about_a_quarter_changes(seed: int) -> None:
    village, houses = draw(seed)
    plans = [outline(one, Body(np.array([-a / 2, -b / 2, 0]), np.array([a / 2, b / 2, 1])))
             for one in village.plots for a, b in [one.size_m]]  # fmt: skip
    overlaps = [a.intersection(b).area for i, a in enumerate(plans) for b in plans[:i]]
    assert max(overlaps) == 0
    assert len({one.building_id for one in village.plots}) == len(village.plots) >= 15
    changed = [one for one in houses if one.part is not None]
    assert 0.15 <= len(changed) / len(houses) <= 0.4


@pytest.mark.parametrize("seed", SEEDS)
def test_the_stated_rise_is_the_difference_of_the_exact_heights(seed: int) -> None:
    houses, grid = measure_difference(seed)
    changed = [one for one in houses if one.part is not None]
    assert changed
    for house in changed:
        assert house.part is not None
        inside = mask_of(grid, outline(house.plot, house.part, FRAME).buffer(-0.5)) > 0
        # What stood on the old roof lies under the new one; rubble and the slope of the ground.
        tolerance = 0.35 if house.kind is ChangeKind.DEMOLISHED else 0.2
        assert np.median(grid.heights_m[inside]) == pytest.approx(house.rise_m, abs=tolerance)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_only_looks_like_a_storey_stays_below_what_counts(seed: int) -> None:
    houses, grid = measure_difference(seed)
    for house in houses:
        if house.part is not None:
            continue
        main = house.plot.structure.blocks[0].body
        inside = mask_of(grid, outline(house.plot, main, FRAME).buffer(-0.3)) > 0
        raised = ((np.abs(grid.heights_m) >= 2.0) & inside).astype(np.uint8)
        sizes = cv2.connectedComponentsWithStats(raised)[2][1:, cv2.CC_STAT_AREA]
        assert max(sizes, default=0) * grid.cell_m**2 < 10.0


@pytest.mark.parametrize("seed", SEEDS)
def test_both_flights_see_every_house_from_above_and_from_the_side(seed: int) -> None:
    village, _ = draw(seed)
    rng = np.random.default_rng(seed)
    for turn_deg in (3.0, 88.0):
        views = plan_views(rng, village.reach_m, 35, SIZE, turn_deg)
        assert 30 <= len(views) <= 45
        nadir = np.array([one.position for one in views if one.pitch_deg == -90])
        assert len(nadir) < len(views) - 5
        for plot in village.plots:
            reach = np.abs(nadir[:, :2] - plot.middle).max(axis=1)
            assert (reach < 0.3 * nadir[0, 2] / flights.ALONG).any()


def test_a_shadow_falls_on_the_face_behind_and_on_no_other() -> None:
    pixels = np.full((40, 40, 3), 200, dtype=np.uint8)
    floor = Body(np.array([0.0, 0.0, -1.0]), np.array([4.0, 4.0, 0.0]))
    far = Body(np.array([40.0, 0.0, -1.0]), np.array([44.0, 4.0, 0.0]))
    post = Body(np.array([1.0, 1.0, 0.0]), np.array([2.0, 2.0, 3.0]))
    sun = Light(np.array([-0.6, 0.0, 0.8]), 0.5)
    faces = [one.face("top", Texture(pixels)) for one in (floor, far)]
    shaded, lit = light_faces(faces, sun, [post.corners])
    assert shaded.texture.pixels.min() < 0.8 * shaded.texture.pixels.max()
    assert lit.texture.pixels.min() == lit.texture.pixels.max()


def test_a_turned_and_scaled_face_keeps_its_front() -> None:
    face = Face(
        np.zeros(3),
        np.array([1.0, 0, 0]),
        np.array([0, -1.0, 0]),
        Texture(np.zeros((4, 4, 3), np.uint8)),
    )
    placed = Placement(np.array([5.0, 6.0, 7.0]), 90.0, 2.0).face(face)
    assert placed.origin.tolist() == [5.0, 6.0, 7.0]
    assert np.allclose(placed.edge_u, [0, 2, 0])
    assert np.cross(placed.edge_v, placed.edge_u)[2] > 0


@pytest.mark.parametrize(
    ("photos", "spread", "expected"), [(5, 0.3, True), (4, 0.3, False), (9, 0.05, False)]
)
def test_a_roof_is_well_covered_by_enough_photos_from_apart(
    photos: int, spread: float, *, expected: bool
) -> None:
    angles = np.linspace(0, spread, photos)
    rays = [np.array([np.sin(one), 0.0, -np.cos(one)]) for one in angles]
    assert RoofViews(np.zeros((1, 3)), rays).is_well_covered is expected
    assert LEAST_PHOTOS == 5


@pytest.fixture
def small_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """A village of few houses on coarse ground, and three photos a flight."""
    real = plan_views

    def few(*arguments: object) -> list[View]:
        views = real(*arguments)  # type: ignore[arg-type]
        return [views[0], views[len(views) // 3], views[-1]]

    monkeypatch.setattr(plan, "COLUMNS", 4)
    monkeypatch.setattr(plan, "EMPTY_SHARE", 0.5)
    monkeypatch.setattr(ground, "NEAR_TEXEL_M", 0.5)
    monkeypatch.setattr(ground, "FAR_TEXEL_M", 3.0)
    monkeypatch.setattr(pair, "plan_views", few)


@pytest.mark.usefixtures("small_world")
def test_a_pair_on_disk_is_read_by_our_own_readers_and_comes_out_the_same(tmp_path: Path) -> None:
    done: list[None] = []
    made = render_pair(tmp_path / "a", seed=5, width_px=240, on_photo=lambda: done.append(None))
    assert (len(done), made.photos) == (6, (3, 3))
    truth = json.loads((tmp_path / "a/truth.json").read_text(encoding="utf-8"))
    ids = [row["building_id"] for row in truth["buildings"]]
    layer = read_buildings(tmp_path / "a/buildings.geojson")
    assert [one.building_id for one in layer.buildings] == ids
    for name in ("base", "new"):
        flight = read_flight(tmp_path / "a" / name, FlightKind.DRONE, name)
        assert not flight.failures
        assert all(one.pose and (one.pose.pitch_deg or 0) < -40 for one in flight.photos)
        assert np.load(tmp_path / f"a/heights_{name}.npz")["heights_m"].max() > 5
    with (tmp_path / "a/register.csv").open(encoding="gbk") as opened:
        rows = list(csv.DictReader(opened))
    assert tuple(rows[0]) == HEADINGS
    assert len(rows) == len(ids) + 2
    render_pair(tmp_path / "b", seed=5, width_px=240)
    for path in sorted((tmp_path / "a").rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_the_command_renders_a_pair_and_says_where_its_truth_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def pretend(out_dir: Path, *, seed: int, on_photo: object) -> RenderedPair:
        assert callable(on_photo)
        asked.append(seed)
        return RenderedPair(out_dir, (35, 34), 22)

    monkeypatch.setattr(cli, "render_pair", pretend)
    result = CliRunner().invoke(command, ["--pair", "--seed", "3", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert asked == [3]
    assert "35 and 34 photos of 22 houses" in result.output
    assert "truth.json" in result.output
