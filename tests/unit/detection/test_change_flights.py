"""Two flights: which photos take part, how much is shared, which buildings, progress and an end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely
from scipy.spatial import cKDTree
from shapely.geometry.base import BaseGeometry

from detection.change import build, compare, measure
from detection.change.build import GPS_HEIGHT_STD_M, UNKNOWN_HEIGHT_STD_M, build_epoch
from detection.change.compare import COMPARE_STAGES, compare_flights, survey_flight
from detection.change.epoch import Epoch, shift_epoch
from detection.change.errors import (
    NoBuildingsError,
    NoOverlapError,
    NotJoinedError,
    SmallOverlapError,
    TooFewPhotosError,
    TooFewPointsError,
)
from detection.change.ground import find_ground
from detection.change.heights import HeightPatch, lay_grid
from detection.change.overlap import check_overlap
from detection.change.settings import ChangeSettings, load_change_settings
from detection.change.sites import find_footprints, lay_out
from detection.domain.building_change import ChangeVerdict
from detection.domain.camera import CameraPose
from detection.domain.geometry import FloatArray
from detection.domain.photo import Flight, FlightKind, Photo
from detection.layers.buildings import Building, BuildingLayer
from detection.layers.layer import unproject_geometry
from detection.plane import LocalPlane
from detection.refine.reconstruct import STAGES, SparseModel
from detection.refine.watch import CancelledError, Progress, Watch
from tests.drawn_village import CAMERA, HEIGHTS_M, HOUSES, PLANE, draw_points, make_epoch

SETTINGS = load_change_settings()
RISEN = 7


def make_photo(number: int, **changes: float | None) -> Photo:
    east_m, north_m = 8.0 * (number % 4), 8.0 * (number // 4)
    lon, lat = (float(value) for value in PLANE.to_lonlat((east_m, north_m)))
    pose = CameraPose(
        lon=lon,
        lat=lat,
        altitude_agl_m=60.0,
        altitude_m=-5.0,
        yaw_deg=90.0,
        pitch_deg=-75.0,
        roll_deg=0.0,
        horizontal_std_m=1.5,
        vertical_std_m=3.0,
        yaw_std_deg=2.0,
        pitch_std_deg=0.5,
        roll_std_deg=0.5,
        source="test",
    )
    name = f"{number:02d}.jpg"
    return Photo(
        photo_id=name,
        path=Path(name),
        sha256=name,
        width_px=1200,
        height_px=900,
        captured_at=None,
        camera_model="X1",
        intrinsics=CAMERA,
        pose=replace(pose, **changes),  # type: ignore[arg-type]  # names of numbers
    )


def make_flight(*photos: Photo, name: str = "north") -> Flight:
    return Flight(name, FlightKind.DRONE, photos or tuple(map(make_photo, range(12))), ())


def make_layer(houses: list[shapely.Polygon] | None = None) -> BuildingLayer:
    return BuildingLayer(
        tuple(
            Building(f"H{number:02d}", "", unproject_geometry(house, PLANE))
            for number, house in enumerate(houses or HOUSES)
        )
    )


def fake_reconstruct(
    given: list[list[Photo]], points_m: FloatArray, joined: int | None = None
) -> Callable[..., SparseModel | None]:
    """A reconstruction that finds what it is told to, and notes which photos it got."""

    def reconstruct(photos: list[Photo], plane: LocalPlane, **_: object) -> SparseModel | None:
        given.append(photos)
        used = photos[: len(photos) if joined is None else joined]
        if not used:
            return None
        level = plane.to_metres([(p.pose.lon, p.pose.lat) for p in used if p.pose])
        heights = [[p.pose.altitude_agl_m or 0.0] for p in used if p.pose]
        down = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])
        return SparseModel(
            photo_ids=tuple(photo.photo_id for photo in used),
            centers_m=np.hstack([level, heights]),
            axes=np.tile(down, (len(used), 1, 1)),
            points_m=points_m,
            reprojection_px=0.4,
            intrinsics=CAMERA,
        )

    return reconstruct


def test_photos_without_height_above_take_off_take_part(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[list[Photo]] = []
    monkeypatch.setattr(build, "reconstruct", fake_reconstruct(given, draw_points(1)))
    by_gps = [make_photo(number, altitude_agl_m=None) for number in range(6)]
    without = [make_photo(n, altitude_agl_m=None, altitude_m=None) for n in range(6)]
    build_epoch(make_flight(*by_gps))
    build_epoch(make_flight(*by_gps[:5], without[5]))
    build_epoch(make_flight(*map(make_photo, range(6))))
    poses = [[photo.pose for photo in photos if photo.pose] for photos in given]
    assert {(p.altitude_agl_m, p.vertical_std_m) for p in poses[0]} == {(-5.0, GPS_HEIGHT_STD_M)}
    # A mixture of kinds would have several zeros.
    assert {(p.altitude_agl_m, p.vertical_std_m) for p in poses[1]} == {(0.0, UNKNOWN_HEIGHT_STD_M)}
    assert {(p.altitude_agl_m, p.vertical_std_m) for p in poses[2]} == {(60.0, 3.0)}


def test_only_the_commonest_camera_takes_part(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[list[Photo]] = []
    monkeypatch.setattr(build, "reconstruct", fake_reconstruct(given, draw_points(1)))
    other = replace(make_photo(9), camera_model="Phone")
    epoch = build_epoch(make_flight(*map(make_photo, range(6)), other))
    assert [photo.photo_id for photo in epoch.photos] == list(epoch.model.photo_ids)
    assert other.photo_id not in epoch.model.photo_ids


def test_a_flight_without_positions_is_named_with_the_remedy() -> None:
    bare = [replace(make_photo(number), pose=None) for number in range(5)]
    with pytest.raises(TooFewPhotosError, match=r"north: only 2 of 7.*GPS") as caught:
        build_epoch(make_flight(*bare, make_photo(5), make_photo(6)))
    assert caught.value.code == "change_no_positions"


def test_photos_that_do_not_join_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "reconstruct", fake_reconstruct([], draw_points(1), joined=4))
    with pytest.raises(NotJoinedError, match="only 4 of 12"):
        build_epoch(make_flight())
    monkeypatch.setattr(build, "reconstruct", fake_reconstruct([], draw_points(1), joined=0))
    with pytest.raises(NotJoinedError, match="only 0 of 12"):
        build_epoch(make_flight())


def test_blank_surfaces_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "reconstruct", fake_reconstruct([], draw_points(1, count=150)))
    with pytest.raises(TooFewPointsError, match="150 points"):
        build_epoch(make_flight())


def test_the_overlap_is_that_of_the_smaller_flight() -> None:
    whole, part = draw_points(1), draw_points(2)
    part = part[(part[:, 0] < 45.0) & (part[:, 1] < 60.0)]
    assert check_overlap(make_epoch(whole), make_epoch(part)) == pytest.approx(1.0, abs=0.06)
    assert check_overlap(make_epoch(part), make_epoch(whole)) == pytest.approx(1.0, abs=0.06)
    beside = shift_epoch(make_epoch(whole), 36.0, 0.0)
    assert check_overlap(make_epoch(whole), beside) == pytest.approx(0.6, abs=0.06)


def test_other_places_are_refused_with_their_distance() -> None:
    base = make_epoch(draw_points(1))
    with pytest.raises(SmallOverlapError, match=r"Only 1[0-9]%"):
        check_overlap(base, shift_epoch(base, 78.0, 0.0))
    with pytest.raises(NoOverlapError, match="5,000 m apart"):
        check_overlap(base, shift_epoch(base, 3000.0, 4000.0))


def test_buildings_elsewhere_are_no_part_of_the_answer() -> None:
    epoch = make_epoch(draw_points(1))
    far = shapely.box(900.0, 900.0, 910.0, 910.0)
    found = find_footprints(make_layer([HOUSES[0], far, HOUSES[5]]), (epoch,))
    assert sorted(building_id for building_id, _ in found) == ["H00", "H02"]
    with pytest.raises(NoBuildingsError, match="1 buildings"):
        find_footprints(make_layer([far]), (epoch,))


def test_heights_are_tried_round_what_both_flights_show() -> None:
    base, new = make_epoch(draw_points(1)), make_epoch(draw_points(2, {RISEN: 6.0}))
    west = new.model.points_m[:, 0] < 45.0
    half = replace(new, model=replace(new.model, points_m=new.model.points_m[west]))
    sites = lay_out(find_footprints(make_layer(), (base, half)), (base, half))
    by_id = {site.building_id: site for site in sites}
    low, high = by_id[f"H{RISEN:02d}"].range_m
    assert low < 0.0
    assert high > HEIGHTS_M[RISEN] + 6.0
    assert by_id["H15"].seen_by == (True, False)


def sweep_points(
    epoch: Epoch,
    polygon_m: BaseGeometry,
    margin_m: float,
    _range: object,
    settings: ChangeSettings,
    *,
    cache: object,
) -> HeightPatch:
    """The heights of the epoch's points, instead of those of photos."""
    del cache
    grid = lay_grid(polygon_m, margin_m, settings.cell_m)
    east, north = np.meshgrid(*grid.list_centers())
    points = epoch.model.points_m
    near = cKDTree(points[:, :2]).query(np.column_stack([east.ravel(), north.ravel()]))[1]
    heights = points[np.asarray(near), 2].reshape(east.shape)
    seen = np.ones_like(heights, dtype=bool)
    return HeightPatch(
        heights=heights,
        std_m=np.full_like(heights, 0.1),
        seen=seen,
        blank=~seen,
        cell_m=grid.cell_m,
        west_m=grid.west_m,
        north_m=grid.north_m,
        views=("00.jpg",),
        ground=find_ground(points, polygon_m, settings.footprint_error_m),
    )


