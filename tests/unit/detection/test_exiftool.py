from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from detection.domain.errors import ConfigurationError
from detection.domain.photo import FlightKind, Photo
from detection.ingest import exiftool
from detection.ingest.exiftool import complete_photos, find_exiftool
from detection.ingest.flight import read_flight, read_photo
from tests.factories import DrawnPose, draw_photo

ANSWER: dict[str, object] = {
    "IFD0:Make": "Teledyne",
    "IFD0:Model": "Hadron",
    "ExifIFD:FocalLengthIn35mmFormat": 24,
    "Composite:GPSLatitude": 29.5647,
    "Composite:GPSLongitude": 106.5507,
    "Composite:GPSAltitude": 310.5,
    "XMP-drone-x:RelativeAltitude": "+60.00",
    "MakerNotes:CameraYaw": 30,
    "MakerNotes:CameraPitch": -89.5,
    "MakerNotes:CameraRoll": "0",
}


def write_program(folder: Path, body: str) -> Path:
    """A stand-in for ExifTool: it writes down what it was asked and runs ``body``."""
    program = folder / "exiftool"
    script = f'#!/bin/sh\necho "$@" > {folder}/options.txt\ncat > {folder}/asked.txt\n{body}\n'
    program.write_text(script, encoding="utf-8")
    program.chmod(0o755)
    return program


def answer_with(folder: Path, photo: Photo, answer: dict[str, object]) -> Path:
    row = {"SourceFile": str(photo.path.resolve()), **answer}
    (folder / "answer.json").write_text(json.dumps([row]), encoding="utf-8")
    return write_program(folder, f"cat {folder}/answer.json")


def draw_bare(path: Path) -> Photo:
    photo = read_photo(draw_photo(path, exif=Image.Exif(), xmp=b""), path.name)
    assert isinstance(photo, Photo)
    return photo


def test_what_is_missing_is_filled_in_and_says_where_from(tmp_path: Path) -> None:
    bare = draw_bare(tmp_path / "照 片.jpg")
    (photo,) = complete_photos([bare], answer_with(tmp_path, bare, ANSWER))
    pose, camera = photo.pose, photo.intrinsics
    assert pose is not None
    assert camera is not None
    assert (pose.lon, pose.lat, pose.altitude_m) == (106.5507, 29.5647, 310.5)
    assert (pose.yaw_deg, pose.pitch_deg, pose.roll_deg) == (30.0, -89.5, 0.0)
    assert pose.altitude_agl_m == 60.0
    assert pose.source == "position=exiftool;altitude=exiftool;angles=exiftool"
    assert camera.source == "exif:FocalLengthIn35mmFilm"
    assert photo.warnings == ()
    asked = (tmp_path / "asked.txt").read_text(encoding="utf-8").splitlines()
    assert asked[-1] == str(bare.path)
    assert "-json" in asked
    assert (tmp_path / "options.txt").read_text(encoding="utf-8").startswith("-config")


def test_our_own_numbers_stay(tmp_path: Path) -> None:
    path = draw_photo(tmp_path / "a.jpg", pose=DrawnPose(altitude_agl_m=None, lat=29.0))
    own = read_photo(path, path.name)
    assert isinstance(own, Photo)
    assert own.warnings == ("no_altitude",)
    (photo,) = complete_photos([own], answer_with(tmp_path, own, ANSWER))
    assert own.pose is not None
    assert photo.pose == replace(
        own.pose, altitude_agl_m=60.0, source="position=exif;altitude=exiftool;angles=xmp"
    )
    assert photo.intrinsics == own.intrinsics
    assert photo.warnings == ()


def test_angles_are_filled_in_beside_our_position(tmp_path: Path) -> None:
    pose = DrawnPose(yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0)
    own = read_photo(draw_photo(tmp_path / "a.jpg", pose=pose), "a.jpg")
    assert isinstance(own, Photo)
    (photo,) = complete_photos([own], answer_with(tmp_path, own, ANSWER))
    assert photo.pose is not None
    assert photo.pose.is_complete
    assert photo.pose.source == "position=exif;altitude=xmp;angles=exiftool"
    assert photo.warnings == ()


