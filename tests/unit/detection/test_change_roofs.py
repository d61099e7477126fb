"""What two height patches say of a building."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon, box

from detection.change.ground import Ground, find_ground
from detection.change.heights import HeightPatch, lay_grid
from detection.change.roofs import compare_building, measure_roof
from detection.change.settings import load_change_settings
from detection.domain.building_change import BuildingChange, ChangeVerdict
from tests.unit.detection.change_scene import PLANE

SETTINGS = load_change_settings()
FOOTPRINT = box(0.0, 0.0, 12.0, 10.0)
ROOF_M = 9.0


def make_patch(roof_m: float = ROOF_M, ground_m: float = 0.0) -> HeightPatch:
    """A level roof on level ground, all seen."""
    grid = lay_grid(FOOTPRINT, SETTINGS.margin_m, SETTINGS.cell_m)
    heights = np.where(grid.rasterize(FOOTPRINT), roof_m, ground_m).astype(np.float64)
    seen = np.ones_like(heights, dtype=np.bool_)
    return HeightPatch(
        heights,
        np.full_like(heights, 0.1),
        seen,
        ~seen,
        grid.cell_m,
        grid.west_m,
        grid.north_m,
        ("a", "b", "c"),
        Ground(ground_m, 0.1),
    )


def lift(patch: HeightPatch, part: Polygon, by_m: float) -> HeightPatch:
    """The same patch with a part higher."""
    cells = patch.grid.rasterize(part)
    return dataclasses.replace(patch, heights=patch.heights + by_m * cells)


def hide(patch: HeightPatch, part: Polygon, *, is_blank: bool = False) -> HeightPatch:
    """The same patch with a part not seen."""
    cells = patch.grid.rasterize(part)
    return dataclasses.replace(
        patch,
        heights=np.where(cells, np.nan, patch.heights),
        std_m=np.where(cells, np.nan, patch.std_m),
        seen=patch.seen & ~cells,
        blank=cells & is_blank,
    )


def compare(before: HeightPatch, after: HeightPatch, sigma_dz_m: float = 0.1) -> BuildingChange:
    """Compare with the settings that are shipped."""
    return compare_building(
        "b1", before, after, FOOTPRINT, plane=PLANE, sigma_dz_m=sigma_dz_m, settings=SETTINGS
    )


@given(
    west=st.floats(0.0, 6.0),
    south=st.floats(0.0, 5.0),
    by_m=st.floats(2.5, 9.0),
    zero_m=st.floats(-80.0, 80.0),
)
@settings(max_examples=30)
def test_part_that_rose_is_found_with_its_figures(
    west: float, south: float, by_m: float, zero_m: float
) -> None:
    before = make_patch()
    part = box(west, south, west + 6.0, south + 5.0)
    after = lift(before, part, by_m)
    moved = [
        dataclasses.replace(one, heights=one.heights + zero_m, ground=Ground(zero_m, 0.1))
        for one in (before, after)
    ]
    change = compare(moved[0], moved[1])
    assert change.verdict is ChangeVerdict.RISE
    assert change.height_change_m == pytest.approx(by_m, abs=1e-6)
    assert change.area_m2 == pytest.approx(30.0, rel=0.15)
    assert change.roof_before_m == pytest.approx(ROOF_M, abs=1e-6)
    assert change.roof_after_m == pytest.approx(ROOF_M + by_m, abs=1e-6)
    assert change.height_change_std_m is not None
    assert change.height_change_std_m >= 0.1
    ring = Polygon(PLANE.to_metres(change.part_lonlat[0]))
    assert ring.symmetric_difference(part).area < 5.0


@given(st.floats(-9.0, 9.0), st.floats(0.0, 4.0))
@settings(max_examples=30)
def test_turning_the_flights_round_turns_the_verdict_round(by_m: float, south: float) -> None:
    before = make_patch()
    after = lift(before, box(2.0, south, 9.0, south + 5.0), by_m)
    one, other = compare(before, after), compare(after, before)
    opposite = {ChangeVerdict.RISE: ChangeVerdict.FALL, ChangeVerdict.FALL: ChangeVerdict.RISE}
    assert other.verdict is opposite.get(one.verdict, one.verdict)
    assert one.height_change_m == pytest.approx(-(other.height_change_m or 0.0))


@given(st.floats(-1.9, 1.9))
@settings(max_examples=20)
def test_small_differences_are_unchanged(by_m: float) -> None:
    change = compare(make_patch(), lift(make_patch(), FOOTPRINT, by_m))
    assert change.verdict is ChangeVerdict.UNCHANGED
    assert change.height_change_m == pytest.approx(by_m)


@pytest.mark.parametrize(
    "part",
    [
        box(4.0, 4.0, 7.0, 7.0),  # nine square metres: a stairwell, a tank
        box(3.5, 3.5, 7.5, 7.5),  # the same as windows of 1.4 m make it look
        box(0.0, 0.0, 12.0, 0.9),  # a strip along a wall that the footprint has wrong
        box(-4.0, -4.0, -0.1, 14.0),  # something grown beside the building
    ],
)
def test_what_is_too_small_or_at_the_edge_is_no_change(part: Polygon) -> None:
    assert compare(make_patch(), lift(make_patch(), part, 4.0)).verdict is ChangeVerdict.UNCHANGED


def test_tree_over_the_roof_is_no_change() -> None:
    tree = box(6.0, -4.0, 13.0, 4.0)
    after = lift(make_patch(0.0), FOOTPRINT, ROOF_M)
    rough = np.random.default_rng(0).uniform(12.0, 15.0, after.heights.shape)
    cells = after.grid.rasterize(tree)
    after = dataclasses.replace(after, heights=np.where(cells, rough, after.heights))
    assert compare(make_patch(), after).verdict is ChangeVerdict.UNCHANGED
    storey = lift(make_patch(), box(6.0, 0.0, 12.0, 4.0), 4.0)
    assert compare(make_patch(), storey).verdict is ChangeVerdict.RISE


def test_new_storey_level_with_the_roof_next_door_is_no_tree() -> None:
    # Uneven as blank roofs come out; what goes on outside is the neighbour's smooth roof.
    next_door = box(13.7, -4.0, 16.0, 14.0)
    joined = make_patch()
    for shape in (next_door, box(12.0, 2.0, 13.7, 5.0)):
        cells = joined.grid.rasterize(shape)
        joined = dataclasses.replace(joined, heights=np.where(cells, ROOF_M + 3.0, joined.heights))
    uneven = np.random.default_rng(0).uniform(2.4, 3.6, joined.heights.shape)
    cells = joined.grid.rasterize(box(6.0, 0.0, 12.0, 10.0))
    after = dataclasses.replace(joined, heights=joined.heights + uneven * cells)
    change = compare(joined, after)
    assert change.verdict is ChangeVerdict.RISE
    assert change.height_change_m == pytest.approx(3.0, abs=0.3)


@pytest.mark.parametrize(
    ("is_blank", "reason"), [(True, "change_roof_blank"), (False, "change_not_seen")]
)
def test_hidden_roof_cannot_be_told(is_blank: bool, reason: str) -> None:  # noqa: FBT001
    hidden = hide(make_patch(), box(-1.0, -1.0, 9.0, 11.0), is_blank=is_blank)
    change = compare(make_patch(), hidden)
    assert (change.verdict, change.reason) == (ChangeVerdict.CANNOT_TELL, reason)
    assert change.height_change_m is None
    assert 0.0 < change.seen_share < 0.5
    roof = measure_roof("b1", hidden, FOOTPRINT, SETTINGS)
    assert (roof.height_m, roof.reason) == (None, reason)


def test_roof_below_trees_cannot_be_told() -> None:
    tree = box(1.0, -4.0, 14.0, 9.0)
    rough = np.random.default_rng(0).uniform(12.0, 15.0, make_patch().heights.shape)
    cells = make_patch().grid.rasterize(tree)
    after = dataclasses.replace(make_patch(), heights=np.where(cells, rough, make_patch().heights))
    change = compare(make_patch(), after)
    assert (change.verdict, change.reason) == (ChangeVerdict.CANNOT_TELL, "change_not_seen")


def test_rise_within_the_error_of_the_frames_cannot_be_told() -> None:
    change = compare(make_patch(), lift(make_patch(), FOOTPRINT, 2.5), sigma_dz_m=1.0)
    assert (change.verdict, change.reason) == (ChangeVerdict.CANNOT_TELL, "change_height_unsure")


def test_unseen_gaps_belong_to_the_part_round_them() -> None:
    after = hide(lift(make_patch(), box(2.0, 2.0, 10.0, 8.0), 3.0), box(4.0, 3.0, 6.0, 5.0))
    change = compare(make_patch(), after)
    assert change.verdict is ChangeVerdict.RISE
    assert change.area_m2 == pytest.approx(48.0, rel=0.15)


def test_storey_built_over_a_stairwell_is_one_part() -> None:
    # A strip of 27 m2; the stairwell below it, 2.4 m high, cuts what rose by 2 m into two.
    stairwell = box(4.0, 1.0, 7.0, 4.0)
    before = lift(make_patch(), stairwell, 2.4)
    strip = box(1.0, 0.5, 10.0, 3.5)
    cells = before.grid.rasterize(strip)
    after = dataclasses.replace(before, heights=np.where(cells, ROOF_M + 3.0, before.heights))
    change = compare(before, after)
    assert change.verdict is ChangeVerdict.RISE
    assert change.height_change_m == pytest.approx(3.0, abs=0.1)
    assert change.area_m2 == pytest.approx(27.0, rel=0.15)


def test_part_with_a_narrow_waist_is_one_part() -> None:
    # Two rooms with a roof of 1 m between them; by themselves, without their fringe, too small.
    rooms = box(1.0, 2.0, 4.4, 5.4), box(6.0, 2.0, 9.4, 5.4)
    apart = lift(lift(make_patch(), rooms[0], 3.0), rooms[1], 3.0)
    assert compare(make_patch(), apart).verdict is ChangeVerdict.UNCHANGED
    joined = lift(apart, box(4.5, 3.0, 5.9, 4.0), 3.0)
    assert compare(make_patch(), joined).verdict is ChangeVerdict.RISE


def test_shed_beside_an_old_stairwell_of_its_height_stays_small() -> None:
    before = lift(make_patch(), box(4.0, 4.0, 7.0, 7.0), 2.4)
    after = lift(before, box(7.0, 4.0, 10.0, 7.0), 2.4)
    assert compare(before, after).verdict is ChangeVerdict.UNCHANGED


def test_main_roof_is_measured_without_its_stairwell() -> None:
    patch = lift(make_patch(ground_m=-60.0), box(1.5, 1.5, 5.0, 5.0), 2.6)
    roof = measure_roof("b1", patch, FOOTPRINT, SETTINGS)
    assert roof.height_m == pytest.approx(ROOF_M + 60.0, abs=1e-6)
    given_ground = measure_roof("b1", patch, FOOTPRINT, SETTINGS, ground_m=0.0)
    assert given_ground.height_m == pytest.approx(ROOF_M, abs=1e-6)
    unknown = dataclasses.replace(patch, ground=None)
    assert measure_roof("b1", unknown, FOOTPRINT, SETTINGS).reason == "change_ground_not_seen"


# Steeper than one in twenty each way, mostly hidden, its lowest corner is taken for all of it.
@given(
    slopes=st.tuples(st.floats(-0.05, 0.05), st.floats(-0.05, 0.05)),
    zero_m=st.floats(-80.0, 80.0),
    seed=st.integers(0, 99),
)
@settings(max_examples=25)
def test_ground_is_found_below_roofs_and_trees(
    slopes: tuple[float, float], zero_m: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    level = rng.uniform(-25.0, 35.0, (900, 2))
    ground = zero_m + (level - FOOTPRINT.centroid.coords[0]) @ slopes
    above = np.where(rng.uniform(size=900) < 0.7, rng.uniform(3.0, 15.0, 900), 0.0)
    heights = ground + above + rng.normal(0.0, 0.05, 900)
    found = find_ground(np.column_stack([level, heights]), FOOTPRINT, 0.8)
    assert found is not None
    assert found.height_m == pytest.approx(zero_m, abs=0.3)


def test_ground_needs_points() -> None:
    assert find_ground(np.zeros((5, 3)), FOOTPRINT, 0.8) is None
