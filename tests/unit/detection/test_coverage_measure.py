from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely

from detection.coverage.coverage import Coverage, SeenState, TargetKind
from detection.coverage.footprint import compute_footprints
from detection.coverage.measure import measure_coverage
from detection.coverage.refly import GAP, count_kinds, list_refly
from detection.coverage.sketch import build_sketch
from detection.domain.photo import Photo
from detection.domain.quality import PhotoQuality
from detection.layers.areas import AreaLayer
from detection.layers.buildings import BuildingLayer
from detection.layers.covers import CoverLayer
from detection.layers.layer import project_geometries
from detection.needs import Needs, load_needs
from detection.plane import LocalPlane
from tests.drawn_layers import (
    CAMERA,
    PLACE,
    box_at,
    build_area,
    build_buildings,
    build_covers,
    fly_block,
    pose_photo,
)

SHARP = PhotoQuality(0.6, 0.5, 0.0, 0.0)
BLURRED = PhotoQuality(4.0, 0.5, 0.0, 0.0)


def measure(
    photos: list[Photo],
    *,
    buildings: BuildingLayer | None = None,
    covers: CoverLayer | None = None,
    area: AreaLayer | None = None,
    quality: PhotoQuality = SHARP,
    needs: Needs | None = None,
) -> Coverage:
    footprints = compute_footprints(photos, qualities={photo.photo_id: quality for photo in photos})
    return measure_coverage(footprints, buildings=buildings, covers=covers, area=area, needs=needs)


def states(coverage: Coverage) -> dict[str, SeenState]:
    return {one.target_id: one.state for one in coverage.targets}


def covered_m2(coverage: Coverage) -> float:
    shapes = np.array([coverage.covered], dtype=object)
    return float(project_geometries(shapes, LocalPlane(*PLACE))[0].area)


def test_one_photo_covers_what_it_shows() -> None:
    found = measure([pose_photo()], area=build_area(200.0))
    assert covered_m2(found) == pytest.approx(90.0 * 60.0, rel=1e-3)
    assert found.compute_area_share() == pytest.approx(5400.0 / 40000.0, rel=1e-3)
    assert found.areas[0].area_m2 == pytest.approx(40000.0, rel=1e-3)


def test_overlap_counts_once_and_a_gap_is_found() -> None:
    block = fly_block(3, 3)
    whole = measure(block, area=build_area(40.0))
    assert whole.compute_area_share() == pytest.approx(1.0)
    assert whole.areas[0].gaps == ()
    missing_column = [one for one in block if not one.photo_id.startswith("1")]
    far_apart = [*missing_column, *(pose_photo(150.0, n * 18.0, name=f"x{n}") for n in range(3))]
    gaps = measure(far_apart, area=build_area(40.0, 102.0)).areas[0].gaps
    assert len(gaps) == 1
    assert project_geometries(np.array(gaps), LocalPlane(*PLACE))[0].area > 100.0


def test_an_uncertain_place_draws_the_border_in_and_opens_no_gaps() -> None:
    exact, uncertain = (
        measure([replace_std(one, std_m) for one in fly_block(4, 4)]) for std_m in (0.0, 1.5)
    )
    width_m, height_m = 3 * 27.0 + 90.0, 3 * 18.0 + 60.0
    assert covered_m2(exact) == pytest.approx(width_m * height_m, rel=1e-3)
    assert covered_m2(uncertain) == pytest.approx((width_m - 6.0) * (height_m - 6.0), rel=1e-3)


def replace_std(photo: Photo, std_m: float) -> Photo:
    assert photo.pose is not None
    return replace(photo, pose=replace(photo.pose, horizontal_std_m=std_m))


def test_buildings_are_seen_in_part_or_not_at_all() -> None:
    layer = build_buildings((0.0, 0.0), (38.0, 0.0), (70.0, 0.0), (45.0, 0.0))
    found = measure([pose_photo()], buildings=layer, area=build_area(300.0))
    assert states(found) == {
        "b0": SeenState.SEEN,
        "b1": SeenState.PARTLY_SEEN,  # roof at 6 m: the photo shows 40.5 m to the side there
        "b2": SeenState.NOT_SEEN,
        "b3": SeenState.PARTLY_SEEN,
    }
    assert found.compute_share(TargetKind.BUILDING) == 0.25
    assert found.compute_share(TargetKind.COVER) is None


def test_a_tall_roof_needs_more_than_its_footprint_on_the_ground() -> None:
    """The view narrows upwards: at half the height the photo is half as wide."""
    for height_m, state in ((3.0, SeenState.SEEN), (30.0, SeenState.PARTLY_SEEN)):
        layer = build_buildings((20.0, 0.0), height_m=height_m)
        found = measure([pose_photo()], buildings=layer, area=build_area(300.0))
        assert states(found) == {"b0": state}, height_m


