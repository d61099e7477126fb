"""Near and far ground shared out among models: every tile is somebody's, and one's alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.hazard import HazardClass
from detection.looks import GroundShare, find_tile_gsd, plan_looks, share_ground
from detection.settings import DetectionSettings
from detection.tiling import tile_photo
from tests.fakes import build_manifest

NEAR = build_manifest(tile_px=416)
FAR = replace(NEAR, name="far", starts_at_gsd_m=0.01)
CRACKS = replace(NEAR, name="cracks", classes=(HazardClass.FACADE_CRACK,))
INTRINSICS = CameraIntrinsics(4000, 3000, 3000.0, 2000.0, 1500.0, "test")
POSE = CameraPose(106.55, 29.56, 60.0, None, 0.0, -90.0, 0.0, 1.5, 3.0, 1.0, 0.5, 0.5, "test")
SETTINGS = DetectionSettings.model_construct()


@given(
    starts=st.lists(
        st.sampled_from((None, 0.005, 0.01, 0.03)), min_size=1, max_size=4, unique=True
    ),
    gsd_m=st.one_of(st.floats(1e-4, 1.0), st.just(math.inf), st.none()),
)
def test_every_tile_is_one_models(starts: list[float | None], gsd_m: float | None) -> None:
    models = [
        replace(NEAR, name=f"m{place}", starts_at_gsd_m=start) for place, start in enumerate(starts)
    ]
    known = None if gsd_m is None else np.array([gsd_m])
    assert sum(bool(share.find_own(known, 1)[0]) for share in share_ground(models)) == 1


def test_a_model_alone_and_one_of_other_things_look_everywhere() -> None:
    assert share_ground([FAR]) == [GroundShare()]
    assert share_ground([FAR, CRACKS]) == [GroundShare(), GroundShare()]


def test_near_ends_where_far_begins() -> None:
    near, far = share_ground([NEAR, FAR])
    assert (near, far) == (GroundShare(0.0, 0.01), GroundShare(0.01, math.inf))
    assert near.find_own(None, 2).all()
    assert not far.find_own(None, 2).any()


def test_an_oblique_photo_is_near_at_its_lower_edge_and_far_above() -> None:
    tile_gsd = find_tile_gsd(INTRINSICS, replace(POSE, pitch_deg=-30.0, altitude_agl_m=20.0))
    near, far = (
        plan_looks(4000, 3000, one, SETTINGS, share=share, tile_gsd=tile_gsd)[0].tiles
        for one, share in zip((NEAR, FAR), share_ground([NEAR, FAR]), strict=True)
    )
    assert {*near, *far} == {*tile_photo(4000, 3000, tile_px=416, include_overview=False)}
    assert len(near) + len(far) == len({*near, *far})
    assert min(tile.y_min for tile in near) > min(tile.y_min for tile in far)
    assert max(tile.y_max for tile in near) == 3000


def test_a_photo_of_far_ground_is_not_looked_at_by_the_near_model() -> None:
    tile_gsd = find_tile_gsd(INTRINSICS, replace(POSE, altitude_agl_m=60.0))
    near, far = (
        plan_looks(4000, 3000, one, SETTINGS, share=share, tile_gsd=tile_gsd)
        for one, share in zip((NEAR, FAR), share_ground([NEAR, FAR]), strict=True)
    )
    assert near == ()
    assert not any(look.skipped for look in far)
    assert far == plan_looks(4000, 3000, FAR, SETTINGS)


def test_a_pose_that_tells_no_height_tells_no_ground() -> None:
    assert find_tile_gsd(INTRINSICS, replace(POSE, altitude_agl_m=None)) is None
    assert find_tile_gsd(None, POSE) is None
