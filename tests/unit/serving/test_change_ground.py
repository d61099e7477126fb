"""Which ground a flight shows, so that one place is known again and its neighbour is not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detection.coverage.footprint import compute_footprints
from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.photo import Photo
from detection.plane import LocalPlane
from serving.flights.change_epochs import LEAST_OVERLAP
from serving.flights.change_ground import REACH_M, lay_ground, share_shown

PLANE = LocalPlane(114.3, 30.6)
HEIGHT_M = 58.0
LENS = CameraIntrinsics(1200, 900, 900.0, 600.0, 450.0, "drawn")


def take(east_m: float, north_m: float, yaw_deg: float, pitch_deg: float | None) -> Photo:
    (lon, lat), *_ = PLANE.to_lonlat(np.array([(east_m, north_m)]))
    pose = CameraPose(
        lon, lat, HEIGHT_M, None, yaw_deg, pitch_deg, 0.0, 1.5, 3.0, 2.0, 0.5, 0.5, "drawn"
    )
    return Photo("p", Path("p.jpg"), "a" * 64, 1200, 900, None, None, LENS, pose)


def survey(
    middle_m: float, yaws_deg: Iterable[float] = (), pitch_deg: float = -45.0
) -> list[Photo]:
    """Nine photos straight down over a village, and its edges seen slantwise from the middle."""
    nadir = [
        take(middle_m + x, y, 0.0, -90.0) for x in (-30.0, 0.0, 30.0) for y in (-25.0, 0.0, 25.0)
    ]
    return nadir + [take(middle_m, 0.0, yaw, pitch_deg) for yaw in yaws_deg]


def shares(first: list[Photo], second: list[Photo]) -> tuple[float, float]:
    one, other = lay_ground(first, PLANE), lay_ground(second, PLANE)
    return share_shown(one, other), share_shown(other, one)


@pytest.mark.parametrize("pitch_deg", [-60.0, -45.0, -30.0, -15.0])
def test_a_place_is_known_again_wherever_slanting_photos_looked(pitch_deg: float) -> None:
    level = survey(0.0)
    slanting = survey(5.0, (0.0, 90.0, 180.0, 270.0), pitch_deg)
    assert min(shares(level, slanting)) > LEAST_OVERLAP + 0.1
    turned = survey(5.0, (45.0, 135.0), pitch_deg)
    assert min(shares(turned, slanting)) > LEAST_OVERLAP + 0.1


@pytest.mark.parametrize("pitch_deg", [-60.0, -30.0])
def test_a_neighbouring_place_is_another_though_slanting_photos_see_it(pitch_deg: float) -> None:
    here, beside = survey(0.0, (90.0,), pitch_deg), survey(90.0, (270.0,), pitch_deg)
    assert max(shares(here, beside)) < LEAST_OVERLAP - 0.1


def test_ground_far_away_does_not_count() -> None:
    photo = take(0.0, 0.0, 0.0, -45.0)
    (footprint,) = compute_footprints([photo])
    _, north = PLANE.to_metres(np.asarray(footprint.ring)).max(axis=0)
    assert north > 2 * HEIGHT_M, "this photo shows what lies farther"
    _, _, _, last_m = lay_ground([photo], PLANE).bounds
    assert last_m == pytest.approx(HEIGHT_M, abs=0.5)


def test_a_photo_that_does_not_say_where_it_looked_counts_as_a_disc() -> None:
    unknown = take(0.0, 0.0, 0.0, None)
    far = take(0.0, 0.0, 0.0, 5.0)
    for photo in (unknown, far):
        assert lay_ground([photo], PLANE).area == pytest.approx(np.pi * REACH_M**2, rel=0.02)
    assert lay_ground([replace(unknown, pose=None)], PLANE).is_empty
    assert share_shown(lay_ground([], PLANE), lay_ground([unknown], PLANE)) == 0.0
