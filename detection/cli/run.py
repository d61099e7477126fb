"""One run of `hazardlens detect`: the flight in, the files of the report out, resumable."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from detection.calibration import CalibrationSet
from detection.cli.calibration_files import (
    Applied,
    check_guarded,
    list_applied,
    list_idle_calibrations,
    list_site_bound,
)
from detection.cli.surroundings_files import list_warnings
from detection.cli.view_choice import choose_photos
from detection.detectors.manifest import ModelManifest
from detection.detectors.registry import load_detector
from detection.domain.errors import EmptyFlightError
from detection.domain.photo import Flight, Photo
from detection.georeference import Surroundings
from detection.ingest.decode import PhotoUnreadableError, decode_photo
from detection.pipeline import (
    FlightResult,
    PhotoResult,
    PixelResult,
    detect_flight,
    place_detections,
)
from detection.report.content import FlightReport, ReportModel
from detection.report.files import prepare_folder, write_json
from detection.report.progress import FinishedPhoto, ProgressLog
from detection.report.summary import summarize_report
from detection.report.writer import write_report
from detection.settings import DetectionSettings, config_hash, resolve_config

NOTHING_KNOWN = Surroundings()
NO_CALIBRATIONS = CalibrationSet()


def detect_into_folder(
    flight: Flight,
    settings: DetectionSettings,
    manifests: Sequence[ModelManifest],
    out: Path,
    *,
    surroundings: Surroundings = NOTHING_KNOWN,
    hashes: Mapping[str, object] | None = None,
    calibrations: CalibrationSet = NO_CALIBRATIONS,
) -> None:
    """Look at the flight, write every file of the report into ``out`` and print the summary.

    Photos that an earlier run finished with the same configuration are not looked at again.
    ``surroundings`` is what is known of the place, ``hashes`` are those of the files that say so;
    ``calibrations`` are thresholds of cameras that go before those of the models.

    Raises:
        EmptyFlightError: no photo could be decoded; the report says why.
        InvalidInputError: ``out`` cannot be made or written to, or the ground model does not
            reach to the flight.
        ModelError: a model cannot be loaded.
        ConfigurationError: the runtime is not installed.
    """
    detectors = [
        load_detector(
            manifest,
            runtime=settings.runtime,
            streams=settings.streams,
            threads=settings.threads,
            precision=settings.precision,
            require_signed=settings.require_signed_models,
            device=settings.device,
            batch=settings.batch,
        )
        for manifest in manifests
    ]
    manifests = [detector.manifest for detector in detectors]
    surroundings = surroundings.settle(flight.photos)
    for line in list_warnings(surroundings, flight.photos):
        click.echo(line, err=True)
    check_guarded(calibrations, manifests)
    told = list_idle_calibrations(calibrations, flight.photos, manifests)
    for line in chain(told, list_site_bound(calibrations)):
        click.echo(line, err=True)
    prepare_folder(out)
    digest = calibrations.digest()
    resolved = {
        "config_hash": config_hash(settings, manifests, hashes, digest),
        "flight": flight.name,
        "kind": flight.kind.value,
        **resolve_config(settings, manifests, hashes, digest),
    }
    write_json(out / "config.json", resolved)
    started = time.monotonic()
    log = ProgressLog(out, str(resolved["config_hash"]))
    finished = _restore_results(log, flight, surroundings)
    chosen = choose_photos(flight, settings.views, surroundings.terrain, finished=finished)
    flight = chosen.flight
    write_json(out / "views.json", chosen.describe())
    with log, _build_progress() as progress:
        task = progress.add_task("Looking", total=len(flight.photos), completed=len(finished))

        def keep(result: PhotoResult) -> None:
            if result.failure is None:
                log.append(_finished_from_result(result))
            progress.advance(task)

        result = detect_flight(
            flight,
            detectors,
            settings,
            on_result=keep,
            finished=finished,
            surroundings=surroundings,
            calibrations=calibrations,
        )
    applied = list_applied(calibrations, flight.photos, manifests)
    report = _build_report(result, manifests, resolved, applied, time.monotonic() - started)
    report = replace(report, left_out=chosen.left_out, views=settings.views)
    with Console(stderr=True).status("Drawing the crops and writing the report"):
        page_path = write_report(out, report, _read_pixels)
    new = len(report.photos_looked_at) - len(finished)
    click.echo("\n".join(summarize_report(report, page_path, photos_new=new)))
    if not report.photos_looked_at:
        message = f"None of the {len(report.photos)} photos of {flight.name} could be decoded."
        raise EmptyFlightError(message, remedy=f"See {page_path} for each file and its remedy.")


def _restore_results(
    log: ProgressLog, flight: Flight, surroundings: Surroundings
) -> dict[str, PhotoResult]:
    """Return what is finished by photo id, placed anew."""
    done = log.read(flight.photos)
    return {
        photo.photo_id: place_detections(
            photo,
            PixelResult(row.detections, row.tiles, row.implausible, row.skipped_tiles),
            flight.kind,
            row.seconds,
            surroundings=surroundings,
        )
        for photo in flight.photos
        if (row := done.get(photo.photo_id)) is not None
    }


def _finished_from_result(result: PhotoResult) -> FinishedPhoto:
    return FinishedPhoto(
        result.photo.photo_id,
        result.photo.sha256,
        tuple(geo.detection for geo in result.detections),
        result.tiles,
        result.seconds,
        tuple(geo.detection for geo in result.implausible),
        result.skipped_tiles,
    )


class _RateColumn(ProgressColumn):
    """Photos per second."""

    def render(self, task: Task) -> Text:
        """Return the rate, or a dash before the first photo."""
        return Text(f"{task.speed:.2f} photos/s" if task.speed else "- photos/s")


def _build_progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        speed_estimate_period=60,
    )


def _read_pixels(photo: Photo) -> NDArray[np.uint8] | None:
    try:
        return decode_photo(photo)
    except PhotoUnreadableError:
        return None


def _build_report(
    result: FlightResult,
    manifests: Sequence[ModelManifest],
    resolved: Mapping[str, object],
    applied: Applied,
    seconds: float,
) -> FlightReport:
    return FlightReport(
        name=result.flight.name,
        kind=result.flight.kind,
        photos=result.flight.photos,
        detections=tuple(geo for one in result.results for geo in one.detections),
        candidates=result.candidates,
        failures=result.failures,
        models=tuple(
            ReportModel(one.name, one.weights_sha256, one.tile_px, one.thresholds, one.trained_at)
            for one in manifests
        ),
        config=resolved,
        config_hash=str(resolved["config_hash"]),
        created_at=datetime.now(UTC).astimezone(),
        seconds=seconds,
        tiles=sum(one.tiles for one in result.results),
        skipped_tiles=sum(one.skipped_tiles for one in result.results),
        implausible=sum(len(one.implausible) for one in result.results),
        other_files=result.flight.other_files,
        applied=applied,
    )
