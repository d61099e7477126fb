"""What `hazardlens change` and `hazardlens storeys` share: flights in, figures and lines out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from detection.change.epoch import Epoch
from detection.change.report.content import (
    ERRORS_PER_STD,
    SMALL_OVERLAP,
    ChangeReport,
    FlightFigures,
)
from detection.change.report.outcome import BuildingState
from detection.change.report.pictures import FOLDER_NAME
from detection.change.settings import ChangeSettings
from detection.cli.building_files import BuildingFiles, KnownBuildings, describe_notes
from detection.domain.errors import InvalidInputError
from detection.domain.photo import Flight, FlightKind
from detection.domain.reasons import explain_reason
from detection.ingest.exiftool import find_exiftool
from detection.ingest.flight import read_flight
from detection.machine import count_cpus
from detection.settings import load_settings
from detection.storeys.settings import StoreySettings

STAGE_TEXTS = {
    "base_features": "Earlier flight: features of the photos",
    "base_matches": "Earlier flight: matching photos",
    "base_poses": "Earlier flight: poses and points",
    "new_features": "Later flight: features of the photos",
    "new_matches": "Later flight: matching photos",
    "new_poses": "Later flight: poses and points",
    "coregister": "Laying the flights on each other",
    "heights": "Heights of the buildings",
    "pictures": "Drawing the buildings",
}

STATE_WORDS = {
    BuildingState.RISE: "rose, to be checked",
    BuildingState.EXCESS: "with more storeys than permitted, to be checked",
    BuildingState.FALL: "lower or gone, to be checked",
    BuildingState.CANNOT_TELL: "cannot be told",
    BuildingState.MEASURED: "measured, without a known permission",
    BuildingState.WITHIN: "within the permission",
    BuildingState.UNCHANGED: "unchanged",
}


def read_one_flight(path: Path, out: Path) -> Flight:
    """Read the photos of a flight, without pictures that these commands wrote into it.

    Raises:
        InvalidInputError: the folder cannot be read, or is the output folder itself.
        EmptyFlightError: it holds no photo.
    """
    if path.resolve() == out.resolve():
        message = f"The output folder is the flight folder {path} itself."
        raise InvalidInputError(message, remedy="Give another folder with --out.")
    own = {out.resolve(), (out / FOLDER_NAME).resolve()}
    program = find_exiftool(load_settings().exiftool)
    return read_flight(path, FlightKind.DRONE, path.resolve().name, left_out=own, exiftool=program)


def echo_notes(known: KnownBuildings) -> None:
    """Print what is to be said of the files."""
    for line in describe_notes(known):
        click.echo(line, err=True)


def count_threads() -> int:
    """Return all cores but one."""
    return max(1, count_cpus() - 1)


def describe_flight(flight: Flight, epoch: Epoch) -> FlightFigures:
    """Return the figures of one flight."""
    return FlightFigures(
        flight.name, len(flight.photos), len(epoch.photos), epoch.model.reprojection_px
    )


def resolve_configuration(
    settings: ChangeSettings, storeys: StoreySettings, files: BuildingFiles
) -> Mapping[str, object]:
    """Return all that decides the results."""
    return {
        "change": settings.model_dump(mode="json"),
        "change_hash": settings.settings_hash(),
        "storeys": storeys.model_dump(mode="json"),
        "storeys_hash": storeys.settings_hash(),
        "files": files.list_hashes(),
    }


def summarize(report: ChangeReport, page: Path) -> list[str]:
    """Return the lines that the command prints at its end."""
    counts = report.count_states()
    lines = [
        f"{counts[state]} buildings {words}"
        for state, words in STATE_WORDS.items()
        if counts[state]
    ]
    if report.fit is not None:
        fit = report.fit
        lines.append(
            "Height differences on unchanged ground err by up to"
            f" {ERRORS_PER_STD * fit.sigma_dz_m:.2f} m (95 %);"
            f" the flights overlap by {fit.overlap_share:.0%}."
        )
        if fit.is_overlap_small:
            reason = explain_reason(SMALL_OVERLAP)
            lines.append(f"{reason.message_en} {reason.remedy_en}")
    return [f"Buildings: {len(report.outcomes)}", *lines, f"Page: {page}"]
