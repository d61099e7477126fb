from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from detection.domain.camera import CameraPose
from detection.domain.photo import FlightKind, Photo
from detection.domain.reasons import REASONS, Severity
from detection.ingest.flight_checks import FLIGHT_CODES, check_flight
from detection.ingest.sequence import find_longest_rise, find_strays, split_digits

START = datetime(2026, 3, 1, 10, 0, 0)  # noqa: DTZ001 - as cameras write it
GEOD = Geod(ellps="WGS84")
POSE = CameraPose(106.55, 29.56, 60.0, 310.0, 30.0, -90.0, 0.0, 1.5, 3.0, 2.0, 0.5, 0.5, "x")


def build_photo(
    number: int, *, seconds: float | None = None, north_m: float | None = None, folder: str = "A"
) -> Photo:
    """The ``number``-th photo of a flight to the north: one in two seconds, 10 m apart."""
    way_m = 10.0 * number if north_m is None else north_m
    lon, lat, _ = GEOD.fwd(POSE.lon, POSE.lat, 0.0, way_m)
    moment = START + timedelta(seconds=2.0 * number if seconds is None else seconds)
    return Photo(
        photo_id=f"{folder}/DJI_{number}.JPG",
        path=Path(f"DJI_{number}.JPG"),
        sha256=f"{number:064}",
        width_px=4000,
        height_px=3000,
        captured_at=moment,
        camera_model="FC6310",
        intrinsics=None,
        pose=replace(POSE, lon=lon, lat=lat),
    )


def list_codes(photos: Sequence[Photo], kind: FlightKind = FlightKind.DRONE) -> dict[str, str]:
    """Names of the photos that got a warning, with their codes."""
    checked = check_flight(photos, kind=kind)
    assert [photo.photo_id for photo in checked] == [photo.photo_id for photo in photos]
    assert check_flight(checked, kind=kind) == checked
    return {photo.path.stem: " ".join(photo.warnings) for photo in checked if photo.warnings}


def fly(photos: int = 20) -> list[Photo]:
    return [build_photo(number) for number in range(photos)]


def test_every_code_is_a_warning_with_words() -> None:
    assert {REASONS[code].severity for code in FLIGHT_CODES} == {Severity.WARNING}


@pytest.mark.parametrize("kind", FlightKind)
def test_a_flight_in_order_has_no_fault(kind: FlightKind) -> None:
    assert list_codes(fly(), kind) == {}
    assert list_codes([], kind) == {}


def test_the_order_in_which_photos_come_does_not_matter() -> None:
    assert list_codes(fly()[::-1]) == {}


def test_own_warnings_stay_and_old_ones_of_the_flight_go() -> None:
    photos = fly(3)
    photos[1] = replace(photos[1], warnings=("rtk_not_fixed", "position_jump"))
    assert check_flight(photos)[1].warnings == ("rtk_not_fixed",)


def test_a_photo_of_another_time_is_out_of_order() -> None:
    photos = fly()
    photos[7] = build_photo(7, seconds=-3600)
    assert list_codes(photos) == {"DJI_7": "out_of_time_order"}


def test_a_clock_set_back_in_flight_is_told_where_it_happened() -> None:
    for at in (6, 14):  # the longer part is now the one, now the other
        photos = [build_photo(i, seconds=2.0 * i - (1800 if i >= at else 0)) for i in range(20)]
        assert list_codes(photos) == {f"DJI_{at}": "clock_jump"}


def test_a_clock_that_was_not_set_at_first_jumps_ahead() -> None:
    photos = [build_photo(i, seconds=2.0 * i - (3e8 if i < 6 else 0)) for i in range(20)]
    assert list_codes(photos) == {"DJI_6": "clock_jump"}


