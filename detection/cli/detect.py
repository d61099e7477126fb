"""The command `hazardlens detect`: options, exit codes and what an interrupt means."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from detection.cli.calibration_files import load_calibration_files
from detection.cli.flight_source import (
    FlightSource,
    add_video_options,
    build_video_options,
    read_source,
)
from detection.cli.run import detect_into_folder
from detection.cli.surroundings_files import (
    SurroundingsFiles,
    add_surroundings_options,
    read_surroundings,
)
from detection.detectors.manifest import MODELS_DIR, select_manifests
from detection.detectors.registry import ADAPTERS
from detection.domain.errors import INTERRUPTED
from detection.domain.photo import FlightKind
from detection.refine.poses_file import apply_poses
from detection.settings import load_settings

EXIT_CODES = """\b
Exit codes:
    0  done; photos that failed are listed and do not change this
    2  the flight or output folder, or an option, cannot be used
    3  the folder holds no photo that can be used
    4  a model is unknown, damaged or not what its hash says
    5  a setting is unknown or out of range
  130  interrupted; the same command goes on where it stopped
"""


@click.command(epilog=EXIT_CODES)
@click.argument("flight", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for results.")
@click.option("--model", "names", multiple=True, help="Model to run; repeatable. Default: all.")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in FlightKind]),
    default="drone",
    show_default=True,
    help="Photos from the air, or along a street.",
)
@click.option("--name", help="Name of the flight in the report. Default: the folder's name.")
@click.option("--runtime", type=click.Choice(list(ADAPTERS)), help="Library that runs the models.")
@click.option("--streams", type=int, help="Tiles looked at in parallel; 0: what the machine has.")
@click.option("--device", help="For onnx and torch: auto, cpu, cuda, or cuda:1 and so on.")
@click.option(
    "--views", type=int, help="Look at enough photos to see all ground N times; 0: at every photo."
)
@click.option(
    "--exhaustive",
    is_flag=True,
    help="Leave nothing out: FP32, trained tiles, all photos at full size. Slow.",
)
@click.option("--config", type=click.Path(path_type=Path), help="YAML file with settings.")
@click.option(
    "--models-dir",
    type=click.Path(path_type=Path),
    default=MODELS_DIR,
    help="Folder of manifests. Default: configs/models.",
)
@click.option(
    "--calibration",
    "calibrations",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Thresholds re-fitted for a camera (JSON); repeatable.",
)
@add_surroundings_options
@add_video_options
@click.pass_context
def detect(
    context: click.Context,
    *,
    flight: Path,
    out: Path,
    names: tuple[str, ...],
    kind: str,
    name: str | None,
    runtime: str | None,
    streams: int | None,
    device: str | None,
    views: int | None,
    exhaustive: bool,
    config: Path | None,
    models_dir: Path,
    calibrations: tuple[Path, ...],
    poses: Path | None,
    dem: Path | None,
    buildings: Path | None,
    areas: tuple[str, ...],
    declared: tuple[str, ...],
    near: tuple[float, float] | None,
    spacing_m: float,
    pitch_deg: float | None,
    focal_35mm: float | None,
) -> None:
    """Find candidate hazards in FLIGHT, a folder of JPEG, PNG or TIFF files, videos, or one video.

    Writes candidates.geojson, detections.json (COCO), failures.json, crops/, config.json and
    report.html, which opens offline, into the folder given with --out; progress.jsonl there lets
    an interrupted run go on. Frames of videos are saved in frames/ there, each with the place that
    the subtitles beside (SRT) or inside the video give. What was found are candidates: people
    decide whether they are hazards.
    """
    try:
        settings = load_settings(
            config,
            models=names or None,
            runtime=runtime,
            streams=streams,
            device=device,
            views=views,
            exhaustive=exhaustive or None,
        )
        manifests = select_manifests(settings.models, models_dir)
        place_files = SurroundingsFiles(poses, dem, buildings, areas, declared)
        surroundings = read_surroundings(place_files)
        title = name or flight.resolve().name
        videos = build_video_options(FlightKind(kind), near, spacing_m, pitch_deg, focal_35mm)
        photos = read_source(FlightSource(flight, title, settings.exiftool, videos), out)
        if poses is not None:
            photos = replace(photos, photos=apply_poses(poses, photos.photos))
        detect_into_folder(
            photos,
            settings,
            manifests,
            out,
            surroundings=surroundings,
            hashes=place_files.list_hashes(),
            calibrations=load_calibration_files(calibrations),
        )
    except KeyboardInterrupt:
        click.echo("\nInterrupted. Run the same command again to go on from here.", err=True)
        context.exit(INTERRUPTED)