def test_above_the_camera_no_roof_is_seen() -> None:
    layer = build_buildings((0.0, 0.0), height_m=80.0)
    found = measure([pose_photo()], buildings=layer, area=build_area(300.0))
    assert states(found) == {"b0": SeenState.NOT_SEEN}


def test_a_cover_needs_forty_pixels() -> None:
    layer = build_covers((0.0, 0.0))
    for height_m, state in ((60.0, SeenState.SEEN), (70.0, SeenState.TOO_COARSE)):
        found = measure([pose_photo(height_m=height_m)], covers=layer)
        (target,) = found.targets
        assert target.state is state, height_m
        assert target.gsd_m == pytest.approx(height_m / 3648.0, rel=1e-3)
        assert target.max_gsd_m == pytest.approx(0.7 / 40.0)


def test_a_small_cover_needs_a_finer_photo() -> None:
    found = measure([pose_photo()], covers=build_covers((0.0, 0.0), diameter_m=0.5))
    assert states(found) == {"c0": SeenState.TOO_COARSE}


def test_a_poor_photo_does_not_count() -> None:
    layer = build_buildings((0.0, 0.0))
    for quality, code in (
        (BLURRED, "photo_blurred"),
        (replace(SHARP, brightness=0.01), "photo_dark"),
        (replace(SHARP, bright_share=0.9), "photo_bright"),
    ):
        found = measure([pose_photo()], buildings=layer, area=build_area(50.0), quality=quality)
        assert states(found) == {"b0": SeenState.POOR_PHOTO}
        assert found.flags[0].codes == (code,)
        assert found.compute_area_share() == pytest.approx(0.0)


def test_a_second_photo_makes_good_for_a_poor_one() -> None:
    photos = [pose_photo(name="a.jpg"), pose_photo(3.0, name="b.jpg")]
    footprints = compute_footprints(photos, qualities={"a.jpg": BLURRED, "b.jpg": SHARP})
    found = measure_coverage(footprints, covers=build_covers((0.0, 0.0)))
    assert [(one.state, one.views) for one in found.targets] == [(SeenState.SEEN, 1)]


def test_several_views_can_be_asked_for() -> None:
    needs = load_needs()
    two = needs.model_copy(update={"target": needs.target.model_copy(update={"min_views": 2})})
    covers = build_covers((0.0, 0.0))
    once, twice = [pose_photo()], [pose_photo(), pose_photo(5.0, name="two.jpg")]
    assert states(measure(once, covers=covers, needs=two)) == {"c0": SeenState.PARTLY_SEEN}
    assert states(measure(twice, covers=covers, needs=two)) == {"c0": SeenState.SEEN}


def test_walls_are_seen_from_the_side_and_only_near() -> None:
    layer = build_buildings((0.0, 0.0), height_m=9.0)
    south = pose_photo(0.0, -13.0, height_m=4.5, pitch_deg=0.0)
    (near,) = measure([south], buildings=layer, area=build_area(60.0)).targets
    assert near.walls_share == pytest.approx(0.25, abs=0.13)
    assert near.walls_gsd_m == pytest.approx(8.0 / 3648.0, rel=0.05)
    above = pose_photo(height_m=60.0)
    (far,) = measure([above], buildings=layer, area=build_area(60.0)).targets
    assert (far.state, far.walls_share) == (SeenState.SEEN, 0.0)


def test_without_an_area_what_lies_between_the_photos_counts() -> None:
    layer = build_buildings((0.0, 0.0), (500.0, 0.0))
    assert set(states(measure(fly_block(3, 3), buildings=layer))) == {"b0"}
    inside = measure(fly_block(3, 3), buildings=layer, area=build_area(40.0, 500.0))
    assert states(inside) == {"b1": SeenState.NOT_SEEN}


def test_a_flight_without_a_pose_covers_nothing_but_lists_the_gaps() -> None:
    photos = [pose_photo(pitch_deg=None)]
    found = measure(photos, buildings=build_buildings((0.0, 0.0)), area=build_area(50.0))
    assert found.covered.is_empty
    assert found.compute_area_share() == 0.0
    assert [spot.max_height_m for spot in list_refly(found)] == [None]
    assert measure([]).footprints == ()


def test_photos_too_high_for_anything_do_not_count() -> None:
    found = measure([pose_photo(height_m=400.0)], covers=build_covers(), area=build_area(50.0))
    assert found.flags[0].codes == ("photo_too_coarse",)
    assert found.compute_area_share() == pytest.approx(0.0)
    coarse = measure([pose_photo(height_m=100.0)], covers=build_covers((0.0, 0.0)))
    assert coarse.flags[0].codes == ("photo_too_coarse_for_covers",)
    assert measure([pose_photo(height_m=100.0)]).flags[0].codes == ()


