"""What ExifTool knows of photos whose metadata we cannot read ourselves.

It is a program of its own (Perl), so it is used only where it is installed, only for photos that
miss something, and only from fixed places: nothing of the search path, of its own configuration
files or of the network takes part.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from detection.domain.camera import CameraPose
from detection.domain.errors import ConfigurationError
from detection.domain.photo import FlightKind, Photo
from detection.ingest.drone_tags import DroneTags, number_from_text
from detection.ingest.exif import ORIENTATIONS, ExifData
from detection.ingest.intrinsics import read_intrinsics
from detection.ingest.maker_xmp import angles_from_body
from detection.ingest.pose import name_sources, read_pose, split_sources

KNOWN_PLACES = (
    Path("/usr/bin/exiftool"),
    Path("/usr/local/bin/exiftool"),
)
PHOTOS_AT_ONCE = 100
START_TIMEOUT_S, PHOTO_TIMEOUT_S = 20.0, 1.0

_OPTIONS = ("-json", "-n", "-G1", "-charset", "filename=UTF8")
_ANGLES = (
    ("GimbalYawDegree", "GimbalPitchDegree", "GimbalRollDegree"),
    ("CameraOrientationNEDYaw", "CameraOrientationNEDPitch", "CameraOrientationNEDRoll"),
    ("CameraYawDegree", "CameraPitchDegree", "CameraRollDegree"),
    ("CameraYaw", "CameraPitch", "CameraRoll"),
    ("GimbalYaw", "GimbalPitch", "GimbalRoll"),
)
"""Names of the camera's yaw, pitch and roll, whoever's they are."""

_BODY_ANGLES = ("XMP-Camera:Yaw", "XMP-Camera:Pitch", "XMP-Camera:Roll")
_HEIGHTS = ("RelativeAltitude", "AboveGroundAltitude")
_MISSING = frozenset(
    {"no_position", "no_attitude", "zero_attitude", "no_altitude", "no_focal_length"}
)


def find_exiftool(setting: str = "auto") -> Path | None:
    """Return the program that ``setting`` names: ``auto``, ``off`` or an absolute path.

    ``auto`` looks into ``KNOWN_PLACES`` and gives None where it is in none of them.

    Raises:
        ConfigurationError: a path was given and there is no program.
    """
    if setting == "off":
        return None
    if setting == "auto":
        return next((path for path in KNOWN_PLACES if os.access(path, os.X_OK)), None)
    program = Path(setting)
    if not program.is_absolute() or not program.is_file() or not os.access(program, os.X_OK):
        message = f"The setting exiftool names {setting}, which is no program."
        raise ConfigurationError(message, remedy="Give auto, off or the absolute path of ExifTool.")
    return program


def lacks_tags(photo: Photo) -> bool:
    """Return whether the photo misses something that ExifTool may know."""
    return not _MISSING.isdisjoint(photo.warnings)


def complete_photos(
    photos: Sequence[Photo], program: Path | None, kind: FlightKind = FlightKind.DRONE
) -> tuple[Photo, ...]:
    """Return the photos with what ExifTool adds to those that miss something.

    A number that we read ourselves stays. Without a program, or where it fails or takes too long,
    the photos come back as they are.
    """
    waiting = [index for index, photo in enumerate(photos) if lacks_tags(photo)]
    completed = list(photos)
    if program is None or not waiting:
        return tuple(completed)
    for start in range(0, len(waiting), PHOTOS_AT_ONCE):
        chunk = waiting[start : start + PHOTOS_AT_ONCE]
        answers = _ask(program, [photos[index].path for index in chunk])
        for index in chunk:
            answer = answers.get(str(photos[index].path.resolve()))
            if answer is not None:
                completed[index] = _complete(photos[index], answer, kind)
    return tuple(completed)


def _ask(program: Path, paths: Sequence[Path]) -> dict[str, dict[str, object]]:
    """Return the tags of each file by absolute path; nothing where the program fails."""
    names = [name for path in paths if "\n" not in (name := str(path.resolve()))]
    try:
        done = subprocess.run(  # noqa: S603 - fixed options; file names go through stdin
            [str(program), "-config", "", "-@", "-"],
            input="\n".join([*_OPTIONS, *names]).encode("utf-8", "surrogateescape"),
            capture_output=True,
            timeout=START_TIMEOUT_S + PHOTO_TIMEOUT_S * len(names),
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            check=False,
        )
        rows = json.loads(done.stdout.decode("utf-8", "replace") or "[]")
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}
    if not isinstance(rows, list):
        return {}
    return {str(row.get("SourceFile")): row for row in rows if isinstance(row, dict)}


def _complete(photo: Photo, answer: Mapping[str, object], kind: FlightKind) -> Photo:
    exif, tags = _tags_from_answer(answer)
    found, _ = read_pose(exif, (tags,), kind)
    pose = found if photo.pose is None else _fill(photo.pose, found, tags)
    camera = photo.intrinsics or read_intrinsics(photo.width_px, photo.height_px, exif)
    captured = replace(photo, pose=pose, intrinsics=camera)
    settled = set(_list_settled(captured))
    return replace(captured, warnings=tuple(c for c in photo.warnings if c not in settled))


def _tags_from_answer(answer: Mapping[str, object]) -> tuple[ExifData, DroneTags]:
    """Return ExifTool's answer as what our own readers give."""
    by_name = {key.rpartition(":")[2]: value for key, value in answer.items()}

    def number(name: str) -> float | None:
        value = answer.get(name, by_name.get(name))
        return None if isinstance(value, bool) or value is None else number_from_text(str(value))

    yaw, pitch, roll = next(_iterate_angles(number), (None, None, None))
    orientation = int(number("IFD0:Orientation") or 1)
    exif = ExifData(
        make=str(answer.get("IFD0:Make", "")) or None,
        model=str(answer.get("IFD0:Model", "")) or None,
        orientation=orientation if orientation in ORIENTATIONS else 1,
        focal_mm=number("ExifIFD:FocalLength") or number("FocalLength"),
        focal_35mm=number("FocalLengthIn35mmFormat"),
    )
    tags = DroneTags(
        source="exiftool",
        lon=number("Composite:GPSLongitude"),
        lat=number("Composite:GPSLatitude"),
        absolute_altitude_m=number("Composite:GPSAltitude"),
        relative_altitude_m=next((h for name in _HEIGHTS if (h := number(name)) is not None), None),
        yaw_deg=yaw,
        pitch_deg=pitch,
        roll_deg=roll,
    )
    return exif, tags