def test_names_that_are_no_numbers_of_a_camera_say_nothing() -> None:
    photos = fly(8)
    mixed = [3, 0, 6, 1, 7, 4, 2, 5]
    renamed = [replace(photos[i], photo_id=f"{n}.jpg") for n, i in enumerate(mixed)]
    codes = {code for photo in check_flight(renamed) for code in photo.warnings}
    assert "out_of_time_order" not in codes
    assert "clock_jump" not in codes


def test_two_drones_in_one_upload_do_not_jump_between_each_other() -> None:
    far = [build_photo(i, north_m=5000 + 10 * i, folder="B") for i in range(10)]
    assert list_codes([*fly(10), *far]) == {}


def test_a_single_wrong_position_jumps_and_its_neighbours_do_not() -> None:
    photos = fly()
    photos[9] = build_photo(9, north_m=4000.0)
    assert list_codes(photos) == {"DJI_9": "position_jump"}


def test_a_jump_that_lasts_is_told_of_once() -> None:
    photos = [build_photo(i, north_m=10.0 * i + (3000 if i >= 9 else 0)) for i in range(20)]
    assert list_codes(photos) == {"DJI_9": "position_jump"}


def test_a_car_may_be_faster_than_a_drone() -> None:
    photos = [build_photo(i, north_m=160.0 * i) for i in range(5)]
    assert set(list_codes(photos).values()) == {"position_jump"}
    assert list_codes(photos, FlightKind.STREET) == {}


def test_the_antimeridian_is_no_jump() -> None:
    photos = [
        replace(photo, pose=replace(POSE, lon=lon, lat=-17.0))
        for photo, lon in zip(fly(4), (179.9998, 179.9999, -180.0, -179.9999), strict=True)
    ]
    assert list_codes(photos) == {}


def test_a_frozen_position_is_named_from_its_second_photo_on() -> None:
    photos = [build_photo(i, north_m=10.0 * min(i, 5)) for i in range(9)]
    assert list_codes(photos) == dict.fromkeys(["DJI_6", "DJI_7", "DJI_8"], "duplicated_position")
    assert list_codes(photos, FlightKind.STREET) == {}


def test_lenses_that_release_together_share_a_position() -> None:
    wide = fly(4)
    zoom = [replace(photo, camera_model="Zoom") for photo in wide]
    assert list_codes([*wide, *zoom]) == {}


def test_photos_without_a_time_or_a_position_are_left_alone() -> None:
    timeless = [replace(photo, captured_at=None) for photo in fly(3)]
    placeless = [replace(photo, pose=None) for photo in fly(3)]
    zoned = [
        replace(photo, captured_at=datetime(2026, 3, 1, tzinfo=UTC), pose=None) for photo in fly(3)
    ]
    assert list_codes([*timeless, *placeless, *zoned]) == {}


def test_numbers_in_names_sort_as_numbers() -> None:
    names = ["DJI_10.JPG", "DJI_2.JPG", "DJI_2b.JPG", "ABC.JPG"]
    assert sorted(names, key=split_digits) == ["ABC.JPG", "DJI_2.JPG", "DJI_2b.JPG", "DJI_10.JPG"]


@given(st.lists(st.integers(0, 50), max_size=40))
def test_the_longest_rise_never_goes_back_and_none_is_longer(offsets: list[int]) -> None:
    times = [START + timedelta(seconds=offset) for offset in offsets]
    rise = find_longest_rise(times)
    assert rise == sorted(rise)
    kept = [times[position] for position in rise]
    assert kept == sorted(kept)
    lengths: list[int] = []
    for i, moment in enumerate(times):
        lengths.append(1 + max((lengths[j] for j in range(i) if times[j] <= moment), default=0))
    assert len(rise) == max(lengths, default=0)


@given(st.lists(st.integers(-(10**6), 10**6), max_size=30))
def test_strays_and_jumps_lie_within_the_flight(offsets: list[int]) -> None:
    strays, jumps = find_strays([START + timedelta(seconds=offset) for offset in offsets])
    assert strays | jumps <= set(range(len(offsets)))
