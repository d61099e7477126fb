"""The command `hazardlens change`: which roofs rose or fell between two flights."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import click

from detection.change.compare import COMPARE_STAGES, FlightChange, compare_flights
from detection.change.report.content import ChangeReport, ComparisonFigures
from detection.change.report.outcome import combine_outcomes
from detection.change.report.pictures import PatchSource, write_pictures
from detection.change.report.writer import write_report
from detection.change.settings import ChangeSettings, load_change_settings
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
from detection.domain.errors import InvalidInputError
from detection.report.files import prepare_folder
from detection.storeys.settings import load_storey_settings

EXIT_CODES = """\b
Exit codes:
    0  done, whether anything changed or not
    1  the flights cannot be compared: the message says why, no report is written
    2  a flight, a file, the output folder or an option cannot be used
    3  a folder holds no photo that can be used
    5  pycolmap is not installed, or a setting cannot be used
  130  interrupted; no report is written
"""

_FILE = click.Path(path_type=Path)


@click.command(epilog=EXIT_CODES)
@click.argument("base", type=_FILE)
@click.argument("new", type=_FILE)
@click.option("--out", required=True, type=_FILE, help="Folder for results.")
@add_building_options(needs_register=False)
@click.option("--threads", type=click.IntRange(1, 256), help="Default: all cores but one.")
@click.option("--config", type=_FILE, help="Settings. Default: configs/change.yaml.")
@click.option("--storeys", "storeys_path", type=_FILE, help="Default: configs/storeys.yaml.")
@click.option("--min-rise", "min_rise_m", type=float, help="Metres that count as a change.")
@click.option("--min-area", "min_area_m2", type=float, help="Square metres that count.")
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", help="Default: zh.")
def change(
    *,
    base: Path,
    new: Path,
    out: Path,
    buildings: Path,
    register: Path | None,
    columns: Path,
    declared: tuple[str, ...],
    chosen: tuple[str, ...],
    threads: int | None,
    config: Path | None,
    storeys_path: Path | None,
    min_rise_m: float | None,
    min_area_m2: float | None,
    lang: str,
) -> None:
    """Tell which buildings rose or were taken down between the flights BASE and NEW.

    Writes change.geojson, change_parts.geojson, change.csv, change.json, pictures/ and change.html,
    which opens offline, into the folder given with --out. With --register the storeys of the later
    flight are held against what is permitted. What is found are candidates: people decide. Needs
    pycolmap (BSD-3-Clause), which `make run` installs.
    """
    settings = load_change_settings(config, min_rise_m=min_rise_m, min_area_m2=min_area_m2)
    storeys = load_storey_settings(storeys_path) if storeys_path else load_storey_settings()
    files = BuildingFiles(buildings, register, columns, declared, chosen)
    known = read_building_files(files)
    echo_notes(known)
    if base.resolve() == new.resolve():
        message = "BASE and NEW are the same folder."
        raise InvalidInputError(message, remedy="Give the earlier flight first, then the later.")
    started = time.monotonic()
    earlier, later = (read_one_flight(path, out) for path in (base, new))
    prepare_folder(out)
    with StageProgress((*COMPARE_STAGES, "pictures"), STAGE_TEXTS) as progress:
        found = compare_flights(
            earlier,
            later,
            known.layer,
            settings=settings,
            threads=threads or count_threads(),
            on_progress=progress,
        )
        outcomes = combine_outcomes(
            known.layer, found.roofs, storeys, changes=found.changes, register=known.register
        )
        pictures = write_pictures(
            out,
            outcomes,
            _find_source(found, settings),
            on_done=lambda done, total: progress("pictures", done, total),
        )
    fit = ComparisonFigures(found.sigma_dz_m, found.overlap_share)
    report = ChangeReport(
        new=describe_flight(later, found.new),
        base=describe_flight(earlier, found.base),
        fit=fit,
        layer_shift_m=found.layer_shift_m,
        outcomes=outcomes,
        notes=(*known.notes, *fit.list_notes(f"{earlier.name} → {later.name}")),
        config=resolve_configuration(settings, storeys, files),
        created_at=datetime.now(UTC).astimezone(),
        seconds=time.monotonic() - started,
    )
    page = write_report(out, report, pictures, lang)
    click.echo("\n".join(summarize(report, page)))


def _find_source(found: FlightChange, settings: ChangeSettings) -> PatchSource:
    return PatchSource(
        {"base": found.base, "new": found.new},
        {site.building_id: site.footprint_m for site in found.sites},
        found.patches,
        settings,
    )
