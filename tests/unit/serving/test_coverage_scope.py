"""Which areas a flight was meant for."""

from __future__ import annotations

import shapely

from detection.coverage.footprint import Footprint
from detection.layers.areas import Area, AreaLayer
from serving.flights.coverage_scope import select_areas


def footprint(west: float, south: float, east: float, north: float) -> Footprint:
    return Footprint("p", ring=((west, south), (east, south), (east, north), (west, north)))


def areas(*boxes: tuple[float, float, float, float]) -> AreaLayer:
    return AreaLayer(
        tuple(Area(f"A{n}", "", "survey", shapely.box(*box)) for n, box in enumerate(boxes))
    )


def names(layer: AreaLayer | None) -> list[str]:
    return [] if layer is None else [area.area_id for area in layer.areas]


def test_block_that_was_flown_and_town_around_it_count_a_neighbours_rim_does_not() -> None:
    flown = [footprint(0.0, 0.0, 1.0, 1.0), footprint(0.5, 0.0, 1.05, 1.0)]
    layer = areas((0.0, 0.0, 1.0, 1.0), (-9.0, -9.0, 9.0, 9.0), (1.0, 0.0, 2.0, 1.0))
    assert names(select_areas(layer, flown)) == ["A0", "A1"]


def test_hole_between_photos_still_belongs_to_the_flight() -> None:
    flown = [footprint(0.0, 0.0, 0.1, 1.0), footprint(0.9, 0.0, 1.0, 1.0)]
    assert names(select_areas(areas((0.3, 0.3, 0.7, 0.7)), flown)) == ["A0"]


def test_speck_left_from_another_task_does_not_hide_the_rest_of_the_flight() -> None:
    flown = [footprint(0.0, 0.0, 1.0, 1.0)]
    speck, more = (0.1, 0.1, 0.2, 0.2), (0.5, 0.0, 1.0, 0.5)
    assert select_areas(areas(speck), flown) is None
    assert names(select_areas(areas(speck, more), flown)) == ["A0", "A1"]


def test_flight_across_the_antimeridian_meets_its_area() -> None:
    flown = [footprint(179.9, 0.0, 180.0, 0.1), footprint(-180.0, 0.0, -179.9, 0.1)]
    assert names(select_areas(areas((179.9, 0.0, 180.1, 0.1)), flown)) == ["A0"]


def test_nothing_is_chosen_without_areas_or_footprints() -> None:
    assert select_areas(None, [footprint(0.0, 0.0, 1.0, 1.0)]) is None
    assert (
        select_areas(areas((0.0, 0.0, 1.0, 1.0)), [Footprint("p", refused="no_attitude")]) is None
    )
    assert select_areas(AreaLayer(()), [footprint(0.0, 0.0, 1.0, 1.0)]) is None
