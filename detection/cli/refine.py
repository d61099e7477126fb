"""The command `hazardlens refine`: poses of a flight by structure from motion."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from detection.domain.photo import FlightKind
from detection.ingest.exiftool import find_exiftool
from detection.ingest.flight import read_flight
from detection.machine import count_cpus
from detection.refine.flight import Refinement, refine_flight
from detection.refine.poses_file import write_poses
from detection.report.files import prepare_folder
from detection.settings import load_settings

POSES_FILE = "poses.json"
SURFACE_FILE = "surface.tif"

_STAGES = {
    "features": "Looking for features in the photos",
    "matches": "Matching photos with their neighbours",
    "poses": "Adjusting poses and points",
}

EXIT_CODES = """\b
Exit codes:
    0  done; poses.json and, where the photos show one, surface.tif are written
    1  the photos do not give better poses: the message says why, nothing is written
    2  the folder cannot be used
    3  it holds no photo that can be used
    5  pycolmap is not installed, or a setting cannot be used
"""


@click.command(epilog=EXIT_CODES)
@click.argument("flight", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for results.")
@click.option("--threads", type=click.IntRange(1, 256), help="Default: all cores but one.")
def refine(*, flight: Path, out: Path, threads: int | None) -> None:
    """Adjust the poses of the photos below FLIGHT by what overlapping photos show.

    Takes about two seconds a photo and thread. Use the result with
    `hazardlens detect FLIGHT --poses OUT/poses.json --dem OUT/surface.tif`. Needs pycolmap
    (BSD-3-Clause), which `make run` installs.
    """
    console = Console(stderr=True)
    with console.status(f"Reading {flight}") as status:
        program = find_exiftool(load_settings().exiftool)
        photos = read_flight(flight, FlightKind.DRONE, flight.resolve().name, exiftool=program)
        prepare_folder(out)
        found = refine_flight(
            photos,
            out / SURFACE_FILE,
            threads=threads or max(1, count_cpus() - 1),
            on_stage=lambda stage: status.update(_STAGES[stage]),
        )
    write_poses(out / POSES_FILE, found.photos)
    click.echo("\n".join(_describe(found, out)))


def _describe(found: Refinement, out: Path) -> list[str]:
    shift, yaw, tilt = found.position_shift_m, found.yaw_turn_deg, found.tilt_turn_deg
    lines = [
        f"{found.joined} of {len(found.photos)} photos joined by {found.points} points.",
        f"Mean reprojection error: {found.reprojection_px:.2f} px.",
        f"Written and refined differ by {shift:.2f} m, {yaw:.1f} deg of yaw, {tilt:.1f} of tilt.",
        f"Poses: {out / POSES_FILE}",
    ]
    if found.has_surface:
        return [*lines, f"Surface: {out / SURFACE_FILE}"]
    return [*lines, "Too few points for a surface; none is written."]
