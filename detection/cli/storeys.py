"""The command `hazardlens storeys`: the storeys of one flight's buildings against the register."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import click

from detection.change.compare import SURVEY_STAGES, survey_flight
from detection.change.report.content import ChangeReport
from detection.change.report.outcome import combine_outcomes
from detection.change.report.pictures import PatchSource, write_pictures
from detection.change.report.writer import write_report
from detection.change.settings import load_change_settings
from detection.cli.building_files import BuildingFiles, add_building_options, read_building_files
from detection.cli.flight_heights import (
    STAGE_TEXTS,
    count_threads,
    describe_flight,
    echo_notes,
    read_one_flight,
    resolve_configuration,
    summarize,
)
from detection.cli.stage_progress import StageProgress
from detection.report.files import prepare_folder
from detection.storeys.settings import load_storey_settings

_TEXTS = STAGE_TEXTS | {
    "new_features": "Features of the photos",
    "new_matches": "Matching photos",
    "new_poses": "Poses and points",
    "coregister": "Fitting the building layer",
}

EXIT_CODES = """\b
Exit codes:
    0  done, whether anything was found or not
    1  the photos give no heights: the message says why, no report is written
    2  the flight, a file, the output folder or an option cannot be used
    3  the folder holds no photo that can be used
    5  pycolmap is not installed, or a setting cannot be used
  130  interrupted; no report is written
"""

_FILE = click.Path(path_type=Path)


@click.command(epilog=EXIT_CODES)
@click.argument("flight", type=_FILE)
@click.option("--out", required=True, type=_FILE, help="Folder for results.")
@add_building_options(needs_register=True)
@click.option("--threads", type=click.IntRange(1, 256), help="Default: all cores but one.")
@click.option("--config", type=_FILE, help="Settings. Default: configs/change.yaml.")
@click.option("--storeys", "storeys_path", type=_FILE, help="Default: configs/storeys.yaml.")
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", help="Default: zh.")
def storeys(
    *,
    flight: Path,
    out: Path,
    buildings: Path,
    register: Path,
    columns: Path,
    declared: tuple[str, ...],
    chosen: tuple[str, ...],
    threads: int | None,
    config: Path | None,
    storeys_path: Path | None,
    lang: str,
) -> None:
    """Estimate the storeys of the buildings that FLIGHT shows and hold them against a register.

    Writes storeys.geojson, storeys.csv, storeys.json, pictures/ and storeys.html, which opens
    offline, into the folder given with --out. What is found are candidates: people decide. Needs
    pycolmap (BSD-3-Clause), which `make run` installs.
    """
    settings = load_change_settings(config)
    rules = load_storey_settings(storeys_path) if storeys_path else load_storey_settings()
    files = BuildingFiles(buildings, register, columns, declared, chosen)
    known = read_building_files(files)
    echo_notes(known)
    started = time.monotonic()
    photos = read_one_flight(flight, out)
    prepare_folder(out)
    with StageProgress((*SURVEY_STAGES, "pictures"), _TEXTS) as progress:
        found = survey_flight(
            photos,
            known.layer,
            settings=settings,
            threads=threads or count_threads(),
            on_progress=progress,
        )
        outcomes = combine_outcomes(known.layer, found.roofs, rules, register=known.register)
        source = PatchSource(
            {"new": found.epoch},
            {site.building_id: site.footprint_m for site in found.sites},
            {name: (patch,) for name, patch in found.patches.items()},
            settings,
        )
        pictures = write_pictures(
            out, outcomes, source, on_done=lambda done, total: progress("pictures", done, total)
        )
    report = ChangeReport(
        new=describe_flight(photos, found.epoch),
        base=None,
        fit=None,
        layer_shift_m=found.layer_shift_m,
        outcomes=outcomes,
        notes=known.notes,
        config=resolve_configuration(settings, rules, files),
        created_at=datetime.now(UTC).astimezone(),
        seconds=time.monotonic() - started,
    )
    page = write_report(out, report, pictures, lang)
    click.echo("\n".join(summarize(report, page)))
