"""Length and width of cracks: exact shapes, the renderer's cracks, and when no mm is given."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.crack_measure import (
    MIN_WIDTH_PX,
    add_shape,
    measure_crack,
    measure_outline,
    measure_shape,
)
from detection.domain.camera import CameraIntrinsics
from detection.domain.finding import CrackShape, Detection
from detection.domain.geometry import BBox, Polygon
from detection.domain.hazard import HazardClass
from detection.domain.photo import Photo
from detection.needs import load_needs
from tests.rendered_cracks import DISTANCE_M, RenderedCrack, render_crack

FOCAL_PX = 6000.0
CAMERA = CameraIntrinsics(4000, 3000, FOCAL_PX, 2000.0, 1500.0, "test", focal_std_px=60.0)
SHAPE = CrackShape(length_px=900.0, mean_width_px=5.0, max_width_px=8.0, width_std_px=0.5)
MIDDLE = (2000.0, 1500.0)


def photo_with(camera: CameraIntrinsics | None) -> Photo:
    return Photo("p", Path("p.jpg"), "0" * 64, 4000, 3000, None, None, camera, None)


def ribbon(length_px: float, width_px: float, turn_deg: float = 0.0) -> tuple[Polygon, ...]:
    line = shapely.LineString([(0, 0), (length_px, 0)])
    shape = line.buffer(width_px / 2, cap_style="flat")
    turned = shapely.affinity.rotate(shape, turn_deg, origin=(0, 0))
    return (tuple((float(x) + 500, float(y) + 500) for x, y in turned.exterior.coords[:-1]),)


@settings(max_examples=30)
@given(st.floats(60, 400), st.floats(2.0, 12.0), st.floats(0, 180))
def test_a_straight_band_has_its_length_and_width(
    length_px: float, width_px: float, turn_deg: float
) -> None:
    shape = measure_outline(ribbon(length_px, width_px, turn_deg))
    assert shape is not None
    assert length_px - width_px - 4 <= shape.length_px <= length_px + 2, "half a width an end"
    assert shape.mean_width_px == pytest.approx(width_px, abs=0.3)
    assert shape.max_width_px >= shape.mean_width_px


def test_both_arms_of_a_fork_count() -> None:
    arms = [shapely.LineString([(0, 0), end]) for end in ((0, 200), (-150, -150), (150, -150))]
    fork = shapely.union_all(arms).buffer(2.0)
    rings = (tuple((float(x), float(y)) for x, y in fork.exterior.coords[:-1]),)
    shape = measure_outline(rings)
    assert shape is not None
    assert shape.length_px == pytest.approx(200 + 2 * math.hypot(150, 150), rel=0.03)
    assert shape.mean_width_px == pytest.approx(4.0, abs=0.3)


def test_pieces_add_up_without_their_gap() -> None:
    (one,) = ribbon(100, 4)
    two = tuple((x + 300, y) for x, y in one)
    shape = measure_outline((one, two))
    assert shape is not None
    assert shape.length_px == pytest.approx(200, abs=12)


@pytest.mark.parametrize("rings", [(), (((1.0, 1.0), (2.0, 2.0)),), (((1.0, 1.0),) * 4,)])
def test_what_encloses_nothing_has_no_shape(rings: tuple[Polygon, ...]) -> None:
    assert measure_outline(rings) is None
    assert measure_shape(rings, np.zeros((8, 8, 3), dtype=np.uint8)) is None


def draw_line(width_px: float, blur_px: float) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A dark vertical line of exact width, blurred as by a lens, with a little noise."""
    x = (np.arange(1000) + 0.5) / 10
    fine = np.where(np.abs(x - 50.0) < width_px / 2, 40.0, 180.0)
    kernel = np.exp(-0.5 * ((np.arange(-400, 401) / 10) / blur_px) ** 2)
    soft = np.convolve(np.pad(fine, 400, "edge"), kernel / kernel.sum(), "valid")
    row = soft.reshape(100, 10).mean(axis=1)
    noise = np.random.default_rng(1).normal(0, 3, (200, 100))
    gray = np.clip(row + noise, 0, 255).astype(np.uint8)
    return np.repeat(gray[:, :, None], 3, axis=2)


@pytest.mark.parametrize("width_px", [3.0, 4.5, 7.0, 12.0])
@pytest.mark.parametrize("wider_px", [0.5, 3.0])
def test_the_width_is_that_of_the_pixels_not_of_the_outline(
    width_px: float, wider_px: float
) -> None:
    half = width_px / 2 + wider_px
    ring = ((50 - half, 10.0), (50 + half, 10.0), (50 + half, 190.0), (50 - half, 190.0))
    shape = measure_shape((ring,), draw_line(width_px, blur_px=0.7))
    assert shape is not None
    assert shape.mean_width_px == pytest.approx(width_px, abs=0.3)
    assert shape.width_std_px < 1.5


def test_where_no_line_is_seen_the_outline_stands_in_with_its_error() -> None:
    ring = ((46.0, 10.0), (54.0, 10.0), (54.0, 190.0), (46.0, 190.0))
    even = np.full((200, 100, 3), 150, dtype=np.uint8)
    shape = measure_shape((ring,), even)
    assert shape == measure_outline((ring,))
    assert shape is not None
    assert shape.mean_width_px == pytest.approx(8.0, abs=0.3)
    assert shape.width_std_px >= 2.0


def test_an_outline_over_the_edge_of_the_photo_is_measured() -> None:
    ring = ((46.0, -5.0), (54.0, -5.0), (54.0, 230.0), (46.0, 230.0))
    assert measure_shape((ring,), draw_line(4.0, 0.7)) is not None


