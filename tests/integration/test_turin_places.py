"""A real flight with RTK: survey panels on the ground, placed from many photos each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detection.domain.ellipse import CHI2_95_2D
from detection.domain.geometry import FloatArray
from detection.domain.photo import FlightKind, Photo
from detection.georeference import place_pixels
from detection.ingest.flight import read_flight
from detection.plane import LocalPlane
from tests.survey_panels import Pick, pick_panels, sort_by_panel

pytestmark = pytest.mark.shared

TURIN = "turin_nadir_p4m_rtk"


def place_panels(photos: tuple[Photo, ...]) -> tuple[list[Pick], FloatArray, FloatArray]:
    """Picks with their places (n, 2) in a plane of metres and covariances (n, 2, 2)."""
    first = photos[0].pose
    assert first is not None
    plane = LocalPlane(first.lon, first.lat)
    picks: list[Pick] = []
    places, covariances = [], []
    for photo in photos:
        found = pick_panels(photo)
        if not found:
            continue
        placed = place_pixels(photo, [pick.xy for pick in found])
        picks += found
        places.append(plane.to_metres(placed.lonlat))
        covariances.append(placed.covariances)
    return picks, np.concatenate(places), np.concatenate(covariances)


def test_the_same_panel_lands_within_its_ellipse_from_every_photo(shared_dir: Path) -> None:
    flight = read_flight(shared_dir / "flights" / TURIN, FlightKind.DRONE, TURIN)
    yaws = {photo.photo_id: photo.pose.yaw_deg or 0.0 for photo in flight.photos if photo.pose}
    picks, places, covariances = place_panels(flight.photos)
    panels = sort_by_panel(places, [pick.photo_id for pick in picks])
    assert sorted(len(panel) for panel in panels) == [7, 7, 10, 11]
    both_ways = 0
    for panel in panels:
        offset = places[panel] - places[panel].mean(axis=0)
        squared = np.einsum("ni,nij,nj->n", offset, np.linalg.inv(covariances[panel]), offset)
        assert (squared <= CHI2_95_2D).all()
        # Honest, not vague: an ellipse of a nadir photo from 44 m stays within a few metres.
        assert np.linalg.eigvalsh(covariances[panel]).max() * CHI2_95_2D < 4.0**2
        both_ways += len({yaws[picks[index].photo_id] > 0 for index in panel}) == 2
    # From one way alone, errors of the angles would move all photos alike.
    assert both_ways >= 2
