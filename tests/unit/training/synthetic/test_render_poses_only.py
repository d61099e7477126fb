from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import ExifTags, Image

from detection.domain.hazard import HazardClass
from training.synthetic.camera import PinholeCamera, rotation_from_gimbal
from training.synthetic.cli import render_flight as command
from training.synthetic.flight import RenderedFlight, render_flight
from training.synthetic.noise import NoiseKind, choose_noise
from training.synthetic.open_ground import contains, scatter_covers

PHOTOS, WIDTH = 30, 2000


@pytest.fixture(scope="module")
def flight(tmp_path_factory: pytest.TempPathFactory) -> RenderedFlight:
    folder = tmp_path_factory.mktemp("poses")
    noise = choose_noise(NoiseKind.GPS, gps_std_m=1.5)
    return render_flight(
        folder,
        seed=5,
        photos=PHOTOS,
        width_px=WIDTH,
        height_m=50.0,
        overlap=0.7,
        noise=noise,
        covers=80,
        poses_only=True,
    )


def test_grey_photos_keep_their_size_and_all_their_metadata(flight: RenderedFlight) -> None:
    assert len(flight.photos) == PHOTOS
    document = json.loads((flight.folder / "written_poses.json").read_text(encoding="utf-8"))
    for row in document["photos"]:
        with Image.open(flight.folder / row["photo"]) as photo:
            gps = photo.getexif().get_ifd(ExifTags.IFD.GPSInfo)
            xmp = photo.info["xmp"].decode()
            photo.load()
            assert photo.size == (WIDTH, WIDTH * 3 // 4)
            assert photo.getextrema() == (128, 128)
        degrees, minutes, seconds = (float(part) for part in gps[ExifTags.GPS.GPSLatitude])
        assert degrees + minutes / 60 + seconds / 3600 == pytest.approx(row["lat"], abs=2e-9)
        assert f'drone-dji:RelativeAltitude="{row["relative_m"]:+.2f}"' in xmp


def test_true_poses_project_covers_into_their_boxes(flight: RenderedFlight) -> None:
    pyproj = pytest.importorskip("pyproj")
    geod = pyproj.Geod(ellps="WGS84")
    poses = {
        row["photo"]: row
        for row in json.loads((flight.folder / "truth_poses.json").read_text())["photos"]
    }
    truth = json.loads((flight.folder / "truth.geojson").read_text(encoding="utf-8"))
    checked = 0
    for feature in truth["features"]:
        for seen in feature["properties"]["photos"]:
            if seen["visible_fraction"] < 1:
                continue
            pose = poses[seen["photo"]]
            lonlat = feature["geometry"]["coordinates"]
            azimuth, _, distance = geod.inv(pose["lon"], pose["lat"], *lonlat)
            east, north = (f(np.radians(azimuth)) * distance for f in (np.sin, np.cos))
            camera = PinholeCamera(
                pose["width_px"],
                pose["height_px"],
                pose["focal_px"],
                np.array([0.0, 0.0, pose["altitude_agl_m"]]),
                rotation_from_gimbal(pose["yaw_deg"], pose["pitch_deg"], pose["roll_deg"]),
            )
            xy, _ = camera.project(np.array([[east, north, 0.0]]))
            box = np.array(seen["bbox_xyxy"])
            assert np.abs(xy[0] - (box[:2] + box[2:]) / 2).max() < 0.5
            checked += 1
    assert checked > 200


def test_written_poses_are_off_and_true_ones_are_not(flight: RenderedFlight) -> None:
    written, true = (
        json.loads((flight.folder / name).read_text(encoding="utf-8"))["photos"]
        for name in ("written_poses.json", "truth_poses.json")
    )
    off = [abs(a["lat"] - b["lat"]) * 111_000 for a, b in zip(written, true, strict=True)]
    assert 0.05 < float(np.mean(off)) < 5
    assert flight.counts.keys() == {"manhole_missing", "manhole_broken", "manhole_ok"}


def test_the_command_takes_the_parameters_of_a_block(tmp_path: Path) -> None:
    options = "--seed 2 --photos 4 --width 400 --height 60 --pitch -45 --overlap 0.6 --noise rtk"
    spreads = "--gps-std-m 0.05 --height-std-m 0.3 --gimbal-std-deg 0.2 --yaw-std-deg 0.5"
    arguments = ["--out", str(tmp_path), *options.split(), *spreads.split(), "--poses-only"]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    document = json.loads((tmp_path / "written_poses.json").read_text(encoding="utf-8"))
    assert {row["pitch_deg"] for row in document["photos"]} == {-45.0}
    assert {row["rtk_std_horizontal_m"] for row in document["photos"]} == {0.012}


def test_the_street_too_can_be_flown_as_a_block(tmp_path: Path) -> None:
    flown = render_flight(
        tmp_path, photos=2, width_px=200, height_m=20.0, pitch_deg=-60.0, noise=NoiseKind.NONE
    )
    poses = json.loads((tmp_path / "truth_poses.json").read_text(encoding="utf-8"))["photos"]
    assert {row["pitch_deg"] for row in poses} == {-60.0}
    with Image.open(flown.photos[0]) as photo:
        assert photo.convert("L").getextrema() != (128, 128)


def test_a_deviation_below_zero_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["--out", str(tmp_path), "--gps-std-m", "-1"])
    assert result.exit_code == 2
    assert "--gps-std-m" in result.output


@pytest.mark.parametrize("count", [1, 40, 400])
def test_covers_keep_their_distance_and_their_bounds(count: int) -> None:
    rng = np.random.default_rng(count)
    bounds = (-100.0, -50.0, 100.0, 50.0)
    covers = scatter_covers(rng, [HazardClass.MANHOLE_OK] * count, bounds, spacing_m=3.0)
    places = np.array([cover.center[:2] for cover in covers])
    apart = np.linalg.norm(places[:, None] - places[None], axis=2) + np.eye(count) * 1e6
    assert len(covers) == count
    assert apart.min() > 3.0
    assert (np.abs(places) <= [106.0, 56.0]).all()


def test_a_camera_contains_what_lies_before_it_and_nothing_behind() -> None:
    camera = PinholeCamera(
        100, 100, 100.0, np.array([0.0, 0.0, 10.0]), rotation_from_gimbal(0.0, -90.0, 0.0)
    )
    points = np.array([[0, 0, 0], [4.9, 0, 0], [5.1, 0, 0], [0, 0, 20.0]])
    assert contains(camera, points).tolist() == [True, True, False, False]
    assert contains(camera, points, 10.0).tolist() == [True, True, True, False]