@pytest.fixture
def drawn_flights(monkeypatch: pytest.MonkeyPatch) -> tuple[Flight, Flight]:
    """Two flights; one roof rises by 3 m and the later one's positions are metres off."""
    points = {
        "north": draw_points(1),
        "later": draw_points(2, {RISEN: 3.0}) + np.array([2.0, -1.5, 40.0]),
    }

    def build_drawn(flight: Flight, *, on_progress: Progress | None, **_: object) -> Epoch:
        if on_progress is not None:
            for stage in STAGES:
                on_progress(stage, 1, 1)
        epoch = make_epoch(points[flight.name])
        return replace(epoch, photos=(make_photo(0),))

    monkeypatch.setattr(compare, "build_epoch", build_drawn)
    monkeypatch.setattr(measure, "sweep_heights", sweep_points)
    monkeypatch.setattr(measure, "PhotoCache", lambda *_: None)
    return make_flight(), make_flight(name="later")


FEW = [HOUSES[number] for number in (0, RISEN, 13)]


def test_a_rise_is_found_through_other_positions_and_zeros(
    drawn_flights: tuple[Flight, Flight],
) -> None:
    told: list[str] = []
    coarse = SETTINGS.model_copy(update={"cell_m": 0.5})
    found = compare_flights(
        *drawn_flights,
        make_layer(FEW),
        settings=coarse,
        threads=2,
        on_progress=lambda stage, *_: told.append(stage),
    )
    verdicts = {change.building_id: change.verdict for change in found.changes}
    assert verdicts == {
        "H00": ChangeVerdict.UNCHANGED,
        "H01": ChangeVerdict.RISE,
        "H02": ChangeVerdict.UNCHANGED,
    }
    risen = next(one for one in found.changes if one.building_id == "H01")
    assert risen.height_change_m == pytest.approx(3.0, abs=0.2)
    assert list(dict.fromkeys(told)) == list(COMPARE_STAGES)
    assert [roof.building_id for roof in found.roofs] == [one.building_id for one in found.changes]
    assert set(found.patches) == set(verdicts)


