"""Real photos to an epoch: structure from motion with progress, and its end when cancelled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detection.change.build import build_epoch
from detection.domain.photo import Flight, FlightKind
from detection.ingest.flight import read_flight
from detection.refine.watch import CancelledError

pytestmark = pytest.mark.shared
PHOTOS = 4


@pytest.fixture(scope="module")
def few_photos(shared_dir: Path) -> Flight:
    """The first photos of a pass without heights above take-off, GPS altitude 60 m wrong."""
    pytest.importorskip("pycolmap")
    folder = shared_dir / "flights" / "sheffield_park_fc300s_800px" / "passA_heading90"
    flight = read_flight(folder, FlightKind.DRONE, "pass A")
    return replace(flight, photos=flight.photos[:PHOTOS])


def test_photos_without_heights_become_an_epoch(few_photos: Flight) -> None:
    told: list[tuple[str, int, int]] = []
    epoch = build_epoch(
        few_photos,
        threads=2,
        on_progress=lambda stage, done, total: told.append((stage, done, total)),
    )
    model = epoch.model
    assert [photo.photo_id for photo in epoch.photos] == list(model.photo_ids)
    assert len(model.photo_ids) == PHOTOS
    height_m = np.median(model.centers_m[:, 2]) - np.median(model.points_m[:, 2])
    assert 30.0 < height_m < 90.0
    assert model.reprojection_px < 1.0
    assert list(dict.fromkeys(stage for stage, *_ in told)) == ["features", "matches", "poses"]
    assert all(done <= total for _, done, total in told)
    for stage in ("features", "matches", "poses"):
        done = [row[1] for row in told if row[0] == stage]
        assert done == sorted(done)
        assert done[-1] >= PHOTOS


def test_cancelling_ends_the_library(few_photos: Flight) -> None:
    told: list[str] = []
    with pytest.raises(CancelledError):
        build_epoch(
            few_photos,
            threads=2,
            on_progress=lambda stage, *_: told.append(stage),
            is_cancelled=lambda: "matches" in told,
        )
    assert told[-1] == "matches"