def _iterate_angles(
    number: Callable[[str], float | None],
) -> Iterator[tuple[float, float, float]]:
    """Yield every complete (yaw, pitch, roll) that is not all zeros, the surest first."""
    for names in _ANGLES:
        yaw, pitch, roll = (number(name) for name in names)
        if yaw is not None and pitch is not None and (yaw or pitch or roll):
            yield yaw, pitch, roll or 0.0
    yaw, pitch, roll = (number(name) for name in _BODY_ANGLES)
    if yaw is not None and pitch is not None:
        yield angles_from_body(yaw, pitch, roll or 0.0)


def _fill(own: CameraPose, found: CameraPose | None, tags: DroneTags) -> CameraPose:
    """Return our own pose with the height and the angles of ExifTool where ours miss them."""
    sources = split_sources(own.source)
    height_m, angles = own.altitude_agl_m, (own.yaw_deg, own.pitch_deg, own.roll_deg)
    altitude_source = sources.get("altitude", "none")
    angle_source = sources.get("angles", "none")
    if found is not None and height_m is None and found.altitude_agl_m is not None:
        height_m, altitude_source = found.altitude_agl_m, tags.source
    if found is not None and None in angles and found.yaw_deg is not None:
        angles = (found.yaw_deg, found.pitch_deg, found.roll_deg)
        angle_source = tags.source
    return replace(
        own,
        altitude_agl_m=height_m,
        yaw_deg=angles[0],
        pitch_deg=angles[1],
        roll_deg=angles[2],
        source=name_sources(sources.get("position", "none"), altitude_source, angle_source),
    )


def _list_settled(photo: Photo) -> Iterator[str]:
    """Yield the warnings that no longer hold."""
    if photo.pose is not None:
        yield "no_position"
        if photo.pose.altitude_agl_m is not None:
            yield "no_altitude"
        if photo.pose.yaw_deg is not None:
            yield from ("no_attitude", "zero_attitude")
    if photo.intrinsics is not None:
        yield "no_focal_length"
