"""The command `hazardlens detect`: options, exit codes and what an interrupt means."""

from __future__ import annotations

from pathlib import Path

import click

from detection.cli.run import detect_into_folder, read_own_photos
from detection.detectors.manifest import MODELS_DIR, select_manifests
from detection.detectors.registry import ADAPTERS
from detection.domain.errors import INTERRUPTED
from detection.domain.photo import FlightKind
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
@click.option("--config", type=click.Path(path_type=Path), help="YAML file with settings.")
@click.option(
    "--models-dir",
    type=click.Path(path_type=Path),
    default=MODELS_DIR,
    help="Folder of manifests. Default: configs/models.",
)
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
    config: Path | None,
    models_dir: Path,
) -> None:
    """Find candidate hazards in the photos below FLIGHT, a folder of JPEG, PNG or TIFF files.

    Writes candidates.geojson, detections.json (COCO), failures.json, crops/, config.json and
    report.html, which opens offline, into the folder given with --out; progress.jsonl there lets
    an interrupted run go on. What was found are candidates: people decide whether they are
    hazards.
    """
    try:
        settings = load_settings(config, models=names or None, runtime=runtime, streams=streams)
        manifests = select_manifests(settings.models, models_dir)
        photos = read_own_photos(flight, out, FlightKind(kind), name or flight.resolve().name)
        detect_into_folder(photos, settings, manifests, out)
    except KeyboardInterrupt:
        click.echo("\nInterrupted. Run the same command again to go on from here.", err=True)
        context.exit(INTERRUPTED)
