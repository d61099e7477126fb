"""Ground too far away for a model: what is left out, and that nothing near ever is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.geometry import Tile
from detection.domain.sight import compute_camera_axes
from detection.looks import find_reach
from detection.looks.reach import TILT_MARGIN_DEG, compute_nearest_gsd_m
from detection.tiling import tile_photo
from tests.fakes import build_manifest

INTRINSICS = CameraIntrinsics(4000, 3000, 3000.0, 2000.0, 1500.0, "test")
LEVEL = CameraPose(106.55, 29.56, 60.0, None, 30.0, 0.0, 0.0, 1.5, 3.0, 1.0, 0.5, 0.5, "test")
COVERS = replace(build_manifest(tile_px=416), coarsest_gsd_m=0.085)
TILES = tile_photo(4000, 3000, tile_px=416, include_overview=False)


def look(pose: CameraPose) -> NDArray[np.bool_]:
    reach = find_reach(INTRINSICS, pose)
    assert reach is not None
    return np.asarray(reach(TILES, COVERS))


def test_sky_and_far_ground_are_left_out_and_the_foreground_is_not() -> None:
    held = look(replace(LEVEL, pitch_deg=-10.0))
    rows = sorted({tile.y_min for tile in TILES})
    by_row = {y: [held[i] for i, tile in enumerate(TILES) if tile.y_min == y] for y in rows}
    assert not any(by_row[rows[0]]), "the upper edge looks far above the horizon"
    assert all(by_row[rows[-1]]), "the lower edge shows ground some 100 m away, 4 cm a pixel"
    flags = [all(by_row[y]) for y in rows]
    assert flags == sorted(flags), "from the first row that is near enough on, all are"


def test_straight_down_everything_is_looked_at() -> None:
    assert look(replace(LEVEL, pitch_deg=-90.0)).all()


def test_what_stands_on_walls_is_sought_everywhere() -> None:
    reach = find_reach(INTRINSICS, LEVEL)
    assert reach is not None
    assert reach(TILES, replace(COVERS, coarsest_gsd_m=None)).all()


def test_the_stated_error_of_the_height_goes_off_where_it_is_more() -> None:
    low = replace(LEVEL, pitch_deg=-10.0, altitude_agl_m=10.0)
    sure = compute_nearest_gsd_m(TILES, INTRINSICS, replace(low, vertical_std_m=0.1))
    unsure = compute_nearest_gsd_m(TILES, INTRINSICS, replace(low, vertical_std_m=3.0))
    seen = np.isfinite(sure)
    assert unsure[seen] == pytest.approx(sure[seen] * 1.0 / 7.0)
    nowhere = compute_nearest_gsd_m(TILES, INTRINSICS, replace(low, vertical_std_m=4.0))
    assert (nowhere[seen] == 0.0).all(), "it may be on the ground: everything is looked at"


@pytest.mark.parametrize(
    "pose", [None, replace(LEVEL, pitch_deg=None), replace(LEVEL, altitude_agl_m=None)]
)
def test_without_a_whole_pose_nothing_is_left_out(pose: CameraPose | None) -> None:
    assert find_reach(INTRINSICS, pose) is None


@given(
    pitch_deg=st.floats(-90, 20),
    roll_deg=st.floats(-30, 30),
    height_m=st.floats(5, 200),
    tilt_deg=st.floats(0, TILT_MARGIN_DEG * 0.99),
    lower=st.floats(0.71, 1.0),
    x_px=st.floats(1, 3999),
    y_px=st.floats(1, 2999),
)
def test_no_tile_with_ground_in_reach_is_left_out_within_the_margins(
    *,
    pitch_deg: float,
    roll_deg: float,
    height_m: float,
    tilt_deg: float,
    lower: float,
    x_px: float,
    y_px: float,
) -> None:
    """The camera may have looked steeper than it says, and the ground may lie nearer."""
    stated = replace(LEVEL, pitch_deg=pitch_deg, roll_deg=roll_deg, altitude_agl_m=height_m)
    axes = compute_camera_axes(30.0, pitch_deg, roll_deg)
    ray = np.array([(x_px - 2000) / 3000, (y_px - 1500) / 3000, 1.0]) @ axes
    length = float(np.linalg.norm(ray))
    below = np.arcsin(-ray[2] / length) + np.radians(tilt_deg)
    sinking = length * np.sin(min(below, np.pi / 2))
    gsd_m = lower * height_m / sinking / 3000 if sinking > 0 else np.inf
    tile = Tile(int(x_px) - 1, int(y_px) - 1, int(x_px) + 1, int(y_px) + 1, 1.0)
    (nearest_m,) = compute_nearest_gsd_m([tile], INTRINSICS, stated)
    assert nearest_m <= gsd_m
