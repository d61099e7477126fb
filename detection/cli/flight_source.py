"""Where `hazardlens detect` takes its photos from: a folder, the videos in it, or one video."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console

from detection.domain.errors import InvalidInputError
from detection.domain.photo import Flight, FlightKind
from detection.ingest.exiftool import find_exiftool
from detection.ingest.flight import explain_empty_flight, read_flight
from detection.ingest.folder import VIDEO_SUFFIXES, list_photo_files
from detection.ingest.frame_choice import StepLength
from detection.ingest.video import VideoOptions, add_videos
from detection.ingest.video_pose import CameraGiven
from detection.report.crops import FOLDER_NAME as CROPS_FOLDER
from detection.report.files import prepare_folder
from detection.report.progress import FILE_NAME

FRAMES_FOLDER = "frames"
"""Below the output folder: the frames of videos."""

_MAX_SPACING_M, _MAX_FOCAL_MM = 1000.0, 2000.0

FunctionT = TypeVar("FunctionT", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class FlightSource:
    """A folder or a video, and how it is read; ``exiftool`` is the setting of that name."""

    path: Path
    name: str
    exiftool: str
    videos: VideoOptions


def read_source(source: FlightSource, out: Path) -> Flight:
    """Read photos and videos without the crops and frames that earlier runs wrote below.

    Raises:
        InvalidInputError: the source cannot be read, or is the output folder itself, or frames
            cannot be written.
        EmptyFlightError: it holds no photo of its own and no frame of a video.
        ConfigurationError: the setting for ExifTool names no program.
    """
    program = find_exiftool(source.exiftool)
    root, kind = source.path.resolve(), source.videos.kind
    if root == out.resolve():
        message = f"The output folder is the flight folder {source.path} itself."
        raise InvalidInputError(message, remedy="Give another folder with --out.")
    if root.is_file() and root.suffix.lower() in VIDEO_SUFFIXES:
        video_files: tuple[tuple[str, Path], ...] = ((source.path.name, source.path),)
        flight = Flight(source.name, kind, (), ())
    else:
        own = find_own_folders(root, out)
        video_files = list_photo_files(source.path, own).video_files
        with Console(stderr=True).status(f"Reading {source.path}"):
            flight = read_flight(
                source.path,
                kind,
                source.name,
                left_out=own,
                exiftool=program,
                may_be_empty=bool(video_files),
            )
    if not video_files:
        return flight
    flight = _add_frames(flight, video_files, out, source.videos)
    if not flight.photos:
        raise explain_empty_flight(source.path, flight.other_files, flight.failures)
    return flight


def find_own_folders(root: Path, out: Path) -> frozenset[Path]:
    """Return the folders of crops and frames that runs into this or other places below wrote."""
    outs = [path.parent for path in root.rglob(FILE_NAME)]
    names = (CROPS_FOLDER, FRAMES_FOLDER)
    return frozenset((folder / name).resolve() for folder in (*outs, out) for name in names)


def _add_frames(
    flight: Flight, video_files: tuple[tuple[str, Path], ...], out: Path, options: VideoOptions
) -> Flight:
    prepare_folder(out)
    count = 0
    with Console(stderr=True).status("Choosing frames") as status:

        def show(_photo: object) -> None:
            nonlocal count
            count += 1
            status.update(f"Choosing frames: {count}")

        try:
            return add_videos(flight, video_files, out / FRAMES_FOLDER, options, on_frame=show)
        except OSError as error:
            message = f"The frames cannot be written into {out}: {error.strerror}."
            raise InvalidInputError(message, remedy="Make room, or give another --out.") from error


class _Place(click.ParamType[tuple[float, float]]):
    """``LON,LAT`` in degrees."""

    name = "LON,LAT"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float]:
        """Return (lon, lat)."""
        try:
            lon, lat = (float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not two numbers with a comma between", param, ctx)
        if not (abs(lon) <= 180 and abs(lat) <= 90):  # noqa: PLR2004  # degrees on Earth
            self.fail(f"{value!r} is no longitude and latitude in degrees", param, ctx)
        return lon, lat


def add_video_options(command: FunctionT) -> FunctionT:
    """Give a command the options for videos; `build_video_options` takes their values."""
    options = (
        click.option(
            "--near",
            type=_Place(),
            help="Where it was flown; tells the order of coordinates that some tracks leave open.",
        ),
        click.option(
            "--video-spacing",
            "spacing_m",
            type=click.FloatRange(0.1, _MAX_SPACING_M),
            default=StepLength().spacing_m,
            show_default=True,
            help="Metres between the frames taken from a video.",
        ),
        click.option(
            "--video-pitch",
            "pitch_deg",
            type=click.FloatRange(-90, 0),
            help="Pitch of the camera in videos whose track has no angles; -90: straight down.",
        ),
        click.option(
            "--video-focal",
            "focal_35mm",
            type=click.FloatRange(1, _MAX_FOCAL_MM),
            help="Focal length of videos as on 35 mm film; goes before that of the track.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def build_video_options(
    kind: FlightKind,
    near: tuple[float, float] | None,
    spacing_m: float,
    pitch_deg: float | None,
    focal_35mm: float | None,
) -> VideoOptions:
    """Return the options given on the command line."""
    step = StepLength(spacing_m=spacing_m)
    return VideoOptions(step, CameraGiven(pitch_deg, focal_35mm), near, kind)