def test_the_angles_of_a_body_are_turned_into_the_cameras(tmp_path: Path) -> None:
    bare = draw_bare(tmp_path / "a.jpg")
    angles = {"XMP-Camera:Yaw": 30, "XMP-Camera:Pitch": 10, "XMP-Camera:Roll": 0}
    answer = {key: value for key, value in ANSWER.items() if "MakerNotes" not in key} | angles
    (photo,) = complete_photos([bare], answer_with(tmp_path, bare, answer))
    assert photo.pose is not None
    assert (photo.pose.yaw_deg, photo.pose.pitch_deg) == pytest.approx((30.0, -80.0))


@pytest.mark.parametrize(
    "body",
    [
        "exit 1",
        "echo no json",
        "echo '{}'",
        "echo '[1]'",
        "echo '[{}]'",
        "kill -9 $$",
        "printf '\\377'",
    ],
)
def test_a_program_that_fails_changes_nothing(tmp_path: Path, body: str) -> None:
    bare = draw_bare(tmp_path / "a.jpg")
    assert complete_photos([bare], write_program(tmp_path, body)) == (bare,)


def test_a_program_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exiftool, "START_TIMEOUT_S", 0.2)
    monkeypatch.setattr(exiftool, "PHOTO_TIMEOUT_S", 0.0)
    bare = draw_bare(tmp_path / "a.jpg")
    assert complete_photos([bare], write_program(tmp_path, "exec sleep 600")) == (bare,)


@pytest.mark.parametrize(
    "senseless",
    [{"Composite:GPSLatitude": "undef"}, {"Composite:GPSLatitude": True}, {"IFD0:Orientation": 99}],
)
def test_a_senseless_answer_is_not_used(tmp_path: Path, senseless: dict[str, object]) -> None:
    bare = draw_bare(tmp_path / "a.jpg")
    (photo,) = complete_photos([bare], answer_with(tmp_path, bare, ANSWER | senseless))
    assert (photo.pose is None) is ("Composite:GPSLatitude" in senseless)


def test_only_photos_that_miss_something_are_asked_about(tmp_path: Path) -> None:
    whole = read_photo(draw_photo(tmp_path / "a.jpg"), "a.jpg")
    assert isinstance(whole, Photo)
    program = write_program(tmp_path, "echo '[]'")
    assert complete_photos([whole], program) == (whole,)
    assert not (tmp_path / "asked.txt").exists()
    bare = draw_bare(tmp_path / "b.jpg")
    assert complete_photos([bare], None) == (bare,)


def test_a_flight_is_completed(tmp_path: Path) -> None:
    folder = tmp_path / "flight"
    bare = draw_bare(folder / "a.jpg")
    program = answer_with(tmp_path, bare, ANSWER)
    flight = read_flight(folder, FlightKind.DRONE, "f", exiftool=program)
    assert flight.photos[0].warnings == ()
    assert read_flight(folder, FlightKind.DRONE, "f").photos[0].pose is None


def test_the_setting_names_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = write_program(tmp_path, "")
    assert find_exiftool(str(program)) == program
    assert find_exiftool("off") is None
    monkeypatch.setattr(exiftool, "KNOWN_PLACES", (tmp_path / "absent", program))
    assert find_exiftool("auto") == program
    monkeypatch.setattr(exiftool, "KNOWN_PLACES", (tmp_path / "absent",))
    assert find_exiftool() is None


@pytest.mark.parametrize("setting", ["exiftool", "/absent/exiftool", "/", ""])
def test_a_setting_that_names_no_program_says_what_to_do(setting: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        find_exiftool(setting)
    assert caught.value.remedy
