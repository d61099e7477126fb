"""Poses of a rendered flight become better by what its photos show."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from detection.cli.refine import refine
from detection.domain.geometry import FloatArray
from detection.domain.photo import FlightKind, Photo
from detection.ingest.flight import read_flight
from detection.plane import LocalPlane
from detection.refine.poses_file import apply_poses
from training.synthetic.flight import render_flight
from training.synthetic.noise import NoiseKind

pytest.importorskip("pycolmap", reason="pycolmap is the extra `refine`")


def test_yaw_and_relative_places_get_better(tmp_path: Path) -> None:
    folder, out = tmp_path / "flight", tmp_path / "out"
    render_flight(
        folder, seed=21, photos=8, width_px=640, height_m=30.0, overlap=0.8, noise=NoiseKind.GPS
    )
    done = CliRunner().invoke(refine, [str(folder), "--out", str(out), "--threads", "1"])
    assert done.exit_code == 0, done.output
    flight = read_flight(folder, FlightKind.DRONE, "rendered")
    refined = apply_poses(out / "poses.json", flight.photos)
    moved = [photo.photo_id for photo in refined if photo.pose and "sfm" in photo.pose.source]
    assert len(moved) >= 5
    truth = {
        row["photo"]: row
        for row in json.loads((folder / "truth_poses.json").read_text(encoding="utf-8"))["photos"]
    }
    before, after = (measure_errors(photos, truth, moved) for photos in (flight.photos, refined))
    assert np.abs(after[:, 2]).mean() < np.abs(before[:, 2]).mean()  # yaw
    assert after[:, :2].std(axis=0).max() < before[:, :2].std(axis=0).max()


def measure_errors(
    photos: tuple[Photo, ...], truth: dict[str, dict[str, float]], names: list[str]
) -> FloatArray:
    """East and north metres and degrees of yaw, a row for each named photo."""
    rows = []
    for photo in photos:
        if photo.photo_id not in names or photo.pose is None:
            continue
        exact = truth[photo.photo_id]
        plane = LocalPlane(exact["lon"], exact["lat"])
        east, north = plane.to_metres((photo.pose.lon, photo.pose.lat))
        yaw = ((photo.pose.yaw_deg or 0.0) - exact["yaw_deg"] + 180.0) % 360.0 - 180.0
        rows.append((float(east), float(north), yaw))
    return np.array(rows)