def test_cancelling_ends_the_heights(drawn_flights: tuple[Flight, Flight]) -> None:
    told: list[str] = []
    with pytest.raises(CancelledError):
        compare_flights(
            *drawn_flights,
            make_layer(),
            settings=SETTINGS,
            on_progress=lambda stage, *_: told.append(stage),
            is_cancelled=lambda: "heights" in told,
        )


def test_one_flight_alone_gives_roofs(drawn_flights: tuple[Flight, Flight]) -> None:
    coarse = SETTINGS.model_copy(update={"cell_m": 0.5})
    found = survey_flight(drawn_flights[0], make_layer(FEW), settings=coarse)
    heights = {roof.building_id: roof.height_m for roof in found.roofs}
    ground = 0.04 * FEW[1].centroid.x + 0.8 * np.sin(FEW[1].centroid.y / 15.0)
    assert heights["H01"] == pytest.approx(HEIGHTS_M[RISEN] - ground, abs=0.5)


def test_a_watch_tells_its_caller_and_ends_what_runs() -> None:
    class Token:
        """Notes whether it was asked to end."""

        cancelled = False

        def cancel(self) -> None:
            """Note it."""
            self.cancelled = True

    told: list[tuple[str, int, int]] = []
    watch = Watch(on_progress=lambda *row: told.append(row))
    assert watch.run("a", lambda _: 5, token=Token(), count=lambda: 9, total=3) == 5
    assert told[-1] == ("a", 3, 3)
    assert all(done <= total for _, done, total in told)
    token = Token()

    def run_until_cancelled(given: Token) -> None:
        while not given.cancelled:
            pass

    ending = Watch(is_cancelled=lambda: True)
    with pytest.raises(CancelledError):
        ending.run("a", run_until_cancelled, token=token, count=lambda: 0, total=1)
    assert token.cancelled
