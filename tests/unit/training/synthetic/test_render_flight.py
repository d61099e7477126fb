from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import ExifTags, Image

from detection.domain.errors import InvalidInputError
from detection.domain.hazard import HazardClass
from training.synthetic.camera import PinholeCamera, rotation_from_gimbal
from training.synthetic.cli import render_flight as command
from training.synthetic.flight import RenderedFlight, render_flight
from training.synthetic.noise import NoiseKind
from training.synthetic.scene import list_states

PHOTOS, WIDTH = 8, 400
METRES_PER_DEGREE = 111_000


@pytest.fixture(scope="module")
def flight(tmp_path_factory: pytest.TempPathFactory) -> RenderedFlight:
    folder = tmp_path_factory.mktemp("flight")
    return render_flight(folder, photos=PHOTOS, width_px=WIDTH, noise=NoiseKind.NONE)


@pytest.fixture(scope="module")
def truth(flight: RenderedFlight) -> dict[str, object]:
    document = json.loads((flight.folder / "truth.geojson").read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


@pytest.fixture(scope="module")
def things(truth: dict[str, object]) -> list[dict[str, object]]:
    features = truth["features"]
    assert isinstance(features, list)
    return [feature["properties"] | {"geometry": feature["geometry"]} for feature in features]


def digest(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_same_seed_gives_the_same_bytes_and_the_command_says_what_it_made(
    flight: RenderedFlight, tmp_path: Path
) -> None:
    options = ["--photos", str(PHOTOS), "--width", str(WIDTH), "--noise", "none"]
    result = CliRunner().invoke(command, ["--out", str(tmp_path / "again"), *options])
    assert result.exit_code == 0, result.output
    assert f"{PHOTOS} photos" in result.output
    assert "truth.geojson" in result.output
    assert digest(tmp_path / "again") == digest(flight.folder)


def test_every_photo_opens_at_its_size_and_differs_from_the_others(flight: RenderedFlight) -> None:
    assert len(flight.photos) == PHOTOS
    for path in flight.photos:
        with Image.open(path) as photo:
            photo.load()
            assert photo.size == (WIDTH, WIDTH * 3 // 4)
    assert len(set(digest(flight.folder).values())) == PHOTOS + 4


def test_truth_is_geojson_with_every_state_and_says_that_it_is_rendered(
    truth: dict[str, object], things: list[dict[str, object]]
) -> None:
    assert truth["type"] == "FeatureCollection"
    assert "crs" not in truth
    assert truth["rendered"] is True
    assert {HazardClass(str(thing["hazard_class"])) for thing in things} == (
        set(HazardClass) - {HazardClass.DEMOLISHED}  # that takes two flights
    )
    for thing in things:
        geometry = thing["geometry"]
        assert isinstance(geometry, dict)
        lon, lat = geometry["coordinates"]
        assert abs(lon - 113.07) < 0.002
        assert abs(lat - 23.0) < 0.002


def test_boxes_lie_in_their_photos(flight: RenderedFlight, things: list[dict[str, object]]) -> None:
    names = {path.name for path in flight.photos}
    boxes = 0
    for thing in things:
        sightings = thing["photos"]
        assert isinstance(sightings, list)
        for sighting in sightings:
            x_min, y_min, x_max, y_max = sighting["bbox_xyxy"]
            assert sighting["photo"] in names
            assert 0 <= x_min < x_max <= WIDTH
            assert 0 <= y_min < y_max <= WIDTH * 3 / 4
            assert 0 < sighting["visible_fraction"] <= 1
            boxes += 1
    assert boxes > 2 * PHOTOS


def test_exact_poses_project_covers_into_their_boxes(
    flight: RenderedFlight, things: list[dict[str, object]]
) -> None:
    pyproj = pytest.importorskip("pyproj")
    geod = pyproj.Geod(ellps="WGS84")
    document = json.loads((flight.folder / "truth_poses.json").read_text(encoding="utf-8"))
    poses = {row["photo"]: row for row in document["photos"]}
    checked = 0
    for thing in things:
        geometry, sightings = thing["geometry"], thing["photos"]
        assert isinstance(geometry, dict)
        assert isinstance(sightings, list)
        for sighting in sightings:
            if thing["kind"] != "manhole" or sighting["visible_fraction"] < 0.99:
                continue
            pose = poses[sighting["photo"]]
            azimuth, _, distance = geod.inv(pose["lon"], pose["lat"], *geometry["coordinates"])
            east, north = np.array([np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))])
            camera = PinholeCamera(
                pose["width_px"],
                pose["height_px"],
                pose["focal_px"],
                np.array([0.0, 0.0, pose["altitude_agl_m"]]),
                rotation_from_gimbal(pose["yaw_deg"], pose["pitch_deg"], pose["roll_deg"]),
            )
            xy, depth = camera.project(np.array([[east * distance, north * distance, 0.0]]))
            x_min, y_min, x_max, y_max = sighting["bbox_xyxy"]
            # A circle's middle is not quite the middle of its perspective picture.
            slack = 0.5 + 0.03 * (x_max - x_min)
            assert depth[0] > 0
            assert abs(xy[0, 0] - (x_min + x_max) / 2) < slack
            assert abs(xy[0, 1] - (y_min + y_max) / 2) < slack
            checked += 1
    assert checked >= 10


def test_metadata_without_noise_equals_the_true_pose(flight: RenderedFlight) -> None:
    document = json.loads((flight.folder / "truth_poses.json").read_text(encoding="utf-8"))
    for row in document["photos"]:
        with Image.open(flight.folder / row["photo"]) as photo:
            gps = photo.getexif().get_ifd(ExifTags.IFD.GPSInfo)
            xmp = photo.info["xmp"].decode()
        degrees, minutes, seconds = (float(part) for part in gps[ExifTags.GPS.GPSLatitude])
        assert degrees + minutes / 60 + seconds / 3600 == pytest.approx(row["lat"], abs=2e-9)
        assert f'drone-dji:GimbalYawDegree="{row["yaw_deg"]:+.2f}"' in xmp
        assert f'drone-dji:GimbalPitchDegree="{row["pitch_deg"]:+.2f}"' in xmp
        assert f'drone-dji:RelativeAltitude="{row["altitude_agl_m"]:+.2f}"' in xmp


def test_house_footprints_are_closed_and_counter_clockwise(flight: RenderedFlight) -> None:
    document = json.loads((flight.folder / "buildings.geojson").read_text(encoding="utf-8"))
    assert 6 <= len(document["features"]) <= 12
    assert sum(row["properties"]["has_added_storey"] for row in document["features"]) == 1
    for feature in document["features"]:
        ring = np.array(feature["geometry"]["coordinates"][0])
        assert (ring[0] == ring[-1]).all()
        x, y = ((ring - ring[0]) * METRES_PER_DEGREE).T
        assert np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) > 0


@pytest.mark.parametrize(
    "options", [{"photos": 0}, {"width_px": 10}, {"height_m": 1.0}, {"covers": 99}]
)
def test_impossible_arguments_name_the_option_and_the_range(
    tmp_path: Path, options: dict[str, int]
) -> None:
    with pytest.raises(InvalidInputError, match=r"--\w+ .* Choose a value from"):
        render_flight(tmp_path, **options)  # type: ignore[arg-type] # one option at a time


def test_output_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("x")
    with pytest.raises(InvalidInputError, match="cannot be made"):
        render_flight(tmp_path / "taken")


def test_fourteen_covers_hold_three_missing_and_three_broken() -> None:
    states = list_states(14)
    assert states.count(HazardClass.MANHOLE_MISSING) == 3
    assert states.count(HazardClass.MANHOLE_BROKEN) == 3
    assert len(states) == 14
