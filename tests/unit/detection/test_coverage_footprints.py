from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from detection.coverage.footprint import MIN_DEPRESSION_DEG, Footprint, compute_footprints
from detection.coverage.geojson import polygon_from_ring
from detection.domain.geometry import FloatArray
from detection.domain.photo import Photo
from detection.domain.quality import PhotoQuality
from detection.georeference import project_point
from detection.plane import LocalPlane
from tests.drawn_layers import CAMERA, PLACE, pose_photo

PLANE = LocalPlane(*PLACE)


def lay(photo: Photo) -> Footprint:
    (footprint,) = compute_footprints([photo])
    return footprint


def ring_m(footprint: Footprint) -> shapely.Polygon:
    return shapely.Polygon(PLANE.to_metres(np.array(footprint.ring)))


def test_straight_down_a_photo_shows_its_angle_of_view() -> None:
    found = lay(pose_photo())
    assert ring_m(found).bounds == pytest.approx((-45.0, -30.0, 45.0, 30.0), abs=1e-3)
    assert found.gsd_m == pytest.approx(60.0 / 3648.0)
    assert (found.refused, found.is_cut, found.error_m) == (None, False, 0.0)
    assert shapely.is_ccw(polygon_from_ring(found.ring).exterior)


def test_a_turned_photo_shows_a_turned_ring() -> None:
    assert ring_m(lay(pose_photo(yaw_deg=90.0))).bounds == pytest.approx(
        (-30.0, -45.0, 30.0, 45.0), abs=1e-3
    )


@given(st.floats(-90.0, -50.0), st.floats(-180.0, 180.0), st.floats(20.0, 120.0), st.integers(0, 3))
def test_the_corners_project_back_into_the_corners(
    pitch_deg: float, yaw_deg: float, height_m: float, corner: int
) -> None:
    photo = pose_photo(pitch_deg=pitch_deg, yaw_deg=yaw_deg, height_m=height_m)
    found = lay(photo)
    assert photo.pose is not None
    pixel = project_point(photo.pose, CAMERA, *found.ring[corner])
    assert pixel is not None
    x, y = pixel
    assert min(abs(x), abs(x - 5472)) < 0.01
    assert min(abs(y), abs(y - 3648)) < 0.01


@given(st.floats(-40.0, 5.0), st.floats(-180.0, 180.0))
def test_towards_the_horizon_the_ring_ends(pitch_deg: float, yaw_deg: float) -> None:
    found = lay(pose_photo(pitch_deg=pitch_deg, yaw_deg=yaw_deg))
    if found.refused:
        assert found.refused == "above_horizon"
        return
    reach_m = 60.0 / math.tan(math.radians(MIN_DEPRESSION_DEG))
    corners = shapely.get_coordinates(ring_m(found))
    assert np.hypot(*corners.T).max() <= reach_m * math.sqrt(2.0) + 0.01
    assert found.is_cut


def test_a_view_of_the_sky_has_no_footprint() -> None:
    assert lay(pose_photo(pitch_deg=30.0)).refused == "above_horizon"


@pytest.mark.parametrize(
    ("photo", "reason"),
    [
        (replace(pose_photo(), pose=None), "no_position"),
        (pose_photo(pitch_deg=None), "no_attitude"),
        (pose_photo(height_m=None), "no_altitude"),
        (pose_photo(intrinsics=None), "no_focal_length"),
        (pose_photo(height_m=-1.0), "below_target"),
    ],
)
def test_a_photo_that_lacks_a_number_says_which(photo: Photo, reason: str) -> None:
    found = lay(photo)
    assert (found.refused, found.ring, found.gsd_m) == (reason, (), None)


def test_order_and_quality_are_kept() -> None:
    photos = [
        pose_photo(name="a.jpg"),
        pose_photo(name="b.jpg", pitch_deg=None),
        pose_photo(50.0, name="c.jpg"),
    ]
    quality = PhotoQuality(0.6, 0.5, 0.0, 0.0)
    found = compute_footprints(photos, qualities={"c.jpg": quality})
    assert [one.photo_id for one in found] == ["a.jpg", "b.jpg", "c.jpg"]
    assert [one.quality for one in found] == [None, None, quality]
    assert ring_m(found[2]).centroid.x == pytest.approx(50.0, abs=1e-3)
    assert compute_footprints([]) == ()


def test_a_lens_that_draws_in_shows_more_than_its_angle() -> None:
    """Barrel distortion (k1 < 0): the corners see further out."""
    bent = replace(CAMERA, distortion=(-0.1, 0.0, 0.0, 0.0, 0.0))
    plain, wide = lay(pose_photo()), lay(pose_photo(intrinsics=bent))
    assert ring_m(wide).area > 1.05 * ring_m(plain).area
    assert ring_m(wide).contains(ring_m(plain).buffer(-0.01))


def test_the_error_grows_with_height_and_flatness() -> None:
    def error_m(pitch_deg: float, height_m: float) -> float:
        photo = pose_photo(pitch_deg=pitch_deg, height_m=height_m, std_m=1.5)
        assert photo.pose is not None
        pose = replace(photo.pose, pitch_std_deg=0.5, yaw_std_deg=2.0, vertical_std_m=3.0)
        return lay(replace(photo, pose=pose)).error_m

    assert 1.5 < error_m(-90.0, 60.0) < error_m(-90.0, 120.0)
    assert error_m(-90.0, 60.0) < error_m(-45.0, 60.0)


@pytest.mark.parametrize("place", [(180.0, -17.0), (-179.9999, 65.0), (107.999, 29.0)])
def test_any_place_on_earth_will_do(place: tuple[float, float]) -> None:
    """The antimeridian, and the border of two UTM zones."""
    found = lay(pose_photo(place=place))
    corners: FloatArray = LocalPlane(*place).to_metres(np.array(found.ring))
    assert shapely.Polygon(corners).area == pytest.approx(90.0 * 60.0, rel=1e-4)
    assert all(-180.0 <= lon <= 180.0 for lon, _ in found.ring)
