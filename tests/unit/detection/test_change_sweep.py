"""Heights of a roof from photos whose poses are known exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from detection.change.heights import lay_grid
from detection.change.patches import (
    FELL,
    ROSE,
    SAME,
    choose_photos,
    color_difference,
    draw_difference,
    project_points,
    render_patch,
)
from detection.change.roofs import compare_building, measure_roof
from detection.change.settings import ChangeSettings, load_change_settings
from detection.change.smooth import smooth_volume
from detection.change.sweep import sweep_heights
from detection.change.views import PhotoCache
from detection.domain.building_change import ChangeVerdict
from detection.domain.errors import ConfigurationError
from tests.unit.detection.change_scene import PLANE, Scene, build_epoch

SETTINGS = load_change_settings(cell_m=0.3, step_m=0.3)
FOOTPRINT = Scene(0.0).footprint
RANGE_M = (-2.0, 10.0)


def test_roof_and_ground_are_measured(tmp_path: Path) -> None:
    epoch = build_epoch(Scene(6.0), tmp_path)
    patch = sweep_heights(epoch, FOOTPRINT, 4.0, RANGE_M, SETTINGS)
    core = patch.grid.rasterize(FOOTPRINT.buffer(-1.0))
    ring = ~patch.grid.rasterize(FOOTPRINT.buffer(1.5)) & patch.seen
    assert patch.seen[core].mean() > 0.9
    assert np.median(np.abs(patch.heights[core & patch.seen] - 6.0)) < 0.15
    assert np.median(np.abs(patch.heights[ring])) < 0.15
    roof = measure_roof("b", patch, FOOTPRINT, SETTINGS)
    assert roof.height_m == pytest.approx(6.0, abs=0.3)
    assert roof.height_std_m is not None
    assert 0.05 < roof.height_std_m < 0.5


def test_added_storey_is_found_from_photos_and_drawn(tmp_path: Path) -> None:
    patches, epochs = [], []
    for name, roof_m, seed in (("base", 3.0, 1), ("new", 6.0, 2)):
        (tmp_path / name).mkdir()
        epochs.append(build_epoch(Scene(roof_m), tmp_path / name, seed=seed))
        patches.append(sweep_heights(epochs[-1], FOOTPRINT, 4.0, RANGE_M, SETTINGS))
    change = compare_building(
        "b", patches[0], patches[1], FOOTPRINT, plane=PLANE, sigma_dz_m=0.1, settings=SETTINGS
    )
    assert change.verdict is ChangeVerdict.RISE
    assert change.height_change_m == pytest.approx(3.0, abs=0.3)
    assert change.roof_after_m == pytest.approx(6.0, abs=0.3)
    picture = draw_difference(patches[0], patches[1], FOOTPRINT, 300)
    assert picture[150, 150].astype(int) == pytest.approx(
        color_difference(np.array(3.0)).astype(int), abs=12
    )
    seen = render_patch(epochs[1], patches[1], 200, cache=PhotoCache(epochs[1], SETTINGS))
    assert seen is not None
    assert max(seen.shape[:2]) == 200


def test_blank_roof_is_not_given_a_height(tmp_path: Path) -> None:
    wide = box(-8.0, -8.0, 8.0, 8.0)
    epoch = build_epoch(Scene(6.0, wide, is_blank=True), tmp_path)
    patch = sweep_heights(epoch, wide, 2.0, RANGE_M, SETTINGS)
    middle = patch.grid.rasterize(wide.buffer(-5.0))
    assert patch.seen[middle].mean() < 0.2
    assert patch.blank[middle].mean() > 0.8


def test_place_outside_the_photos_is_not_seen(tmp_path: Path) -> None:
    epoch = build_epoch(Scene(3.0), tmp_path)
    patch = sweep_heights(epoch, box(500, 500, 510, 510), 4.0, RANGE_M, SETTINGS)
    assert not patch.seen.any()
    assert patch.views == ()
    assert measure_roof("b", patch, box(500, 500, 510, 510), SETTINGS).reason == "change_not_seen"


def test_missing_photo_files_are_not_seen(tmp_path: Path) -> None:
    epoch = build_epoch(Scene(3.0), tmp_path)
    for photo in epoch.photos:
        photo.path.unlink()
    patch = sweep_heights(epoch, FOOTPRINT, 4.0, RANGE_M, SETTINGS)
    assert not patch.seen.any()


def test_best_photos_show_the_roof_where_it_is(tmp_path: Path) -> None:
    epoch = build_epoch(Scene(6.0), tmp_path)
    patch = sweep_heights(epoch, FOOTPRINT, 4.0, RANGE_M, SETTINGS)
    (first, shown), *_ = choose_photos(epoch, patch, FOOTPRINT, SETTINGS)
    assert first == "4.png"  # the one straight above
    corner = project_points(epoch, 4, np.array([[-4.0, 4.0, 6.0]]))[0]
    assert (shown.x_min, shown.y_min) == pytest.approx(tuple(corner), abs=1.5)


def test_grid_does_not_depend_on_the_flight() -> None:
    grid = lay_grid(FOOTPRINT, 4.0, 0.3)
    assert (grid.west_m, grid.north_m, grid.rows, grid.columns) == (-8.0, 8.0, 54, 54)
    assert grid.rasterize(FOOTPRINT).sum() * 0.09 == pytest.approx(64.0, rel=0.05)


def test_cells_of_a_huge_building_are_larger() -> None:
    grid = lay_grid(box(0, 0, 2000, 500), 4.0, 0.25)
    assert grid.rows * grid.columns < 260_000


def test_smoothing_carries_a_height_into_cells_without_evidence() -> None:
    costs = np.full((7, 7, 9), 0.5, dtype=np.float32)
    costs[:, :2, 6] = 0.0
    costs[:, 5:, 6] = 0.0
    assert (smooth_volume(costs).argmin(axis=2) == 6).all()


@given(st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_smoothing_turns_with_the_grid(quarters: int, seed: int) -> None:
    costs = np.random.default_rng(seed).uniform(0, 1, (6, 6, 5)).astype(np.float32)
    turned = smooth_volume(np.ascontiguousarray(np.rot90(costs, quarters)))
    np.testing.assert_allclose(turned, np.rot90(smooth_volume(costs), quarters), atol=1e-4)


def test_colours_of_the_difference() -> None:
    colors = color_difference(np.array([-9.0, 0.0, 9.0]))
    assert [tuple(color) for color in colors] == [FELL, SAME, ROSE]


def test_settings_come_from_the_file_and_are_checked(tmp_path: Path) -> None:
    assert load_change_settings().model_dump() == ChangeSettings().model_dump()
    file = tmp_path / "change.yaml"
    file.write_text("min_rise_m: 2.5\n", encoding="utf-8")
    assert load_change_settings(file).min_rise_m == 2.5
    assert load_change_settings(file).settings_hash() != load_change_settings().settings_hash()
    file.write_text("min_rise: 2.5\n", encoding="utf-8")
    with pytest.raises(ConfigurationError):
        load_change_settings(file)
    with pytest.raises(ConfigurationError):
        load_change_settings(tmp_path / "none.yaml")