@pytest.fixture(scope="module")
def rendered() -> list[RenderedCrack]:
    return [
        render_crack(0, gsd_mm=0.3, width_mm=2.0),
        render_crack(2, gsd_mm=0.3, width_mm=2.0),
        render_crack(4, gsd_mm=0.3, width_mm=1.4, incidence_deg=30.0),
    ]


def test_rendered_cracks_are_measured_within_their_error(rendered: list[RenderedCrack]) -> None:
    """Outlines 1.5 px too wide on each side, as a model draws them: their own width is 3 px off."""
    for crack in rendered:
        shape = measure_shape(crack.as_polygons(1.5), crack.pixels)
        assert shape is not None
        assert abs(shape.mean_width_px - crack.mean_width_px) < 2 * shape.width_std_px
        assert shape.length_px == pytest.approx(crack.length_px, rel=0.2)


def test_a_rendered_crack_has_its_millimetres(rendered: list[RenderedCrack]) -> None:
    crack = rendered[0]
    shape = measure_shape(crack.as_polygons(1.5), crack.pixels)
    assert shape is not None
    measure = measure_crack(
        shape,
        photo_with(crack.intrinsics),
        (crack.intrinsics.cx_px, crack.intrinsics.cy_px),
        distance_m=DISTANCE_M,
        distance_std_m=0.02,
        incidence_deg=0.0,
    )
    assert measure.width_measurable
    assert measure.gsd_mm == pytest.approx(0.3)
    assert measure.mean_width_mm is not None
    assert measure.width_std_mm is not None
    assert measure.length_mm is not None
    error_mm = abs(measure.mean_width_mm - 0.3 * crack.mean_width_px)
    assert error_mm < 2 * measure.width_std_mm
    assert measure.length_mm == pytest.approx(0.3 * crack.length_px, rel=0.2)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"distance_m": None}, "unknown_scale"),
        ({"incidence_deg": None}, "unknown_scale"),
        ({"distance_std_m": 0.5}, "unknown_scale"),
        ({"distance_m": 3.0}, "gsd_too_coarse"),
        ({"incidence_deg": 65.0}, "too_oblique"),
        ({}, None),
    ],
)
def test_millimetres_only_where_they_can_be_stood_for(
    changes: dict[str, float | None], reason: str | None
) -> None:
    """6000 px of focal length: 0.3 mm a pixel at 1.8 m, 0.5 mm at 3 m."""
    known = {"distance_m": 1.8, "distance_std_m": 0.05, "incidence_deg": 10.0} | changes
    measure = measure_crack(SHAPE, photo_with(CAMERA), MIDDLE, **known)  # type: ignore[arg-type]
    assert measure.reason == reason
    assert measure.width_measurable is (reason is None)
    assert (measure.mean_width_mm is None) is (reason is not None)
    assert (measure.length_px, measure.mean_width_px, measure.max_width_px) == (900.0, 5.0, 8.0)


def test_a_thin_crack_is_not_measured_and_the_limit_is_that_of_the_configuration() -> None:
    thin = replace(SHAPE, mean_width_px=MIN_WIDTH_PX - 0.1)
    view = {"distance_m": 1.8, "distance_std_m": 0.05, "incidence_deg": 0.0}
    assert measure_crack(thin, photo_with(CAMERA), MIDDLE, **view).reason == "too_narrow"
    limit_m = load_needs().facade_crack.max_gsd_mm / 1000 * FOCAL_PX
    for distance_m, is_measured in ((limit_m * 0.999, True), (limit_m * 1.001, False)):
        seen = view | {"distance_m": distance_m}
        measure = measure_crack(SHAPE, photo_with(CAMERA), MIDDLE, **seen)
        assert measure.width_measurable is is_measured
    no_camera = measure_crack(SHAPE, photo_with(None), MIDDLE, **view)
    assert (no_camera.reason, no_camera.gsd_mm) == ("unknown_scale", None)


@given(st.floats(0, 59), st.floats(0, 0.3), st.floats(0, 0.19))
def test_the_error_holds_everything_that_the_scale_rests_on(
    incidence_deg: float, width_std_px: float, distance_error: float
) -> None:
    shape = replace(SHAPE, width_std_px=width_std_px)
    measure = measure_crack(
        shape,
        photo_with(CAMERA),
        MIDDLE,
        distance_m=1.5,
        distance_std_m=distance_error * 1.5,
        incidence_deg=incidence_deg,
    )
    assert measure.mean_width_mm is not None
    assert measure.width_std_mm is not None
    straight_mm = 5.0 * 0.25
    stretched_mm = straight_mm / math.cos(math.radians(incidence_deg))
    assert straight_mm - 1e-9 <= measure.mean_width_mm <= stretched_mm + 1e-9
    share = measure.width_std_mm / measure.mean_width_mm
    assert share >= math.hypot(distance_error, 0.01, width_std_px / 5.0) - 1e-9


def test_only_cracks_with_an_outline_get_a_shape() -> None:
    (ring,) = ribbon(100, 4)
    box = BBox(500.0, 498.0, 600.0, 502.0)
    crack = Detection("p", HazardClass.FACADE_CRACK, 0.5, box, "m", "0" * 64, (ring,))
    pixels = np.full((700, 700, 3), 150, dtype=np.uint8)
    assert add_shape(crack, pixels).crack is not None
    for other in (
        replace(crack, polygons=()),
        replace(crack, hazard_class=HazardClass.MANHOLE_BROKEN),
    ):
        assert add_shape(other, pixels) is other
