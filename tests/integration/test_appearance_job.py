"""What things look like is computed once, anew for other weights, and never fails a flight."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import select

from detection.domain.geometry import BBox
from serving.db.tables import DetectionAppearanceRow, FlightRow, PhotoRow, SightingRow
from serving.jobs import appearance
from serving.jobs.context import WorkerContext
from serving.jobs.flights import submit_flight
from tests.job_runner import run_jobs


class Counting:
    """Stands for a describer: says what colour a box has, and counts."""

    described = 0

    def __init__(self, weights_path: Path, weights_sha256: str, side_px: int) -> None:
        """Take what a describer takes."""
        assert side_px > 0
        assert weights_path.is_file()
        self.weights_sha256 = weights_sha256

    def describe(self, pixels: NDArray[np.uint8], boxes: Iterable[BBox]) -> NDArray[np.float32]:
        """Return the mean colour of each box."""
        type(self).described += 1
        means = [
            pixels[int(box.y_min) : int(box.y_max), int(box.x_min) : int(box.x_max)].mean((0, 1))
            for box in boxes
        ]
        return np.asarray(means, np.float32)


@pytest.fixture
def flight_id(flight_of: Callable[[int], FlightRow], worker_context: WorkerContext) -> int:
    """A processed flight of two photos; the tiny model that looked at them shows no neck."""
    flight = flight_of(2)
    with worker_context.sessions.begin() as session:
        submit_flight(session, flight.id)
    run_jobs(worker_context)
    return flight.id


def list_rows(context: WorkerContext) -> dict[int, str]:
    with context.sessions() as session:
        rows = session.scalars(select(DetectionAppearanceRow))
        return {row.detection_id: row.weights_sha256 for row in rows}


def test_each_sighting_is_described_once_and_anew_for_other_weights(
    flight_id: int, worker_context: WorkerContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list_rows(worker_context) == {}  # the flight is done all the same
    with worker_context.sessions() as session:
        assert session.get_one(FlightRow, flight_id).state == "done"
        sightings = set(session.scalars(select(SightingRow.detection_id)))
    monkeypatch.setattr(appearance, "Describer", Counting)
    for _ in range(2):
        appearance.describe_flight(worker_context, flight_id)
    rows = list_rows(worker_context)
    assert set(rows) == sightings
    assert Counting.described == len(sightings)
    [weights] = set(rows.values())
    assert weights == worker_context.models().detectors[0].manifest.weights_sha256
    with worker_context.sessions.begin() as session:
        for row in session.scalars(select(DetectionAppearanceRow)):
            row.weights_sha256 = "0" * 64
    appearance.describe_flight(worker_context, flight_id)
    assert set(list_rows(worker_context).values()) == {weights}


def test_a_photo_that_is_gone_is_left_out(
    flight_id: int, worker_context: WorkerContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appearance, "Describer", Counting)
    with worker_context.sessions() as session:
        first = session.scalars(select(PhotoRow).order_by(PhotoRow.id)).first()
        assert first is not None
        worker_context.store.path_of(first.sha256).unlink()
    appearance.describe_flight(worker_context, flight_id)
    assert len(list_rows(worker_context)) == 1