def test_of_an_oblique_photo_only_the_fine_part_covers() -> None:
    """60 m, 30 degrees down: a pixel is 50 mm wide where the depth reaches 126 m."""
    found = measure([pose_photo(height_m=60.0, pitch_deg=-30.0)])
    depth_m = (0.05 * 3648.0) ** (2 / 3) * 60.0 ** (1 / 3)
    north_m = project_geometries(np.array([found.covered]), LocalPlane(*PLACE))[0].bounds[3]
    cosine = np.cos(np.radians(30.0))
    assert north_m == pytest.approx((depth_m - 60.0 * 0.5) / cosine, rel=1e-3)


def test_needs_are_counted_over_photos() -> None:
    found = measure([pose_photo(), pose_photo(height_m=100.0, name="high.jpg")])
    assert {one.key: one.photos for one in found.needs_met} == {
        "manhole_state": 1,
        "added_storey": 2,
        "crack_seen": 0,
        "crack_width": 0,
    }
    assert found.focal_px == CAMERA.focal_px


@pytest.mark.parametrize("place", [(0.001, 0.001), (106.6, 29.5647), (-73.4, -29.5)])
def test_a_stray_photo_changes_nothing(place: tuple[float, float]) -> None:
    stray = pose_photo(name="stray.jpg", place=place)
    layer = build_buildings((0.0, 0.0), (2000.0, 0.0))
    found = measure([*fly_block(3, 3), stray], buildings=layer)
    assert states(found) == {"b0": SeenState.SEEN}
    sketch = build_sketch(found, ())
    assert sketch is not None
    assert sketch.bar_m < 1000.0 or place[0] == 106.6
    assert "nan" not in sketch.cameras
    assert "inf" not in sketch.cameras


@pytest.mark.parametrize("place", [(180.0, -17.0), (108.0, 29.0)])
def test_a_flight_across_the_antimeridian_or_a_zone_is_like_any_other(
    place: tuple[float, float],
) -> None:
    photos = [pose_photo(50.0 * n - 75.0, name=str(n), place=place) for n in range(4)]
    area = AreaLayer((replace(build_area(1.0).areas[0], polygon=box_at(0, 0, 150, place)),))
    found = measure(photos, area=area)
    assert found.compute_area_share() == pytest.approx(60.0 / 150.0, abs=0.01)
    spots = list_refly(found)
    assert sum(len(spot.items) for spot in spots) == 2
    assert shapely.union_all([one.polygon for one in spots]).bounds[2] - place[0] % 360 < 1.0


def test_the_refly_list_gathers_neighbours() -> None:
    buildings = build_buildings((100.0, 0.0), (112.0, 0.0), (100.0, 300.0))
    covers = build_covers((0.0, 0.0), (105.0, 10.0))
    found = measure([pose_photo()], buildings=buildings, covers=covers, area=build_area(800.0))
    no_gaps = replace(found, areas=())
    spots = list_refly(no_gaps)
    assert [spot.number for spot in spots] == [1, 2]
    assert [{one.item_id for one in spot.items} for spot in spots] == [{"b2"}, {"b0", "b1", "c1"}]
    assert spots[0].max_height_m == 182.0
    assert spots[1].max_height_m == 63.0  # a pixel of 17.5 mm for the cover
    assert all(spot.polygon.contains(one.geometry) for spot in spots for one in spot.items)
    assert count_kinds(spots) == {"building": 3, "cover": 1, "gap": 0}


def test_a_missed_border_is_cut_into_pieces_without_the_covered_middle() -> None:
    found = measure(fly_block(12, 12), area=build_area(900.0))
    spots = list_refly(found)
    assert len(spots) > 4
    kinds = {one.kind for spot in spots for one in spot.items}
    assert kinds == {GAP}
    flown = shapely.union_all([spot.polygon for spot in spots])
    middle = box_at(150.0, 100.0, 100.0)
    assert flown.intersection(middle).area < 0.05 * middle.area
    for gap in found.areas[0].gaps:
        assert flown.intersection(gap).area > 0.99 * gap.area


def test_every_target_is_in_one_spot() -> None:
    places = [(95.0 * x, 95.0 * y) for x in range(-5, 6) for y in range(-5, 6)]
    found = measure(fly_block(4, 4), buildings=build_buildings(*places), area=build_area(990.0))
    listed = [one for spot in list_refly(found) for one in spot.items]
    targets = [one.item_id for one in listed if one.kind != GAP]
    missed = [one.target_id for one in found.targets if one.state is not SeenState.SEEN]
    assert sorted(targets) == sorted(missed)
    assert len({spot.number for spot in list_refly(found)}) > 4


def test_a_district_hardly_flown_is_not_ten_thousand_spots() -> None:
    found = measure(fly_block(3, 3), area=build_area(30_000.0))
    assert 10 < len(list_refly(found)) <= 450


def test_when_all_is_seen_nothing_is_flown_again() -> None:
    found = measure(fly_block(3, 3), buildings=build_buildings((20.0, 20.0)))
    assert list_refly(found) == ()
